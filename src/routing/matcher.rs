//! What a route's `match:` block asks of a request, and how specific that is.

use http::{HeaderName, HeaderValue};
use regex::Regex;

use super::MethodSet;

/// A route's `match:` block, parsed. Empty lists ask nothing.
#[derive(Debug, Clone)]
pub struct Matcher {
    pub hosts: Vec<HostPattern>,
    pub path: PathPattern,
    pub methods: MethodSet,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub query: Vec<(String, String)>,
    pub cookies: Vec<(String, String)>,
}

/// Host without port, lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HostPattern {
    Exact(String),
    /// `*.example.org`, kept without the star: `.example.org`.
    Suffix(String),
}

#[derive(Debug, Clone)]
pub enum PathPattern {
    Exact(String),
    /// Whole segments: `/v2` does not match `/v2example`; a trailing slash is of no meaning.
    Prefix(String),
    /// `/packages/{name}`: a parameter is one non-empty segment; the whole path must match.
    Template(String),
    /// Must match the whole path.
    Regex(Regex),
}
