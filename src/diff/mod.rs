//! What differs? Two [`Observation`]s of one [`Request`] compared as HTTP, JSON and HTML. Pure.
//!
//! [`compare`] is the way in. [`http`] compares status and headers and says which comparer the bodies go to ([`json`], [`html`],
//! [`text`]); each tells the [`sink::Sink`] what it found, and there the [`rules`] decide what counts. [`cause`] names the transform
//! behind a difference and gives it its fingerprint.

pub mod cause;
pub mod clock;
pub mod comparison;
pub mod html;
pub mod observation;
pub mod rules;
pub mod scope;
pub mod sink;
pub mod text;

pub use cause::fingerprint;
pub use comparison::{Comparison, Difference, Hidden, Kind, Outcome, Severity};
pub use observation::{Observation, Request};
pub use rules::{RuleError, Rules, RulesSpec};
pub use scope::Scope;
pub use sink::{Finding, Sink};

/// Compares what legacy (`control`) and new (`candidate`) answered to one request.
///
/// Never panics, on any bytes. Bounded: see [`sink::MAX_WORK`].
pub fn compare(request: &Request, control: &Observation, candidate: &Observation, rules: &Rules) -> Comparison {
    let scope = Scope { request, rules, now: None };
    let mut sink = Sink::new(rules, scope.now);
    if control.status != candidate.status {
        sink.report(Finding::new(Kind::Status, "status").values(control.status.as_str(), candidate.status.as_str()));
    }
    let (old, new) = (String::from_utf8_lossy(&control.body), String::from_utf8_lossy(&candidate.body));
    html::compare(html::Markup::Html, &old, &new, &scope, &mut sink);
    sink.finish()
}
