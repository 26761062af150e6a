//! Headers, each by its meaning. Names and their order do not matter; neither does what only the server in front would say.

use std::collections::{BTreeMap, BTreeSet};

use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, EXPIRES, LAST_MODIFIED, LOCATION, PRAGMA, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use smallvec::SmallVec;

use super::{Answers, caching, content_type, cookies, directives, redirect};
use crate::diff::clock;
use crate::diff::comparison::{Kind, Severity};
use crate::diff::observation::Observation;
use crate::diff::rules::Rule;
use crate::diff::scope::Scope;
use crate::diff::sink::{Finding, Sink};
use crate::diff::volatile;

/// How a header is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// Compared elsewhere, with others.
    Elsewhere,
    /// Neither value nor presence matters.
    Nothing(Rule),
    /// The value is made anew; presence is the operator's choice.
    RequestId,
    /// The value is made anew; presence matters.
    Validator,
    /// A set of tokens without case.
    Tokens,
    /// Directives by name, separated by this.
    Directives(char),
    /// Content-Security-Policy.
    Policy,
    /// One word without case.
    Word,
    /// A list of links, their order does not matter.
    Links,
    /// An authentication scheme without case, and its parameters.
    Challenge,
    /// Seconds, and a URL.
    Refresh,
    /// Seconds that run down; presence matters.
    Delay,
    /// The values as they stand.
    Text,
}

/// Headers whose loss takes a protection away.
const PROTECTIONS: [&str; 10] = [
    "content-security-policy",
    "strict-transport-security",
    "x-frame-options",
    "x-content-type-options",
    "referrer-policy",
    "permissions-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "cross-origin-embedder-policy",
    "www-authenticate",
];

impl Meaning {
    /// Whether a value says anything: an empty id is none, and a date that cannot be read brings no 304.
    fn is_said_by(self, name: &HeaderName, value: &str) -> bool {
        match self {
            Self::RequestId => !value.is_empty(),
            Self::Validator if name == LAST_MODIFIED => clock::http_date(value).is_some(),
            Self::Validator => value.bytes().any(|byte| byte != b'"'),
            _ => true,
        }
    }
}

fn meaning(name: &str) -> Meaning {
    match name {
        "content-type" | "set-cookie" | "location" | "cache-control" | "expires" | "pragma" => Meaning::Elsewhere,
        // `Host` says nothing in an answer: PHP's built-in server repeats the request's there.
        "server" | "host" | "x-powered-by" | "via" | "x-generator" | "x-served-by" | "x-cache" | "cf-cache-status"
        | "alt-svc" | "x-backend" | "x-aspnet-version" | "x-runtime-version" | "x-version" => {
            Meaning::Nothing(Rule::HeaderServer)
        }
        "date" | "age" => Meaning::Nothing(Rule::HeaderDate),
        "connection" | "keep-alive" | "transfer-encoding" | "proxy-connection" | "upgrade" | "te" | "trailer" => {
            Meaning::Nothing(Rule::HeaderConnection)
        }
        "content-length" => Meaning::Nothing(Rule::HeaderContentLength),
        "content-encoding" => Meaning::Nothing(Rule::HeaderContentEncoding),
        "x-request-id"
        | "request-id"
        | "x-correlation-id"
        | "x-trace-id"
        | "traceparent"
        | "tracestate"
        | "x-amzn-trace-id"
        | "x-amzn-requestid"
        | "cf-ray"
        | "x-b3-traceid"
        | "x-b3-spanid"
        | "x-cloud-trace-context"
        | "x-transaction-id"
        | "x-reqid" => Meaning::RequestId,
        "server-timing" | "x-runtime" | "x-response-time" | "x-process-time" | "x-render-time" | "x-execution-time"
        | "x-elapsed" | "x-duration" | "x-time" | "x-timer" | "x-generation-time" | "x-page-time" | "x-query-time" => {
            Meaning::Nothing(Rule::HeaderTiming)
        }
        _ if is_counter(name) => Meaning::Nothing(Rule::HeaderCounter),
        "etag" | "last-modified" => Meaning::Validator,
        "vary"
        | "allow"
        | "access-control-allow-methods"
        | "access-control-allow-headers"
        | "access-control-expose-headers"
        | "content-language"
        | "x-robots-tag"
        | "accept-ranges" => Meaning::Tokens,
        "strict-transport-security" | "permissions-policy" | "x-xss-protection" | "content-disposition" => {
            Meaning::Directives(if name == "permissions-policy" { ',' } else { ';' })
        }
        "content-security-policy" | "content-security-policy-report-only" => Meaning::Policy,
        "x-frame-options"
        | "x-content-type-options"
        | "referrer-policy"
        | "cross-origin-opener-policy"
        | "cross-origin-resource-policy"
        | "cross-origin-embedder-policy" => Meaning::Word,
        "link" => Meaning::Links,
        "www-authenticate" | "proxy-authenticate" => Meaning::Challenge,
        "refresh" => Meaning::Refresh,
        "retry-after" => Meaning::Delay,
        _ => Meaning::Text,
    }
}

