//! Counts that merge in any order: what one route showed at one stage in one stretch of time. Pure.
//!
//! It does not judge (see [`super::readiness`]), and it holds no bodies (see [`super::sample`]).

use std::collections::BTreeMap;
use std::time::Duration;

use super::noise;
use super::pair::Unproven;
use crate::diff::cause::collapse;
use crate::diff::{Comparison, Outcome};

mod distinct;
mod sketch;
#[cfg(test)]
mod tests;
mod triage;
mod window;

pub use distinct::Distinct;
pub use sketch::Sketch;
pub use triage::{BOUNDED, Exposed, Mix, RuleCount, RuleExample, Triage, untangled};
pub use window::Window;

/// Names (field paths, rules) that one tally counts apart while it is being filled; what comes after is counted under
/// [`OTHER`]. A JSON object keyed by ids would otherwise make a name per request.
pub const MAX_NAMES: usize = 64;

/// The name of what found no room under its own.
pub const OTHER: &str = "(other)";

/// What one rule hid.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HiddenCount {
    pub count: u64,
    /// Where it last hid something.
    pub example: String,
    /// Milliseconds since 1970.
    pub example_at: u64,
}

impl HiddenCount {
    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        // The text decides between two of the same millisecond, so that the order of merging does not.
        if (other.example_at, &other.example) > (self.example_at, &self.example) {
            self.example.clone_from(&other.example);
            self.example_at = other.example_at;
        }
    }
}

/// Mergeable counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    pub matched: u64,
    pub ignored: u64,
    pub mismatched: u64,
    pub unproven: BTreeMap<Unproven, u64>,
    /// By rule.
    pub hidden: BTreeMap<String, HiddenCount>,
    /// Mismatched pairs by field path, indexes collapsed.
    pub fields: BTreeMap<String, u64>,
    /// What asking again said of the fields that differ.
    pub noise: noise::Counts,
    /// How long the origins took, both of the same requests.
    pub legacy: Sketch,
    pub new: Sketch,
    pub triage: Triage,
}

/// One compared pair, as far as it is counted.
#[derive(Debug, Clone, Copy)]
pub struct Compared<'a> {
    pub comparison: &'a Comparison,
    pub legacy: Duration,
    pub new: Duration,
    /// Milliseconds since 1970.
    pub at: u64,
}

impl Tally {
    /// Pairs with a verdict of their own.
    pub fn compared(&self) -> u64 {
        self.matched + self.ignored + self.mismatched
    }

    /// Sampled requests that prove nothing.
    pub fn unproven_total(&self) -> u64 {
        self.unproven.values().sum()
    }

    /// Every request of which a copy was wanted.
    pub fn sampled(&self) -> u64 {
        self.compared() + self.unproven_total()
    }

    pub fn add_unproven(&mut self, reason: Unproven) {
        *self.unproven.entry(reason).or_default() += 1;
    }

    pub fn add(&mut self, compared: &Compared<'_>) {
        match compared.comparison.outcome {
            Outcome::Matched => self.matched += 1,
            Outcome::Ignored => self.ignored += 1,
            Outcome::Mismatched => self.mismatched += 1,
            Outcome::Inconclusive => return self.add_unproven(Unproven::BothFailed),
        }
        self.legacy.add(compared.legacy);
        self.new.add(compared.new);
        self.add_hidden(compared);
        self.add_fields(compared.comparison);
    }

    fn add_hidden(&mut self, compared: &Compared<'_>) {
        for hidden in &compared.comparison.hidden {
            let seen = HiddenCount {
                count: u64::from(hidden.count),
                example: hidden.example_path.to_string(),
                example_at: compared.at,
            };
            slot(&mut self.hidden, &hidden.rule).merge(&seen);
        }
    }

    fn add_fields(&mut self, comparison: &Comparison) {
        let mut paths: Vec<String> = comparison.differences.iter().map(|d| collapse(&d.path)).collect();
        paths.sort_unstable();
        paths.dedup();
        for path in paths {
            *slot(&mut self.fields, &path) += 1;
        }
    }

    /// Keeps so many names of each sort apart; no sum changes.
    pub fn fold(&mut self, keep: usize) {
        fold(&mut self.fields, keep);
        self.noise.fold(keep);
        self.triage.fold(keep);
    }

    pub fn merge(&mut self, other: &Self) {
        self.matched += other.matched;
        self.ignored += other.ignored;
        self.mismatched += other.mismatched;
        for (reason, count) in &other.unproven {
            *self.unproven.entry(*reason).or_default() += count;
        }
        for (rule, hidden) in &other.hidden {
            self.hidden.entry(rule.clone()).or_default().merge(hidden);
        }
        for (path, count) in &other.fields {
            *self.fields.entry(path.clone()).or_default() += count;
        }
        self.noise.merge(&other.noise);
        self.legacy.merge(&other.legacy);
        self.new.merge(&other.new);
        self.triage.merge(&other.triage);
    }
}

/// Keeps so many names apart, those that were counted most.
fn fold(counts: &mut BTreeMap<String, u64>, keep: usize) {
    if counts.len() <= keep {
        return;
    }
    let mut names: Vec<(String, u64)> = std::mem::take(counts).into_iter().collect();
    names.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    for (place, (name, count)) in names.into_iter().enumerate() {
        *counts.entry(if place < keep { name } else { OTHER.to_owned() }).or_default() += count;
    }
}

fn slot<'a, V: Default>(counts: &'a mut BTreeMap<String, V>, name: &str) -> &'a mut V {
    let has_room = counts.len() < MAX_NAMES || counts.contains_key(name);
    counts.entry(if has_room { name } else { OTHER }.to_owned()).or_default()
}
