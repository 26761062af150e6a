//! What differs? Two [`Observation`]s of one [`Request`] compared as HTTP, JSON and HTML. Pure.
//!
//! [`compare`] is the way in. [`http`] compares status and headers and says which comparer the bodies go to ([`json`], [`html`],
//! [`text`]); each tells the [`sink::Sink`] what it found, and there the [`rules`] decide what counts. [`cause`] names the transform
//! behind a difference and gives it its fingerprint.

mod binary;
pub mod cause;
pub mod clock;
pub mod comparison;
pub mod decode;
pub mod html;
pub mod http;
pub mod json;
pub mod observation;
pub mod rules;
pub mod scope;
pub mod shown;
pub mod sink;
pub mod text;
pub mod volatile;

use ::http::header::DATE;
pub use cause::fingerprint;
pub use comparison::{Applied, Comparison, Difference, Hidden, Kind, Outcome, Severity};
pub use observation::{Observation, Request};
pub use rules::{OwnRule, RuleError, Rules, RulesSpec};
pub use scope::Scope;
pub use shown::Shown;
pub use sink::{Finding, Sink};

/// Compares what legacy (`control`) and new (`candidate`) answered to one request, at the time that their Date header tells.
///
/// Never panics, on any bytes. Bounded: see [`sink::MAX_WORK`].
pub fn compare(request: &Request, control: &Observation, candidate: &Observation, rules: &Rules) -> Comparison {
    let now = [control, candidate].into_iter().find_map(own_time);
    between((now, now), request, control, candidate, rules)
}

/// As [`compare`], at this time (Unix seconds): `accept … until` ends by it. `None`: it is not known, and nothing ends.
pub fn compare_at(
    at: Option<i64>,
    request: &Request,
    control: &Observation,
    candidate: &Observation,
    rules: &Rules,
) -> Comparison {
    let now = [control, candidate].into_iter().find_map(own_time);
    between((at, now), request, control, candidate, rules)
}

/// At the first of two times; the second is that of the answers.
fn between(
    (at, now): (Option<i64>, Option<i64>),
    request: &Request,
    control: &Observation,
    candidate: &Observation,
    rules: &Rules,
) -> Comparison {
    let scope = Scope { request, rules, now };
    http::compare(&http::Answers { request, control, candidate }, &scope, Sink::new(rules, at).for_host(&request.host))
}

/// When an answer was given, by its own Date header, Unix seconds.
fn own_time(answer: &Observation) -> Option<i64> {
    clock::http_date(answer.headers.get(DATE)?.to_str().ok()?)
}

#[cfg(test)]
mod tests;
