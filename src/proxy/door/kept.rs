//! What is kept of a request: the copy that is handed to the mirror.

use std::time::{Instant, SystemTime};

use pingora::http::RequestHeader;
use pingora::proxy::Session;

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
}
