//! A route: who answers it, and what is copied, asked again, tried again and bounded on the way.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, StatusCode};
use ipnet::IpNet;

use super::{BackendId, KeySource, Timeouts};
use crate::diff::Rules;
use crate::evidence::Gate;
use crate::routing::{Origin, Policy, Share};

#[derive(Debug)]
pub struct RouteSettings {
    pub name: Arc<str>,
    /// The paths that it is for, as written; `None`: all of them.
    pub path: Option<Arc<str>>,
    pub answer: Answer,
}

/// Who answers a route: the door itself, or a backend.
#[derive(Debug)]
pub enum Answer {
    Respond(StatusCode),
    Proxy(Box<Proxied>),
}

#[derive(Debug)]
pub struct Proxied {
    pub policy: Policy,
    /// What the buckets are salted with: the group's name, or the route's.
    pub salt: Arc<str>,
    pub legacy: BackendId,
    pub new: BackendId,
    /// The route's own timeouts; what is `None` is the backend's.
    pub timeouts: TimeoutOverrides,
    pub override_by: Option<Override>,
    pub mirror: MirrorSettings,
    pub noise: NoiseSettings,
    pub fallback: FallbackSettings,
    pub rate_limit: Option<RateLimit>,
    /// Bytes of request body; `None`: no bound.
    pub max_body: Option<u64>,
    pub rules: Arc<Rules>,
    pub gate: Gate,
}

impl Proxied {
    pub fn backend(&self, origin: Origin) -> BackendId {
        match origin {
            Origin::Legacy => self.legacy,
            Origin::New => self.new,
        }
    }
}

/// A route's `timeouts:` block, laid over its backend's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TimeoutOverrides {
    pub connect: Option<Duration>,
    pub first_byte: Option<Duration>,
    pub idle: Option<Duration>,
    pub total: Option<Duration>,
}

impl TimeoutOverrides {
    pub fn over(&self, backend: &Timeouts) -> Timeouts {
        Timeouts {
            connect: self.connect.unwrap_or(backend.connect),
            first_byte: self.first_byte.unwrap_or(backend.first_byte),
            idle: self.idle.unwrap_or(backend.idle),
            total: self.total.or(backend.total),
        }
    }
}

/// A tester's way to choose the origin, value `legacy` or `new`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    pub by: KeySource,
    /// Client addresses that may.
    pub from: Vec<IpNet>,
}

impl Override {
    pub fn allows(&self, client: IpAddr) -> bool {
        self.from.iter().any(|net| net.contains(&client))
    }
}

/// How copies of a route are bounded. Which sessions and methods are copied is in [`Policy`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MirrorSettings {
    /// Bytes of request body, and of each answer, that are kept for the copy and the comparison.
    pub max_body: usize,
    /// For the whole copy: connect, send, receive.
    pub timeout: Duration,
    /// Copies of this route under way.
    pub max_in_flight: usize,
}

/// What is asked beside the copies to tell noise from bugs. Only GET and HEAD are ever asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoiseSettings {
    /// Of the copied requests: both origins are asked again, and each is compared with itself.
    pub control: Share,
    /// Whether both are asked again after a mismatch.
    pub settle: bool,
    /// Requests that settling may send to each origin, of the copied ones; a small number is free.
    pub budget: Share,
}

impl NoiseSettings {
    pub fn is_off(&self) -> bool {
        !self.settle && self.control == Share::NONE
    }
}

/// When a request that `new` did not answer goes to legacy. With which methods is in [`Policy`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FallbackSettings {
    pub status: Vec<StatusCode>,
    /// A response header by which `new` says "not mine".
    pub header: Option<HeaderName>,
    pub connect_error: bool,
    pub timeout: bool,
    /// Bytes of request body that are kept for the replay.
    pub max_body: usize,
    /// When `new` is not even asked; `None`: it always is.
    pub breaker: Option<BreakerRules>,
}

/// When requests that may fall back go straight to legacy, because `new` keeps failing them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerRules {
    /// Of the requests in a window.
    pub failures: Share,
    /// That a window must have had before failures count.
    pub min_requests: u32,
    pub window: Duration,
    /// How long `new` is left alone before one request tries it.
    pub open: Duration,
}

/// How many requests of a route one asker may make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    pub requests: NonZeroU32,
    pub per: Duration,
    /// At once, after a pause.
    pub burst: NonZeroU32,
    pub by: RateBy,
    /// Of the answer to who asks too often.
    pub status: StatusCode,
}

/// Whose requests are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateBy {
    /// By address.
    Client,
    Session,
    /// Everybody's.
    Route,
}
