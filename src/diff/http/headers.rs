//! Headers, each by its meaning. Names and their order do not matter; neither does what only the server in front would say.
//!
//! Here is which headers differ, and what one alone on a side means; [`meaning`](mod@meaning) says what each is compared as,
//! [`by_value`](mod@by_value) compares what both send, and [`path`](mod@path) knows what a header is called.

mod by_value;
mod meaning;
mod path;

use http::header::{ETAG, LAST_MODIFIED, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue};
use smallvec::SmallVec;

use super::{Answers, caching, content_type, cookies, redirect, status};
use crate::diff::comparison::{Kind, Severity};
use crate::diff::observation::Observation;
use crate::diff::rules::Rule;
use crate::diff::scope::Scope;
use crate::diff::shown::Shown;
use crate::diff::sink::{Finding, Sink};
use by_value::by_value;
use meaning::{Meaning, meaning, protects, severity_of};
use path::path;

pub fn compare(answers: &Answers<'_>, scope: &Scope<'_>, sink: &mut Sink<'_>) {
    compare_those(answers, scope, sink, |_| true);
}

/// As [`compare`], of two failures with their part of the headers.
pub fn compare_failures(answers: &Answers<'_>, part: Part, scope: &Scope<'_>, sink: &mut Sink<'_>) {
    compare_those(answers, scope, sink, |sent| sent.is_of_error_page(answers) == (part == Part::ErrorPage));
}

/// As [`compare`], only of what counts whatever the status is: lost protections, what other sites may read no more, what caches come to
/// keep, and cookies where the method is one that sites serve.
pub fn compare_promises(answers: &Answers<'_>, scope: &Scope<'_>, sink: &mut Sink<'_>) {
    let is_served = status::is_served(&answers.request.method);
    compare_those(answers, scope, sink, |sent| {
        let name = sent.name.as_str();
        let is_promise = name.starts_with("access-control-") || (protects(name) && sent.name != WWW_AUTHENTICATE);
        match sent.how {
            Meaning::Cookies => is_served,
            Meaning::Caching => caching::becomes_kept(answers, scope.now),
            _ => is_promise && answers.control.headers.contains_key(sent.name),
        }
    });
}

/// Which headers of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// What is said to every client whatever happens.
    Answer,
    /// What is said of the page that tells of the failure.
    ErrorPage,
}

fn compare_those<'a>(
    answers: &Answers<'a>,
    scope: &Scope<'_>,
    sink: &mut Sink<'_>,
    wanted: impl Fn(&Sent<'a>) -> bool,
) {
    let mut differing = differing(answers);
    differing.retain(wanted);
    let differs = |how: Meaning| differing.iter().any(|sent| sent.how == how);
    if differs(Meaning::ContentType) {
        content_type::compare(answers, sink);
    }
    if differs(Meaning::Location) {
        redirect::compare(answers, scope, sink);
    }
    if differs(Meaning::Caching) {
        caching::compare(answers, scope.now, sink);
    }
    if differs(Meaning::Cookies) {
        cookies::compare(answers, scope, sink);
    }
    for sent in differing {
        one(&sent, answers, scope, sink);
    }
}

/// A header that differs, with what each side sends of it.
struct Sent<'a> {
    name: &'a HeaderName,
    how: Meaning,
    values: Values<'a>,
}

enum Values<'a> {
    /// At most one on each side.
    One(Option<&'a HeaderValue>, Option<&'a HeaderValue>),
    Many,
}

impl<'a> Sent<'a> {
    fn new(name: &'a HeaderName, values: Values<'a>) -> Self {
        Self { name, how: meaning(name.as_str()), values }
    }

    /// Whether it describes the body (representation metadata: RFC 9110, section 8), or is a protection that only new gives: frameworks
    /// write their error pages with some, as Go's and Express do.
    fn is_of_error_page(&self, answers: &Answers<'_>) -> bool {
        let name = self.name.as_str();
        matches!(name, "etag" | "last-modified" | "accept-ranges")
            || matches!(name.strip_prefix("content-"), Some(rest) if !rest.starts_with("security-policy"))
            || (protects(name) && !answers.control.headers.contains_key(self.name))
    }

    /// Whether both send one value, and only its case differs.
    fn is_same_word(&self) -> bool {
        matches!(self.values, Values::One(Some(old), Some(new)) if old.as_bytes().eq_ignore_ascii_case(new.as_bytes()))
    }
}

/// Headers of ordinary answers; to be found among so few, looking through them costs less than hashing. At most 64, the bits of a mask.
const FEW: usize = 32;

