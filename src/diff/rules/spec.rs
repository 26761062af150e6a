//! The `diff:` block as written. Every key is optional; names are a contract with operators' files.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::side::Side;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RulesSpec {
    /// `php` (default): all cosmetic rules on. `none`: all off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
    /// Single rules by name: `{json_slash_escape: off}`, or only at places: `{json_key_order: {at: [/results]}}`,
    /// or only what one side does: `{json_slash_escape: {side: legacy}}`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub rules: BTreeMap<String, SwitchSpec>,
    /// Places whose differences do not count: JSON pointers, `header:NAME`, `cookie:NAME`, `css:SELECTOR`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore: Option<OneOrMany>,
    /// Arrays whose order does not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unordered: Option<OneOrMany>,
    /// Arrays whose elements are paired by a member: `{/results: ID}`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub match_by: BTreeMap<String, String>,
    /// Intended differences.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub accept: Vec<AcceptSpec>,
    /// `strict`: the order of object members counts. Default `any`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_order: Option<String>,
    /// Numbers this close are equal: `1e-9`, or `{absolute: 0.01, relative: 1e-6}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub float_tolerance: Option<ToleranceSpec>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bigint_float: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub numeric_strings: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub empty_array_object: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub null_missing: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date_formats: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_body: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method_strictness: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id_presence: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub html_comments: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doctype: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nbsp: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub own_host_links: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub xml_decl: Option<bool>,
    /// CSRF tokens: `true` for those with a well-known name, or CSS selectors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub csrf: Option<SelectSpec>,
    /// `?v=` and build ids of assets: `true`, or CSS selectors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asset_version: Option<SelectSpec>,
}

/// `on`, `off`, or on at some places, or for one side, only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SwitchSpec {
    Bool(bool),
    Word(String),
    Scoped(ScopedSpec),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScopedSpec {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<OneOrMany>,
    /// Only what this side does: `legacy` or `new`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side: Option<Side>,
}

/// `x` means `[x]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    pub fn items(&self) -> &[String] {
        match self {
            Self::One(item) => std::slice::from_ref(item),
            Self::Many(items) => items,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ToleranceSpec {
    Absolute(f64),
    Both(BothTolerances),
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BothTolerances {
    pub absolute: Option<f64>,
    pub relative: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SelectSpec {
    Bool(bool),
    Selectors(OneOrMany),
}

/// One intended difference, with the reason why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcceptSpec {
    /// Where: as in `ignore`.
    pub at: String,
    /// Only if legacy has this there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
    /// Only if new has this there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is: Option<String>,
    pub reason: String,
    /// Last day it is accepted, `2026-12-31`, in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}
