//! Status, headers and cookies by their meaning; then the bodies, by what they are.

pub mod body;
mod caching;
pub mod content_type;
mod cookies;
mod directives;
mod events;
mod headers;
mod redirect;
mod status;
mod values;

use ::http::HeaderName;
use ::http::header::LOCATION;
pub use redirect::same as same_url;

use super::comparison::{Comparison, Kind};
use super::observation::{Observation, Request};
use super::rules::Rule;
use super::scope::Scope;
use super::sink::{Finding, Sink};
use headers::Part;
use status::Rest;

/// Both answers to one request.
#[derive(Debug, Clone, Copy)]
pub struct Answers<'a> {
    pub request: &'a Request,
    pub control: &'a Observation,
    pub candidate: &'a Observation,
}

impl Answers<'_> {
    /// Whether the answers can have bodies that anybody sees.
    pub fn have_bodies(&self) -> bool {
        !self.is_head() && self.status_has_body()
    }

    /// Whether nobody reads what the bodies are said to be: there can be none, or they belong to redirects. Of an empty one that could have
    /// been something, a client reads the type, and may parse nothing as JSON.
    pub fn leave_type_unused(&self) -> bool {
        !self.status_has_body()
    }

    /// Whether bodies could have come, and none did.
    pub fn are_empty(&self) -> bool {
        self.control.body.is_empty() && self.candidate.body.is_empty() && !self.is_head()
    }

    fn is_head(&self) -> bool {
        self.request.method == ::http::Method::HEAD
    }

    /// Does a browser go on to somewhere else, and show nothing of the body? (Fetch Standard, redirect status.)
    pub fn are_followed(&self) -> bool {
        let targets = [self.control, self.candidate].into_iter().any(|answer| answer.headers.contains_key(LOCATION));
        targets && matches!(self.control.status.as_u16(), 301 | 302 | 303 | 307 | 308)
    }

    fn status_has_body(&self) -> bool {
        let status = self.control.status;
        !status.is_informational() && !self.are_followed() && !matches!(status.as_u16(), 204 | 205 | 304)
    }

    /// Whether both send the same values of a header, or neither any.
    pub fn agree_on(&self, name: &HeaderName) -> bool {
        self.control.headers.get_all(name).iter().eq(self.candidate.headers.get_all(name).iter())
    }

    fn are_identical(&self) -> bool {
        self.control.status == self.candidate.status
            && self.control.body == self.candidate.body
            && self.control.headers == self.candidate.headers
    }
}

/// Compares two answers.
pub fn compare(answers: &Answers<'_>, scope: &Scope<'_>, mut sink: Sink<'_>) -> Comparison {
    if answers.are_identical() {
        if answers.control.status.is_server_error() {
            sink.both_failed();
        }
        return sink.finish();
    }
    match status::compare(answers, &mut sink) {
        Rest::Nothing => {
            // That another status is wanted does not say that nothing may be lost with it.
            if sink.is_empty() {
                headers::compare_promises(answers, scope, &mut sink);
            }
            sink.finish()
        }
        Rest::Inconclusive => sink.finish_inconclusive(),
        Rest::Failure => {
            sink.both_failed();
            failure(answers, scope, &mut sink);
            sink.finish()
        }
        Rest::Headers => {
            headers::compare(answers, scope, &mut sink);
            sink.finish()
        }
        Rest::All => {
            headers::compare(answers, scope, &mut sink);
            body::compare(answers, scope, &mut sink);
            sink.finish()
        }
    }
}

/// Both failed with the same status. What their headers promise to every client counts as ever; whether they also say the same is one
/// question.
fn failure(answers: &Answers<'_>, scope: &Scope<'_>, sink: &mut Sink<'_>) {
    headers::compare_failures(answers, Part::Answer, scope, sink);
    let mut about = Sink::new(scope.rules, scope.now);
    if !(answers.control.body.is_empty() && answers.candidate.body.is_empty()) {
        headers::compare_failures(answers, Part::ErrorPage, scope, &mut about);
    }
    let mut page = Sink::new(scope.rules, scope.now);
    body::compare(answers, scope, &mut page);
    let told = |finding: Finding| finding.rule(Rule::ErrorBody).cause("error_body");
    if !page.is_empty() {
        let shown = |answer: &Observation| String::from_utf8_lossy(&answer.body).into_owned();
        let finding = Finding::new(Kind::Body, super::text::BODY);
        return sink.report(told(finding.values(shown(answers.control), shown(answers.candidate))));
    }
    for difference in about.finish().differences {
        let finding = Finding::new(difference.kind, difference.path);
        sink.report(told(finding.sides(difference.control, difference.candidate)));
    }
}

#[cfg(test)]
mod tests;