fn is_counter(name: &str) -> bool {
    ["x-ratelimit", "ratelimit", "x-rate-limit"].iter().any(|start| name.starts_with(start))
        || matches!(name, "x-hits" | "x-cache-hits" | "x-counter" | "x-request-count" | "x-queries" | "x-query-count")
}

pub fn compare(answers: &Answers<'_>, scope: &Scope<'_>, sink: &mut Sink<'_>) {
    let differing = differing(answers);
    let differs = |names: &[HeaderName]| differing.iter().any(|sent| names.contains(sent.name));
    if differs(&[CONTENT_TYPE]) {
        content_type::compare(answers, sink);
    }
    if differs(&[LOCATION]) {
        redirect::compare(answers, scope, sink);
    }
    if differs(&[CACHE_CONTROL, EXPIRES, PRAGMA]) {
        caching::compare(answers, scope.now, sink);
    }
    if differs(&[SET_COOKIE]) {
        cookies::compare(answers, scope, sink);
    }
    for sent in differing {
        one(&sent, answers, scope, sink);
    }
}

/// A header that differs, with what each side sends of it.
struct Sent<'a> {
    name: &'a HeaderName,
    values: Values<'a>,
}

enum Values<'a> {
    /// At most one on each side.
    One(Option<&'a HeaderValue>, Option<&'a HeaderValue>),
    Many,
}

/// Headers of ordinary answers; to be found among so few, looking through them costs less than hashing. At most 64, the bits of a mask.
const FEW: usize = 32;

type Differing<'a> = SmallVec<[Sent<'a>; 16]>;

/// The headers that are not sent alike: legacy's, and then those that only new has.
fn differing<'a>(answers: &Answers<'a>) -> Differing<'a> {
    let (old, new) = (&answers.control.headers, &answers.candidate.headers);
    let is_plain = |headers: &HeaderMap| headers.len() == headers.keys_len() && headers.len() <= FEW;
    if is_plain(old) && is_plain(new) {
        return differing_among_few(old, new);
    }
    let many = |name: &'a HeaderName| Sent { name, values: Values::Many };
    let changed = old.keys().filter(|name| !answers.agree_on(name)).map(many);
    changed.chain(new.keys().filter(|name| !old.contains_key(*name)).map(many)).collect()
}

/// As [`differing`], of headers that are each sent once.
fn differing_among_few<'a>(old: &'a HeaderMap, new: &'a HeaderMap) -> Differing<'a> {
    let there: SmallVec<[(&HeaderName, &HeaderValue); FEW]> = new.iter().collect();
    let (mut met, mut next) = (0_u64, 0);
    let mut found = Differing::new();
    for (name, value) in old {
        let mut ahead = (next..there.len()).chain(0..next.min(there.len()));
        let place = ahead.find(|at| there.get(*at).is_some_and(|(other, _)| *other == name));
        let other = place.and_then(|at| there.get(at)).map(|(_, value)| *value);
        if let Some(at) = place {
            met |= 1 << at;
            next = at + 1;
        }
        if other != Some(value) {
            found.push(Sent { name, values: Values::One(Some(value), other) });
        }
    }
    let only_new = there.iter().enumerate().filter(|(at, _)| met & (1 << at) == 0);
    found.extend(only_new.map(|(_, (name, value))| Sent { name, values: Values::One(None, Some(value)) }));
    found
}

