//! Words that must be names of something: routes, methods, headers, cookies, networks.

use std::net::IpAddr;

use http::{HeaderName, Method};
use ipnet::IpNet;

use crate::config::at::At;
use crate::config::mistake::Findings;
use crate::config::spec::Text;
use crate::config::suggest;
use crate::routing::MethodSet;

/// Names become metric labels and go into URLs of the admin API.
const LONGEST_NAME: usize = 100;

/// The registered methods, and what purging caches is asked with: a word beyond these is a typing mistake.
const METHODS: [&str; 28] = [
    "GET",
    "HEAD",
    "OPTIONS",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "CONNECT",
    "TRACE",
    "QUERY",
    "PROPFIND",
    "PROPPATCH",
    "MKCOL",
    "COPY",
    "MOVE",
    "LOCK",
    "UNLOCK",
    "ACL",
    "BIND",
    "UNBIND",
    "REPORT",
    "SEARCH",
    "MKCALENDAR",
    "CHECKIN",
    "CHECKOUT",
    "MERGE",
    "LINK",
    "PURGE",
];

/// Whether it is a name: letters, digits, `.`, `_`, `-`, beginning with a letter or a digit.
pub fn name(written: &str, at: &At<'_>, findings: &mut Findings) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let begins = written.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    let good = begins && written.bytes().all(plain) && written.len() <= LONGEST_NAME;
    if !good {
        findings.wrong(
            at,
            format!("is {written:?}, want a name of at most {LONGEST_NAME} letters, digits, `.`, `_` or `-`, not beginning with a sign"),
        );
    }
    good
}

pub fn header(written: &str, at: &At<'_>, findings: &mut Findings) -> Option<HeaderName> {
    let parsed = HeaderName::from_bytes(written.as_bytes()).ok();
    if parsed.is_none() {
        findings.wrong(at, format!("is {written:?}, which is no name of a header"));
    }
    parsed
}

/// RFC 6265: a cookie's name is a token.
pub fn cookie(written: &str, at: &At<'_>, findings: &mut Findings) -> Option<String> {
    let token = |byte: u8| byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}".contains(&byte);
    if written.is_empty() || !written.bytes().all(token) {
        findings.wrong(at, format!("is {written:?}, which is no name of a cookie"));
        return None;
    }
    Some(written.to_owned())
}

pub fn methods(written: &[Text], at: &At<'_>, findings: &mut Findings) -> MethodSet {
    written.iter().enumerate().filter_map(|(index, word)| method(word, &at.index(index), findings)).collect()
}

fn method(written: &str, at: &At<'_>, findings: &mut Findings) -> Option<Method> {
    if METHODS.contains(&written) {
        return Method::from_bytes(written.as_bytes()).ok();
    }
    let hint = match suggest::nearest(written, METHODS) {
        Some(known) => format!(", did you mean {known:?}?"),
        None => String::new(),
    };
    findings.wrong(at, format!("is {written:?}, which is no HTTP method{hint}"));
    None
}

/// Reading methods: sending a request twice with one of them does nothing twice.
pub fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// `10.0.0.0/8`, or one address.
pub fn networks(written: &[Text], at: &At<'_>, findings: &mut Findings) -> Vec<IpNet> {
    written.iter().enumerate().filter_map(|(index, word)| network(word, &at.index(index), findings)).collect()
}

fn network(written: &str, at: &At<'_>, findings: &mut Findings) -> Option<IpNet> {
    let parsed = written.parse::<IpNet>().ok().or_else(|| written.parse::<IpAddr>().ok().map(IpNet::from));
    if parsed.is_none() {
        findings.wrong(at, format!("is {written:?}, want an address or a network such as 10.0.0.0/8"));
    }
    parsed
}
