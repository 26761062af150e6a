//! The one `match` that turns a stage and a bucket into a [`Plan`]. Nothing else in the crate branches on a stage.

use serde::{Deserialize, Serialize};

use super::bucket::{Bucket, Share};

/// One of the two stacks a site is served by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    Legacy,
    New,
}

/// Where a route is in its life: one word in the config file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Legacy answers, nobody gets a copy.
    Legacy,
    /// Legacy answers, new gets a copy.
    Shadow,
    /// New answers for `weight` of the sessions, legacy for the rest; the other one may get a copy.
    Canary,
    /// New answers; legacy may get a copy and may be fallen back to.
    New,
}

/// A set of HTTP methods; at most a handful, so a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MethodSet(Vec<http::Method>);

impl FromIterator<http::Method> for MethodSet {
    fn from_iter<I: IntoIterator<Item = http::Method>>(methods: I) -> Self {
        Self(methods.into_iter().collect())
    }
}

impl MethodSet {
    pub fn contains(&self, method: &http::Method) -> bool {
        self.0.contains(method)
    }

    pub fn iter(&self) -> impl Iterator<Item = &http::Method> {
        self.0.iter()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What the operator said of a route, as far as it decides who answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    pub stage: Stage,
    /// Share of sessions that `new` answers at stage canary.
    pub weight: Share,
    /// Share of sessions whose requests are copied; `None`: the route has no mirror.
    pub mirror: Option<Share>,
    /// Methods that may be copied.
    pub mirror_methods: MethodSet,
    /// Whether a request that `new` does not answer may go to legacy, and with which methods.
    pub fallback_methods: Option<MethodSet>,
}

/// What one request asks of a [`Policy`].
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    pub bucket: Bucket,
    pub method: &'a http::Method,
    /// The origin a tester asked for by the route's override; the caller has checked that the tester may.
    pub override_to: Option<Origin>,
    /// The request asks for another protocol (WebSocket): never copied, never replayed.
    pub upgrade: bool,
    /// A rollback is in force: legacy answers, whatever the stage says, and nobody gets a copy.
    pub rolled_back: bool,
}

/// What is to be done with one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Its answer goes to the user.
    pub authoritative: Origin,
    /// Gets the copy.
    pub mirror: Option<Origin>,
    /// Answers when the authoritative one does not.
    pub fallback: Option<Origin>,
}

impl Policy {
    /// Decides who answers one request, who gets a copy, and who may stand in.
    pub fn plan(&self, asked: &Asked<'_>) -> Plan {
        let _ = asked;
        Plan { authoritative: Origin::Legacy, mirror: None, fallback: None }
    }
}
