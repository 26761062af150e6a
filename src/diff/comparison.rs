//! The outcome of comparing one pair.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::shown::Shown;

/// What a compared pair counts as.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Equal, or equal but for cosmetic rules (each counted in [`Comparison::hidden`]).
    #[default]
    Matched,
    /// Differs, but only where the operator's own rules silence it.
    Ignored,
    /// Differs.
    Mismatched,
    /// Both origins failed alike: proves nothing.
    Inconclusive,
}

impl Outcome {
    pub const ALL: [Self; 4] = [Self::Matched, Self::Ignored, Self::Mismatched, Self::Inconclusive];
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Reported, but an option exists that would silence it by name.
    Low,
    /// A user may notice.
    Medium,
    /// Wrong data, wrong status, lost protection.
    High,
    /// Legacy answered and new failed.
    Critical,
}

/// What sort of difference it is; a part of its fingerprint. Printed in snake_case, never renamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The status codes differ.
    Status,
    /// Legacy says that there is nothing (404, 405, 410), new answers: something may have become public.
    NewOnly,
    /// Legacy answers, new says that there is nothing (404, 405, 410, 422).
    Lost,
    /// The redirect leads elsewhere.
    Redirect,
    /// A header is missing, added, or means something else.
    Header,
    /// A cookie is missing, added, or means something else.
    Cookie,
    /// Media type or charset.
    ContentType,
    /// Legacy has it, new does not.
    Missing,
    /// New has it, legacy does not.
    Extra,
    /// A value of another type.
    Type,
    /// Another value of the same type.
    Value,
    /// The same elements in another order.
    Order,
    /// Text that a user reads.
    Text,
    /// An attribute of an element.
    Attribute,
    /// Another shape: not the same sort of document, duplicate keys, other elements.
    Structure,
    /// The bodies differ as a whole: one is empty, is binary, or is not what it says.
    Body,
    /// One body ends early.
    Truncated,
    /// Content coding or charset that cannot be undone.
    Encoding,
    /// The bodies are too large or too unlike to be told apart within the budget.
    TooDifferent,
}

impl Kind {
    /// As it is printed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::NewOnly => "new_only",
            Self::Lost => "lost",
            Self::Redirect => "redirect",
            Self::Header => "header",
            Self::Cookie => "cookie",
            Self::ContentType => "content_type",
            Self::Missing => "missing",
            Self::Extra => "extra",
            Self::Type => "type",
            Self::Value => "value",
            Self::Order => "order",
            Self::Text => "text",
            Self::Attribute => "attribute",
            Self::Structure => "structure",
            Self::Body => "body",
            Self::Truncated => "truncated",
            Self::Encoding => "encoding",
            Self::TooDifferent => "too_different",
        }
    }
}

/// One place where the two answers differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    pub kind: Kind,
    /// Field path: `status`, `header:Vary`, `cookie:AURSID`, a JSON pointer (`/results/3/Name`; empty: the root), or a CSS selector.
    pub path: String,
    /// What legacy has there, shortened; `None`: nothing. JSON values as JSON text.
    pub control: Option<String>,
    /// What new has there, shortened; `None`: nothing.
    pub candidate: Option<String>,
    pub severity: Severity,
    /// The option that would silence it, or, on an ignored one, the rule that did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rule: Option<String>,
    /// What turned the one value into the other, where it can be told: `escaped_twice`, `none_printed`, `rounded`…
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cause: Option<String>,
}

/// How often a rule hid something in one pair, with one example.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hidden {
    pub rule: Cow<'static, str>,
    pub count: u32,
    pub example_path: Cow<'static, str>,
    /// What the two have there, where the comparer had it at hand.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub control: Option<Shown>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub candidate: Option<Shown>,
}

/// What one of the operator's own rules did in one pair.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// As [`super::Rules::own`] names it.
    pub rule: String,
    /// Differences it silenced. 0: it was met (an array that it names differs) and had nothing to silence.
    pub count: u32,
    /// Its last day is over: it silenced nothing, and these differences count.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub expired: bool,
    pub path: String,
    pub control: Option<String>,
    pub candidate: Option<String>,
    /// The distinct places it covered, indexes collapsed; at most [`super::sink::MAX_PLACES`].
    pub places: Vec<String>,
}

/// What comparing one pair said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    pub outcome: Outcome,
    /// Differences that count (outcome mismatched or inconclusive); at most [`super::sink::MAX_KEPT`].
    pub differences: Vec<Difference>,
    /// Differences that the operator's own rules silenced; as bounded.
    pub ignored: Vec<Difference>,
    /// What cosmetic rules hid, each counted.
    pub hidden: Vec<Hidden>,
    /// What the operator's own rules did, each counted.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub applied: Vec<Applied>,
    /// Differences found beyond those kept.
    #[serde(default)]
    pub more: u32,
}
