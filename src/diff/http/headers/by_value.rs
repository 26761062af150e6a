//! The values of one header that both send, and send otherwise: what each means, and whether that is the same.

use std::collections::{BTreeMap, BTreeSet};

use http::StatusCode;
use url::Url;

use super::super::values::{time_of, values};
use super::meaning::{Meaning, severity_of};
use crate::diff::clock;
use crate::diff::comparison::Severity;
use crate::diff::http::{Answers, directives};
use crate::diff::observation::Observation;
use crate::diff::rules::Rule;
use crate::diff::scope::Scope;
use crate::diff::sink::Finding;
use crate::diff::volatile;

/// Both send it, with other values.
pub(super) fn by_value(
    how: Meaning,
    name: &str,
    answers: &Answers<'_>,
    scope: &Scope<'_>,
    finding: Finding,
) -> Finding {
    let (old, new) = (values(answers.control, name), values(answers.candidate, name));
    match how {
        Meaning::Tokens => sets(&directives::tokens(&old), &directives::tokens(&new), finding),
        Meaning::Members => sets(&members(&old), &members(&new), finding),
        Meaning::Directives(separator) => {
            let same = directives::named(&old, separator) == directives::named(&new, separator);
            spelled_or(same, finding, severity_of(name))
        }
        Meaning::Policy => policy(&old, &new, finding),
        Meaning::Word => spelled_or(directives::tokens(&old) == directives::tokens(&new), finding, severity_of(name)),
        Meaning::ReferrerPolicy => {
            spelled_or(referrer_policy(&old) == referrer_policy(&new), finding, severity_of(name))
        }
        Meaning::Links => spelled_or(links(&old, scope) == links(&new, scope), finding, Severity::Medium),
        Meaning::Challenge => challenge(&old, &new, finding),
        Meaning::Refresh => spelled_or(refresh(&old, scope) == refresh(&new, scope), finding, Severity::High),
        Meaning::Delay if runs_down(&old, &new, answers) => finding.rule(Rule::HeaderCounter),
        _ => text(name, &old, &new, scope, finding),
    }
}

fn spelled_or(same: bool, finding: Finding, severity: Severity) -> Finding {
    if same { finding.rule(Rule::HeaderSpelling) } else { finding.severity(severity) }
}

fn sets<T: Ord>(old: &BTreeSet<T>, new: &BTreeSet<T>, finding: Finding) -> Finding {
    if old == new {
        return finding.rule(Rule::HeaderSpelling);
    }
    let cause = match (old.is_superset(new), new.is_superset(old)) {
        (true, _) => "token_lost",
        (_, true) => "token_added",
        _ => "tokens_changed",
    };
    finding.severity(Severity::Medium).cause(cause)
}

/// A comma-separated set whose members have their case.
fn members(values: &[String]) -> BTreeSet<&str> {
    values.iter().flat_map(|value| directives::split(value, ',')).collect()
}

/// The policy in force: the last one that is known (Referrer Policy, section 8.1). Where none is, all that is written.
fn referrer_policy(values: &[String]) -> Vec<String> {
    const KNOWN: [&str; 8] = [
        "no-referrer",
        "no-referrer-when-downgrade",
        "same-origin",
        "origin",
        "strict-origin",
        "origin-when-cross-origin",
        "strict-origin-when-cross-origin",
        "unsafe-url",
    ];
    let all = values.iter().flat_map(|value| directives::split(value, ',')).map(str::to_ascii_lowercase);
    let all: Vec<String> = all.collect();
    match all.iter().rfind(|policy| KNOWN.contains(&policy.as_str())) {
        Some(last) => vec![last.clone()],
        None => all,
    }
}

type Policy = BTreeMap<String, BTreeSet<String>>;

/// Policies by directive; the order of policies, directives and sources does not matter, and a nonce is any nonce.
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
            let name = name.to_ascii_lowercase();
            let lists_sources =
                name.contains("-src") || matches!(name.as_str(), "frame-ancestors" | "form-action" | "base-uri");
            let sources = words.map(|word| match word.strip_prefix("'nonce-") {
                Some(drawn) if nonces == Nonces::Masked && drawn.len() > "'".len() => "'nonce-*'".to_owned(),
                _ if lists_sources => source(word),
                _ => word.to_owned(),
            });
            let sources = sources.collect();
            found.entry(name).or_insert(sources);
        }
        found
    };
    let mut policies: Vec<Policy> = values.iter().flat_map(|value| value.split(',')).map(read).collect();
    policies.retain(|policy| !policy.is_empty());
    policies.sort_unstable();
    policies
}

