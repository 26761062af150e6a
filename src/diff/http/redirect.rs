//! Redirect targets, resolved against the request as a browser would, and links compared as URLs.

use http::header::LOCATION;
use url::Url;

use super::Answers;
use crate::diff::comparison::{Kind, Severity};
use crate::diff::decode;
use crate::diff::rules::Rule;
use crate::diff::scope::Scope;
use crate::diff::sink::{Finding, Sink};
use crate::diff::volatile;

const PATH: &str = "header:Location";

pub fn compare(answers: &Answers<'_>, scope: &Scope<'_>, sink: &mut Sink<'_>) {
    let written = |headers: &http::HeaderMap| {
        let values = headers.get_all(LOCATION).iter();
        let mut targets: Vec<String> = values.map(|value| decode::apart(value.as_bytes()).trim().to_owned()).collect();
        targets.dedup();
        targets
    };
    let (olds, news) = (written(&answers.control.headers), written(&answers.candidate.headers));
    if olds.len().max(news.len()) > 1 && olds != news {
        // Which of them is followed is different from client to client.
        let joined = |targets: &[String]| (!targets.is_empty()).then(|| targets.join(", "));
        let finding = Finding::new(Kind::Redirect, PATH).sides(joined(&olds), joined(&news));
        return sink.report(finding.cause("redirect_target"));
    }
    let (control, candidate) = (olds.into_iter().next(), news.into_iter().next());
    if control == candidate {
        return;
    }
    let finding = Finding::new(Kind::Redirect, PATH).sides(control.as_ref(), candidate.as_ref());
    let (Some(control), Some(candidate)) = (control, candidate) else {
        sink.report(finding.cause("redirect_target_missing"));
        return;
    };
    sink.report(judge(finding, &control, &candidate, scope));
}

fn judge(finding: Finding, control: &str, candidate: &str, scope: &Scope<'_>) -> Finding {
    let base = scope.base();
    let resolve = |target: &str| match &base {
        Some(base) => base.join(target).ok(),
        None => Url::parse(target).ok(),
    };
    let (Some(old), Some(new)) = (resolve(control), resolve(candidate)) else {
        return finding.cause("redirect_target");
    };
    if same(&old, &new) {
        return finding.rule(Rule::RedirectSpelling);
    }
    if old.scheme() != new.scheme() && rest_of(&old) == rest_of(&new) {
        return finding.cause("scheme_changed");
    }
    if authority(&old) != authority(&new) {
        let own = base.as_ref().map(authority);
        let leaked = own.as_ref() == Some(&authority(&old)) || own.is_none();
        return finding.cause(if leaked { "host_leaked" } else { "host_changed" });
    }
    if path(&old) == path(&new) && old.fragment() == new.fragment() && differ_by_tokens(&old, &new) {
        return finding.rule(Rule::RedirectToken);
    }
    if path(&old).trim_end_matches('/') == path(&new).trim_end_matches('/') && path(&old) != path(&new) {
        return finding.severity(Severity::Medium).cause("trailing_slash");
    }
    if path(&old) == path(&new) { finding.cause("redirect_query") } else { finding.cause("redirect_target") }
}

/// Whether two absolute URLs name the same thing: percent-encoding, `+` in queries, default ports and host case do not matter.
pub fn same(old: &Url, new: &Url) -> bool {
    old.scheme() == new.scheme()
        && authority(old) == authority(new)
        && path(old) == path(new)
        && query(old) == query(new)
        && old.fragment() == new.fragment()
}

fn authority(url: &Url) -> (Option<String>, Option<u16>, String) {
    (url.host_str().map(str::to_owned), url.port_or_known_default(), url.username().to_owned())
}

fn rest_of(url: &Url) -> (Option<String>, String, Vec<(String, String)>) {
    (url.host_str().map(str::to_owned), path(url), query(url))
}

/// The path with everything decoded that means the same decoded; `%2F` stays.
fn path(url: &Url) -> String {
    let mut plain = String::new();
    for segment in url.path().split('/') {
        let decoded = decode::unescaped(segment);
        if !plain.is_empty() || segment != url.path() {
            plain.push('/');
        }
        plain.push_str(&decoded.replace('/', "%2F"));
    }
    plain
}

fn query(url: &Url) -> Vec<(String, String)> {
    let text = |part: &str| decode::unescaped(&part.replace('+', " "));
    let pairs = url.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (text(name), text(value)))
        .collect()
}

/// The same parameters, and only generated ones (an OAuth `state`, a nonce, a token) have other values of the same shape.
fn differ_by_tokens(old: &Url, new: &Url) -> bool {
    let (old, new) = (query(old), query(new));
    old.len() == new.len()
        && old.iter().zip(&new).all(|((name, value), (other, changed))| {
            name == other && (value == changed || is_token(name, value, changed))
        })
}

fn is_token(name: &str, control: &str, candidate: &str) -> bool {
    let known = matches!(name, "state" | "code_challenge" | "request" | "SAMLRequest" | "RelayState");
    (known && volatile::same_shape(control, candidate)) || volatile::strings(name, control, candidate, None).is_some()
}
