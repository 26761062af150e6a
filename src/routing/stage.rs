//! The one `match` that turns a stage and a bucket into a [`Plan`]. Nothing else in the crate branches on a stage.
//!
//! It does not know what a backend, a time-out or a status is: whether a planned fallback is taken is decided by whoever
//! sees the answer. Where the bucket comes from: [`super::bucket`].

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::bucket::{Bucket, Share};

/// One of the two stacks a site is served by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    Legacy,
    New,
}

impl Origin {
    pub const ALL: [Self; 2] = [Self::Legacy, Self::New];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Legacy => "legacy",
            Self::New => "new",
        }
    }

    pub const fn other(self) -> Self {
        match self {
            Self::Legacy => Self::New,
            Self::New => Self::Legacy,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that names no origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("want an origin: legacy or new; found {found:?}")]
pub struct UnknownOrigin {
    pub found: String,
}

impl FromStr for Origin {
    type Err = UnknownOrigin;

    fn from_str(word: &str) -> Result<Self, UnknownOrigin> {
        let named = Self::ALL.into_iter().find(|origin| origin.as_str() == word);
        named.ok_or_else(|| UnknownOrigin { found: word.to_owned() })
    }
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

impl Stage {
    /// In the order of a route's life.
    pub const ALL: [Self; 4] = [Self::Legacy, Self::Shadow, Self::Canary, Self::New];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Legacy => "legacy",
            Self::Shadow => "shadow",
            Self::Canary => "canary",
            Self::New => "new",
        }
    }

    /// Whether requests may be copied at this stage, so that evidence is to be expected.
    pub const fn may_mirror(self) -> bool {
        !matches!(self, Self::Legacy)
    }

    /// Whether `new` may be asked first, so that legacy may have to stand in for it.
    pub const fn may_fall_back(self) -> bool {
        matches!(self, Self::Canary | Self::New)
    }

    /// Whether a weight says how many sessions `new` answers.
    pub const fn has_weight(self) -> bool {
        matches!(self, Self::Canary)
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that names no stage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("want a stage: legacy, shadow, canary or new; found {found:?}")]
pub struct UnknownStage {
    pub found: String,
}

impl FromStr for Stage {
    type Err = UnknownStage;

    fn from_str(word: &str) -> Result<Self, UnknownStage> {
        let named = Self::ALL.into_iter().find(|stage| stage.as_str() == word);
        named.ok_or_else(|| UnknownStage { found: word.to_owned() })
    }
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

impl Plan {
    /// Legacy answers, alone: the plan of a rollback, and of a route that is not ported.
    pub const LEGACY_ALONE: Self = Self { authoritative: Origin::Legacy, mirror: None, fallback: None };
}

impl Policy {
    /// Decides who answers one request, who gets a copy, and who may stand in.
    ///
    /// A rollback beats everything. A tester's override counts at stage canary only: before it, `new` is not meant to
    /// answer anybody, and after it nobody is meant to stay behind.
    pub fn plan(&self, asked: &Asked<'_>) -> Plan {
        if asked.rolled_back {
            return Plan::LEGACY_ALONE;
        }
        match self.stage {
            Stage::Legacy => Plan::LEGACY_ALONE,
            Stage::Shadow => self.answered_by(Origin::Legacy, asked),
            Stage::Canary => self.answered_by(self.side_of(asked), asked),
            Stage::New => self.answered_by(Origin::New, asked),
        }
    }

    fn side_of(&self, asked: &Asked<'_>) -> Origin {
        match asked.override_to {
            Some(chosen) => chosen,
            None if self.weight.holds_low(asked.bucket) => Origin::New,
            None => Origin::Legacy,
        }
    }

    fn answered_by(&self, authoritative: Origin, asked: &Asked<'_>) -> Plan {
        Plan {
            authoritative,
            mirror: self.may_copy(asked).then(|| authoritative.other()),
            fallback: (authoritative == Origin::New && self.may_fall_back(asked)).then_some(Origin::Legacy),
        }
    }

    fn may_copy(&self, asked: &Asked<'_>) -> bool {
        let drawn = self.mirror.is_some_and(|share| share.holds_high(asked.bucket));
        drawn && !asked.upgrade && self.mirror_methods.contains(asked.method)
    }

    fn may_fall_back(&self, asked: &Asked<'_>) -> bool {
        let allowed = self.fallback_methods.as_ref().is_some_and(|methods| methods.contains(asked.method));
        allowed && !asked.upgrade
    }
}

#[cfg(test)]
mod tests;
