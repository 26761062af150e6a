//! Collects what the comparers find, lets the rules decide on each, and turns it into a [`Comparison`].
//!
//! A comparer calls [`Sink::hides`] for what a cosmetic rule may hide and [`Sink::report`] for all else; it decides nothing itself. What rules hide
//! is counted in [`hidden`], rules limited to elements are found in [`places`], and [`budget`] says how long a pair may take.

mod budget;
mod finding;
mod hidden;
mod places;

pub use budget::MAX_WORK;
pub use finding::Finding;

use super::comparison::{Applied, Comparison, Difference, Kind, Outcome, Severity};
use super::rules::{Accept, Class, Rules};
use super::shown::Shown;
use budget::Budget;
use hidden::HiddenSoFar;
use places::Covered;

/// Differences kept per pair; further ones are counted in [`Comparison::more`].
pub const MAX_KEPT: usize = 100;

/// Distinct places told of one of the operator's rules per pair.
pub const MAX_PLACES: usize = 16;

/// Bytes of values in which a transform is looked for, per pair: it costs some fifty steps for each.
const MAX_INFERRED: usize = 256 << 10;

/// Where findings of one pair go.
#[derive(Debug, Clone)]
pub struct Sink<'r> {
    rules: &'r Rules,
    /// The host that users know.
    host: &'r str,
    /// Unix time: `accept … until` ends by it.
    now: Option<i64>,
    found: Comparison,
    hidden: HiddenSoFar,
    covered: Covered,
    budget: Budget,
    /// Bytes of values in which a transform was looked for.
    inferred: usize,
    both_failed: bool,
}

impl<'r> Sink<'r> {
    pub fn new(rules: &'r Rules, now: Option<i64>) -> Self {
        Self {
            rules,
            host: "",
            now,
            found: Comparison::default(),
            hidden: HiddenSoFar::default(),
            covered: Covered::default(),
            budget: Budget::default(),
            inferred: 0,
            both_failed: false,
        }
    }

    /// What is found tells when new shows another host where this one stood.
    #[must_use]
    pub fn for_host(self, host: &'r str) -> Self {
        Self { host, ..self }
    }

