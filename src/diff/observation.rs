//! What one origin answered, and what it was asked.

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};

/// What both origins were asked: needed to resolve redirects and links.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: Method,
    /// `http` or `https`, as the user sees the site.
    pub scheme: &'static str,
    /// The Host header as the user sent it, with its port.
    pub host: String,
    /// Path and query, raw.
    pub target: String,
    pub headers: HeaderMap,
}

/// One origin's answer, whole: status, headers and body as they came (content coding not yet undone).
#[derive(Debug, Clone)]
pub struct Observation {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}