/// All values of a header, as text.
pub fn values(answer: &Observation, name: &str) -> Vec<String> {
    answer
        .headers
        .get_all(name)
        .iter()
        .map(|value| String::from_utf8_lossy(value.as_bytes()).trim().to_owned())
        .collect()
}

/// `cache-control` → `header:Cache-Control`.
pub fn path(name: &str) -> String {
    const LEAD: &[u8] = b"header:";
    let mut path = Vec::with_capacity(LEAD.len() + name.len());
    path.extend_from_slice(LEAD);
    for (at, word) in name.as_bytes().split(|byte| *byte == b'-').enumerate() {
        if at > 0 {
            path.push(b'-');
        }
        match word {
            b"etag" => path.extend_from_slice(b"ETag"),
            b"www" | b"csp" | b"xss" => path.extend(word.iter().map(u8::to_ascii_uppercase)),
            [first, rest @ ..] => {
                path.push(first.to_ascii_uppercase());
                path.extend_from_slice(rest);
            }
            [] => {}
        }
    }
    String::from_utf8(path).unwrap_or_else(|_| name.to_owned())
}

fn one(sent: &Sent<'_>, answers: &Answers<'_>, scope: &Scope<'_>, sink: &mut Sink<'_>) {
    let name = sent.name;
    let how = meaning(name.as_str());
    if how == Meaning::Elsewhere {
        return;
    }
    if let Meaning::Nothing(rule) = how
        && sink.hides_again(rule)
    {
        return;
    }
    let shown = match sent.values {
        Values::One(old, new) => (old.map(line), new.map(line)),
        Values::Many => (joined(answers.control, name), joined(answers.candidate, name)),
    };
    let says = |shown: &Option<String>| shown.as_ref().is_some_and(|value| how.is_said_by(name, value));
    let both_send = says(&shown.0) && says(&shown.1);
    let is_same_word =
        matches!((&sent.values, &shown), (Values::One(..), (Some(old), Some(new))) if old.eq_ignore_ascii_case(new));
    let name = name.as_str();
    let finding = Finding { control: shown.0, candidate: shown.1, ..Finding::new(Kind::Header, path(name)) };
    sink.report(match how {
        Meaning::Nothing(rule) => finding.rule(rule),
        _ if !both_send => presence(how, name, answers, finding),
        Meaning::RequestId => finding.rule(Rule::HeaderRequestId),
        Meaning::Validator => finding.rule(Rule::HeaderValidator),
        Meaning::Tokens if is_same_word => finding.rule(Rule::HeaderSpelling),
        _ => by_value(how, name, answers, scope, finding),
    });
}

/// A value, as text.
fn line(value: &HeaderValue) -> String {
    match value.to_str() {
        Ok(text) => text.trim_ascii().to_owned(),
        Err(_) => String::from_utf8_lossy(value.as_bytes()).trim().to_owned(),
    }
}

/// All values of a header in one line; `None`: it is not sent.
fn joined(answer: &Observation, name: &HeaderName) -> Option<String> {
    let mut all = answer.headers.get_all(name).iter();
    let mut whole = line(all.next()?);
    for value in all {
        whole.push_str(", ");
        whole.push_str(&line(value));
    }
    Some(whole)
}

/// Both send it, with other values.
fn by_value(how: Meaning, name: &str, answers: &Answers<'_>, scope: &Scope<'_>, finding: Finding) -> Finding {
    let (old, new) = (values(answers.control, name), values(answers.candidate, name));
    match how {
        Meaning::Tokens => tokens(&old, &new, finding),
        Meaning::Directives(separator) => {
            let same = directives::named(&old, separator) == directives::named(&new, separator);
            spelled_or(same, finding, severity_of(name))
        }
        Meaning::Policy => policy(&old, &new, finding),
        Meaning::Word => spelled_or(directives::tokens(&old) == directives::tokens(&new), finding, severity_of(name)),
        Meaning::Links => spelled_or(links(&old, scope) == links(&new, scope), finding, Severity::Medium),
        Meaning::Challenge => challenge(&old, &new, finding),
        Meaning::Refresh => spelled_or(refresh(&old, scope) == refresh(&new, scope), finding, Severity::High),
        Meaning::Delay if runs_down(&old, &new, answers) => finding.rule(Rule::HeaderCounter),
        _ => text(name, &old, &new, scope, finding),
    }
}

