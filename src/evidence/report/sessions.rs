//! Whether a cause is a matter of few users: the same requests, and only some sessions fail.

use serde::Serialize;

use crate::evidence::store::triage::SessionCount;

/// Sessions that the recorder tells apart per cause: with so many, there may be more.
const KEPT: u64 = 64;
/// The chance that so many mismatches fall on so few sessions, below which that is no chance.
const ALPHA: f64 = 1e-4;
/// Mismatches below which nothing is said.
const ENOUGH: u64 = 3;

/// The sessions that show a cause.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PerSession {
    /// Sessions that showed it; 64: that many or more.
    pub sessions: u64,
    /// Sessions that the route had; beyond 256 an estimate.
    pub of: u64,
    /// What these sessions showed of it, and asked of the route since each first did.
    pub mismatched: u64,
    pub compared: u64,
    /// Few sessions show it, and chance does not explain that: it depends on who asks.
    pub per_user: bool,
}

impl PerSession {
    /// `count`: pairs that show the cause; `compared`: all compared pairs of the route; both of the stretch of time reported.
    pub fn of(seen: &[SessionCount], sessions: u64, count: u64, compared: u64) -> Option<Self> {
        let shown = seen.len() as u64;
        if shown == 0 {
            return None;
        }
        let total = |of: fn(&SessionCount) -> u64| seen.iter().map(of).sum::<u64>();
        let (mismatched, asked) = (total(|one| one.mismatched), total(|one| one.compared));
        let of = sessions.max(shown);
        let proven = mismatched.min(count);
        // What these sessions do not account for was somebody else's.
        let are_all = mismatched >= count - count / 10;
        let share = asked as f64 / compared.max(asked) as f64;
        let per_user = shown < KEPT && are_all && proven >= ENOUGH && chance(shown, of, proven, share) < ALPHA;
        Some(Self { sessions: shown, of, mismatched, compared: asked, per_user })
    }
}

/// The chance that `count` mismatches of any requests all fall on some `few` of `all` sessions that ask `share` of the requests:
/// C(all, few) · shareᶜᵒᵘⁿᵗ, for any choice of the sessions.
fn chance(few: u64, all: u64, count: u64, share: f64) -> f64 {
    if few >= all || share >= 1.0 {
        return 1.0;
    }
    let choices: f64 = (0..few).map(|at| ((all - at) as f64 / (at + 1) as f64).ln()).sum();
    (choices + count as f64 * share.ln()).exp().min(1.0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn seen(counts: &[(u64, u64)]) -> Vec<SessionCount> {
        counts
            .iter()
            .map(|(mismatched, compared)| SessionCount { mismatched: *mismatched, compared: *compared, last_seen: 1 })
            .collect()
    }

    #[test]
    fn one_user_of_many_who_always_fails_is_told() {
        let told = PerSession::of(&seen(&[(12, 12)]), 340, 12, 4000).unwrap();
        assert_eq!((told.sessions, told.of, told.mismatched, told.compared, told.per_user), (1, 340, 12, 12, true));
    }

    #[test]
    fn a_bug_of_one_request_in_many_is_nobodys_own() {
        let everybody = vec![(1, 10); 40];
        assert!(!PerSession::of(&seen(&everybody), 340, 40, 4000).unwrap().per_user);
        assert!(!PerSession::of(&seen(&vec![(2, 10); 64]), 100_000, 900, 1_000_000).unwrap().per_user);
    }

    #[test]
    fn a_robot_that_asks_most_shows_most_of_everything() {
        assert!(!PerSession::of(&seen(&[(12, 3600)]), 340, 12, 4000).unwrap().per_user);
        assert!(!PerSession::of(&seen(&[(12, 12)]), 1, 12, 4000).unwrap().per_user, "there is only one");
        assert!(!PerSession::of(&seen(&[(2, 2)]), 340, 2, 4000).unwrap().per_user, "two are too few to tell");
        assert_eq!(PerSession::of(&[], 340, 12, 4000), None);
    }
}
