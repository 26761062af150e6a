//! What has been counted and is not yet in the file. Counts are merged and never dropped; samples are dropped, and counted.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use super::fold::Fold;
use super::triage::{Merge, OTHER_CAUSES, TriageBatch};
use crate::diff::{Difference, Severity};
use crate::evidence::fact::RouteFact;
use crate::evidence::tally::{OTHER, Tally, Window};

/// Windows and cause windows kept apart; beyond it they are merged into hours, then into days. Only a store that
/// has failed for long, or a door without one, gets there.
const MAX_WINDOWS: usize = 10_000;

/// What a tally is of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TallyKey {
    pub route: Arc<str>,
    pub stage: &'static str,
    pub window: Window,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CauseKey {
    pub route: Arc<str>,
    pub fingerprint: Arc<str>,
}

/// What was seen of one cause. Values are already redacted.
#[derive(Debug, Clone, PartialEq)]
pub struct CauseSeen {
    pub kind: String,
    pub path: String,
    pub cause: Option<String>,
    pub severity: Severity,
    /// What legacy and new said when it was last seen.
    pub control: Option<String>,
    pub candidate: Option<String>,
    /// Milliseconds since 1970.
    pub first_seen: u64,
    pub last_seen: u64,
    /// Pairs by window.
    pub counts: BTreeMap<Window, u64>,
}

impl CauseSeen {
    /// One pair's difference.
    pub fn once(difference: &Difference, path: String, at: u64) -> Self {
        Self {
            kind: difference.kind.name().to_owned(),
            path,
            cause: difference.cause.clone(),
            severity: difference.severity,
            control: difference.control.clone(),
            candidate: difference.candidate.clone(),
            first_seen: at,
            last_seen: at,
            counts: BTreeMap::from([(Window::minute_of(at), 1)]),
        }
    }

    /// Counts it once more without a new example.
    pub fn again(&mut self, severity: Severity, at: u64) {
        self.first_seen = self.first_seen.min(at);
        self.last_seen = self.last_seen.max(at);
        self.severity = self.severity.max(severity);
        *self.counts.entry(Window::minute_of(at)).or_default() += 1;
    }

    fn merge(&mut self, other: Self) {
        if other.last_seen > self.last_seen {
            self.control = other.control;
            self.candidate = other.candidate;
            self.last_seen = other.last_seen;
        }
        self.first_seen = self.first_seen.min(other.first_seen);
        self.severity = self.severity.max(other.severity);
        for (window, count) in other.counts {
            *self.counts.entry(window).or_default() += count;
        }
    }

    fn coarsen(&mut self, wider: fn(Window) -> Window) {
        for (window, count) in std::mem::take(&mut self.counts) {
            *self.counts.entry(wider(window)).or_default() += count;
        }
    }
}

/// A pair to keep: redacted and bounded, as JSON.
#[derive(Debug, Clone, PartialEq)]
pub struct NewSample {
    pub route: Arc<str>,
    /// The causes it shows, the weightiest first.
    pub fingerprints: Vec<Arc<str>>,
    pub at: u64,
    pub content: String,
}

/// What the door says of its routes at one reload.
#[derive(Debug, Clone, PartialEq)]
pub struct Reload {
    pub facts: Vec<RouteFact>,
    pub generation: u64,
    pub at: u64,
}

/// Everything that waits for the next transaction.
#[derive(Debug, Default)]
pub struct Batch {
    pub tallies: HashMap<TallyKey, Tally>,
    pub causes: HashMap<CauseKey, CauseSeen>,
    pub samples: VecDeque<NewSample>,
    /// Bytes of the samples' contents.
    pub sample_bytes: usize,
    /// Samples that found no room here.
    pub samples_dropped: u64,
    /// In order; each may be a change of stage.
    pub reloads: Vec<Reload>,
    pub triage: TriageBatch,
    /// What the last merging of windows left: the next one waits until there are twice as many.
    coarsened_to: usize,
}

impl Batch {
    pub fn is_empty(&self) -> bool {
        self.tallies.is_empty()
            && self.causes.is_empty()
            && self.reloads.is_empty()
            && self.samples_dropped == 0
            && self.triage.is_empty()
    }

    /// Whether anything was counted: what the config says of the routes can be said again.
    pub fn has_counts(&self) -> bool {
        !(self.tallies.is_empty() && self.causes.is_empty() && self.triage.is_empty())
    }

