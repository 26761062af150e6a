//! Cache-Control, Pragma and Expires together: may the answer be stored, and for how long.

use std::collections::BTreeMap;

use http::StatusCode;

use super::Answers;
use super::directives;
use super::values::{time_of, values};
use crate::diff::clock;
use crate::diff::comparison::{Kind, Severity};
use crate::diff::observation::Observation;
use crate::diff::rules::Rule;
use crate::diff::sink::{Finding, Sink};

const NAMES: [(&str, &str); 3] =
    [("cache-control", "header:Cache-Control"), ("expires", "header:Expires"), ("pragma", "header:Pragma")];

/// What a cache may do.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Caching {
    /// Keep nothing.
    NoStore,
    Store {
        fresh: Fresh,
        /// Without the one that says how long it is fresh.
        directives: BTreeMap<String, Option<String>>,
        /// How long it is fresh comes of clocks, not of a number that is meant exactly.
        drifts: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fresh {
    /// Nothing is said: a cache may guess.
    Unsaid,
    /// Ask before every use.
    Never,
    Seconds(i64),
    /// Until a moment, Unix seconds, where the answer's own time is not known.
    Until(i64),
}

pub fn compare(answers: &Answers<'_>, now: Option<i64>, sink: &mut Sink<'_>) {
    let differing: Vec<(&str, &str)> = NAMES
        .into_iter()
        .filter(|(name, _)| values(answers.control, name) != values(answers.candidate, name))
        .collect();
    let Some((_, first)) = differing.first().copied() else { return };
    let (old, new) = (read(answers.control, now), read(answers.candidate, now));
    let shown = |answer: &Observation| {
        let lines = NAMES
            .iter()
            .flat_map(|(name, _)| values(answer, name).into_iter().map(move |value| format!("{name}: {value}")));
        Some(lines.collect::<Vec<_>>().join("; ")).filter(|text| !text.is_empty())
    };
    if let Some(rule) = same(&old, &new) {
        for (name, path) in differing {
            let finding = Finding::new(Kind::Header, path);
            let text = |answer: &Observation| Some(values(answer, name).join(", ")).filter(|text| !text.is_empty());
            sink.report(finding.sides(text(answers.control), text(answers.candidate)).rule(rule));
        }
        return;
    }
    let finding = Finding::new(Kind::Header, first).sides(shown(answers.control), shown(answers.candidate));
    let cause = match (old.is_kept(), new.is_kept()) {
        (false, true) => "becomes_cacheable",
        (true, false) => "becomes_uncacheable",
        _ if old.says_an_age() && !new.says_an_age() => "max_age_lost",
        _ => "caching_changed",
    };
    let severity = if cause == "becomes_cacheable" { Severity::High } else { Severity::Medium };
    sink.report(finding.severity(severity).cause(cause));
}

/// Whether caches may answer with new's from their own, and may not with legacy's.
pub fn becomes_kept(answers: &Answers<'_>, now: Option<i64>) -> bool {
    !read(answers.control, now).is_kept() && read(answers.candidate, now).is_kept()
}

fn same(old: &Caching, new: &Caching) -> Option<Rule> {
    let (a, b, drifts) = match (old, new) {
        (Caching::NoStore, Caching::NoStore) => return Some(Rule::HeaderSpelling),
        (
            Caching::Store { fresh: a, directives: x, drifts: p },
            Caching::Store { fresh: b, directives: y, drifts: q },
        ) if x == y => (a, b, *p || *q),
        _ => return None,
    };
    match (a, b) {
        _ if a == b => Some(Rule::HeaderSpelling),
        (Fresh::Seconds(a), Fresh::Seconds(b)) | (Fresh::Until(a), Fresh::Until(b))
            if drifts && a.abs_diff(*b) <= clock::WINDOW as u64 =>
        {
            Some(Rule::HeaderClock)
        }
        _ => None,
    }
}

impl Caching {
    fn says_an_age(&self) -> bool {
        matches!(self, Self::Store { fresh: Fresh::Seconds(_), drifts: false, .. })
    }

    /// Whether a cache may answer from its own without asking.
    fn is_kept(&self) -> bool {
        matches!(self, Self::Store { fresh, .. } if *fresh != Fresh::Never)
    }
}

fn read(answer: &Observation, now: Option<i64>) -> Caching {
    let mut directives = directives::named(&values(answer, "cache-control"), ',');
    // A cache that understands the status may store it all the same (RFC 9111, section 5.2.2.3).
    if directives.contains_key("no-store") && !directives.contains_key("must-understand") {
        return Caching::NoStore;
    }
    // These name header fields, in any case and order.
    for name in ["private", "no-cache"] {
        if let Some(Some(fields)) = directives.get_mut(name) {
            let names: Vec<String> = directives::tokens(std::slice::from_ref(fields)).into_iter().collect();
            *fields = names.join(",");
        }
    }
    let fresh = freshness(answer, &directives, now);
    if !may_be_guessed(answer.status) && !asks_to_be_stored(answer, &directives) {
        return Caching::NoStore;
    }
    if fresh == Fresh::Never {
        for implied in ["no-cache", "must-revalidate", "proxy-revalidate", "post-check", "pre-check"] {
            directives.remove(implied);
        }
    }
    let drifts = directives.remove("max-age").is_none();
    Caching::Store { fresh, directives, drifts }
}

/// Whether a cache may store an answer whatever its status (RFC 9111, section 3); one that no user's own cache may use unasked counts as
/// not stored.
fn asks_to_be_stored(answer: &Observation, directives: &BTreeMap<String, Option<String>>) -> bool {
    let says = |name: &str| directives.contains_key(name);
    says("max-age")
        || says("s-maxage")
        || says("public")
        || (says("private") && !says("no-cache"))
        || !values(answer, "expires").is_empty()
}

/// Whether a cache may keep an answer of this status that says nothing of caching (RFC 9110, section 15.1).
fn may_be_guessed(status: StatusCode) -> bool {
    matches!(status.as_u16(), 200 | 203 | 204 | 206 | 300 | 301 | 308 | 404 | 405 | 410 | 414 | 501)
}

fn freshness(answer: &Observation, directives: &BTreeMap<String, Option<String>>, now: Option<i64>) -> Fresh {
    // With fields named, it is about these alone (RFC 9111, section 5.2.2.4).
    if directives.get("no-cache").is_some_and(Option::is_none) {
        return Fresh::Never;
    }
    if let Some(age) = directives.get("max-age") {
        let seconds = age.as_ref().and_then(|text| text.parse::<i64>().ok()).unwrap_or(0);
        return if seconds <= 0 { Fresh::Never } else { Fresh::Seconds(seconds) };
    }
    if let Some(expires) = values(answer, "expires").first() {
        return match (clock::http_date(expires), time_of(answer, now)) {
            // An invalid date, especially 0, means the past (RFC 9111).
            (None, _) => Fresh::Never,
            (Some(until), Some(now)) if until <= now => Fresh::Never,
            (Some(until), Some(now)) => Fresh::Seconds(until - now),
            (Some(until), None) if until < clock::LONG_AGO => Fresh::Never,
            (Some(until), None) => Fresh::Until(until),
        };
    }
    let pragma = directives::tokens(&values(answer, "pragma"));
    if directives.is_empty() && pragma.contains("no-cache") { Fresh::Never } else { Fresh::Unsaid }
}
