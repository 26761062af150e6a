//! What one request has become so far: the context that pingora carries from hook to hook.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::HeaderValue;
use pingora::http::RequestHeader;

use super::capture::Capture;
use super::client::Client;
use super::client_side::ClientSide;
use super::door::Upload;
use super::fallback::Course;
use super::traced::Trace;
use super::trouble::{BROKEN_RESPONSE, Trouble};
use super::tunnel::Gate;
use crate::config::session::{Decision, Placed};
use crate::config::settings::{Proxied, Timeouts};
use crate::evidence::Unproven;
use crate::live::{AnsweredBy, ProxiedRoute, RouteMeters, Snapshot};
use crate::mirror::{Mirror, RouteRef};
use crate::routing::{Origin, RouteId};
use crate::upstream::{Endpoint, RawTarget, Slot, Visit};

#[derive(Debug)]
pub struct Exchange {
    pub started: Instant,
    /// In force when the request came, and for as long as it lasts.
    pub snapshot: Arc<Snapshot>,
    pub client: Option<Client>,
    /// Of the request, where the library cannot hold it.
    pub target: Option<RawTarget>,
    /// Of the head: lines that the library was not shown.
    pub withheld_bytes: usize,
    /// What it is called in logs, at backends and in samples.
    pub request_id: Option<HeaderValue>,
    pub decision: Option<Decision>,
    pub attempt: Attempt,
    pub course: Course,
    /// Only while the request may still be copied.
    pub capture: Option<Box<Capture>>,
    /// Who then wants to know what became of it.
    pub mirror: Option<Arc<Mirror>>,
    pub answered_by: AnsweredBy,
    /// Of a WebSocket: how long it took until the backend agreed.
    pub handshake: Option<Duration>,
    /// Refused, for its asker had asked too often.
    pub limited: bool,
    /// Answered by the door while the client may still have been sending: it is listened to before its connection is closed.
    pub is_refused: bool,
    /// Of a body that a backend is given.
    pub upload: Option<Box<Upload>>,
    /// What a backend did to it.
    pub trouble: Option<Box<Trouble>>,
    /// Only of a request whose trace is kept.
    pub trace: Option<Box<Trace>>,
}

/// The request's present way to an origin.
#[derive(Debug, Default)]
pub struct Attempt {
    /// Endpoints of the present origin that could not be connected to, or broke off.
    pub tried: Vec<Arc<Endpoint>>,
    /// How often another address of an endpoint was taken instead.
    pub elsewhere: u8,
    /// How often a kept connection of HTTP/1 broke off, or said what was no answer: then the request has one of its own.
    pub let_down: u8,
    /// How often it was sent again over HTTP/2.
    pub resent: u8,
    /// And how often because the backend ended the connection before it looked at the request.
    pub left: u8,
    /// Whether an endpoint broke off without an answer, and another one was asked for it.
    pub moved_on: bool,
    /// The endpoint that is asked now.
    pub visit: Option<Visit>,
    pub timeouts: Option<Timeouts>,
    /// When the present origin has had all of its time, however often it was asked.
    pub until: Option<Instant>,
    /// A place in the backend's in-flight limit, however often it is asked.
    pub slot: Option<Slot>,
    pub sent: Option<Instant>,
    pub ended: Option<Instant>,
    /// Interim answers so far.
    pub interim: u16,
    /// On the connection of a WebSocket.
    pub gate: Option<Arc<Gate>>,
}

impl Attempt {
    /// There is a connection, or another origin is asked.
    pub fn forget_refusals(&mut self) {
        self.tried.clear();
        self.elsewhere = 0;
    }

    /// Another origin is asked.
    pub fn forget_all(&mut self) {
        self.forget_refusals();
        (self.let_down, self.resent, self.left) = (0, 0, 0);
        self.moved_on = false;
        self.until = None;
        self.slot = None;
    }
}

impl Exchange {
    pub fn new(snapshot: Arc<Snapshot>) -> Self {
        Self {
            started: Instant::now(),
            snapshot,
            client: None,
            target: None,
            withheld_bytes: 0,
            request_id: None,
            decision: None,
            attempt: Attempt::default(),
            course: Course::Planned,
            capture: None,
            mirror: None,
            answered_by: AnsweredBy::Door,
            handshake: None,
            limited: false,
            is_refused: false,
            upload: None,
            trouble: None,
            trace: None,
        }
    }

    /// The route that the request is counted under.
    pub fn route(&self) -> RouteId {
        self.decision.as_ref().map_or_else(|| self.snapshot.settings.default_route(), |decision| decision.route)
    }

    pub fn route_ref(&self) -> RouteRef {
        RouteRef { snapshot: self.snapshot.clone(), route: self.route() }
    }

    pub fn meters(&self) -> Option<&Arc<RouteMeters>> {
        self.snapshot.meters(self.route())
    }

    pub fn proxied(&self) -> Option<&Proxied> {
        self.snapshot.route(self.route())?.proxied()
    }

    pub fn placed(&self) -> Option<&Placed> {
        self.decision.as_ref()?.proxied.as_ref()
    }

    /// Who is asked now.
    pub fn origin(&self) -> Option<Origin> {
        let plan = &self.placed()?.plan;
        match &self.course {
            Course::Planned | Course::Original(_) => Some(plan.authoritative),
            Course::FellBack(_) => plan.fallback,
        }
    }

    /// The same origin is asked again, or another one: nothing of the last attempt counts. But who asks the same one keeps the place there.
    pub fn begin_attempt(&mut self) {
        let last_byte = self.attempt.ended;
        self.traced(|trace| trace.ends(last_byte, BROKEN_RESPONSE));
        self.attempt.visit = None;
        self.attempt.sent = None;
        self.attempt.ended = None;
        self.attempt.interim = 0;
        self.attempt.gate = None;
        if let Some(capture) = &mut self.capture {
            capture.reset();
        }
    }

    pub fn is_sent(&mut self, head: &RequestHeader) {
        self.attempt.sent = Some(Instant::now());
        if let Some(capture) = &mut self.capture {
            capture.sent(head);
        }
    }

    /// Tells the trace, if it is kept.
    pub fn traced(&mut self, tell: impl FnOnce(&mut Trace)) {
        if let Some(trace) = &mut self.trace {
            tell(trace);
        }
    }

    /// What the user waited for: the whole answer, but of a WebSocket only the agreement. How long people stay is no latency.
    pub fn waited(&self) -> Duration {
        self.handshake.unwrap_or_else(|| self.started.elapsed())
    }

    /// From sending the request to the answer's last byte. A tunnel has none that counts.
    pub fn origin_time(&self) -> Option<Duration> {
        let ended = self.attempt.ended.filter(|_| self.handshake.is_none())?;
        Some(ended.duration_since(self.attempt.sent?))
    }
}

/// Cut off, because the door ends or the library waits for nothing any more: nobody came to hand the capture over, but it is counted.
impl Drop for Exchange {
    fn drop(&mut self) {
        if let Some(upload) = self.upload.take()
            && let Some(given_up) = ClientSide::with(ClientSide::given_up).flatten()
        {
            upload.is_given_up(given_up.status, self);
        }
        if let (Some(_), Some(mirror)) = (self.capture.take(), self.mirror.take()) {
            mirror.decline(&self.route_ref(), Unproven::Aborted);
        }
    }
}
