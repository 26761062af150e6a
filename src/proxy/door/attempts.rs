//! What an answer or a failure means for the request: its end, or the next attempt.

use std::time::Instant;

use http::StatusCode;
use pingora::http::ResponseHeader;
use pingora::proxy::Session;
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorType};

use super::super::answer;
use super::super::exchange::Exchange;
use super::super::fallback::{self, Course, Failure, REPLAYABLE, TURN};
use super::super::forward;
use super::super::trouble::{TIMEOUT, Why};
use super::Door;
use crate::config::settings::FallbackSettings;
use crate::evidence::Unproven;
use crate::live::{BreakerState, FallbackReason};

/// How often one request is tried at another address of the same names: the next requests go on where it ends.
const MOST_ELSEWHERE: u8 = 3;

impl Door {
    /// An answer's head has come. `Err`: it is not for the user, another attempt follows.
    pub(in crate::proxy) fn weigh(
        &self,
        session: &Session,
        answer: &ResponseHeader,
        exchange: &mut Exchange,
    ) -> pingora::Result<()> {
        if let Some(visit) = &exchange.attempt.visit {
            visit.answered(answer.status);
        }
        match exchange.course {
            Course::Planned => {
                let reason =
                    self.may_fall_back(session, exchange).and_then(|rules| fallback::asks_for_fallback(answer, rules));
                // A 404 by which new says "not mine" is no failure: it lives.
                tell_breaker(exchange, reason.is_none() || !answer.status.is_server_error());
                let Some(reason) = reason else { return Ok(()) };
                self.fall_back(exchange, Failure::Answer(answer.status), reason);
                Err(turn())
            }
            // Nobody else was asked: its answer is the one there is.
            Course::FellBack(Failure::NotAsked) => Ok(()),
            Course::FellBack(original) if fallback::has_failed(answer) => {
                Err(self.back_to_original(session, exchange, original))
            }
            Course::FellBack(_) | Course::Original(_) => Ok(()),
        }
    }

