//! What a request's spans tell: one of the door's own, and one for each backend that was asked. Made only of requests whose
//! trace is kept; of all others the [`Exchange`](super::exchange::Exchange) has none of this.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use http::{Method, StatusCode};
use pingora::http::RequestHeader;
use smallvec::SmallVec;

use super::door::Door;
use super::exchange::Exchange;
use super::forward;
use super::over::Over;
use super::told::{CLIENT_LEFT, Told};
use crate::config::settings::Parents;
use crate::live::{AnsweredBy, FallbackReason};
use crate::trace::{
    Beginning, Believed, Context, CopyTrace, Kind, Outbound, Span, TRACEPARENT, TRACESTATE, TraceId, Tracer,
    known_method,
};
use crate::upstream::{Backend, Endpoint};

#[derive(Debug)]
pub struct Trace {
    tracer: Arc<Tracer>,
    beginning: Beginning,
    started: Instant,
    began: SystemTime,
    asked: SmallVec<[Asked; 1]>,
    fallback: Option<FallbackReason>,
    /// What became of the copy, as far as the door knows: `offered`, or why there is none.
    pub mirror: Option<&'static str>,
}

/// One way to a backend.
#[derive(Debug)]
struct Asked {
    context: Context,
    backend: Arc<Backend>,
    endpoint: Option<Arc<Endpoint>>,
    began: Instant,
    ended: Option<Instant>,
    status: Option<StatusCode>,
    error: Option<&'static str>,
}

impl Trace {
    /// Of a request whose first byte came at `started`.
    pub fn new(tracer: Arc<Tracer>, beginning: Beginning, started: Instant) -> Self {
        let began = SystemTime::now().checked_sub(started.elapsed()).unwrap_or(SystemTime::UNIX_EPOCH);
        Self { tracer, beginning, started, began, asked: SmallVec::new(), fallback: None, mirror: None }
    }

    pub fn id(&self) -> TraceId {
        self.beginning.context.trace
    }

    pub fn for_copy(&self) -> CopyTrace {
        CopyTrace::new(self.tracer.clone(), &self.beginning)
    }

    /// A backend is to be asked.
    pub fn asks(&mut self, backend: &Arc<Backend>) {
        self.asked.push(Asked {
            context: self.tracer.child(self.beginning.context),
            backend: backend.clone(),
            endpoint: None,
            began: Instant::now(),
            ended: None,
            status: None,
            error: None,
        });
    }

    pub fn asks_at(&mut self, endpoint: &Arc<Endpoint>) {
        self.tell(|asked| asked.endpoint = Some(endpoint.clone()));
    }

    /// Says in a request to a backend whose work it is. A new trace leaves nothing of what stood there before.
    ///
    /// # Errors
    /// None in practice: both headers are ours.
    pub fn send(&self, request: &mut RequestHeader) -> pingora::Result<()> {
        if self.beginning.parent.is_none() {
            request.remove_header(&TRACESTATE);
        }
        match self.asked.last().and_then(|asked| asked.context.header()) {
            Some(value) => request.insert_header(TRACEPARENT, value),
            None => Ok(()),
        }
    }

    pub fn answered(&mut self, status: StatusCode) {
        self.tell(|asked| asked.status = Some(status));
    }

    pub fn failed(&mut self, error: &'static str) {
        self.tell(|asked| {
            asked.error.get_or_insert(error);
            asked.ended.get_or_insert_with(Instant::now);
        });
    }

    pub fn falls_back(&mut self, reason: FallbackReason) {
        self.fallback = Some(reason);
    }

    /// This way is over, at the answer's last byte if there was one; what had no answer until now failed in this way.
    pub fn ends(&mut self, last_byte: Option<Instant>, unanswered: &'static str) {
        self.tell(|asked| {
            asked.ended.get_or_insert_with(|| last_byte.unwrap_or_else(Instant::now));
            if asked.status.is_none() {
                asked.error.get_or_insert(unanswered);
            }
        });
    }

    /// Of the way that is gone now.
    fn tell(&mut self, tell: impl FnOnce(&mut Asked)) {
        if let Some(asked) = self.asked.last_mut() {
            tell(asked);
        }
    }

