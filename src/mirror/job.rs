//! What the door hands over: the request as it was sent, the authoritative answer, and the snapshot both were made under.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http::HeaderMap;
use pingora::http::RequestHeader;

use crate::config::settings::Proxied;
use crate::diff::{Observation, Request};
use crate::live::{ProxiedRoute, RouteMeters, Snapshot};
use crate::routing::{Origin, RouteId};
use crate::trace::CopyTrace;
use crate::upstream::{Announcement, RawTarget};

/// Bytes that a job keeps alive beside heads and bodies, near enough.
const BOOKKEEPING: usize = 1024;
/// Bytes that a header line takes in a map, beside its text.
const LINE: usize = 128;
/// Maps that hold a request's lines: as they were asked, as they were sent, and how their names were written there.
const REQUEST_MAPS: usize = 3;

/// A route under the settings that a request was served with.
#[derive(Debug, Clone)]
pub struct RouteRef {
    pub snapshot: Arc<Snapshot>,
    pub route: RouteId,
}

/// One request to be copied and compared.
#[derive(Debug)]
pub struct MirrorJob {
    pub route: RouteRef,
    /// Whom the copy goes to.
    pub to: Origin,
    /// As the user asked: for the comparison and the sample.
    pub request: Request,
    /// As it was sent to the authoritative origin.
    pub head: Box<RequestHeader>,
    /// Of the head, if that cannot hold it.
    pub target: Option<RawTarget>,
    pub body: Bytes,
    /// What the user got.
    pub answer: Observation,
    /// From sending the request to the answer's last byte.
    pub answer_time: Duration,
    /// A hash of the session's key: tells one user from another, and no more.
    pub session: u64,
    pub at: SystemTime,
    /// When the answer was done: a copy much later would see another world.
    pub done: Instant,
    /// That the copy is a part of, if it is kept.
    pub trace: Option<CopyTrace>,
    /// What a backend that wants it is told of the client.
    pub announcement: Announcement,
}

impl MirrorJob {
    /// Bytes that the job keeps alive, near enough. Heads count: one may have thousands of lines.
    pub fn size(&self) -> usize {
        let (asked, answered) = (&self.head.headers, &self.answer.headers);
        let lines = REQUEST_MAPS * asked.len() + answered.len();
        let heads = LINE * lines + text(asked) + text(answered) + self.request.target.len();
        BOOKKEEPING + heads + self.body.len() + self.answer.body.len()
    }
}

/// Bytes of names and values, which the maps share.
fn text(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

impl RouteRef {
    pub fn name(&self) -> Option<&Arc<str>> {
        self.snapshot.route(self.route).map(|route| &route.name)
    }

    pub fn proxied(&self) -> Option<&Proxied> {
        self.snapshot.route(self.route)?.proxied()
    }

    pub fn meters(&self) -> Option<&Arc<RouteMeters>> {
        self.snapshot.meters(self.route)
    }

    pub fn stage(&self) -> &'static str {
        self.snapshot.effective_stage(self.route).map_or("", |stage| stage.as_str())
    }
}
