//! An event that one thread gives and others await: what tests use where others would sleep.

use std::sync::{Arc, Condvar, Mutex};

use super::PATIENCE;

/// Given once, seen by everybody who waits now or later.
#[derive(Clone, Default)]
pub struct Signal(Arc<(Mutex<bool>, Condvar)>);

impl Signal {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn give(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    /// Fails the test when nobody gives it.
    pub fn wait(&self) {
        let given = self.0.0.lock().unwrap();
        let (_given, late) = self.0.1.wait_timeout_while(given, PATIENCE, |given| !*given).unwrap();
        assert!(!late.timed_out(), "the awaited event never came");
    }
}
