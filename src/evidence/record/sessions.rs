//! Which sessions show a cause, and what else these sessions ask: a failure of one user is told from a failure of one request in many.
//!
//! Sessions are known by a hash under the key of this run of the door; a new door counts them anew.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::evidence::store::batch::CauseKey;

/// Sessions told apart per cause: with more, it is nobody's own.
pub const MAX_SESSIONS: usize = 64;
/// Over all causes: some megabytes.
const MAX_LISTED: usize = 100_000;

/// One pair, as far as a listed session is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSeen {
    pub fingerprint: Arc<str>,
    pub mismatched: bool,
}

#[derive(Debug, Default)]
pub struct Sessions {
    /// Route → session → the causes it has shown.
    routes: HashMap<Arc<str>, HashMap<u64, HashSet<Arc<str>>>>,
    /// Sessions by cause.
    counts: HashMap<CauseKey, usize>,
    listed: usize,
}

impl Sessions {
    /// Notes a compared pair that showed these causes (none: it matched); returns what is to be counted for the session.
    pub fn note(&mut self, route: &Arc<str>, session: u64, shown: &[Arc<str>]) -> Vec<SessionSeen> {
        for fingerprint in shown {
            self.list(route, session, fingerprint);
        }
        let Some(causes) = self.routes.get(route).and_then(|sessions| sessions.get(&session)) else {
            return Vec::new();
        };
        let seen = |fingerprint: &Arc<str>| SessionSeen {
            fingerprint: Arc::clone(fingerprint),
            mismatched: shown.contains(fingerprint),
        };
        causes.iter().map(seen).collect()
    }

    fn list(&mut self, route: &Arc<str>, session: u64, fingerprint: &Arc<str>) {
        let listed = self.routes.get(route).and_then(|sessions| sessions.get(&session));
        if listed.is_some_and(|causes| causes.contains(fingerprint)) || self.listed >= MAX_LISTED {
            return;
        }
        let key = CauseKey { route: Arc::clone(route), fingerprint: Arc::clone(fingerprint) };
        let count = self.counts.entry(key).or_default();
        if *count >= MAX_SESSIONS {
            return;
        }
        *count += 1;
        self.listed += 1;
        let sessions = self.routes.entry(Arc::clone(route)).or_default();
        sessions.entry(session).or_default().insert(Arc::clone(fingerprint));
    }

    /// A cause has gone into another.
    pub fn rename(&mut self, from: &CauseKey, to: &Arc<str>) {
        let Some(count) = self.counts.remove(from) else { return };
        self.listed = self.listed.saturating_sub(count);
        let moved: Vec<u64> = self.routes.get_mut(&from.route).map_or(Vec::new(), |sessions| {
            let had = sessions
                .iter_mut()
                .filter_map(|(session, causes)| causes.remove(&from.fingerprint).then_some(*session));
            had.collect()
        });
        for session in moved {
            self.list(&from.route, session, to);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_followed_from_its_first_failure_on() {
        let mut sessions = Sessions::default();
        let (route, bug): (Arc<str>, Arc<str>) = ("r".into(), "bug".into());
        assert_eq!(sessions.note(&route, 1, &[]), []);
        let failed = SessionSeen { fingerprint: bug.clone(), mismatched: true };
        assert_eq!(sessions.note(&route, 1, std::slice::from_ref(&bug)), [failed]);
        assert_eq!(sessions.note(&route, 1, &[]), [SessionSeen { fingerprint: bug.clone(), mismatched: false }]);
        assert_eq!(sessions.note(&route, 2, &[]), []);
        let other: Arc<str> = "all".into();
        sessions.rename(&CauseKey { route: route.clone(), fingerprint: bug }, &other);
        assert_eq!(sessions.note(&route, 1, &[]), [SessionSeen { fingerprint: other, mismatched: false }]);
    }

    #[test]
    fn sessions_without_end_take_no_more_room() {
        let mut sessions = Sessions::default();
        let (route, bug): (Arc<str>, Arc<str>) = ("r".into(), "bug".into());
        let followed =
            (0..10_000).filter(|session| !sessions.note(&route, *session, std::slice::from_ref(&bug)).is_empty());
        assert_eq!(followed.count(), MAX_SESSIONS);
    }
}
