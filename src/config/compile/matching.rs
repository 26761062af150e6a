//! A route's `match:` block: which requests are its own.

use std::sync::Arc;

use http::HeaderValue;

use super::names;
use crate::config::at::At;
use crate::config::mistake::Findings;
use crate::config::spec::{Entries, MatchSpec, PathSpec, Text};
use crate::routing::{HostPattern, Matcher, MethodSet, PathPattern, PathPatternError};

/// What a block that could not be compiled is looked at as: it is never routed by.
fn everything() -> PathPattern {
    PathPattern::Prefix(Vec::new())
}

pub fn matcher(written: Option<&MatchSpec>, at: &At<'_>, findings: &mut Findings) -> Matcher {
    let Some(written) = written else {
        findings.missing(at, "is missing, want which requests are the route's, such as {path: {prefix: /shop}}");
        return Matcher {
            hosts: Vec::new(),
            path: everything(),
            methods: MethodSet::default(),
            headers: Vec::new(),
            query: Vec::new(),
            cookies: Vec::new(),
        };
    };
    if *written == MatchSpec::default() {
        findings.missing(at, "is empty, want what it matches; {path: {prefix: /}} is every request");
    }
    Matcher {
        hosts: hosts(written.hosts.as_deref(), &at.key("hosts"), findings),
        path: path(written.path.as_ref(), &at.key("path"), findings),
        methods: methods(written.methods.as_deref(), &at.key("methods"), findings),
        headers: headers(written.headers.as_ref(), &at.key("headers"), findings),
        query: query(written.query.as_ref(), &at.key("query"), findings),
        cookies: cookies(written.cookies.as_ref(), &at.key("cookies"), findings),
    }
}

fn hosts(written: Option<&[Text]>, at: &At<'_>, findings: &mut Findings) -> Vec<HostPattern> {
    not_empty(written, at, findings);
    let mut hosts = Vec::new();
    for (index, host) in written.unwrap_or_default().iter().enumerate() {
        match HostPattern::parse(host) {
            Ok(host) => hosts.push(host),
            Err(error) => findings.wrong(&at.index(index), format!("cannot be used: {error}")),
        }
    }
    hosts
}

fn methods(written: Option<&[Text]>, at: &At<'_>, findings: &mut Findings) -> MethodSet {
    not_empty(written, at, findings);
    names::methods(written.unwrap_or_default(), at, findings)
}

/// An empty list could mean "none" as well as "all".
fn not_empty(written: Option<&[Text]>, at: &At<'_>, findings: &mut Findings) {
    if written.is_some_and(<[Text]>::is_empty) {
        findings.wrong(at, "is empty: leave it out to match all");
    }
}

type ParsePath = fn(&str) -> Result<PathPattern, PathPatternError>;

fn path(written: Option<&PathSpec>, at: &At<'_>, findings: &mut Findings) -> PathPattern {
    let Some(written) = written else { return everything() };
    let parse: [(&str, &Option<Text>, ParsePath); 4] = [
        ("exact", &written.exact, PathPattern::exact),
        ("prefix", &written.prefix, PathPattern::prefix),
        ("template", &written.template, PathPattern::template),
        ("regex", &written.regex, PathPattern::regex),
    ];
    let mut given = parse.iter().filter_map(|(key, text, parse)| Some((*key, text.as_ref()?, parse)));
    let Some((key, text, parse)) = given.next() else {
        findings.missing(at, "is empty, want exactly one of exact, prefix, template or regex");
        return everything();
    };
    if let Some((other, ..)) = given.next() {
        findings.wrong(at, format!("has both {key} and {other}, want exactly one of exact, prefix, template or regex"));
    }
    parse(text).unwrap_or_else(|error| {
        findings.wrong(&at.key(key), format!("cannot be used: {error}"));
        everything()
    })
}

/// The paths that a block is for: for people, to whom `/rpc/*` says that it is a prefix.
pub fn path_as_written(written: &MatchSpec) -> Option<Arc<str>> {
    let path = written.path.as_ref()?;
    let whole = [&path.exact, &path.template, &path.regex].into_iter().find_map(Option::as_deref);
    let below = |prefix: &str| format!("{}/*", prefix.trim_end_matches('/')).into();
    whole.map(Arc::from).or_else(|| path.prefix.as_deref().map(below))
}

fn headers(
    written: Option<&Entries<Text>>,
    at: &At<'_>,
    findings: &mut Findings,
) -> Vec<(http::HeaderName, HeaderValue)> {
    let mut headers = Vec::new();
    for (name, value) in written.iter().flat_map(|entries| entries.iter()) {
        let at = at.key(name);
        let Some(name) = names::header(name, &at, findings) else { continue };
        match HeaderValue::from_str(value) {
            Ok(value) => headers.push((name, value)),
            Err(_) => findings.wrong(&at, format!("is {:?}, which no header can have", value.0)),
        }
    }
    headers
}

fn query(written: Option<&Entries<Text>>, at: &At<'_>, findings: &mut Findings) -> Vec<(String, String)> {
    let mut query = Vec::new();
    for (key, value) in written.iter().flat_map(|entries| entries.iter()) {
        if key.is_empty() {
            findings.wrong(at, "has an empty key, want the name of a query parameter");
        }
        query.push((key.clone(), value.0.clone()));
    }
    query
}

fn cookies(written: Option<&Entries<Text>>, at: &At<'_>, findings: &mut Findings) -> Vec<(String, String)> {
    let mut cookies = Vec::new();
    for (name, value) in written.iter().flat_map(|entries| entries.iter()) {
        if let Some(name) = names::cookie(name, &at.key(name), findings) {
            cookies.push((name, value.0.clone()));
        }
    }
    cookies
}
