//! What a comparer found at one place, before the rules decide on it.

use std::borrow::Cow;

use crate::diff::comparison::{Kind, Severity};
use crate::diff::rules::Rule;
use crate::diff::shown::Shown;

/// Bytes of a value kept in a difference: enough to recognise it.
const MAX_SHOWN: usize = 320;

/// What a comparer found at one place.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    pub kind: Kind,
    pub path: Cow<'static, str>,
    pub control: Option<Shown>,
    pub candidate: Option<Shown>,
    pub severity: Severity,
    /// The rule that this is about: hidden if it is in force, named in the report otherwise.
    pub rule: Option<Rule>,
    /// How the one value became the other; without it, it is inferred from the values.
    pub cause: Option<&'static str>,
}

impl Finding {
    pub fn new(kind: Kind, path: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            path: path.into(),
            control: None,
            candidate: None,
            severity: Severity::High,
            rule: None,
            cause: None,
        }
    }

    #[must_use]
    pub fn values(mut self, control: impl Into<Shown>, candidate: impl Into<Shown>) -> Self {
        self.control = Some(control.into());
        self.candidate = Some(candidate.into());
        self
    }

    /// What each has, if it has anything.
    #[must_use]
    #[inline]
    pub fn sides(mut self, control: Option<impl Into<Shown>>, candidate: Option<impl Into<Shown>>) -> Self {
        self.control = control.map(Into::into);
        self.candidate = candidate.map(Into::into);
        self
    }

    /// Only legacy has it.
    #[must_use]
    pub fn only_control(mut self, control: impl Into<Shown>) -> Self {
        self.control = Some(control.into());
        self
    }

    /// Only new has it.
    #[must_use]
    pub fn only_candidate(mut self, candidate: impl Into<Shown>) -> Self {
        self.candidate = Some(candidate.into());
        self
    }

    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// A rule that would hide it; the severity becomes low.
    #[must_use]
    pub fn rule(mut self, rule: Rule) -> Self {
        self.rule = Some(rule);
        self.severity = Severity::Low;
        self
    }

    /// Its values no longer than they are kept.
    pub(super) fn shorten(&mut self) {
        self.control.iter_mut().chain(&mut self.candidate).for_each(shorten);
    }

    #[must_use]
    pub fn cause(mut self, cause: &'static str) -> Self {
        self.cause = Some(cause);
        self
    }
}

/// At most [`MAX_SHOWN`] bytes, cut between characters.
fn shorten(value: &mut Shown) {
    if value.size() <= MAX_SHOWN {
        return;
    }
    let text = value.text();
    if text.len() > MAX_SHOWN {
        let cut = text.floor_char_boundary(MAX_SHOWN);
        *value = format!("{}… ({} bytes)", text.get(..cut).unwrap_or_default(), text.len()).into();
    }
}
