//! Where nothing comes of the copies, few are sent: a backend that hangs, breaks off or floods costs connections, memory and
//! processor time that users could have, proves nothing by it, and does not get well by being asked more.
//!
//! Once so many copies of a route have failed in a row, only one is sent now and then, until one is answered. What is not sent is
//! counted as unproven, like what failed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::evidence::Unproven;

/// Failures in a row that are no accident any more: a hundredth of one failure in a thousand would already be a miracle.
const ENOUGH: u32 = 100;
/// Between two copies from then on; a backend that is well again gets all of them so much later at most.
const NOW_AND_THEN: Duration = Duration::from_millis(250);

/// By route: only those of which the last copy failed.
#[derive(Debug, Default)]
pub struct Restraint(Mutex<HashMap<Arc<str>, Failures>>);

#[derive(Debug)]
struct Failures {
    in_a_row: u32,
    next: Instant,
}

impl Restraint {
    /// Whether a copy of this route is worth sending now. Who is told so sends it.
    pub fn may_send(&self, route: &str, now: Instant) -> bool {
        let mut failing = self.0.lock();
        let Some(failures) = failing.get_mut(route).filter(|failures| failures.in_a_row >= ENOUGH) else { return true };
        if now < failures.next {
            return false;
        }
        failures.next = now + NOW_AND_THEN;
        true
    }

    pub fn answered(&self, route: &str) {
        if self.0.lock().remove(route).is_some_and(|failures| failures.in_a_row >= ENOUGH) {
            tracing::info!(route, "a copy is answered again: all are sent");
        }
    }

    pub fn failed(&self, route: &Arc<str>, reason: Unproven, now: Instant) {
        if !is_the_backends_doing(reason) {
            return;
        }
        let mut failing = self.0.lock();
        let failures = failing.entry(route.clone()).or_insert(Failures { in_a_row: 0, next: now });
        failures.in_a_row = failures.in_a_row.saturating_add(1);
        if failures.in_a_row == ENOUGH {
            failures.next = now + NOW_AND_THEN;
            let last = reason.name();
            tracing::warn!(%route, last, "{ENOUGH} copies in a row have failed: until one is answered, few are sent");
        }
    }
}

fn is_the_backends_doing(reason: Unproven) -> bool {
    use Unproven::{BrokenResponse, ConnectError, ResponseTooLarge, Timeout};
    matches!(reason, ConnectError | Timeout | BrokenResponse | ResponseTooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(restraint: &Restraint, times: u32, reason: Unproven, now: Instant) {
        (0..times).for_each(|_| restraint.failed(&"page".into(), reason, now));
    }

    #[test]
    fn copies_are_held_back_once_enough_have_failed_in_a_row() {
        let (restraint, now) = (Restraint::default(), Instant::now());
        fail(&restraint, ENOUGH - 1, Unproven::Timeout, now);
        restraint.answered("page");
        fail(&restraint, ENOUGH - 1, Unproven::Timeout, now);
        assert!(restraint.may_send("page", now));
        fail(&restraint, 1, Unproven::ResponseTooLarge, now);
        assert!(!restraint.may_send("page", now));
        assert!(restraint.may_send("another", now));
    }

    #[test]
    fn one_is_tried_now_and_then_and_an_answer_lets_all_go() {
        let (restraint, now) = (Restraint::default(), Instant::now());
        fail(&restraint, ENOUGH, Unproven::ConnectError, now);
        let later = now + NOW_AND_THEN;
        assert!(restraint.may_send("page", later) && !restraint.may_send("page", later));
        fail(&restraint, 1, Unproven::ConnectError, later);
        assert!(!restraint.may_send("page", later));
        assert!(restraint.may_send("page", later + NOW_AND_THEN));
        restraint.answered("page");
        assert!((0..10).all(|_| restraint.may_send("page", later)));
    }

    #[test]
    fn what_is_not_the_backends_doing_is_not_held_against_it() {
        let (restraint, now) = (Restraint::default(), Instant::now());
        for reason in [Unproven::BackendBusy, Unproven::Shutdown, Unproven::InFlight] {
            fail(&restraint, 2 * ENOUGH, reason, now);
        }
        assert!(restraint.may_send("page", now));
    }
}
