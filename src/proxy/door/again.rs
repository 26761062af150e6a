//! Whether a backend that broke off before its answer is asked once more, and where.

use pingora::proxy::Session;
use pingora::{Error, ErrorType};

use super::super::exchange::Exchange;
use super::super::trouble::Why;
use super::Door;
use crate::upstream::{Visit, is_leaving, is_lost, is_reset, is_unprocessed};

/// How often a request is sent again that a backend of HTTP/2 refuses: whoever does so again has too much to do.
const MOST_RESENT: u8 = 2;
/// And one that a backend leaves alone because it ends the connection, in the end on a connection of its own: whoever ends that, too,
/// is not there.
const MOST_LEFT: u8 = 3;

impl Door {
    /// The next attempt, if the request may be sent again: on another connection to the backend, then to another of its endpoints. Else
    /// what the failure means.
    pub(in crate::proxy) fn ask_again(
        &self,
        session: &Session,
        exchange: &mut Exchange,
        mut e: Box<Error>,
        reused: bool,
    ) -> Box<Error> {
        // A write may have been done before the connection broke, also one that the RFC calls idempotent.
        let harmless = session.req_header().method.is_safe() || is_unprocessed(&e);
        let replayable = harmless && !session.as_ref().retry_buffer_truncated();
        let http2 = exchange.attempt.visit.as_ref().is_some_and(|visit| visit.endpoint().speaks_http2());
        let told = matches!(e.etype(), ErrorType::HTTPStatus(_));
        if http2 {
            e.retry.decide_reuse(reused);
            if reused && is_lost(&e) {
                e.set_retry(true);
            }
        } else {
            e.set_retry(reused && !told && !is_late(&e));
        }
        let attempt = &mut exchange.attempt;
        let (again, most) = match (http2, is_leaving(&e)) {
            // The next connection is its own.
            (false, _) => (&mut attempt.let_down, 1),
            (true, true) => (&mut attempt.left, MOST_LEFT),
            (true, false) => (&mut attempt.resent, MOST_RESENT),
        };
        if replayable && e.retry() && *again < most {
            *again += 1;
            return e;
        }
        if told {
            e.set_retry(false);
            return e;
        }
        let broken = if http2 { is_lost(&e) || is_reset(&e) } else { Why::of(&e).is_broken() };
        if replayable && broken && moves_on(exchange, Why::of(&e)) {
            e.set_retry(true);
            return e;
        }
        self.broke_off(session, exchange, Why::of(&e))
    }
}

/// Whether another endpoint is asked for the one that broke off: once, where there is one.
fn moves_on(exchange: &mut Exchange, why: Why) -> bool {
    let several = |visit: &&Visit| visit.backend().endpoints().len() > 1;
    let attempt = &mut exchange.attempt;
    let Some(visit) = attempt.visit.as_ref().filter(several).filter(|_| !attempt.moved_on) else { return false };
    visit.broke_off();
    attempt.tried.push(visit.endpoint().clone());
    attempt.moved_on = true;
    exchange.traced(|trace| trace.failed(why.word));
    exchange.is_failed(exchange.endpoint(), why);
    true
}

/// The backend was waited for, so it lives; and once more would take twice as long.
fn is_late(e: &Error) -> bool {
    matches!(e.etype(), ErrorType::ReadTimedout | ErrorType::WriteTimedout)
}
