//! Which causes are kept apart, under which place, and of which another sample is wanted. Bounded, whatever the traffic is.

use std::collections::HashMap;
use std::sync::Arc;

use super::keyed::{Keyed, Sort};
use crate::diff::{Difference, cause};
use crate::evidence::store::batch::CauseKey;
use crate::evidence::store::triage::{KnownCause, Learned, Merge, OTHER_CAUSES};

/// Causes kept apart per route. A route with more has one cause that the fingerprint does not see.
const MAX_CAUSES_PER_ROUTE: usize = 256;

/// Samples of a new cause that are taken as they come.
const FIRST_SAMPLES: u64 = 4;
/// Milliseconds. After the first ones, one a minute keeps the newest state of a cause at hand.
const SAMPLE_EVERY: u64 = 60_000;

#[derive(Debug)]
pub struct Admission {
    routes: HashMap<Arc<str>, OfRoute>,
    causes: usize,
    /// Causes kept apart over all routes.
    most: usize,
    /// What was learned and is not yet told to the store.
    learned: Vec<Learned>,
    merges: Vec<Merge>,
}

#[derive(Debug, Default)]
struct OfRoute {
    known: HashMap<Arc<str>, Known>,
    keyed: Keyed,
}

/// What is known of one cause.
#[derive(Debug)]
struct Known {
    place: Arc<str>,
    kind: String,
    cause: Option<String>,
    samples: u64,
    /// Bytes of the smallest answers sampled.
    smallest: usize,
    /// Milliseconds since 1970.
    last: u64,
}

/// Under which fingerprint and place a difference is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    pub fingerprint: Arc<str>,
    pub place: Arc<str>,
}

impl Admission {
    /// Knows nothing yet, and keeps so many causes apart.
    pub fn of_at_most(most: usize) -> Self {
        Self { routes: HashMap::new(), causes: 0, most, learned: Vec::new(), merges: Vec::new() }
    }

    /// Goes on where the last door ended.
    pub fn of(most: usize, known: Vec<KnownCause>, learned: Vec<Learned>) -> Self {
        let mut admission = Self::of_at_most(most);
        for Learned { route, pattern } in learned {
            let of_route = admission.routes.entry(route).or_default();
            of_route.keyed.learn(pattern);
        }
        for cause in known {
            let of_route = admission.routes.entry(Arc::clone(&cause.route)).or_default();
            let samples = cause.samples;
            let fingerprint: Arc<str> = cause.fingerprint.into();
            let known = Known {
                place: cause.place.into(),
                kind: cause.kind,
                cause: cause.cause,
                samples,
                smallest: usize::MAX,
                last: 0,
            };
            if of_route.known.insert(fingerprint, known).is_none() {
                admission.causes += 1;
            }
        }
        admission
    }

    /// Under which fingerprint a difference is counted: its own, or that of all the rest.
    pub fn place(&mut self, route: &Arc<str>, difference: &Difference) -> Placed {
        let sort = Sort { kind: difference.kind.name(), cause: difference.cause.as_deref() };
        let of_route = self.routes.entry(Arc::clone(route)).or_default();
        let collapsed = cause::collapse(&difference.path);
        let mut place = of_route.keyed.settle(&collapsed, sort);
        let fingerprint = |place: &str| cause::fingerprint_at(route, place, difference.kind, sort.cause);
        let mut print = fingerprint(&place);
        if let Some((known, of)) = of_route.known.get_key_value(print.as_str()) {
            return Placed { fingerprint: Arc::clone(known), place: Arc::clone(&of.place) };
        }
        // Names within names are learned from the outermost inwards.
        while let Some(pattern) = of_route.keyed.note(&place, sort) {
            self.learned.push(Learned { route: Arc::clone(route), pattern });
            place = of_route.keyed.settle(&place, sort);
            print = fingerprint(&place);
        }
        self.admit(route, print, place, sort)
    }

    fn admit(&mut self, route: &Arc<str>, fingerprint: String, place: String, sort: Sort<'_>) -> Placed {
        self.merge_into(route, &fingerprint, &place, sort);
        let of_route = self.routes.entry(Arc::clone(route)).or_default();
        if let Some((known, of)) = of_route.known.get_key_value(fingerprint.as_str()) {
            return Placed { fingerprint: Arc::clone(known), place: Arc::clone(&of.place) };
        }
        let has_room = of_route.known.len() < MAX_CAUSES_PER_ROUTE && self.causes < self.most;
        let fingerprint: Arc<str> = if has_room { fingerprint.as_str() } else { OTHER_CAUSES }.into();
        let place: Arc<str> = place.into();
        if !of_route.known.contains_key(&fingerprint) {
            let (kind, cause) = (sort.kind.to_owned(), sort.cause.map(str::to_owned));
            let known = Known { place: Arc::clone(&place), kind, cause, samples: 0, smallest: usize::MAX, last: 0 };
            of_route.known.insert(Arc::clone(&fingerprint), known);
            self.causes += 1;
        }
        Placed { fingerprint, place }
    }

    /// The causes of names that have become one place go into its cause.
    fn merge_into(&mut self, route: &Arc<str>, fingerprint: &str, place: &str, sort: Sort<'_>) {
        let Some(of_route) = self.routes.get_mut(route) else { return };
        let OfRoute { known, keyed } = of_route;
        let is_same = |known: &Known| {
            known.kind == sort.kind
                && known.cause.as_deref() == sort.cause
                && &*known.place != place
                && keyed.settle(&known.place, sort) == place
        };
        let merged: Vec<Arc<str>> =
            known.iter().filter(|(_, known)| is_same(known)).map(|(fingerprint, _)| Arc::clone(fingerprint)).collect();
        for from in merged {
            known.remove(&from);
            self.causes -= 1;
            self.merges.push(Merge {
                from: CauseKey { route: Arc::clone(route), fingerprint: from },
                to: fingerprint.into(),
                place: place.into(),
            });
        }
    }

    /// What the store must be told.
    pub fn take_learned(&mut self) -> (Vec<Learned>, Vec<Merge>) {
        (std::mem::take(&mut self.learned), std::mem::take(&mut self.merges))
    }

    /// Whether another sample of a cause is wanted; if so it is taken as given. A sample of half the size of all before always is:
    /// the smallest shows a cause best.
    pub fn wants(&mut self, key: &CauseKey, at: u64, bytes: usize) -> bool {
        let Some(known) = self.routes.get_mut(&key.route).and_then(|of| of.known.get_mut(&key.fingerprint)) else {
            return false;
        };
        let wants = known.samples < FIRST_SAMPLES
            || at >= known.last.saturating_add(SAMPLE_EVERY)
            || bytes < known.smallest / 2 && known.smallest != usize::MAX;
        if wants {
            known.samples += 1;
            known.last = at;
            known.smallest = known.smallest.min(bytes);
        }
        wants
    }
}
