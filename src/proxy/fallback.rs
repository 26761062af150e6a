//! When `new` does not answer, legacy may: which failures count, and what the user sees when both fail.
//!
//! A fallback is a second attempt of the same request, so it happens only where the request can be sent again whole: methods
//! that the route allows, and bodies that fit into `fallback.max_body` (pingora keeps 64 KiB at most for a replay). When
//! legacy fails too, the user sees the original failure: `new`'s own answer, asked for once more where that is safe.

use http::StatusCode;
use pingora::http::ResponseHeader;

use crate::config::settings::FallbackSettings;
use crate::live::FallbackReason;

/// Bytes of request body that pingora keeps for a replay (its `BODY_BUFFER_LIMIT`): a constant of the library.
pub const REPLAYABLE: usize = 64 * 1024;

/// The name of the error that turns an attempt into the next one. Never seen by anybody.
pub const TURN: &str = "MatapaloTurn";

/// Which way the request goes now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// To the authoritative origin.
    Planned,
    /// To the fallback, after this failure.
    FellBack(Failure),
    /// Back to the authoritative origin, because the fallback failed as well: its answer stands, whatever it is.
    Original(Failure),
}

/// How the authoritative origin failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// It answered, but not the question.
    Answer(StatusCode),
    Connect,
    Timeout,
    /// It was not asked, because it had failed others too often.
    NotAsked,
}

impl Failure {
    /// What the user sees of it when there is nothing better.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Answer(status) => status,
            Self::Connect => StatusCode::BAD_GATEWAY,
            Self::Timeout => StatusCode::GATEWAY_TIMEOUT,
            Self::NotAsked => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// Whether an answer of `new` says that it does not answer, by the route's rules.
pub fn asks_for_fallback(answer: &ResponseHeader, rules: &FallbackSettings) -> Option<FallbackReason> {
    if rules.status.contains(&answer.status) {
        return Some(FallbackReason::Status);
    }
    let named = rules.header.as_ref().is_some_and(|name| answer.headers.contains_key(name));
    named.then_some(FallbackReason::Header)
}

/// Whether a failure to get any answer may be mended by legacy.
pub fn covers(failure: Failure, rules: &FallbackSettings) -> Option<FallbackReason> {
    match failure {
        Failure::Connect if rules.connect_error => Some(FallbackReason::ConnectError),
        Failure::Timeout if rules.timeout => Some(FallbackReason::Timeout),
        _ => None,
    }
}

/// Legacy failed as well. A 404 of legacy is an answer: it knows the site.
pub fn has_failed(answer: &ResponseHeader) -> bool {
    answer.status.is_server_error()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn rules() -> FallbackSettings {
        FallbackSettings {
            status: vec![StatusCode::NOT_FOUND],
            header: Some("x-not-ported".parse().unwrap()),
            connect_error: true,
            ..FallbackSettings::default()
        }
    }

    #[test]
    fn a_status_or_a_header_hands_the_request_over() {
        let mut answer = ResponseHeader::build(200, None).unwrap();
        assert_eq!(asks_for_fallback(&answer, &rules()), None);
        answer.insert_header("x-not-ported", "1").unwrap();
        assert_eq!(asks_for_fallback(&answer, &rules()), Some(FallbackReason::Header));
        let missing = ResponseHeader::build(404, None).unwrap();
        assert_eq!(asks_for_fallback(&missing, &rules()), Some(FallbackReason::Status));
    }

    #[test]
    fn only_the_named_failures_are_covered() {
        assert_eq!(covers(Failure::Connect, &rules()), Some(FallbackReason::ConnectError));
        assert_eq!(covers(Failure::Timeout, &rules()), None);
    }

    #[test]
    fn legacy_saying_not_found_is_an_answer() {
        assert!(!has_failed(&ResponseHeader::build(404, None).unwrap()));
        assert!(has_failed(&ResponseHeader::build(503, None).unwrap()));
    }
}
