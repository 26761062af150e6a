//! The store of a door whose place is being taken: locked until that one has gone. Until then everything is counted in memory.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use super::admission::Admission;
use super::{Shared, writer};
use crate::evidence::store::{Store, StoreError};

/// Between two tries: the other door may go at any moment.
const TRY_EVERY: Duration = Duration::from_millis(250);
/// Longer than any drain; afterwards it is no hand-over but two doors at one store.
const GIVE_UP_AFTER: Duration = Duration::from_secs(600);

/// Waits for the store, then writes to it.
pub fn run(shared: &Shared, path: &Path, max_size: u64) {
    let give_up_at = Instant::now() + GIVE_UP_AFTER;
    loop {
        // Asked before the try, so that the last one comes after whoever told us to stop.
        let stop = wait(shared);
        match Store::open(path, max_size) {
            Ok(store) => return take(shared, store),
            Err(StoreError::LockedByDoor { .. }) if !stop && Instant::now() < give_up_at => {}
            Err(error) => {
                tracing::error!("{error}; evidence is counted in memory only");
                shared.health.lock().fail(&error, SystemTime::now());
                return;
            }
        }
    }
}

fn take(shared: &Shared, store: Store) {
    match store.known() {
        Ok((known, learned)) => *shared.admission.lock() = Admission::of(known, learned),
        Err(error) => tracing::warn!("{error}; the causes it knows are sampled anew"),
    }
    shared.health.lock().recover();
    tracing::info!(store = %store.path().display(), "the store is taken over; what was counted meanwhile goes into it");
    writer::run(shared, store);
}

/// Whether the recorder is told to stop. There is nothing to flush to yet, so nobody waits for it.
fn wait(shared: &Shared) -> bool {
    let mut signal = shared.signal.lock();
    if !signal.stop {
        shared.changed.wait_for(&mut signal, TRY_EVERY);
    }
    signal.done = signal.asked;
    shared.changed.notify_all();
    signal.stop
}
