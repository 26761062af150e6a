//! What is noise and what is not, for one route: the counts that the verdict is of, and how it is told.

use std::collections::BTreeMap;

use serde::Serialize;

use super::DifferenceReport;
use crate::evidence::noise::{Call, Called, FieldKey, Sort, What, calls, noise_pairs};
use crate::evidence::tally::Tally;

/// Fields told per route, and named in the reasons of a verdict.
const MAX_FIELDS: usize = 50;
const MAX_REASONS: usize = 3;

/// What told noise from bugs.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct NoiseReport {
    /// Pairs that differ in nothing but noise; they are among the matched.
    pub pairs: u64,
    /// Requests of which each origin was compared with itself.
    pub samples: u64,
    /// Bugs first, then by mismatches.
    pub fields: Vec<NoiseField>,
    /// Causes that are noise, as those in `differences`.
    pub differences: Vec<DifferenceReport>,
}

/// A place that differs, and what asking again said of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NoiseField {
    pub path: String,
    /// A difference's kind, or `status`, `presence` and `shape`, each of which may be one of several.
    pub kind: &'static str,
    pub call: Call,
    /// Pairs that show it.
    pub mismatches: u64,
    /// Of these, pairs of which both origins were asked again.
    pub settled: u64,
    /// Both said the same again.
    pub stays: u64,
    /// Each said what the other had said.
    pub swapped: u64,
    /// New alone had said something else.
    pub odd_new: u64,
    /// Legacy alone had said something else.
    pub odd_legacy: u64,
    /// Legacy said the same again, new a third thing.
    pub new_varies: u64,
    /// The other way round.
    pub legacy_varies: u64,
    /// Neither said the same again.
    pub ties: u64,
    /// The difference was gone, and who had been odd cannot be told, for new had been asked first.
    pub gone: u64,
    /// Control samples in which legacy differed from itself there, and in which new did.
    pub legacy_self: u64,
    pub new_self: u64,
}

impl NoiseField {
    fn of(field: &FieldKey, called: &Called) -> Self {
        let get = |what| called.counts.get(what);
        Self {
            path: field.path.clone(),
            kind: field.sort.name(),
            call: called.call,
            mismatches: get(What::Pairs),
            settled: called.counts.settled(),
            stays: get(What::Stays),
            swapped: get(What::Swapped),
            odd_new: get(What::OddNew),
            odd_legacy: get(What::OddLegacy),
            new_varies: get(What::NewVaries),
            legacy_varies: get(What::LegacyVaries),
            ties: get(What::AllDiffer),
            gone: get(What::Gone),
            legacy_self: get(What::LegacySelf),
            new_self: get(What::NewSelf),
        }
    }

    fn is_real(&self) -> bool {
        self.call.counts()
    }
}

/// The fields of a route, judged.
#[derive(Debug)]
pub struct Judged {
    calls: BTreeMap<FieldKey, Called>,
    pairs: u64,
    samples: u64,
}

impl Judged {
    pub fn of(tally: &Tally) -> Self {
        let calls = calls(&tally.noise);
        Self { pairs: noise_pairs(&calls, tally.mismatched), samples: tally.noise.samples, calls }
    }

    /// The counts without what is noise.
    pub fn corrected(&self, mut tally: Tally) -> Tally {
        tally.mismatched -= self.pairs;
        tally.matched += self.pairs;
        tally.fields.retain(|path, _| !self.is_noise(path, |_| true));
        tally
    }

    /// Whether nothing that counts was seen there, and something that does not.
    pub fn is_noise_of(&self, kind: &str, path: &str) -> bool {
        self.is_noise(path, |field| field.sort.covers(kind))
    }

    fn is_noise(&self, path: &str, is_meant: impl Fn(&FieldKey) -> bool) -> bool {
        // Only what begins like the path, up to its first `*`, can be there: reports ask this of each of thousands of places.
        let prefix = path.split('*').next().unwrap_or(path);
        let first = FieldKey { path: prefix.to_owned(), sort: Sort::Status };
        let near = self.calls.range(first..).take_while(|(field, _)| field.path.starts_with(prefix));
        let mut any = false;
        let there = near.filter(|(field, _)| is_at(path, &field.path) && is_meant(field));
        for called in there.map(|(_, called)| called) {
            // A control sample alone is no mismatch.
            any |= called.counts.get(What::Pairs) > 0;
            if called.counts.get(What::Pairs) > 0 && called.call.counts() {
                return false;
            }
        }
        any
    }

    /// The field that keeps noise from being told from a bug, because so few of its mismatches were asked again.
    pub fn unsure(&self) -> Option<String> {
        let unsure = self.calls.iter().filter(|(_, called)| called.is_unsure());
        let fields = unsure.map(|(field, called)| NoiseField::of(field, called));
        let NoiseField { path, kind, mismatches, settled, .. } = fields.max_by_key(|field| field.mismatches)?;
        let path = if path.is_empty() { "(root)" } else { &path };
        Some(format!(
            "{path} ({kind}): {mismatches} differ and {settled} of them were asked again, too few to tell noise from a bug."
        ))
    }

    /// The fields that make a verdict what it is, in sentences.
    pub fn reasons(&self, compared: u64) -> Vec<String> {
        let fields = self.fields();
        let mut reasons: Vec<String> = Vec::new();
        let asked = fields.iter().filter(|field| field.is_real() && field.settled > 0 && field.kind != "shape");
        for field in asked.take(MAX_REASONS) {
            let NoiseField { path, kind, mismatches, settled, stays, odd_new, new_varies, .. } = field;
            let path = if path.is_empty() { "(root)" } else { path };
            let once =
                if odd_new + new_varies > *stays { ", in most of them new alone said something else" } else { "" };
            reasons.push(format!(
                "{path} ({kind}): {mismatches} of {compared} differ; asked again, {stays} of {settled} stayed{once}."
            ));
        }
        if self.pairs > 0 {
            reasons.push(format!(
                "{} differ only in noise, as asking both again showed: they count as equal, and are told beside.",
                self.pairs
            ));
        }
        reasons
    }

    fn fields(&self) -> Vec<NoiseField> {
        let seen = self.calls.iter().map(|(field, called)| NoiseField::of(field, called));
        let mut fields: Vec<NoiseField> = seen.collect();
        fields.sort_by_key(|field| (!field.is_real(), std::cmp::Reverse(field.mismatches)));
        fields.truncate(MAX_FIELDS);
        fields
    }

    /// As it is told, with the causes that are noise.
    pub fn told(&self, differences: Vec<DifferenceReport>) -> NoiseReport {
        NoiseReport { pairs: self.pairs, samples: self.samples, fields: self.fields(), differences }
    }
}

/// Whether a cause's path is that of a field; `*` in it stands for any member, and `#*` for any element's id.
fn is_at(path: &str, field: &str) -> bool {
    if path == field {
        return true;
    }
    let separator = if path.starts_with('/') { "/" } else { " > " };
    let (mut ours, mut theirs) = (path.split(separator), field.split(separator));
    loop {
        match (ours.next(), theirs.next()) {
            (None, None) => break true,
            (Some(our), Some(their)) if our == their || our == "*" || our == "#*" && their.starts_with('#') => {}
            (Some("cookie:*"), Some(their)) if their.starts_with("cookie:") => {}
            _ => break false,
        }
    }
}