    fn at(&self, instant: Instant) -> SystemTime {
        self.began + instant.saturating_duration_since(self.started)
    }

    /// The request is over: leaves its spans.
    fn finish(mut self, told: &Told<'_>, took: Duration) {
        // A client that left says nothing of the backend.
        if let Some(broken) = told.broken.filter(|broken| *broken != CLIENT_LEFT) {
            self.tell(|asked| asked.error = asked.error.or(Some(broken)));
        }
        let mut spans = Vec::with_capacity(1 + self.asked.len());
        spans.push(self.own(told, took));
        let path = forward::split_target(forward::target(told.request)).0;
        for (index, asked) in self.asked.iter().enumerate() {
            let mut span = self.outbound(asked, &told.request.method, path).span();
            span.ended = span.ended.min(self.began + took);
            if index > 0 {
                span.attributes.number("http.request.resend_count", index as i64);
            }
            spans.push(span);
        }
        self.tracer.push(spans);
    }

    fn outbound<'a>(&'a self, asked: &'a Asked, method: &'a Method, path: &'a [u8]) -> Outbound<'a> {
        Outbound {
            context: asked.context,
            parent: self.beginning.context.span,
            state: &self.beginning.state,
            method,
            path,
            backend: &asked.backend,
            endpoint: asked.endpoint.as_deref(),
            purpose: "answer",
            began: self.at(asked.began),
            ended: self.at(asked.ended.unwrap_or_else(Instant::now)),
            status: asked.status,
            error: asked.error,
        }
    }

    fn own(&self, told: &Told<'_>, took: Duration) -> Span {
        let mut attributes = told.attributes();
        if told.answered_by != AnsweredBy::Door
            && let Some(asked) = self.asked.last()
        {
            attributes.text("matapalo.backend", asked.backend.name.as_bytes());
        }
        attributes.text("matapalo.fallback", self.fallback.map_or("", FallbackReason::label).as_bytes());
        attributes.text("matapalo.mirror", self.mirror.unwrap_or_default().as_bytes());
        Span {
            context: self.beginning.context,
            parent: self.beginning.parent.map(|parent| parent.span),
            parent_is_remote: self.beginning.parent.is_some(),
            state: self.beginning.state.clone(),
            name: format!("{} {}", known_method(&told.request.method).unwrap_or("HTTP"), told.route),
            kind: Kind::Server,
            began: self.began,
            ended: self.began + took,
            attributes,
            failed: told.is_failed(),
        }
    }
}

impl Door {
    /// Begins to tell the request's trace, if it is to be kept.
    pub(super) fn trace(&self, request: &RequestHeader, exchange: &mut Exchange) {
        let Some(settings) = &exchange.snapshot.settings.tracing else { return };
        let Some(client) = &exchange.client else { return };
        let believed = match settings.parents {
            Parents::Trusted if !client.by_proxy => Believed::No,
            Parents::Any | Parents::Trusted => Believed::Yes,
        };
        let beginning = self.tracer.begin(settings, &request.headers, believed);
        exchange.trace =
            beginning.map(|beginning| Box::new(Trace::new(self.tracer.clone(), beginning, exchange.started)));
    }
}

impl Exchange {
    /// The request is over, and its spans with it.
    pub fn finish_trace(&mut self, over: &Over<'_>) {
        let Some(mut trace) = self.trace.take() else { return };
        let Some(client) = &self.client else { return };
        trace.ends(self.attempt.ended, "aborted");
        let route = self.snapshot.route(self.route());
        trace.finish(
            &Told {
                request: over.request,
                client,
                route: route.map_or("", |route| &route.name),
                path: route.and_then(|route| route.path.as_deref()),
                stage: self.snapshot.effective_stage(self.route()).map_or("respond", |stage| stage.as_str()),
                answered_by: self.answered_by,
                code: over.code,
                broken: over.broken,
                request_id: self.request_id.as_ref().map(http::HeaderValue::as_bytes).unwrap_or_default(),
            },
            over.took,
        );
    }
}
