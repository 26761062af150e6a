//! A store that is damaged while the door has it open. Writes may go on well, for SQLite looks at the pages that it touches; what
//! is written is of no use to anybody who cannot read it.

use std::time::SystemTime;

use parking_lot::Mutex;

use super::{StoreHealth, StoreState};
use crate::evidence::store::StoreError;
use crate::evidence::time::{millis, rfc3339};

#[derive(Debug, Default)]
pub struct Damage(Mutex<Option<Found>>);

#[derive(Debug)]
struct Found {
    why: String,
    since: SystemTime,
    by: Finder,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finder {
    /// It reads all that counts, again and again: once it can, all is well.
    Reader,
    /// It meets pages that no report reads, and not soon again: only another file is a remedy.
    Writer,
}

impl Damage {
    /// Keeps an error that means damage, the first one until it is over. Readers have nobody else who would tell the log.
    pub fn note(&self, error: &StoreError, by: Finder) {
        if !error.is_damage() {
            return;
        }
        let mut found = self.0.lock();
        if found.is_none() && by == Finder::Reader {
            tracing::warn!("{error}; what the door writes into it cannot be read, and nothing is ready");
        }
        found.get_or_insert_with(|| Found { why: error.to_string(), since: SystemTime::now(), by });
    }

    pub fn is_found(&self) -> bool {
        self.0.lock().is_some()
    }

    /// A report was read, on every route.
    pub fn was_read(&self) {
        if self.0.lock().take_if(|found| found.by == Finder::Reader).is_some() {
            tracing::info!("the store can be read again");
        }
    }

    /// Another file is written.
    pub fn begins_anew(&self) {
        *self.0.lock() = None;
    }

    /// A store that takes what nobody can read is not sound.
    pub fn spoils(&self, mut health: StoreHealth) -> StoreHealth {
        if let (StoreState::Sound, Some(found)) = (health.state, &*self.0.lock()) {
            health.state = StoreState::Failing;
            health.why = Some(found.why.clone());
            health.since = Some(rfc3339(millis(found.since)));
        }
        health
    }
}
