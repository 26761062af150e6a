//! Status codes: who answered, who failed, and whether anything is left to compare.

use http::{Method, StatusCode};

use super::Answers;
use crate::diff::comparison::{Kind, Severity};
use crate::diff::rules::Rule;
use crate::diff::sink::{Finding, Sink};

const PATH: &str = "status";

/// What the statuses leave to be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// Headers and bodies.
    All,
    /// Headers only: both redirect, by another code.
    Headers,
    /// Nothing: the one answered something else altogether.
    Nothing,
    /// Both failed in the same way: headers, and whether they say the same.
    Failure,
    /// Gateways failed before both applications: proves nothing.
    Inconclusive,
}

pub fn compare(answers: &Answers<'_>, sink: &mut Sink<'_>) -> Rest {
    let (old, new) = (answers.control.status, answers.candidate.status);
    if old == new {
        return alike(old);
    }
    let finding = Finding::new(Kind::Status, PATH).values(old.as_str(), new.as_str());
    match (old.is_server_error(), new.is_server_error()) {
        (true, true) => {
            sink.report(finding.cause("both_failed"));
            return if is_gateways(old) && is_gateways(new) { Rest::Inconclusive } else { Rest::Nothing };
        }
        (false, true) => {
            sink.report(finding.severity(Severity::Critical).cause("new_failed"));
            return Rest::Nothing;
        }
        (true, false) => {
            sink.report(finding.severity(Severity::Medium).cause("legacy_failed"));
            return Rest::Nothing;
        }
        (false, false) => {}
    }
    let (finding, rest) = neither_failed(finding, &answers.request.method, old, new);
    sink.report(finding);
    rest
}

fn alike(status: StatusCode) -> Rest {
    match status {
        failed if is_gateways(failed) => Rest::Inconclusive,
        failed if failed.is_server_error() => Rest::Failure,
        _ => Rest::All,
    }
}

/// The words of a gateway that got no answer from the application.
fn is_gateways(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT)
}

fn neither_failed(finding: Finding, method: &Method, old: StatusCode, new: StatusCode) -> (Finding, Rest) {
    if old.is_redirection() && new.is_redirection() {
        return (finding.cause(redirect_change(old, new)), Rest::Headers);
    }
    if old.is_success() && new.is_success() {
        let empty = old == StatusCode::NO_CONTENT || new == StatusCode::NO_CONTENT;
        let rest = if empty { Rest::Nothing } else { Rest::All };
        return (finding.severity(Severity::Medium), rest);
    }
    let answered = |status: StatusCode| status.is_success() || status.is_redirection();
    let finding = if is_nothing_there(old) && new.is_success() {
        Finding { kind: Kind::NewOnly, ..finding }
    } else if old == StatusCode::OK && new == StatusCode::METHOD_NOT_ALLOWED && !is_served(method) {
        Finding { kind: Kind::Lost, ..finding }.rule(Rule::MethodStrictness).cause("method_refused")
    } else if answered(old) && (is_nothing_there(new) || new == StatusCode::UNPROCESSABLE_ENTITY) {
        Finding { kind: Kind::Lost, ..finding }
    } else {
        finding
    };
    let cause = finding.cause.or_else(|| status_cause(old, new));
    (Finding { cause, ..finding }, Rest::Nothing)
}

/// Methods that sites serve on purpose; to others a script answers only because nobody told it not to.
pub fn is_served(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::POST)
}

fn is_nothing_there(status: StatusCode) -> bool {
    matches!(status, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::GONE)
}

/// 302 lets a POST become a GET, 307 and 308 do not; 301 and 308 are remembered by browsers.
fn redirect_change(old: StatusCode, new: StatusCode) -> &'static str {
    let keeps_method = |status: StatusCode| matches!(status.as_u16(), 307 | 308);
    let is_permanent = |status: StatusCode| matches!(status.as_u16(), 301 | 308);
    match () {
        () if !keeps_method(old) && keeps_method(new) => "redirect_keeps_method",
        () if keeps_method(old) && !keeps_method(new) => "redirect_drops_method",
        () if !is_permanent(old) && is_permanent(new) => "redirect_became_permanent",
        () if is_permanent(old) && !is_permanent(new) => "redirect_became_temporary",
        () => "redirect_code",
    }
}

fn status_cause(old: StatusCode, new: StatusCode) -> Option<&'static str> {
    let cause = match (old.as_u16(), new.as_u16()) {
        (_, 401 | 403) => "access_refused",
        (401 | 403, 200..=299) => "access_granted",
        (200..=299, 301..=303 | 307 | 308) => "became_redirect",
        (301..=303 | 307 | 308, 200..=299) => "redirect_lost",
        (_, 405) => "method_refused",
        (_, 422) => "input_refused",
        (400 | 422, 200..=299) => "input_accepted",
        (_, 404 | 410) => "not_found",
        _ => return None,
    };
    Some(cause)
}
