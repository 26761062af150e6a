//! Cosmetic rules at work: what they hide, how often, and the first place of each as its example.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::Sink;
use super::finding::Finding;
use crate::diff::comparison::Hidden;
use crate::diff::rules::Rule;
use crate::diff::shown::Shown;

/// Rules that hide something in an ordinary pair.
const FEW: usize = 12;

/// What the two have there, where that is at hand.
type Values = (Option<Shown>, Option<Shown>);

/// What was hidden so far.
#[derive(Debug, Clone)]
pub(super) struct HiddenSoFar {
    counts: [u32; Rule::COUNT],
    /// One per rule that hid something, and which rule that is.
    examples: Vec<Hidden>,
    rules: SmallVec<[Rule; FEW]>,
}

impl Default for HiddenSoFar {
    fn default() -> Self {
        Self { counts: [0; Rule::COUNT], examples: Vec::new(), rules: SmallVec::new() }
    }
}

impl HiddenSoFar {
    /// Whether a rule hid something already.
    #[inline]
    fn has(&self, rule: Rule) -> bool {
        self.counts.get(rule as usize).is_some_and(|count| *count > 0)
    }

    #[inline]
    fn count(&mut self, rule: Rule, times: u32) {
        if let Some(count) = self.counts.get_mut(rule as usize) {
            *count = count.saturating_add(times);
        }
    }

    /// What a rule hid first.
    fn show(&mut self, rule: Rule, path: Cow<'static, str>, (control, candidate): Values) {
        if self.examples.is_empty() {
            self.examples.reserve_exact(FEW);
        }
        self.examples.push(Hidden { rule: rule.name().into(), count: 0, example_path: path, control, candidate });
        self.rules.push(rule);
    }

    /// The example of a rule that hid something.
    fn example(&mut self, rule: Rule) -> Option<&mut Hidden> {
        let at = self.rules.iter().position(|known| *known == rule)?;
        self.examples.get_mut(at)
    }

    /// One example per rule, with its count.
    pub fn finish(mut self) -> Vec<Hidden> {
        for (rule, hidden) in self.rules.iter().zip(&mut self.examples) {
            hidden.count = self.counts.get(*rule as usize).copied().unwrap_or(0);
        }
        self.examples
    }
}

impl Sink<'_> {
    /// Asks a cosmetic rule to hide what differs at `path`. If it is in force there, that is counted and the answer is yes;
    /// if not, the caller reports the difference with `.rule(rule)`: a rule of one side is asked again there, with both values.
    #[must_use]
    pub fn hides(&mut self, rule: Rule, path: impl FnOnce() -> String) -> bool {
        if !self.rules.is_on(rule) || self.rules.is_sided(rule) {
            return false;
        }
        if self.hidden.has(rule) && !self.rules.is_scoped(rule) {
            self.hidden.count(rule, 1);
            return true;
        }
        let path = path();
        if !self.reaches(rule, &path) {
            return false;
        }
        if !self.hidden.has(rule) {
            self.hidden.show(rule, path.into(), (None, None));
        }
        self.hidden.count(rule, 1);
        true
    }

    /// Counts what was hidden, so many times, by a rule that was asked before and is in force everywhere.
    pub fn hides_times(&mut self, rule: Rule, count: u32, first: impl FnOnce() -> String) {
        if !self.hidden.has(rule) {
            self.hidden.show(rule, first().into(), (None, None));
        }
        self.hidden.count(rule, count);
    }

    /// Counts once more what a rule hides that is in force everywhere and has its example. `false`: it is not, or has none.
    pub fn hides_again(&mut self, rule: Rule) -> bool {
        let everywhere = self.rules.is_on(rule) && !self.rules.is_sided(rule) && !self.rules.is_scoped(rule);
        let again = everywhere && self.hidden.has(rule);
        if again {
            self.hidden.count(rule, 1);
        }
        again
    }

    /// Counts a finding that a rule hides. The first of a rule is its example; where that was told without values at the same place,
    /// it gets these.
    pub(super) fn hide(&mut self, rule: Rule, mut finding: Finding) {
        finding.shorten();
        let Finding { path, control, candidate, .. } = finding;
        if !self.hidden.has(rule) {
            self.hidden.show(rule, path, (control, candidate));
        } else if let Some(shown) = self.hidden.example(rule)
            && shown.example_path == path
            && shown.control.is_none()
            && shown.candidate.is_none()
        {
            (shown.control, shown.candidate) = (control, candidate);
        }
        self.hidden.count(rule, 1);
    }
}
