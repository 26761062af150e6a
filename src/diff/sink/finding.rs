//! What a comparer found at one place, before the rules decide on it.

use crate::diff::comparison::{Kind, Severity};
use crate::diff::rules::Rule;

/// Bytes of a value kept in a difference: enough to recognise it.
const MAX_SHOWN: usize = 320;

/// What a comparer found at one place.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    pub kind: Kind,
    pub path: String,
    pub control: Option<String>,
    pub candidate: Option<String>,
    pub severity: Severity,
    /// The rule that this is about: hidden if it is in force, named in the report otherwise.
    pub rule: Option<Rule>,
    /// How the one value became the other; without it, it is inferred from the values.
    pub cause: Option<&'static str>,
}

impl Finding {
    pub fn new(kind: Kind, path: impl Into<String>) -> Self {
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
    pub fn values(mut self, control: impl Into<String>, candidate: impl Into<String>) -> Self {
        self.control = Some(control.into());
        self.candidate = Some(candidate.into());
        self
    }

    /// Only legacy has it.
    #[must_use]
    pub fn only_control(mut self, control: impl Into<String>) -> Self {
        self.control = Some(control.into());
        self
    }

    /// Only new has it.
    #[must_use]
    pub fn only_candidate(mut self, candidate: impl Into<String>) -> Self {
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

    #[must_use]
    pub fn cause(mut self, cause: &'static str) -> Self {
        self.cause = Some(cause);
        self
    }
}

/// At most [`MAX_SHOWN`] bytes, cut between characters.
pub(super) fn shorten(mut value: String) -> String {
    if value.len() <= MAX_SHOWN {
        return value;
    }
    let whole = value.len();
    let cut = (0..=MAX_SHOWN).rev().find(|&at| value.is_char_boundary(at)).unwrap_or(0);
    value.truncate(cut);
    value.push_str(&format!("… ({whole} bytes)"));
    value
}
