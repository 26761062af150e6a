//! A request that is over: it is counted, written down, and its trace ends.

use std::time::{Duration, SystemTime};

use http::header::{HOST, REFERER, USER_AGENT};
use http::{StatusCode, Version};
use pingora::http::RequestHeader;
use pingora::proxy::Session;
use pingora::{Error, ErrorSource};

use super::access_log::{AccessLog, Line};
use super::answer;
use super::clock::Clock;
use super::exchange::Exchange;
use super::forward;
use super::told::CLIENT_LEFT;
use super::trouble::CUT;
use crate::live::AnsweredBy;

/// What nginx calls 499: the client went away before there was an answer.
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// How it ended.
#[derive(Debug)]
pub struct Over<'a> {
    pub request: &'a RequestHeader,
    /// `None`: the client left before it was answered.
    pub code: Option<u16>,
    /// Body bytes sent to the client.
    pub bytes: usize,
    /// Why the answer is not whole, in one word.
    pub broken: Option<&'static str>,
    /// Why the user was not answered by whom he should have been, or not wholly, in one word.
    pub error: Option<&'static str>,
    pub took: Duration,
}

impl<'a> Over<'a> {
    pub fn of(session: &'a Session, e: Option<&Error>, exchange: &Exchange) -> Self {
        let is_final = |status: &StatusCode| answer::is_final(*status);
        let code = session.response_written().map(|head| head.status).filter(is_final).map(|status| status.as_u16());
        // An answer that says what went wrong is whole.
        let broken = e.filter(|_| code.is_none_or(|code| code < 400)).map(|e| word(e, exchange));
        let error = match (e, code) {
            // What the client did wrong, its status says.
            (Some(e), Some(400..500)) if is_told_off(e, exchange) => None,
            (Some(e), _) => Some(word(e, exchange)),
            (None, None) => Some(CLIENT_LEFT),
            (None, Some(_)) => None,
        };
        let took = exchange.started.elapsed();
        Self { request: session.req_header(), code, bytes: session.body_bytes_sent(), broken, error, took }
    }

    pub fn status(&self) -> u16 {
        self.code.unwrap_or(CLIENT_CLOSED_REQUEST)
    }
}

/// The door has answered a client that did not send what it should have.
fn is_told_off(e: &Error, exchange: &Exchange) -> bool {
    *e.esource() != ErrorSource::Upstream && exchange.answered_by == AnsweredBy::Door
}

fn word(e: &Error, exchange: &Exchange) -> &'static str {
    match (e.esource(), &exchange.trouble) {
        (ErrorSource::Downstream, _) if Clock::with(Clock::is_cut).is_some_and(|cut| cut) => CUT,
        (ErrorSource::Downstream, _) => CLIENT_LEFT,
        (ErrorSource::Upstream, Some(trouble)) => trouble.why.word,
        (ErrorSource::Upstream | ErrorSource::Internal | ErrorSource::Unset, _) => "failed",
    }
}

impl Exchange {
    /// Gives back its place at the backend, and counts it.
    pub fn count(&mut self, over: &Over<'_>) {
        self.attempt.slot = None;
        self.attempt.visit = None;
        let Some(meters) = self.meters() else { return };
        let stage = self.snapshot.effective_stage(self.route());
        meters.answered(stage, self.answered_by, over.status(), self.waited());
        if let Some(origin) = self.origin_time() {
            meters.overhead(over.took.saturating_sub(origin));
        }
    }
}

impl AccessLog {
    pub fn write_down(&self, exchange: &Exchange, over: &Over<'_>) {
        let (Some(client), status) = (exchange.client, over.status()) else { return };
        if !self.wants(status) {
            return;
        }
        let request = over.request;
        let header = |name| request.headers.get(name).map(http::HeaderValue::as_bytes).unwrap_or_default();
        let route = exchange.snapshot.route(exchange.route());
        self.push(&Line {
            at: SystemTime::now(),
            client: client.address,
            method: request.method.as_str(),
            path: forward::split_target(forward::target(request)).0,
            host: header(HOST),
            protocol: protocol_of(request.version),
            status,
            bytes: over.bytes,
            took: over.took,
            route: route.map_or("", |route| &route.name),
            stage: exchange.snapshot.effective_stage(exchange.route()).map_or("respond", |stage| stage.as_str()),
            answered_by: exchange.answered_by.label(),
            limited: exchange.limited,
            error: over.error,
            request_id: exchange.request_id.as_ref().map(http::HeaderValue::as_bytes).unwrap_or_default(),
            trace: exchange.trace.as_ref().map(|trace| trace.id()),
            referer: header(REFERER),
            user_agent: header(USER_AGENT),
        });
    }
}

/// What logs and traces tell of a head: cookies and the like need not stay for as long as a tunnel or an upload does.
pub fn told_of(request: &RequestHeader) -> pingora::Result<RequestHeader> {
    let mut told = RequestHeader::build_no_case(request.method.clone(), request.raw_path(), Some(3))?;
    told.set_version(request.version);
    for name in [HOST, REFERER, USER_AGENT] {
        if let Some(value) = request.headers.get(&name) {
            // A copy: the value itself keeps all of the head that it was read in.
            told.insert_header(name, value.as_bytes())?;
        }
    }
    Ok(told)
}

/// As access logs have always written it.
fn protocol_of(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2.0",
        _ => "HTTP/1.1",
    }
}