/// The headers that are not sent alike: legacy's, and then those that only new has.
fn differing<'a>(answers: &Answers<'a>) -> Vec<Sent<'a>> {
    let (old, new) = (&answers.control.headers, &answers.candidate.headers);
    let is_plain = |headers: &HeaderMap| headers.len() == headers.keys_len() && headers.len() <= FEW;
    if is_plain(old) && is_plain(new) {
        return differing_among_few(old, new);
    }
    let many = |name: &'a HeaderName| Sent::new(name, Values::Many);
    let changed = old.keys().filter(|name| !answers.agree_on(name)).map(many);
    changed.chain(new.keys().filter(|name| !old.contains_key(*name)).map(many)).collect()
}

/// As [`differing`], of headers that are each sent once.
fn differing_among_few<'a>(old: &'a HeaderMap, new: &'a HeaderMap) -> Vec<Sent<'a>> {
    let there: SmallVec<[(&HeaderName, &HeaderValue); FEW]> = new.iter().collect();
    let (mut met, mut next) = (0_u64, 0);
    let mut found = Vec::with_capacity(old.len() + new.len());
    for (name, value) in old {
        let mut ahead = (next..there.len()).chain(0..next.min(there.len()));
        let place = ahead.find(|at| there.get(*at).is_some_and(|(other, _)| *other == name));
        let other = place.and_then(|at| there.get(at)).map(|(_, value)| *value);
        if let Some(at) = place {
            met |= 1 << at;
            next = at + 1;
        }
        if other != Some(value) {
            found.push(Sent::new(name, Values::One(Some(value), other)));
        }
    }
    let only_new = there.iter().enumerate().filter(|(at, _)| met & (1 << at) == 0);
    found.extend(only_new.map(|(_, (name, value))| Sent::new(name, Values::One(None, Some(value)))));
    found
}

fn one(sent: &Sent<'_>, answers: &Answers<'_>, scope: &Scope<'_>, sink: &mut Sink<'_>) {
    let (name, how) = (sent.name, sent.how);
    match how {
        Meaning::ContentType | Meaning::Location | Meaning::Caching | Meaning::Cookies => return,
        Meaning::Nothing(rule) if sink.hides_again(rule) => return,
        _ => {}
    }
    let finding = Finding::new(Kind::Header, path(name.as_str()));
    let finding = match sent.values {
        Values::One(old, new) => finding.sides(old, new),
        Values::Many => finding.sides(joined(answers.control, name), joined(answers.candidate, name)),
    };
    let is_said = |value: &Option<Shown>| value.as_ref().is_some_and(|value| how.is_said_by(name, value));
    let both_say = || is_said(&finding.control) && is_said(&finding.candidate);
    sink.report(match how {
        Meaning::Nothing(rule) => finding.rule(rule),
        _ if !both_say() => presence(how, name, answers, finding),
        Meaning::RequestId => finding.rule(Rule::HeaderRequestId),
        Meaning::Validator => finding.rule(Rule::HeaderValidator),
        Meaning::Tokens if sent.is_same_word() => finding.rule(Rule::HeaderSpelling),
        _ => by_value(how, name.as_str(), answers, scope, finding),
    });
}

/// All values of a header in one line; `None`: it is not sent.
fn joined(answer: &Observation, name: &HeaderName) -> Option<String> {
    let mut all = answer.headers.get_all(name).iter();
    let mut whole = Shown::from(all.next()?).into_text();
    for value in all {
        whole.push_str(", ");
        whole.push_str(&Shown::from(value).text());
    }
    Some(whole)
}

/// Only one side sends it, or says anything by it.
fn presence(how: Meaning, name: &HeaderName, answers: &Answers<'_>, finding: Finding) -> Finding {
    let lost = !finding.candidate.as_ref().is_some_and(|value| how.is_said_by(name, value));
    match how {
        Meaning::RequestId if lost => finding.rule(Rule::RequestIdPresence),
        Meaning::RequestId => finding.rule(Rule::HeaderRequestId),
        // 304 stays, but If-Match, If-Range and clients that send only the one miss it.
        Meaning::Validator if lost && has_validator(answers.candidate) => {
            finding.severity(Severity::Low).cause("validator_lost")
        }
        Meaning::Validator if has_validator(answers.control) && !lost => finding.rule(Rule::HeaderValidator),
        Meaning::Validator if lost => finding.severity(Severity::Medium).cause("revalidation_lost"),
        Meaning::Validator => finding.severity(Severity::Low).cause("revalidation_gained"),
        _ if lost => finding.severity(severity_of(name.as_str())).cause("lost_header"),
        _ => finding.severity(Severity::Medium).cause("added_header"),
    }
}

/// Whether a client can ask "changed since?" and be told 304.
fn has_validator(answer: &Observation) -> bool {
    [ETAG, LAST_MODIFIED]
        .iter()
        .any(|name| joined(answer, name).is_some_and(|value| Meaning::Validator.is_said_by(name, &value.into())))
}
