//! When `new` keeps failing a route whose requests may fall back, it is no longer asked for a while: users get legacy's answer
//! without waiting for the failure first. Then one request tries it, and decides.
//!
//! Counted are only requests that may fall back, by the outcomes that make them: what the operator does not call a failure
//! opens nothing, and a method that may not be sent again still goes to `new`.

use std::time::Instant;

use parking_lot::Mutex;

use crate::config::settings::BreakerRules;

/// One route's. Kept by its name over reloads.
#[derive(Debug, Default)]
pub struct Breaker(Mutex<State>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BreakerState {
    #[default]
    Closed,
    /// Nobody asks `new`.
    Open,
    /// One request asks it.
    Trying,
}

impl BreakerState {
    pub fn label(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::Trying => "trying",
        }
    }
}

#[derive(Debug, Default)]
struct State {
    now: BreakerState,
    /// When this state, or the window that is counted, began.
    since: Option<Instant>,
    asked: u32,
    failed: u32,
    times_opened: u64,
}

impl Breaker {
    /// Whether `new` may be asked.
    pub fn lets_through(&self, rules: &BreakerRules, now: Instant) -> bool {
        let mut state = self.0.lock();
        if state.now == BreakerState::Closed {
            return true;
        }
        // A try whose outcome nobody told (the client left) is over after the same time.
        let waited = state.since.is_none_or(|since| now.saturating_duration_since(since) >= rules.open);
        if waited {
            state.enter(BreakerState::Trying, now);
        }
        waited
    }

    /// How a request to `new` ended. Returns the state that begins with it, if one does.
    pub fn told(&self, went_well: bool, rules: &BreakerRules, now: Instant) -> Option<BreakerState> {
        let mut state = self.0.lock();
        match (state.now, went_well) {
            // Late ones, asked before it opened.
            (BreakerState::Open, _) => return None,
            (BreakerState::Trying, true) => return Some(state.enter(BreakerState::Closed, now)),
            (BreakerState::Trying, false) => return Some(state.enter(BreakerState::Open, now)),
            (BreakerState::Closed, _) => {}
        }
        if state.since.is_none_or(|since| now.saturating_duration_since(since) >= rules.window) {
            state.enter(BreakerState::Closed, now);
        }
        state.asked = state.asked.saturating_add(1);
        state.failed = state.failed.saturating_add(u32::from(!went_well));
        let share = f64::from(state.failed) * 100.0 / f64::from(state.asked);
        let opens = state.asked >= rules.min_requests && share >= rules.failures.percent();
        (!went_well && opens).then(|| state.enter(BreakerState::Open, now))
    }

    pub fn state(&self) -> BreakerState {
        self.0.lock().now
    }

    /// Since the door started.
    pub fn times_opened(&self) -> u64 {
        self.0.lock().times_opened
    }
}

impl State {
    fn enter(&mut self, next: BreakerState, now: Instant) -> BreakerState {
        if next == BreakerState::Open && self.now == BreakerState::Closed {
            self.times_opened += 1;
        }
        *self = Self { now: next, since: Some(now), asked: 0, failed: 0, times_opened: self.times_opened };
        next
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Duration;

    use super::*;
    use crate::routing::Share;

    const SECOND: Duration = Duration::from_secs(1);

    fn rules() -> BreakerRules {
        BreakerRules {
            failures: Share::from_percent(50.0).unwrap(),
            min_requests: 4,
            window: 10 * SECOND,
            open: 30 * SECOND,
        }
    }

    #[test]
    fn it_opens_at_the_share_and_not_before_the_floor() {
        let (breaker, rules, now) = (Breaker::default(), rules(), Instant::now());
        for went_well in [false, false, true] {
            assert_eq!(breaker.told(went_well, &rules, now), None);
        }
        assert!(breaker.lets_through(&rules, now));
        assert_eq!(breaker.told(false, &rules, now), Some(BreakerState::Open));
        assert!(!breaker.lets_through(&rules, now + SECOND));
        assert_eq!(breaker.told(true, &rules, now + SECOND), None, "asked before it opened");
        assert_eq!(breaker.state(), BreakerState::Open);
    }

    #[test]
    fn one_tries_and_decides() {
        let (breaker, rules, now) = (Breaker::default(), rules(), Instant::now());
        for _ in 0..4 {
            breaker.told(false, &rules, now);
        }
        let later = now + 30 * SECOND;
        assert!(breaker.lets_through(&rules, later));
        assert!(!breaker.lets_through(&rules, later), "only one");
        assert_eq!(breaker.told(false, &rules, later), Some(BreakerState::Open));
        let later = later + 30 * SECOND;
        assert!(breaker.lets_through(&rules, later));
        assert_eq!(breaker.told(true, &rules, later), Some(BreakerState::Closed));
        assert!(breaker.lets_through(&rules, later) && breaker.lets_through(&rules, later));
        assert_eq!(breaker.times_opened(), 1, "a failed try is not another time");
    }

    #[test]
    fn a_try_that_nobody_tells_of_is_not_waited_for_for_ever() {
        let (breaker, rules, now) = (Breaker::default(), rules(), Instant::now());
        for _ in 0..4 {
            breaker.told(false, &rules, now);
        }
        assert!(breaker.lets_through(&rules, now + 30 * SECOND));
        assert!(!breaker.lets_through(&rules, now + 31 * SECOND));
        assert!(breaker.lets_through(&rules, now + 60 * SECOND));
    }

    #[test]
    fn old_failures_are_forgotten() {
        let (breaker, rules, now) = (Breaker::default(), rules(), Instant::now());
        for _ in 0..3 {
            breaker.told(false, &rules, now);
        }
        assert_eq!(breaker.told(false, &rules, now + 10 * SECOND), None);
    }
}
