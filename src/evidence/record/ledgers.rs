//! The ledgers of all routes: what each field showed since the door started, and what may still be asked.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

use crate::evidence::noise::Ledger;

#[derive(Debug)]
pub struct Ledgers {
    of: Mutex<HashMap<Arc<str>, Ledger>>,
    started: Instant,
}

impl Default for Ledgers {
    fn default() -> Self {
        Self { of: Mutex::default(), started: Instant::now() }
    }
}

impl Ledgers {
    /// `look` gets the ledger of a route, and the seconds since the door started.
    pub fn with<T>(&self, route: &Arc<str>, look: impl FnOnce(&mut Ledger, f64) -> T) -> T {
        let now = self.started.elapsed().as_secs_f64();
        let mut of = self.of.lock();
        if !of.contains_key(route) {
            of.insert(Arc::clone(route), Ledger::new(now));
        }
        match of.get_mut(route) {
            Some(ledger) => look(ledger, now),
            None => look(&mut Ledger::new(now), now),
        }
    }
}
