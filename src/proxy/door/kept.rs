//! What is kept of a request: the copy that is handed to the mirror, and the line in the access log.

use std::time::{Duration, Instant, SystemTime};

use http::Version;
use pingora::http::RequestHeader;
use pingora::proxy::Session;

use super::super::access_log::Line;
use super::super::capture::{Capture, Captured};
use super::super::exchange::Exchange;
use super::super::forward;
use super::{Door, announcement, host_of};
use crate::diff::Request;
use crate::evidence::Unproven;
use crate::mirror::MirrorJob;

impl Door {
    /// Nothing is kept of a request that is not copied, or whose comparison would prove nothing.
    pub(super) fn capture_for(&self, request: &RequestHeader, exchange: &mut Exchange) -> Option<Box<Capture>> {
        exchange.placed()?.plan.mirror?;
        let max_body = exchange.proxied()?.mirror.max_body;
        // A part of an answer depends on what the backend calls the whole; comparing parts compares coincidences.
        if request.headers.contains_key(http::header::RANGE) {
            self.decline(exchange, Unproven::Range);
            return None;
        }
        exchange.mirror = Some(self.mirror.clone());
        Some(Box::new(Capture::new(max_body)))
    }

    /// A request that was to be copied has no copy.
    pub(super) fn decline(&self, exchange: &mut Exchange, reason: Unproven) {
        self.mirror.decline(&exchange.route_ref(), reason);
        exchange.traced(|trace| trace.mirror = Some(reason.name()));
    }

    /// The exchange is over: the copy is handed over, or counted as unproven.
    pub(in crate::proxy) fn hand_over(&self, session: &Session, exchange: &mut Exchange, complete: bool) {
        let Some(capture) = exchange.capture.take() else { return };
        let job = match capture.finish() {
            Ok(captured) if complete => self.job(session, exchange, captured),
            Ok(_) => Err(Unproven::Aborted),
            Err(reason) => Err(reason),
        };
        match job.map(|job| self.mirror.offer(job)) {
            Ok(offered) => {
                exchange.traced(|trace| trace.mirror = Some(offered.map_or_else(Unproven::name, |()| "offered")))
            }
            Err(reason) => self.decline(exchange, reason),
        }
    }

    fn job(&self, session: &Session, exchange: &Exchange, captured: Captured) -> Result<MirrorJob, Unproven> {
        let (Some(placed), Some(client)) = (exchange.placed(), exchange.client) else { return Err(Unproven::Aborted) };
        let request = session.req_header();
        let mut headers = request.headers.clone();
        if let Some(id) = &exchange.request_id {
            headers.insert(exchange.snapshot.settings.request_id.header.clone(), id.clone());
        }
        Ok(MirrorJob {
            route: exchange.route_ref(),
            to: placed.plan.mirror.ok_or(Unproven::Aborted)?,
            request: Request {
                method: request.method.clone(),
                scheme: client.scheme,
                host: host_of(request).unwrap_or_default().to_owned(),
                target: String::from_utf8_lossy(forward::target(request)).into_owned(),
                headers,
            },
            head: captured.head,
            target: exchange.target.clone(),
            body: captured.body,
            answer: captured.answer,
            answer_time: exchange.origin_time().unwrap_or_default(),
            session: placed.session,
            at: SystemTime::now(),
            done: Instant::now(),
            trace: exchange.trace.as_ref().map(|trace| trace.for_copy()),
            announcement: announcement(),
        })
    }

    pub(in crate::proxy) fn write_down(&self, session: &Session, exchange: &Exchange, status: u16, took: Duration) {
        let (Some(log), Some(client)) = (&self.access_log, exchange.client) else { return };
        if !log.wants(status) {
            return;
        }
        let request = session.req_header();
        let header = |name| request.headers.get(name).map(http::HeaderValue::as_bytes).unwrap_or_default();
        let route = exchange.snapshot.route(exchange.route());
        log.push(&Line {
            at: SystemTime::now(),
            client: client.address,
            method: request.method.as_str(),
            path: forward::split_target(forward::target(request)).0,
            host: header(http::header::HOST),
            protocol: protocol_of(request.version),
            status,
            bytes: session.body_bytes_sent(),
            took,
            route: route.map_or("", |route| &route.name),
            stage: exchange.snapshot.effective_stage(exchange.route()).map_or("respond", |stage| stage.as_str()),
            answered_by: exchange.answered_by.label(),
            limited: exchange.limited,
            request_id: exchange.request_id.as_ref().map(http::HeaderValue::as_bytes).unwrap_or_default(),
            trace: exchange.trace.as_ref().map(|trace| trace.id()),
            referer: header(http::header::REFERER),
            user_agent: header(http::header::USER_AGENT),
        });
    }
}

/// As access logs have always written it.
fn protocol_of(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2.0",
        _ => "HTTP/1.1",
    }
}
