//! What each header is compared as. A header that is not named here is text.

use http::HeaderName;
use http::header::LAST_MODIFIED;

use crate::diff::clock;
use crate::diff::comparison::Severity;
use crate::diff::rules::Rule;
use crate::diff::shown::Shown;

/// How a header is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Compared elsewhere.
    ContentType,
    /// Compared elsewhere.
    Location,
    /// Compared elsewhere, three headers together.
    Caching,
    /// Compared elsewhere, cookie by cookie.
    Cookies,
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
    /// The last policy that is known.
    ReferrerPolicy,
    /// A set of members with their case.
    Members,
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

impl Meaning {
    /// Whether a value says anything: an empty id is none, and a date that cannot be read brings no 304.
    pub(super) fn is_said_by(self, name: &HeaderName, value: &Shown) -> bool {
        match self {
            Self::RequestId => !value.text().is_empty(),
            Self::Validator if name == LAST_MODIFIED => clock::http_date(&value.text()).is_some(),
            Self::Validator => value.text().bytes().any(|byte| byte != b'"'),
            _ => true,
        }
    }
}

pub(super) fn meaning(name: &str) -> Meaning {
    match name {
        "content-type" => Meaning::ContentType,
        "location" => Meaning::Location,
        "cache-control" | "expires" | "pragma" => Meaning::Caching,
        "set-cookie" => Meaning::Cookies,
        // `Host` says nothing in an answer: PHP's built-in server repeats the request's there.
        "server" | "host" | "x-powered-by" | "via" | "x-generator" | "x-served-by" | "x-cache" | "cf-cache-status"
        | "alt-svc" | "x-backend" | "x-aspnet-version" | "x-runtime-version" => Meaning::Nothing(Rule::HeaderServer),
        "date" | "age" => Meaning::Nothing(Rule::HeaderDate),
        "connection" | "keep-alive" | "transfer-encoding" | "proxy-connection" | "upgrade" | "te" | "trailer" => {
            Meaning::Nothing(Rule::HeaderConnection)
        }
        // What gRPC's library could read, were it sent something.
        "grpc-accept-encoding" => Meaning::Nothing(Rule::HeaderConnection),
        "content-length" => Meaning::Nothing(Rule::HeaderContentLength),
        // gRPC says in each message whether it is coded: one that is has other bytes.
        "content-encoding" | "grpc-encoding" => Meaning::Nothing(Rule::HeaderContentEncoding),
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
        // Methods have their case (RFC 9110, section 9.1).
        "allow" | "access-control-allow-methods" | "clear-site-data" => Meaning::Members,
        "vary"
        | "access-control-allow-headers"
        | "access-control-expose-headers"
        | "content-language"
        | "x-robots-tag"
        | "accept-ranges" => Meaning::Tokens,
        "strict-transport-security" | "permissions-policy" | "x-xss-protection" | "content-disposition" => {
            Meaning::Directives(if name == "permissions-policy" { ',' } else { ';' })
        }
        "content-security-policy" | "content-security-policy-report-only" => Meaning::Policy,
        "x-frame-options" | "x-content-type-options" => Meaning::Word,
        "referrer-policy" => Meaning::ReferrerPolicy,
        "link" => Meaning::Links,
        "www-authenticate" | "proxy-authenticate" => Meaning::Challenge,
        "refresh" => Meaning::Refresh,
        "retry-after" => Meaning::Delay,
        _ => Meaning::Text,
    }
}

fn is_counter(name: &str) -> bool {
    let rest = ["x-ratelimit", "ratelimit", "x-rate-limit"].iter().find_map(|start| name.strip_prefix(start));
    let counts =
        ["limit", "remaining", "reset", "used", "left", "count", "retry", "policy", "second", "minute", "hour", "day"];
    rest.is_some_and(|rest| rest.is_empty() || counts.iter().any(|word| rest.contains(word)))
        || matches!(name, "x-hits" | "x-cache-hits" | "x-counter" | "x-request-count" | "x-queries" | "x-query-count")
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

pub(super) fn protects(name: &str) -> bool {
    PROTECTIONS.contains(&name)
}

/// What it means that a header is lost, or says something else.
pub(super) fn severity_of(name: &str) -> Severity {
    if protects(name) || name.starts_with("access-control-") { Severity::High } else { Severity::Medium }
}
