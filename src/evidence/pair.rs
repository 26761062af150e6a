//! What the mirror hands over: both answers, or the reason why there is only one.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::diff::{Observation, Request, Rules};
use crate::routing::Origin;

/// Why a sampled request proves nothing. Each is counted under its own name, never as a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unproven {
    /// The mirror's queue or its byte budget was full.
    QueueFull,
    /// `mirror.max_in_flight` copies of the route were under way.
    InFlight,
    /// The backend had no room for a copy beside its users.
    BackendBusy,
    /// So many copies of the route had failed in a row that this one was not sent.
    HeldBack,
    /// The request body was larger than `mirror.max_body`.
    RequestTooLarge,
    /// One of the answers was larger than `mirror.max_body`.
    ResponseTooLarge,
    /// The request asked for a range: equal parts of unequal wholes would prove nothing.
    Range,
    /// The user went away, or the authoritative answer broke off, before it was whole.
    Aborted,
    /// The copy had no answer within `mirror.timeout`.
    Timeout,
    /// The copy could not connect.
    ConnectError,
    /// The copy's connection broke, or what came was not HTTP.
    BrokenResponse,
    /// Both origins failed alike.
    BothFailed,
    /// The route was served by its fallback: the answers are of one origin.
    FellBack,
    /// The door stopped before the copy was sent.
    Shutdown,
    /// The comparer itself failed on the pair: a bug of this program, not of the site.
    ComparerFailed,
}

impl Unproven {
    pub const ALL: [Self; 15] = [
        Self::QueueFull,
        Self::InFlight,
        Self::BackendBusy,
        Self::HeldBack,
        Self::RequestTooLarge,
        Self::ResponseTooLarge,
        Self::Range,
        Self::Aborted,
        Self::Timeout,
        Self::ConnectError,
        Self::BrokenResponse,
        Self::BothFailed,
        Self::FellBack,
        Self::Shutdown,
        Self::ComparerFailed,
    ];

    /// As in reports, metrics and the store.
    pub fn name(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::InFlight => "in_flight",
            Self::BackendBusy => "backend_busy",
            Self::HeldBack => "held_back",
            Self::RequestTooLarge => "request_too_large",
            Self::ResponseTooLarge => "response_too_large",
            Self::Range => "range",
            Self::Aborted => "aborted",
            Self::Timeout => "timeout",
            Self::ConnectError => "connect_error",
            Self::BrokenResponse => "broken_response",
            Self::BothFailed => "both_failed",
            Self::FellBack => "fell_back",
            Self::Shutdown => "shutdown",
            Self::ComparerFailed => "comparer_failed",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }
}

/// Both answers to one sampled request.
#[derive(Debug, Clone)]
pub struct Pair {
    pub route: Arc<str>,
    pub stage: &'static str,
    pub request: Request,
    /// The request body, for the reproduction; empty for most.
    pub request_body: bytes::Bytes,
    /// Whose answer the user got.
    pub authoritative: Origin,
    /// Legacy's answer.
    pub control: Observation,
    /// New's answer.
    pub candidate: Observation,
    pub control_time: Duration,
    pub candidate_time: Duration,
    pub at: SystemTime,
    pub rules: Arc<Rules>,
    /// Cookies' and headers' names whose values are the session: a hash of it tells one user from another, no more is kept.
    pub session: u64,
}

impl Pair {
    /// Neither answered: what they say proves nothing.
    pub fn both_failed(&self) -> bool {
        self.control.status.is_server_error() && self.candidate.status.is_server_error()
    }
}
