//! A store that cannot be opened yet: another door has it, or something is wrong with it that somebody may put right. Until
//! then everything is counted in memory, and it is tried again. So it is with one whose file was deleted or replaced.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::admission::Admission;
use super::{Shared, writer};
use crate::evidence::store::{Store, StoreError, Waiting};

/// Between two tries while the door before this one ends: it may go at any moment.
const SOON: Duration = Duration::from_millis(250);
/// Longer than any drain; afterwards it is no hand-over but two doors at one store.
const HAND_OVER: Duration = Duration::from_secs(600);
/// Between two tries otherwise.
const NOW_AND_THEN: Duration = Duration::from_secs(3);

/// Why the store is not there yet.
pub enum Awaited {
    /// The door before this one has it, or waits for it in its turn. It hangs up when it ends.
    Predecessor(OwnedFd),
    /// Something is wrong with it: this is what the log says of it already.
    Remedy(String),
}

/// Waits for the store, then writes to it.
pub fn run(shared: &Shared, path: &Path, max_size: u64, awaited: Awaited) {
    if let Some(store) = open(shared, path, max_size, awaited) {
        write(shared, store);
    }
}

/// Writes to the store until it is told to stop.
pub fn write(shared: &Shared, mut store: Store) {
    while let Some(gone) = writer::run(shared, store) {
        let (path, max_size) = (gone.path().to_owned(), gone.max_size());
        let mut told = None;
        tell(shared, &StoreError::Gone { path: path.clone() }, &mut told);
        gone.abandon();
        shared.tell_routes_again();
        match open(shared, &path, max_size, Awaited::Remedy(told.unwrap_or_default())) {
            Some(opened) => store = opened,
            None => return,
        }
    }
}

/// `None`: told to stop before it could be opened.
fn open(shared: &Shared, path: &Path, max_size: u64, awaited: Awaited) -> Option<Store> {
    let (before, mut told) = match awaited {
        Awaited::Predecessor(before) => (Some(before), None),
        Awaited::Remedy(told) => (None, Some(told)),
    };
    let began = Instant::now();
    let mut told_to_stop = None;
    loop {
        let handed_over = told.is_none() && began.elapsed() < HAND_OVER;
        // Asked before the try, so that the last one comes after whoever told us to stop.
        let stop = wait(shared, path, if handed_over { SOON } else { NOW_AND_THEN });
        let opened = match &before {
            // In turn: it may itself wait for the store, and what it has counted would then have no place to go.
            Some(door) if handed_over && is_there(door) => Err(held(path)),
            _ => Store::open(path, max_size),
        };
        match opened {
            Ok(store) => return Some(taken(shared, store)),
            Err(StoreError::LockedByDoor { .. }) if handed_over && !stop => {}
            Err(StoreError::LockedByDoor { .. })
                if handed_over && told_to_stop.get_or_insert_with(last_tries).elapsed() < shared.hand_over =>
            {
                std::thread::sleep(SOON);
            }
            Err(error) => {
                tell(shared, &error, &mut told);
                if stop {
                    tracing::error!("the store was never opened: what was counted is lost");
                    note_that_it_waits(shared, path);
                    return None;
                }
            }
        }
    }
}

/// Whether the door at the other end has not hung up.
fn is_there(door: &OwnedFd) -> bool {
    let mut line = [PollFd::new(door, PollFlags::empty())];
    poll(&mut line, Some(&Timespec::default())).is_err() || !line[0].revents().contains(PollFlags::HUP)
}

fn held(path: &Path) -> StoreError {
    StoreError::LockedByDoor { path: path.to_owned(), holder: "the door before this one".to_owned() }
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

fn taken(shared: &Shared, store: Store) -> Store {
    match store.known() {
        Ok((known, learned)) => *shared.admission.lock() = Admission::of(store.room().causes, known, learned),
        Err(error) => tracing::warn!("{error}; the causes it knows are sampled anew"),
    }
    // What was counted meanwhile is not in it yet: the first write says when it is.
    if !shared.pending.lock().has_counts() {
        shared.waits_no_more();
        shared.health.lock().recover();
    }
    tracing::info!(store = %store.path().display(), "the store is open now; what was counted meanwhile goes into it");
    store
}

/// Whether the recorder is told to stop. There is nothing to flush to yet, so nobody waits for it.
fn wait(shared: &Shared, path: &Path, patience: Duration) -> bool {
    let end = Instant::now() + patience;
    loop {
        note_that_it_waits(shared, path);
        let next = end.min(Instant::now() + SOON);
        let mut signal = shared.signal.lock();
        signal.done = signal.asked;
        shared.changed.notify_all();
        if signal.stop || (shared.changed.wait_until(&mut signal, next).timed_out() && next == end) {
            return signal.stop;
        }
    }
}

/// For who reads the store without asking this door, or after it has died.
fn note_that_it_waits(shared: &Shared, path: &Path) {
    let mut waiting = shared.waiting.lock();
    if waiting.is_none() && shared.pending.lock().has_counts() {
        // Where none can be made, the log has told what is wrong with the store.
        *waiting = Waiting::begin(path).ok();
    }
}