    pub fn tally(&mut self, route: &Arc<str>, stage: &'static str, at: u64) -> &mut Tally {
        let key = TallyKey { route: Arc::clone(route), stage, window: Window::minute_of(at) };
        if !self.tallies.contains_key(&key) {
            self.coarsen_if_many();
        }
        self.tallies.entry(key).or_default()
    }

    pub fn add_cause(&mut self, key: &CauseKey, seen: CauseSeen) {
        match self.causes.get_mut(key) {
            Some(known) => known.merge(seen),
            None => {
                self.causes.insert(key.clone(), seen);
            }
        }
    }

    /// Keeps a sample if it can, at the cost of the oldest one of the cause that has most.
    pub fn add_sample(&mut self, sample: NewSample, room: usize) {
        self.sample_bytes += sample.content.len();
        self.samples.push_back(sample);
        while self.sample_bytes > room {
            let Some(at) = self.most_dispensable() else { return };
            if let Some(gone) = self.samples.remove(at) {
                self.sample_bytes -= gone.content.len();
                self.samples_dropped += 1;
            }
        }
    }

    /// The oldest sample of the cause that most samples show first.
    fn most_dispensable(&self) -> Option<usize> {
        let lead = |sample: &NewSample| (Arc::clone(&sample.route), sample.fingerprints.first().cloned());
        let mut counts: HashMap<_, usize> = HashMap::new();
        for sample in &self.samples {
            *counts.entry(lead(sample)).or_default() += 1;
        }
        let most = counts.values().max()?;
        self.samples.iter().position(|sample| counts.get(&lead(sample)) == Some(most))
    }

    /// Puts a batch that could not be written back under what was counted since.
    pub fn put_back(&mut self, older: Self, room: usize) {
        for (key, tally) in older.tallies {
            self.tallies.entry(key).or_default().merge(&tally);
        }
        for (key, seen) in older.causes {
            self.add_cause(&key, seen);
        }
        let newer = std::mem::replace(&mut self.samples, older.samples);
        self.sample_bytes = older.sample_bytes;
        newer.into_iter().for_each(|sample| self.add_sample(sample, room));
        self.samples_dropped += older.samples_dropped;
        self.reloads.splice(0..0, older.reloads);
        self.triage.put_back(older.triage);
        self.coarsen_if_many();
    }

    /// Gives up its samples, and tells everything in hours, so many names of each sort apart.
    pub fn fold(&mut self, keep: Fold) {
        self.samples_dropped += self.samples.drain(..).count() as u64;
        self.sample_bytes = 0;
        self.coarsen(Window::hourly);
        self.tallies.values_mut().for_each(|tally| tally.fold(keep.names));
        self.fold_causes(keep.causes);
    }

    fn fold_causes(&mut self, keep: usize) {
        let mut of_routes: HashMap<Arc<str>, Vec<(CauseKey, Severity, u64)>> = HashMap::new();
        for (key, seen) in self.causes.iter().filter(|(key, _)| *key.fingerprint != *OTHER_CAUSES) {
            let weighed = (key.clone(), seen.severity, seen.counts.values().sum());
            of_routes.entry(Arc::clone(&key.route)).or_default().push(weighed);
        }
        for mut causes in of_routes.into_values() {
            causes.sort_by_key(|(_, severity, pairs)| std::cmp::Reverse((*severity, *pairs)));
            for (from, ..) in causes.into_iter().skip(keep) {
                self.merge_causes(Merge { from, to: OTHER_CAUSES.into(), place: OTHER.into() });
            }
        }
    }

    fn windows(&self) -> usize {
        self.tallies.len()
            + self.triage.route_sessions.len()
            + self.causes.values().map(|seen| seen.counts.len()).sum::<usize>()
    }

    fn coarsen_if_many(&mut self) {
        let bound = MAX_WINDOWS.max(2 * self.coarsened_to);
        // The causes are only gone through when the tallies alone say that it has been long.
        if self.tallies.len() >= bound / 2 && self.windows() >= bound {
            self.coarsen(Window::coarser);
            self.coarsened_to = self.windows();
        }
    }

    fn coarsen(&mut self, wider: fn(Window) -> Window) {
        for (key, tally) in std::mem::take(&mut self.tallies) {
            let window = wider(key.window);
            self.tallies.entry(TallyKey { window, ..key }).or_default().merge(&tally);
        }
        self.causes.values_mut().for_each(|seen| seen.coarsen(wider));
        self.triage.coarsen(wider);
    }
}