/// A source with what has no case in lower case: keywords, schemes and hosts, but neither nonces and hashes nor paths (CSP 3, section 2.3.1).
fn source(word: &str) -> String {
    let lower = word.to_ascii_lowercase();
    let is_drawn = ["'nonce-", "'sha256-", "'sha384-", "'sha512-"].iter().any(|start| lower.starts_with(start));
    let host = word.find("://").map_or(0, |scheme| scheme + "://".len());
    let path = word.get(host..).and_then(|rest| rest.find('/')).map_or(word.len(), |at| host + at);
    let caseless = if is_drawn { 0 } else { path };
    format!("{}{}", &lower[..caseless], &word[caseless..])
}

fn links(values: &[String], scope: &Scope<'_>) -> BTreeSet<(String, BTreeMap<String, Option<String>>)> {
    let base = scope.base();
    let read = |link: &str| {
        let (target, parameters) = link.strip_prefix('<').and_then(|rest| rest.split_once('>')).unwrap_or((link, ""));
        (
            resolved(base.as_ref(), target),
            directives::named(&[parameters.trim_start_matches([' ', ';']).to_owned()], ';'),
        )
    };
    values.iter().flat_map(|value| directives::split(value, ',')).map(read).collect()
}

/// A URL as it is followed from here; as it is written, if it is none.
fn resolved(base: Option<&Url>, target: &str) -> String {
    base.and_then(|base| base.join(target).ok()).map_or_else(|| target.to_owned(), String::from)
}

/// The same countdown, read a moment later. Whom a limit turned away (429) waits for the end of a window, and each backend has its own;
/// any other wait is what the application wants.
fn runs_down(old: &[String], new: &[String], answers: &Answers<'_>) -> bool {
    const MOMENT: u64 = 3;
    let seconds = |values: &[String], answer: &Observation| match values {
        [only] => only.parse::<u64>().ok().or_else(|| {
            let left = clock::http_date(only)? - time_of(answer, None)?;
            u64::try_from(left).ok()
        }),
        _ => None,
    };
    let is_limited = |answer: &Observation| answer.status == StatusCode::TOO_MANY_REQUESTS;
    let both_limited = is_limited(answers.control) && is_limited(answers.candidate);
    let until = |values: &[String]| values.first().and_then(|date| clock::http_date(date));
    if let (Some(a), Some(b)) = (until(old), until(new)) {
        return a.abs_diff(b) <= MOMENT;
    }
    // Zero says: at once.
    let both_wait = |a: u64, b: u64| (a == 0) == (b == 0);
    matches!((seconds(old, answers.control), seconds(new, answers.candidate)), (Some(a), Some(b)) if both_limited && both_wait(a, b) || a.abs_diff(b) <= MOMENT)
}

/// `Basic realm="x", Bearer`: in one line or in several; the scheme has no case, parameters are tokens or quoted (RFC 9110, section 11.6.1).
fn challenges(values: &[String], nonces: Nonces) -> Vec<(String, BTreeMap<String, Option<String>>)> {
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    for part in values.iter().flat_map(|value| directives::split(value, ',')) {
        let (first, rest) = part.split_once([' ', '\t']).unwrap_or((part, ""));
        let begins = !first.contains('=') && !rest.trim_start().starts_with('=');
        match found.last_mut() {
            Some((_, parameters)) if !begins => parameters.push(part.to_owned()),
            _ => found.push((first.to_ascii_lowercase(), vec![rest.trim().to_owned()])),
        }
    }
    let read = |(scheme, parameters): (String, Vec<String>)| {
        let mut parameters = directives::named(&parameters, ',');
        for (name, value) in &mut parameters {
            match (name.as_str(), value) {
                ("nonce" | "opaque", Some(drawn)) if nonces == Nonces::Masked && !drawn.is_empty() => {
                    "*".clone_into(drawn);
                }
                ("charset" | "algorithm" | "stale", Some(word)) => word.make_ascii_lowercase(),
                _ => {}
            }
        }
        (scheme, parameters)
    };
    found.into_iter().map(read).collect()
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
        (seconds.trim().to_owned(), resolved(base.as_ref(), target))
    };
    values.iter().map(read).collect()
}

/// What takes time in a server.
const WORK: [&str; 18] = [
    "request",
    "response",
    "render",
    "query",
    "queries",
    "db",
    "database",
    "sql",
    "processing",
    "process",
    "execution",
    "exec",
    "page",
    "backend",
    "upstream",
    "server",
    "app",
    "handler",
];

/// Names that say "how long it took": `X-Render-Time-Ms`, `X-Request-Duration`. What the values are is looked at too.
fn is_timing(name: &str) -> bool {
    let name = name.strip_suffix("-ms").or_else(|| name.strip_suffix("-seconds")).unwrap_or(name);
    if let Some(what) = name.strip_suffix("-duration") {
        // How long something else lasts is the application's: `X-Video-Duration`.
        return what.split('-').any(|word| WORK.contains(&word));
    }
    ["elapsed", "took", "latency", "render-time", "request-time", "processing-time", "gen-time"]
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
        return finding.rule(if rule == Rule::VolatileDuration { Rule::HeaderTiming } else { rule });
    }
    finding.severity(severity_of(name))
}
