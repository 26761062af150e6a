//! How the store is, for the status page and the log.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Serialize;

use crate::evidence::store::StoreError;
use crate::evidence::time::{millis, rfc3339};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreState {
    /// There is none: evidence is counted in memory and gone when the door stops.
    Absent,
    /// The last write went well.
    Sound,
    /// The last write failed; counts wait in memory and are tried again.
    Failing,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoreHealth {
    pub state: StoreState,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// What went wrong, while it is failing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Since when it is failing, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// How far comparing is behind, while it is: the store takes what it gets, and lacks what waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub behind: Option<String>,
    /// Writes that failed since the door started.
    pub failed_writes: u64,
    /// Samples that found no room since the door started. Counts are never dropped.
    pub samples_dropped: u64,
}

impl StoreHealth {
    pub fn new(store: Option<&Path>) -> Self {
        Self {
            state: if store.is_some() { StoreState::Sound } else { StoreState::Absent },
            path: store.map(Path::to_owned),
            why: None,
            since: None,
            behind: None,
            failed_writes: 0,
            samples_dropped: 0,
        }
    }

    /// Why the store takes nothing now; `None`: it does.
    pub fn error(&self) -> Option<String> {
        match self.state {
            StoreState::Sound => None,
            StoreState::Failing => self.why.clone(),
            StoreState::Absent => {
                Some("could not be opened when the door started; evidence is counted in memory only".to_owned())
            }
        }
    }

    /// Notes a failed write.
    pub fn fail(&mut self, error: &StoreError, at: SystemTime) {
        self.failed_writes += 1;
        self.why = Some(error.to_string());
        if self.state != StoreState::Failing {
            self.state = StoreState::Failing;
            self.since = Some(rfc3339(millis(at)));
        }
    }

    /// Notes a write that went well.
    pub fn recover(&mut self) {
        self.state = StoreState::Sound;
        self.why = None;
        self.since = None;
    }
}
