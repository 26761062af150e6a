//! Which causes are kept apart, and of which another sample is wanted. Bounded, whatever the traffic is.

use std::collections::HashMap;
use std::sync::Arc;

use crate::evidence::store::batch::CauseKey;

/// Causes kept apart per route. A route with more has one cause that the fingerprint does not see.
const MAX_CAUSES_PER_ROUTE: usize = 256;
/// Causes kept apart over all routes: some megabytes.
const MAX_CAUSES: usize = 20_000;
/// The fingerprint of what found no room under its own.
pub const OTHER_CAUSES: &str = "other";

/// Samples of a new cause that are taken as they come.
const FIRST_SAMPLES: u64 = 4;
/// Milliseconds. After the first ones, one a minute keeps the newest state of a cause at hand.
const SAMPLE_EVERY: u64 = 60_000;

#[derive(Debug, Default)]
pub struct Admission {
    routes: HashMap<Arc<str>, HashMap<Arc<str>, Sampled>>,
    causes: usize,
}

/// What has been sampled of one cause.
#[derive(Debug, Default)]
struct Sampled {
    samples: u64,
    /// Milliseconds since 1970.
    last: u64,
}

impl Admission {
    /// Goes on where the last door ended: (route, fingerprint, samples).
    pub fn of(known: Vec<(String, String, u64)>) -> Self {
        let mut admission = Self::default();
        for (route, fingerprint, samples) in known {
            let route: Arc<str> = route.into();
            let fingerprint = admission.place(&route, &fingerprint);
            if let Some(sampled) = admission.sampled(&CauseKey { route, fingerprint }) {
                sampled.samples = samples;
            }
        }
        admission
    }

    /// Under which fingerprint a difference is counted: its own, or that of all the rest.
    pub fn place(&mut self, route: &Arc<str>, fingerprint: &str) -> Arc<str> {
        let of_route = self.routes.entry(Arc::clone(route)).or_default();
        if let Some((known, _)) = of_route.get_key_value(fingerprint) {
            return Arc::clone(known);
        }
        let has_room = of_route.len() < MAX_CAUSES_PER_ROUTE && self.causes < MAX_CAUSES;
        let placed: Arc<str> = if has_room { fingerprint } else { OTHER_CAUSES }.into();
        if of_route.insert(Arc::clone(&placed), Sampled::default()).is_none() {
            self.causes += 1;
        }
        placed
    }

    /// Whether another sample of a cause is wanted; if so it is taken as given.
    pub fn wants(&mut self, key: &CauseKey, at: u64) -> bool {
        let Some(sampled) = self.sampled(key) else { return false };
        let wants = sampled.samples < FIRST_SAMPLES || at >= sampled.last.saturating_add(SAMPLE_EVERY);
        if wants {
            sampled.samples += 1;
            sampled.last = at;
        }
        wants
    }

    fn sampled(&mut self, key: &CauseKey) -> Option<&mut Sampled> {
        self.routes.get_mut(&key.route)?.get_mut(&key.fingerprint)
    }
}
