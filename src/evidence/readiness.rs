//! The verdict: is a route safe to flip? Pure.

use serde::{Deserialize, Serialize};

/// The `readiness:` block as written.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GateSpec {
    pub min_requests: Option<u64>,
}

/// What a route must show.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    pub min_requests: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    #[serde(rename = "ready")]
    Ready,
    #[serde(rename = "not yet")]
    NotYet,
    #[serde(rename = "inconclusive")]
    Inconclusive,
}
