//! The store's thread: takes what is pending four times a second and writes it in one transaction.
//!
//! If the store fails, the counts go back to memory and are tried again; the log says so once, and once more when it is over.

use std::time::{Duration, Instant, SystemTime};

use super::backlog::Behind;
use super::damage::Finder;
use super::{Shared, StoreState};
use crate::evidence::store::{Store, StoreError};
use crate::evidence::time::millis;

/// The longest that a count stays in memory alone.
const FLUSH_EVERY: Duration = Duration::from_millis(250);
/// How long a store that another program holds is tried at the end.
const LAST_TRIES: Duration = Duration::from_secs(10);
/// Seconds between two rounds of merging old windows.
const COMPACT_EVERY: u64 = 600;

/// Writes until it is told to stop, and once more then. Returns a store whose file was deleted or replaced: nobody would ever
/// read what is written to it.
pub fn run(shared: &Shared, mut store: Store) -> Option<Store> {
    let (mut compacted, mut looked) = (0, 0);
    shared.damage.begins_anew();
    loop {
        let (asked, stop) = wait(shared);
        if !store.is_in_place() {
            return Some(store);
        }
        let now = SystemTime::now();
        let seconds = millis(now) / 1000;
        if seconds >= compacted + COMPACT_EVERY {
            compacted = seconds;
            if let Err(error) = store.compact(seconds) {
                note_failure(shared, &error, now);
            }
        }
        if seconds > looked {
            looked = seconds;
            store.look_after_the_dead();
        }
        flush(shared, &mut store, now);
        shared.signal.lock().done = asked;
        shared.changed.notify_all();
        if stop {
            write_last(shared, &mut store);
            return None;
        }
    }
}

/// What the last flush could not write.
fn write_last(shared: &Shared, store: &mut Store) {
    let mut batch = std::mem::take(&mut *shared.pending.lock());
    if batch.is_empty() {
        return;
    }
    let end = Instant::now() + LAST_TRIES;
    let written = loop {
        match store.write_last(&mut batch) {
            // It has waited already.
            Err(StoreError::Busy { .. }) if Instant::now() < end => {}
            written => break written,
        }
    };
    match written {
        Ok(_) => {
            store.mark_unwritten(None);
            shared.waits_no_more();
            tracing::warn!("the door ends while its store was failing: its last counts are written, without samples")
        }
        Err(error) => {
            tracing::error!(
                "{error}; the door ends while its store cannot be written: what was counted since then is lost"
            );
        }
    }
}

/// Waits for the clock, or for somebody who asks.
fn wait(shared: &Shared) -> (u64, bool) {
    let mut signal = shared.signal.lock();
    if signal.asked == signal.done && !signal.stop {
        shared.changed.wait_for(&mut signal, FLUSH_EVERY);
    }
    (signal.asked, signal.stop)
}

fn flush(shared: &Shared, store: &mut Store, now: SystemTime) {
    // Asked first: what waits no more is counted, and in what is taken then.
    let was_behind = shared.health.lock().behind.is_some();
    let behind = shared.backlog.behind(was_behind);
    let mut batch = std::mem::take(&mut *shared.pending.lock());
    if !batch.is_empty() {
        match store.squeeze_in(&mut batch, millis(now) / 1000) {
            Ok(written) => {
                shared.waits_no_more();
                note_success(shared, batch.samples_dropped + written.samples_dropped);
            }
            Err(error) => {
                shared.pending.lock().put_back(batch, shared.room.samples);
                store.mark_unwritten(Some(millis(now)));
                return note_failure(shared, &error, now);
            }
        }
    }
    store.mark_unwritten(behind.map(|behind| millis(behind.since)));
    note_behind(shared, behind);
}

fn note_behind(shared: &Shared, behind: Option<Behind>) {
    let mut health = shared.health.lock();
    match (behind, &health.behind) {
        (Some(behind), None) => {
            tracing::warn!("comparing is behind: {behind}; nothing is ready until it has caught up")
        }
        (None, Some(_)) => tracing::info!("comparing has caught up"),
        _ => {}
    }
    health.behind = behind.map(|behind| behind.to_string());
}

fn note_success(shared: &Shared, samples_dropped: u64) {
    let mut health = shared.health.lock();
    health.samples_dropped += samples_dropped;
    if health.state == StoreState::Failing && !shared.damage.is_found() {
        tracing::info!(failed_writes = health.failed_writes, "the store is written again; no count was lost");
    }
    health.recover();
}

fn note_failure(shared: &Shared, error: &StoreError, now: SystemTime) {
    let mut health = shared.health.lock();
    if health.state != StoreState::Failing {
        tracing::error!("{error}; counts wait in memory and are tried again");
    }
    health.fail(error, now);
    shared.damage.note(error, Finder::Writer);
}
