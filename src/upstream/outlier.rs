//! How an endpoint serves users, and when it is left alone for a while: noticed from what users meet, beside the probes.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::config::settings::Outliers;

/// Beyond this many ejections in a row the pause is at its longest anyhow.
const MOST_DOUBLINGS: u32 = 16;

/// All numbers are hints: two threads that meet may count one failure too few, never one request wrongly served.
#[derive(Debug)]
pub struct Record {
    epoch: Instant,
    /// Failures since the last success.
    in_a_row: AtomicU32,
    /// Requests since the last ejection; not counted further than anybody asks.
    requests: AtomicU32,
    /// Ejections since the last success.
    ejections: AtomicU32,
    /// Milliseconds since `epoch`; 0: it is not ejected.
    until: AtomicU64,
}

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No connection: the endpoint's own fault, whatever was asked.
    Connection,
    /// An answer of 5xx, or none in time: may be the request's fault, so it counts only beyond a floor of requests.
    Answer,
}

impl Record {
    pub fn new() -> Self {
        Self {
            epoch: Instant::now(),
            in_a_row: AtomicU32::new(0),
            requests: AtomicU32::new(0),
            ejections: AtomicU32::new(0),
            until: AtomicU64::new(0),
        }
    }

    pub fn is_ejected(&self) -> bool {
        match self.until.load(Ordering::Relaxed) {
            0 => false,
            until => self.now() < until,
        }
    }

    /// Whether this ends a time of failures.
    pub fn went_well(&self, rules: &Outliers) -> bool {
        self.asked(rules);
        if self.in_a_row.load(Ordering::Relaxed) != 0 {
            self.in_a_row.store(0, Ordering::Relaxed);
        }
        if self.until.load(Ordering::Relaxed) == 0 || self.is_ejected() {
            return false;
        }
        self.ejections.store(0, Ordering::Relaxed);
        self.until.swap(0, Ordering::Relaxed) != 0
    }

    /// Whether the endpoint is to be ejected.
    pub fn failed(&self, fault: Fault, rules: &Outliers) -> bool {
        let requests = self.asked(rules);
        let in_a_row = self.in_a_row.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let floor = fault == Fault::Connection || requests >= rules.min_requests;
        rules.failures > 0 && in_a_row >= rules.failures && floor && !self.is_ejected()
    }

    /// For how long. One more failure afterwards ejects it again.
    pub fn eject(&self, rules: &Outliers) -> Duration {
        let before = self.ejections.fetch_add(1, Ordering::Relaxed).min(MOST_DOUBLINGS);
        let pause = rules.eject.saturating_mul(1 << before).min(rules.longest);
        self.in_a_row.store(rules.failures.saturating_sub(1), Ordering::Relaxed);
        let until = self.now().saturating_add(u64::try_from(pause.as_millis()).unwrap_or(u64::MAX)).max(1);
        self.until.store(until, Ordering::Relaxed);
        pause
    }

    fn asked(&self, rules: &Outliers) -> u32 {
        let so_far = self.requests.load(Ordering::Relaxed);
        if so_far >= rules.min_requests { so_far } else { self.requests.fetch_add(1, Ordering::Relaxed) + 1 }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Outliers =
        Outliers { failures: 3, min_requests: 5, eject: Duration::from_millis(20), longest: Duration::from_millis(30) };

    #[test]
    fn refused_connections_count_at_once_and_a_success_ends_the_row() {
        let record = Record::new();
        assert!(!record.failed(Fault::Connection, &RULES));
        assert!(!record.failed(Fault::Connection, &RULES));
        record.went_well(&RULES);
        assert!(!record.failed(Fault::Connection, &RULES));
        assert!(!record.failed(Fault::Connection, &RULES));
        assert!(record.failed(Fault::Connection, &RULES));
    }

    #[test]
    fn answers_count_only_beyond_the_floor_of_requests() {
        let record = Record::new();
        let wanted: Vec<bool> = (0..6).map(|_| record.failed(Fault::Answer, &RULES)).collect();
        assert_eq!(wanted, [false, false, false, false, true, true]);
    }

    #[test]
    fn the_pause_doubles_up_to_the_longest_and_ends() {
        let record = Record::new();
        assert_eq!(record.eject(&RULES), Duration::from_millis(20));
        assert!(record.is_ejected());
        assert!(!record.failed(Fault::Connection, &RULES), "it is ejected already");
        std::thread::sleep(Duration::from_millis(25));
        assert!(!record.is_ejected());
        assert!(record.failed(Fault::Connection, &RULES), "one more failure is enough now");
        assert_eq!(record.eject(&RULES), Duration::from_millis(30));
        std::thread::sleep(Duration::from_millis(35));
        assert!(record.went_well(&RULES));
        assert!(!record.went_well(&RULES), "told once");
        assert_eq!(record.eject(&RULES), Duration::from_millis(20), "a success forgets the ejections");
    }
}