    /// The rules of a fallback that is still possible: planned, and the request can be sent again whole.
    fn may_fall_back<'a>(&self, session: &Session, exchange: &'a Exchange) -> Option<&'a FallbackSettings> {
        exchange.placed()?.plan.fallback?;
        let rules = &exchange.proxied()?.fallback;
        let most = rules.max_body.min(REPLAYABLE);
        let replayable = !session.as_ref().retry_buffer_truncated()
            && session.as_ref().body_bytes_read() <= most
            && forward::announced_length(session.req_header()).is_none_or(|length| length <= most);
        (exchange.course == Course::Planned && replayable).then_some(rules)
    }

    /// While new keeps failing a route, requests that may fall back do so at once.
    pub(in crate::proxy) fn spare_new(&self, session: &Session, exchange: &mut Exchange) {
        let Some(rules) = self.may_fall_back(session, exchange).and_then(|rules| rules.breaker) else { return };
        let open = exchange.meters().is_some_and(|meters| !meters.breaker.lets_through(&rules, Instant::now()));
        if open {
            self.fall_back(exchange, Failure::NotAsked, FallbackReason::Breaker);
        }
    }

    fn fall_back(&self, exchange: &mut Exchange, failure: Failure, reason: FallbackReason) {
        if let Some(meters) = exchange.meters() {
            meters.fell_back(reason);
        }
        exchange.traced(|trace| trace.falls_back(reason));
        exchange.course = Course::FellBack(failure);
        exchange.attempt.forget_all();
        if exchange.capture.take().is_some() {
            self.decline(exchange, Unproven::FellBack);
        }
    }

    /// The fallback failed too. New's own answer is asked for again where that is safe; otherwise its status is all there is.
    fn back_to_original(&self, session: &Session, exchange: &mut Exchange, original: Failure) -> Box<Error> {
        exchange.course = Course::Original(original);
        exchange.attempt.forget_all();
        let answered = matches!(original, Failure::Answer(_));
        if answered && session.req_header().method.is_safe() { turn() } else { gateway_error(original.status()) }
    }

    /// No connection could be made.
    pub(in crate::proxy) fn connect_failed(
        &self,
        session: &Session,
        peer: &HttpPeer,
        exchange: &mut Exchange,
        mut error: Box<Error>,
    ) -> Box<Error> {
        let timed_out = matches!(error.etype(), ErrorType::ConnectTimedout);
        let (why, endpoint) = (Why::unconnected(&error), exchange.endpoint());
        exchange.traced(|trace| trace.failed(why.word));
        let mut endpoints = 0;
        if let Some(visit) = exchange.attempt.visit.take() {
            if visit.refused(peer, &error) && exchange.attempt.elsewhere < MOST_ELSEWHERE {
                exchange.attempt.elsewhere += 1;
                error.set_retry(true);
                return error;
            }
            endpoints = visit.backend().endpoints().len();
            exchange.attempt.tried.push(visit.endpoint().clone());
        }
        if exchange.attempt.tried.len() < endpoints {
            error.set_retry(true);
            return error;
        }
        exchange.is_failed(endpoint, why);
        let failure = match self.may_fall_back(session, exchange) {
            Some(rules) if timed_out && !rules.connect_error => Failure::Timeout,
            _ => Failure::Connect,
        };
        let status = if timed_out { StatusCode::GATEWAY_TIMEOUT } else { StatusCode::BAD_GATEWAY };
        self.failed(session, exchange, failure, status)
    }

    /// The backend was connected to and did not answer: too late, or not in HTTP.
    pub(in crate::proxy) fn broke_off(&self, session: &Session, exchange: &mut Exchange, why: Why) -> Box<Error> {
        let timed_out = why.word == TIMEOUT;
        if let Some(visit) = &exchange.attempt.visit {
            visit.broke_off();
        }
        exchange.traced(|trace| trace.failed(why.word));
        exchange.is_failed(exchange.endpoint(), why);
        let (failure, status) = match timed_out {
            true => (Failure::Timeout, StatusCode::GATEWAY_TIMEOUT),
            false => (Failure::Connect, StatusCode::BAD_GATEWAY),
        };
        // The backend may have done what it was asked before it broke off: only a safe method may be tried elsewhere.
        if !timed_out && !session.req_header().method.is_safe() {
            return gateway_error(status);
        }
        self.failed(session, exchange, failure, status)
    }

    /// The door closes, and has no more time for the request.
    pub(in crate::proxy) fn cut(&self, session: &Session, exchange: &mut Exchange, mut e: Box<Error>) -> Box<Error> {
        exchange.is_torn(exchange.endpoint(), Why::cut());
        if !answer::has_begun(session) {
            return gateway_error(StatusCode::SERVICE_UNAVAILABLE);
        }
        e.as_up();
        e.set_retry(false);
        e
    }

    pub(super) fn failed(
        &self,
        session: &Session,
        exchange: &mut Exchange,
        failure: Failure,
        status: StatusCode,
    ) -> Box<Error> {
        if let Course::FellBack(original) = exchange.course
            && original != Failure::NotAsked
        {
            return self.back_to_original(session, exchange, original);
        }
        if let Course::Original(original) = exchange.course {
            return gateway_error(original.status());
        }
        match self.may_fall_back(session, exchange).and_then(|rules| fallback::covers(failure, rules)) {
            Some(reason) => {
                tell_breaker(exchange, false);
                self.fall_back(exchange, failure, reason);
                turn()
            }
            None => gateway_error(status),
        }
    }
}

/// New answered or failed a request that may fall back.
fn tell_breaker(exchange: &Exchange, went_well: bool) {
    let may_fall_back = exchange.placed().is_some_and(|placed| placed.plan.fallback.is_some());
    let Some(rules) = exchange.proxied().and_then(|proxied| proxied.fallback.breaker).filter(|_| may_fall_back) else {
        return;
    };
    let told = exchange.meters().and_then(|meters| meters.breaker.told(went_well, &rules, Instant::now()));
    let route = exchange.snapshot.route(exchange.route()).map_or("", |route| &route.name);
    match told {
        Some(BreakerState::Open) => {
            tracing::warn!(route, for_secs = rules.open.as_secs_f64(), "breaker: new keeps failing, legacy answers");
        }
        Some(_) => tracing::info!(route, "breaker: new answers again"),
        None => {}
    }
}

/// Ends this attempt so that the next one begins.
fn turn() -> Box<Error> {
    let mut error = Error::new_up(ErrorType::Custom(TURN));
    error.set_retry(true);
    error
}

pub(super) fn gateway_error(status: StatusCode) -> Box<Error> {
    let mut error = Error::new_up(ErrorType::HTTPStatus(status.as_u16()));
    error.set_retry(false);
    error
}