fn severity_of(name: &str) -> Severity {
    let is_protection = PROTECTIONS.contains(&name) || name.starts_with("access-control-");
    if is_protection { Severity::High } else { Severity::Medium }
}

fn spelled_or(same: bool, finding: Finding, severity: Severity) -> Finding {
    if same { finding.rule(Rule::HeaderSpelling) } else { finding.severity(severity) }
}

/// Only one side sends it, or says anything by it.
fn presence(how: Meaning, name: &str, answers: &Answers<'_>, finding: Finding) -> Finding {
    let said = HeaderName::from_bytes(name.as_bytes()).ok();
    let lost = !said.zip(finding.candidate.as_ref()).is_some_and(|(name, value)| how.is_said_by(&name, value));
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
        _ if lost => finding.severity(severity_of(name)).cause("lost_header"),
        _ => finding.severity(Severity::Medium).cause("added_header"),
    }
}

/// Whether a client can ask "changed since?" and be told 304.
fn has_validator(answer: &Observation) -> bool {
    [ETAG, LAST_MODIFIED]
        .iter()
        .any(|name| joined(answer, name).is_some_and(|value| Meaning::Validator.is_said_by(name, &value)))
}

fn tokens(old: &[String], new: &[String], finding: Finding) -> Finding {
    let (old, new) = (directives::tokens(old), directives::tokens(new));
    if old == new {
        return finding.rule(Rule::HeaderSpelling);
    }
    let cause = match (old.is_superset(&new), new.is_superset(&old)) {
        (true, _) => "token_lost",
        (_, true) => "token_added",
        _ => "tokens_changed",
    };
    finding.severity(Severity::Medium).cause(cause)
}

type Policy = BTreeMap<String, BTreeSet<String>>;

