//! Pairs that are there and not counted yet, because the thread that compares them is late.
//!
//! The recorder knows of them because the store lacks what they say. That some wait a moment is the normal state of a busy door;
//! once one has waited too long, nothing is called ready until it has caught up, and who finds the store after `kill -9` knows that
//! it lacks something: [`super::writer`] sees to both. What is just being asked again waits for its answers, not for that thread, and is
//! not among them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;

use crate::evidence::time::{millis, rfc3339};

/// How long a pair may wait: a hundred of the worst that we know are compared by then, and a flip is not held up by less.
const MAY_WAIT: Duration = Duration::from_secs(5);
/// Who is behind has caught up when the oldest has waited no longer than this: a verdict does not go to and fro at the bound.
const CAUGHT_UP: Duration = Duration::from_secs(1);

/// Touched twice for each pair, by the mirror's threads alone.
#[derive(Debug, Default)]
pub struct Backlog(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    next: u64,
    /// In the order in which they came.
    since: BTreeMap<u64, Instant>,
}

/// A pair that waits, until this is dropped: then it is counted, or asked again.
#[derive(Debug)]
pub struct Uncounted {
    backlog: Arc<Backlog>,
    number: u64,
}

/// Comparing is behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Behind {
    pairs: usize,
    /// When the oldest came.
    pub since: SystemTime,
}

impl Backlog {
    pub fn add(self: &Arc<Self>) -> Uncounted {
        let mut waiting = self.0.lock();
        let number = waiting.next;
        waiting.next += 1;
        // Under the lock: who has the lower number came first.
        waiting.since.insert(number, Instant::now());
        Uncounted { backlog: Arc::clone(self), number }
    }

    pub fn is_empty(&self) -> bool {
        self.0.lock().since.is_empty()
    }

    /// How long the oldest has waited; zero: none waits.
    pub fn longest(&self) -> Duration {
        self.0.lock().since.first_key_value().map_or(Duration::ZERO, |(_, since)| since.elapsed())
    }

    /// Whether somebody who `was` behind, or was not, is behind now.
    pub fn behind(&self, was: bool) -> Option<Behind> {
        self.behind_at(Instant::now(), SystemTime::now(), was)
    }

    fn behind_at(&self, now: Instant, time: SystemTime, was: bool) -> Option<Behind> {
        let waiting = self.0.lock();
        let (_, oldest) = waiting.since.first_key_value()?;
        let waited = now.saturating_duration_since(*oldest);
        let is_behind = waited > if was { CAUGHT_UP } else { MAY_WAIT };
        is_behind.then(|| Behind { pairs: waiting.since.len(), since: time - waited })
    }
}

impl Drop for Uncounted {
    fn drop(&mut self) {
        self.backlog.0.lock().since.remove(&self.number);
    }
}

impl fmt::Display for Behind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wait = if self.pairs == 1 { "pair waits" } else { "pairs wait" };
        write!(f, "{} {wait} to be compared, the oldest since {}", self.pairs, rfc3339(millis(self.since)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_behind_is_so_until_it_has_caught_up() {
        let backlog = Arc::new(Backlog::default());
        let in_a = |seconds| Instant::now() + Duration::from_secs(seconds);
        let is_behind = |seconds, was| backlog.behind_at(in_a(seconds), SystemTime::now(), was).map(|it| it.pairs);
        assert_eq!(is_behind(60, true), None, "nothing waits");
        let (first, second) = (backlog.add(), backlog.add());
        assert_eq!([is_behind(4, false), is_behind(4, true)], [None, Some(2)]);
        drop(first);
        assert_eq!([is_behind(6, false), is_behind(0, true)], [Some(1), None]);
        drop(second);
        assert!(backlog.is_empty() && backlog.longest().is_zero());
    }

    #[test]
    fn it_is_told_to_people() {
        let behind = |pairs| Behind { pairs, since: SystemTime::UNIX_EPOCH }.to_string();
        assert_eq!(behind(1), "1 pair waits to be compared, the oldest since 1970-01-01T00:00:00Z");
        assert_eq!(behind(2), "2 pairs wait to be compared, the oldest since 1970-01-01T00:00:00Z");
    }
}
