//! A store that cannot be opened yet: another door has it, or something is wrong with it that somebody may put right. Until
//! then everything is counted in memory, and it is tried again.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use super::admission::Admission;
use super::{Shared, writer};
use crate::evidence::store::{Store, StoreError};

/// Between two tries while the door before this one ends: it may go at any moment.
const SOON: Duration = Duration::from_millis(250);
/// Longer than any drain; afterwards it is no hand-over but two doors at one store.
const HAND_OVER: Duration = Duration::from_secs(600);
/// Between two tries otherwise.
const NOW_AND_THEN: Duration = Duration::from_secs(3);
/// How long a door that is told to stop waits for the store of one that is still leaving: most have gone by then.
const LAST_TRIES: Duration = Duration::from_secs(10);

/// Waits for the store, then writes to it. `told` is what the log says of it already; nothing: it is being handed over.
pub fn run(shared: &Shared, path: &Path, max_size: u64, mut told: Option<String>) {
    let began = Instant::now();
    let mut told_to_stop = None;
    loop {
        let handed_over = told.is_none() && began.elapsed() < HAND_OVER;
        // Asked before the try, so that the last one comes after whoever told us to stop.
        let stop = wait(shared, if handed_over { SOON } else { NOW_AND_THEN });
        match Store::open(path, max_size) {
            Ok(store) => return take(shared, store),
            Err(StoreError::LockedByDoor { .. }) if handed_over && !stop => {}
            Err(StoreError::LockedByDoor { .. })
                if handed_over && told_to_stop.get_or_insert_with(last_tries).elapsed() < LAST_TRIES =>
            {
                std::thread::sleep(SOON);
            }
            Err(error) => {
                tell(shared, &error, &mut told);
                if stop {
                    return tracing::error!("the store was never opened: what was counted is lost");
                }
            }
        }
    }
}

/// When they begin.
fn last_tries() -> Instant {
    tracing::info!("told to stop: waits for the store, for what was counted goes into it");
    Instant::now()
}

/// Once, until it is another trouble.
fn tell(shared: &Shared, error: &StoreError, told: &mut Option<String>) {
    let text = error.to_string();
    if told.as_ref() != Some(&text) {
        tracing::error!("{text}; evidence is counted in memory, and the store is tried again");
        shared.health.lock().fail(error, SystemTime::now());
        *told = Some(text);
    }
}

fn take(shared: &Shared, store: Store) {
    match store.known() {
        Ok((known, learned)) => *shared.admission.lock() = Admission::of(known, learned),
        Err(error) => tracing::warn!("{error}; the causes it knows are sampled anew"),
    }
    shared.health.lock().recover();
    tracing::info!(store = %store.path().display(), "the store is open now; what was counted meanwhile goes into it");
    writer::run(shared, store);
}

/// Whether the recorder is told to stop. There is nothing to flush to yet, so nobody waits for it.
fn wait(shared: &Shared, patience: Duration) -> bool {
    let next = Instant::now() + patience;
    let mut signal = shared.signal.lock();
    loop {
        signal.done = signal.asked;
        shared.changed.notify_all();
        if signal.stop || shared.changed.wait_until(&mut signal, next).timed_out() {
            return signal.stop;
        }
    }
}