/// Policies by directive; the order of directives and sources does not matter, and a nonce is any nonce.
fn policy(old: &[String], new: &[String], finding: Finding) -> Finding {
    let exact = (directives_of(old, Nonces::Kept), directives_of(new, Nonces::Kept));
    if exact.0 == exact.1 {
        return finding.rule(Rule::HeaderSpelling);
    }
    if directives_of(old, Nonces::Masked) == directives_of(new, Nonces::Masked) {
        return finding.rule(Rule::HeaderNonce);
    }
    finding.severity(Severity::High).cause("policy_changed")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nonces {
    Kept,
    Masked,
}

fn directives_of(values: &[String], nonces: Nonces) -> Vec<Policy> {
    let read = |policy: &str| -> Policy {
        let mut found = Policy::new();
        for directive in policy.split(';') {
            let mut words = directive.split_ascii_whitespace();
            let Some(name) = words.next() else { continue };
            let sources = words.map(|word| match word.strip_prefix("'nonce-") {
                Some(drawn) if nonces == Nonces::Masked && drawn.len() > "'".len() => "'nonce-*'".to_owned(),
                _ => word.to_owned(),
            });
            found.entry(name.to_ascii_lowercase()).or_insert_with(|| sources.collect());
        }
        found
    };
    values.iter().flat_map(|value| value.split(',')).map(read).collect()
}

fn links(values: &[String], scope: &Scope<'_>) -> BTreeSet<(String, BTreeMap<String, Option<String>>)> {
    let base = scope.base();
    let read = |link: &str| {
        let (target, parameters) = link.strip_prefix('<').and_then(|rest| rest.split_once('>')).unwrap_or((link, ""));
        let resolved =
            base.as_ref().and_then(|base| base.join(target).ok()).map_or_else(|| target.to_owned(), String::from);
        (resolved, directives::named(&[parameters.trim_start_matches([' ', ';']).to_owned()], ';'))
    };
    values.iter().flat_map(|value| directives::split(value, ',')).map(read).collect()
}

/// The same countdown, read a moment later. Whom a limit turned away (429) waits for the end of a window, and each backend has its own;
/// any other wait is what the application wants.
fn runs_down(old: &[String], new: &[String], answers: &Answers<'_>) -> bool {
    const MOMENT: u64 = 3;
    let seconds = |values: &[String]| match values {
        [only] => only.parse::<u64>().ok(),
        _ => None,
    };
    let is_limited = |answer: &Observation| answer.status == StatusCode::TOO_MANY_REQUESTS;
    let both_limited = is_limited(answers.control) && is_limited(answers.candidate);
    matches!((seconds(old), seconds(new)), (Some(a), Some(b)) if both_limited || a.abs_diff(b) <= MOMENT)
}

/// `Basic realm="x"`: the scheme has no case, parameters are tokens or quoted (RFC 9110, section 11.1).
fn challenges(values: &[String], nonces: Nonces) -> Vec<(String, BTreeMap<String, Option<String>>)> {
    let read = |value: &String| {
        let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
        let mut parameters = directives::named(&[rest.to_owned()], ',');
        for (name, value) in &mut parameters {
            match (name.as_str(), value) {
                ("nonce" | "opaque", Some(drawn)) if nonces == Nonces::Masked && !drawn.is_empty() => {
                    "*".clone_into(drawn);
                }
                ("charset" | "algorithm" | "stale", Some(word)) => word.make_ascii_lowercase(),
                _ => {}
            }
        }
        (scheme.to_ascii_lowercase(), parameters)
    };
    values.iter().map(read).collect()
}

fn challenge(old: &[String], new: &[String], finding: Finding) -> Finding {
    if challenges(old, Nonces::Kept) != challenges(new, Nonces::Kept)
        && challenges(old, Nonces::Masked) == challenges(new, Nonces::Masked)
    {
        return finding.rule(Rule::HeaderNonce);
    }
    spelled_or(challenges(old, Nonces::Kept) == challenges(new, Nonces::Kept), finding, Severity::High)
}

/// `0; url=/x`, the URL resolved.
fn refresh(values: &[String], scope: &Scope<'_>) -> Vec<(String, String)> {
    let base = scope.base();
    let read = |value: &String| {
        let (seconds, rest) = value.split_once([';', ',']).unwrap_or((value, ""));
        let rest = rest.trim();
        let target = rest.split_once('=').filter(|(name, _)| name.trim().eq_ignore_ascii_case("url"));
        let target = target.map_or(rest, |(_, target)| target).trim().trim_matches(['"', '\'']);
        let resolved =
            base.as_ref().and_then(|base| base.join(target).ok()).map_or_else(|| target.to_owned(), String::from);
        (seconds.trim().to_owned(), resolved)
    };
    values.iter().map(read).collect()
}

/// Names that say "how long it took": `X-Render-Time-Ms`, `X-Request-Duration`. What the values are is looked at too.
fn is_timing(name: &str) -> bool {
    let name = name.strip_suffix("-ms").or_else(|| name.strip_suffix("-seconds")).unwrap_or(name);
    ["duration", "elapsed", "took", "latency", "render-time", "request-time", "processing-time", "gen-time"]
        .iter()
        .any(|end| name.ends_with(end))
}

fn text(name: &str, old: &[String], new: &[String], scope: &Scope<'_>, finding: Finding) -> Finding {
    let squeezed = |values: &[String]| -> Vec<String> {
        values
            .iter()
            .flat_map(|value| directives::split(value, ','))
            .map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect()
    };
    if squeezed(old) == squeezed(new) {
        return finding.rule(Rule::HeaderSpelling);
    }
    if let ([old], [new]) = (old, new)
        && is_timing(name)
        && volatile::is_duration(old)
        && volatile::is_duration(new)
    {
        return finding.rule(Rule::HeaderTiming);
    }
    let plain = name.strip_prefix("x-").unwrap_or(name);
    if let ([old], [new]) = (old, new)
        && let Some(rule) = volatile::strings(plain, old, new, scope.now)
    {
        return finding.rule(rule);
    }
    finding.severity(severity_of(name))
}
