//! The outcome of comparing one pair.

use serde::{Deserialize, Serialize};

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

/// What sort of difference it is; a part of its fingerprint. Printed in snake_case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Status,
}

/// One place where the two answers differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    pub kind: Kind,
    /// Field path: `status`, `header:Vary`, `cookie:AURSID`, a JSON pointer (`/results/3/Name`), or a CSS selector.
    pub path: String,
    /// What legacy has there, shortened; `None`: nothing.
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

/// How often a rule hid something in one pair, with the newest example.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hidden {
    pub rule: String,
    pub count: u32,
    pub example_path: String,
}

/// What comparing one pair said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    pub outcome: Outcome,
    /// Differences that count (outcome mismatched or inconclusive).
    pub differences: Vec<Difference>,
    /// Differences that the operator's own rules silenced.
    pub ignored: Vec<Difference>,
    /// What rules hid, each counted.
    pub hidden: Vec<Hidden>,
}