    pub fn rules(&self) -> &'r Rules {
        self.rules
    }

    /// Takes a finding: hidden, ignored, or a difference, as the rules say.
    pub fn report(&mut self, finding: Finding) {
        if let Some(rule) = finding.rule
            && self.covers(rule, &finding)
        {
            return match rule.class() {
                Class::Cosmetic => self.hide(rule, finding),
                Class::Optional => self.ignore(finding, rule.name().to_owned()),
            };
        }
        let rules = self.rules;
        if let Some(written) = rules.ignoring(&finding.path) {
            self.ignore(finding, format!("ignore: {written}"));
            return;
        }
        let wanted: Vec<&Accept> = rules.accepts().iter().filter(|accept| self.accepts(accept, &finding)).collect();
        if let Some(accept) = wanted.iter().find(|accept| !accept.is_over(self.now)) {
            self.silence(finding, format!("accept: {}", accept.reason), &accept.label);
            return;
        }
        for accept in wanted {
            self.apply(&accept.label, &finding, 1).expired = true;
        }
        self.keep(finding);
    }

    /// Takes a finding that the operator's own rule silences, for comparers that match `css:` places themselves.
    pub fn ignore(&mut self, finding: Finding, by: String) {
        let label = by.clone();
        self.silence(finding, by, &label);
    }

    /// As [`Sink::ignore`], counted under the name of the operator's entry.
    pub fn silence(&mut self, finding: Finding, by: String, entry: &str) {
        self.tells();
        self.apply(entry, &finding, 1);
        if self.found.ignored.len() >= MAX_KEPT {
            return;
        }
        let mut difference = self.settle(finding);
        difference.rule = Some(by);
        self.found.ignored.push(difference);
    }

    /// An array that the operator's entry names differs, whether or not there is anything to silence.
    pub fn met(&mut self, entry: &str, path: String) {
        self.apply(entry, &Finding::new(Kind::Order, path), 0);
    }

    fn apply(&mut self, entry: &str, finding: &Finding, count: u32) -> &mut Applied {
        let known = self.found.applied.iter().position(|applied| applied.rule == entry);
        let at = known.unwrap_or_else(|| {
            self.found.applied.push(Applied { rule: entry.to_owned(), ..Applied::default() });
            self.found.applied.len() - 1
        });
        let applied = &mut self.found.applied[at];
        if applied.count == 0 {
            let mut first = finding.clone();
            first.shorten();
            applied.path = first.path.into_owned();
            applied.control = first.control.map(Shown::into_text);
            applied.candidate = first.candidate.map(Shown::into_text);
        }
        applied.count = applied.count.saturating_add(count);
        if applied.places.len() < MAX_PLACES {
            let place = super::cause::collapse(&finding.path);
            if !applied.places.contains(&place) {
                applied.places.push(place);
            }
        }
        applied
    }

    /// Keeps a difference that counts; beyond [`MAX_KEPT`] it is counted only.
    fn keep(&mut self, finding: Finding) {
        if self.found.differences.len() >= MAX_KEPT {
            self.found.more = self.found.more.saturating_add(1);
            return;
        }
        self.tells();
        let leaks = finding.rule.is_none() && super::cause::is_leak(&finding, self.host);
        let finding = if leaks { finding.severity(Severity::High).cause("host_leaked") } else { finding };
        let difference = self.settle(finding);
        self.found.differences.push(difference);
    }

    /// A finding as it is kept: the cause told, the values shortened.
    fn settle(&mut self, mut finding: Finding) -> Difference {
        let bytes = |value: &Option<Shown>| value.as_ref().map_or(0, |value| value.text().len());
        let cause = finding.cause.or_else(|| {
            self.inferred = self.inferred.saturating_add(bytes(&finding.control) + bytes(&finding.candidate));
            if self.inferred <= MAX_INFERRED { super::cause::infer(&finding) } else { None }
        });
        finding.shorten();
        Difference {
            kind: finding.kind,
            path: finding.path.into_owned(),
            control: finding.control.map(Shown::into_text),
            candidate: finding.candidate.map(Shown::into_text),
            severity: finding.severity,
            rule: finding.rule.map(|rule| rule.name().to_owned()),
            cause: cause.map(str::to_owned),
        }
    }

    /// Whether a difference that no rule is about needs no words any more; then it is counted. As many as a report keeps are kept, and
    /// nothing of the operator's own can silence it.
    pub fn only_counts(&mut self) -> bool {
        let full = self.found.differences.len() >= MAX_KEPT && !self.rules.has_own();
        if full {
            self.found.more = self.found.more.saturating_add(1);
        }
        full
    }

    /// Both origins failed alike: without differences that count, the pair proves nothing.
    pub fn both_failed(&mut self) {
        self.both_failed = true;
    }

    /// How many differences count so far.
    pub fn len(&self) -> usize {
        self.found.differences.len() + self.found.more as usize
    }

    /// Whether nothing that counts was found so far.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn finish(mut self) -> Comparison {
        self.found.outcome = match (self.found.differences.is_empty(), self.found.ignored.is_empty()) {
            (false, _) => Outcome::Mismatched,
            (true, false) => Outcome::Ignored,
            (true, true) if self.both_failed => Outcome::Inconclusive,
            (true, true) => Outcome::Matched,
        };
        self.found.hidden = self.hidden.finish();
        self.found
    }

    /// As [`Sink::finish`], but what was found cannot be held against new: both origins failed.
    pub fn finish_inconclusive(self) -> Comparison {
        let mut found = self.finish();
        found.outcome = Outcome::Inconclusive;
        found
    }
}
