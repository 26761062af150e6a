//! Rules limited to elements: the HTML comparer, which has the elements, tells which entries and selectors cover the one at a path.

use std::borrow::Cow;
use std::collections::HashMap;

use super::{Finding, Sink};
use crate::diff::rules::{Accept, Rule};
use crate::diff::shown::Shown;

/// What covers the element at a path.
#[derive(Debug, Clone, Default)]
pub(super) struct Covered {
    /// `accept: css:` entries, by their places in [`Rules::accepts`](crate::diff::rules::Rules::accepts).
    accepts: HashMap<String, Vec<usize>>,
    /// Selectors that rules are limited to.
    selectors: HashMap<String, Vec<String>>,
}

impl Sink<'_> {
    /// The `accept: css:` entries (their places in [`Rules::accepts`](crate::diff::rules::Rules::accepts)) that cover the element at a
    /// path.
    pub fn is_under(&mut self, path: &str, accepts: Vec<usize>) {
        if !accepts.is_empty() {
            self.covered.accepts.insert(path.to_owned(), accepts);
        }
    }

    /// The selectors of [`Rules::scoped_selectors`](crate::diff::rules::Rules::scoped_selectors) that cover the element at a path.
    pub fn is_within(&mut self, path: &str, selectors: Vec<String>) {
        if !selectors.is_empty() {
            self.covered.selectors.insert(path.to_owned(), selectors);
        }
    }

    /// Is the rule in force at a path, or in the element that stands there?
    pub(super) fn reaches(&self, rule: Rule, path: &str) -> bool {
        let selectors = self.covered.selectors.get(path);
        self.rules.is_on_at(rule, path) || selectors.is_some_and(|known| self.rules.is_on_under(rule, known))
    }

    /// Whether a rule is in force for a finding: there, and for what that side did.
    pub(super) fn covers(&self, rule: Rule, finding: &Finding) -> bool {
        let does = |rule| {
            let (control, candidate) = (text(&finding.control), text(&finding.candidate));
            self.rules.is_on_for(rule, control.as_deref(), candidate.as_deref())
        };
        self.reaches(rule, &finding.path) && (!self.rules.is_sided(rule) || does(rule))
    }

    /// Whether the operator accepted a finding: there, and with these values.
    pub(super) fn accepts(&self, accept: &Accept, finding: &Finding) -> bool {
        (accept.at.covers(&finding.path) || self.stands_under(accept, &finding.path))
            && says(accept.was.as_deref(), text(&finding.control).as_deref())
            && says(accept.is.as_deref(), text(&finding.candidate).as_deref())
    }

    fn stands_under(&self, accept: &Accept, path: &str) -> bool {
        let under = self.covered.accepts.get(path);
        under.is_some_and(|places| places.iter().any(|at| self.rules.accepts().get(*at) == Some(accept)))
    }
}

fn text(value: &Option<Shown>) -> Option<Cow<'_, str>> {
    value.as_ref().map(Shown::text)
}

/// Whether a value is what `was` or `is` says: as printed, or the text of a JSON string.
fn says(wanted: Option<&str>, found: Option<&str>) -> bool {
    let Some(wanted) = wanted else { return true };
    let found = found.unwrap_or_default();
    found == wanted || serde_json::from_str::<String>(found).is_ok_and(|text| text == wanted)
}
