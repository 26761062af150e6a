//! What the config says of a route, as far as its evidence is read with it: kept in the store, so that a report needs no config.

use serde::{Deserialize, Serialize};

use super::Gate;
use crate::diff::OwnRule;

/// One route as it stands in the config.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RouteFact {
    pub name: String,
    /// The stage's word.
    pub stage: String,
    /// Percent of the sessions that new answers, where the stage has a weight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<f64>,
    /// Whether any request of it is copied, so that evidence is to be expected.
    pub mirrored: bool,
    pub gate: Gate,
    /// The operator's own entries of its `diff:` block.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<OwnRule>,
    /// Where legacy and new can be asked, `http://host:port`, for the curl lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legacy_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_url: Option<String>,
}

impl RouteFact {
    /// `shadow`, `canary 10 %`.
    pub fn stage_and_weight(&self) -> String {
        match self.weight {
            Some(weight) => format!("{} {weight} %", self.stage),
            None => self.stage.clone(),
        }
    }
}
