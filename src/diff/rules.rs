//! The `diff:` block of a route, as written and as compiled.

use serde::{Deserialize, Serialize};

/// The `diff:` block as written.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RulesSpec {
    pub preset: Option<String>,
}

/// The `diff:` block as compiled.
#[derive(Debug, Clone, Default)]
pub struct Rules {}

/// One mistake in a `diff:` block: where (keys below `diff`, such as `["ignore", "0"]`) and what.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RuleError {
    pub at: Vec<String>,
    pub message: String,
}

impl Rules {
    /// # Errors
    /// Every mistake of the block at once.
    pub fn compile(spec: &RulesSpec) -> Result<Self, Vec<RuleError>> {
        let _ = spec;
        Ok(Self {})
    }
}
