//! A route as written, and the `defaults` that every route is laid over.

use serde::Deserialize;

use super::{Entries, Percent, Size, Text, Time, TimeoutsSpec, written};
use crate::diff::RulesSpec;
use crate::evidence::GateSpec;
use crate::routing::Stage;

/// What every route is laid over, and the route of what matches none.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a mapping with keys such as stage, mirror and fallback")]
pub struct DefaultsSpec {
    #[serde(deserialize_with = "written")]
    pub stage: Option<Stage>,
    #[serde(deserialize_with = "written")]
    pub legacy: Option<Text>,
    #[serde(deserialize_with = "written")]
    pub new: Option<Text>,
    #[serde(deserialize_with = "written")]
    pub canary: Option<CanarySpec>,
    #[serde(deserialize_with = "written")]
    pub mirror: Option<MirrorSpec>,
    #[serde(deserialize_with = "written")]
    pub fallback: Option<FallbackSpec>,
    #[serde(deserialize_with = "written")]
    pub diff: Option<RulesSpec>,
    #[serde(deserialize_with = "written")]
    pub noise: Option<NoiseSpec>,
    #[serde(deserialize_with = "written")]
    pub readiness: Option<GateSpec>,
    #[serde(deserialize_with = "written")]
    pub timeouts: Option<TimeoutsSpec>,
    #[serde(deserialize_with = "written")]
    pub limits: Option<RouteLimitsSpec>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a mapping with keys such as name, match and stage")]
pub struct RouteSpec {
    #[serde(deserialize_with = "written")]
    pub name: Option<Text>,
    #[serde(deserialize_with = "written")]
    pub r#match: Option<MatchSpec>,
    /// Instead of a stage.
    #[serde(deserialize_with = "written")]
    pub respond: Option<RespondSpec>,
    #[serde(deserialize_with = "written")]
    pub stage: Option<Stage>,
    /// Routes of one group place a session alike.
    #[serde(deserialize_with = "written")]
    pub group: Option<Text>,
    #[serde(deserialize_with = "written")]
    pub legacy: Option<Text>,
    #[serde(deserialize_with = "written")]
    pub new: Option<Text>,
    /// A sibling of `stage: canary`, so that flipping the stage back loses no settings.
    #[serde(deserialize_with = "written")]
    pub canary: Option<CanarySpec>,
    #[serde(deserialize_with = "written")]
    pub mirror: Option<MirrorSpec>,
    #[serde(deserialize_with = "written")]
    pub fallback: Option<FallbackSpec>,
    #[serde(deserialize_with = "written")]
    pub diff: Option<RulesSpec>,
    #[serde(deserialize_with = "written")]
    pub noise: Option<NoiseSpec>,
    #[serde(deserialize_with = "written")]
    pub readiness: Option<GateSpec>,
    #[serde(deserialize_with = "written")]
    pub timeouts: Option<TimeoutsSpec>,
    #[serde(deserialize_with = "written")]
    pub limits: Option<RouteLimitsSpec>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a mapping with keys such as path and methods")]
pub struct MatchSpec {
    #[serde(deserialize_with = "written")]
    pub hosts: Option<Vec<Text>>,
    #[serde(deserialize_with = "written")]
    pub path: Option<PathSpec>,
    #[serde(deserialize_with = "written")]
    pub methods: Option<Vec<Text>>,
    #[serde(deserialize_with = "written")]
    pub headers: Option<Entries<Text>>,
    #[serde(deserialize_with = "written")]
    pub query: Option<Entries<Text>>,
    #[serde(deserialize_with = "written")]
    pub cookies: Option<Entries<Text>>,
}

/// Exactly one of its keys.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a mapping with one key: exact, prefix, template or regex")]
pub struct PathSpec {
    #[serde(deserialize_with = "written")]
    pub exact: Option<Text>,
    #[serde(deserialize_with = "written")]
    pub prefix: Option<Text>,
    #[serde(deserialize_with = "written")]
    pub template: Option<Text>,
    #[serde(deserialize_with = "written")]
    pub regex: Option<Text>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a mapping with the key status")]
pub struct RespondSpec {
    #[serde(deserialize_with = "written")]
    pub status: Option<u64>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a mapping with the keys weight and override")]
pub struct CanarySpec {
    #[serde(deserialize_with = "written")]
    pub weight: Option<Percent>,
    #[serde(deserialize_with = "written")]
    pub r#override: Option<OverrideSpec>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a mapping with the key header or cookie, and from")]
pub struct OverrideSpec {
    #[serde(deserialize_with = "written")]
    pub header: Option<Text>,
    #[serde(deserialize_with = "written")]
    pub cookie: Option<Text>,
    #[serde(deserialize_with = "written")]
    pub from: Option<Vec<Text>>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a mapping with keys such as percent and methods")]
pub struct MirrorSpec {
    #[serde(deserialize_with = "written")]
    pub percent: Option<Percent>,
    #[serde(deserialize_with = "written")]
    pub methods: Option<Vec<Text>>,
    #[serde(deserialize_with = "written")]
    pub max_body: Option<Size>,
    #[serde(deserialize_with = "written")]
    pub timeout: Option<Time>,
    #[serde(deserialize_with = "written")]
    pub max_in_flight: Option<u64>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a mapping with the keys percent, settle and budget")]
pub struct NoiseSpec {
    #[serde(deserialize_with = "written")]
    pub percent: Option<Percent>,
    #[serde(deserialize_with = "written")]
    pub settle: Option<bool>,
    #[serde(deserialize_with = "written")]
    pub budget: Option<Percent>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a mapping with the keys on, methods, max_body and breaker")]
pub struct FallbackSpec {
    #[serde(deserialize_with = "written")]
    pub on: Option<FallbackOnSpec>,
    #[serde(deserialize_with = "written")]
    pub methods: Option<Vec<Text>>,
    #[serde(deserialize_with = "written")]
    pub max_body: Option<Size>,
    #[serde(deserialize_with = "written")]
    pub breaker: Option<BreakerSpec>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a mapping with the keys failures, min_requests, window and open")]
pub struct BreakerSpec {
    #[serde(deserialize_with = "written")]
    pub failures: Option<Percent>,
    #[serde(deserialize_with = "written")]
    pub min_requests: Option<u64>,
    #[serde(deserialize_with = "written")]
    pub window: Option<Time>,
    #[serde(deserialize_with = "written")]
    pub open: Option<Time>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a mapping with the keys max_body and rate")]
pub struct RouteLimitsSpec {
    #[serde(deserialize_with = "written")]
    pub max_body: Option<Size>,
    #[serde(deserialize_with = "written")]
    pub rate: Option<RateSpec>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a mapping with the keys requests, per, burst, by and status")]
pub struct RateSpec {
    #[serde(deserialize_with = "written")]
    pub requests: Option<u64>,
    #[serde(deserialize_with = "written")]
    pub per: Option<Time>,
    #[serde(deserialize_with = "written")]
    pub burst: Option<u64>,
    #[serde(deserialize_with = "written")]
    pub by: Option<Text>,
    #[serde(deserialize_with = "written")]
    pub status: Option<u64>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a mapping with keys such as status and connect_error")]
pub struct FallbackOnSpec {
    #[serde(deserialize_with = "written")]
    pub status: Option<Vec<u64>>,
    #[serde(deserialize_with = "written")]
    pub header: Option<Text>,
    #[serde(deserialize_with = "written")]
    pub connect_error: Option<bool>,
    #[serde(deserialize_with = "written")]
    pub timeout: Option<bool>,
}
