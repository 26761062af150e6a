//! What a route's `match:` block asks of a request, parsed, and how specific that is.
//!
//! Patterns are parsed in [`path`] and [`host`]. This file does not look at requests: [`super::table`] does, on an index
//! built from these values.

mod host;
mod path;

use http::{HeaderName, HeaderValue};

use super::MethodSet;

pub use host::{HostPattern, HostPatternError};
pub use path::{Ending, PathPattern, PathPatternError, PathRegex, Segment};

pub(super) use host::MAX_HOST_BYTES;
pub(super) use path::{decoded, spellings};

/// A route's `match:` block, parsed. Empty lists ask nothing.
#[derive(Debug, Clone)]
pub struct Matcher {
    pub hosts: Vec<HostPattern>,
    pub path: PathPattern,
    pub methods: MethodSet,
    /// Any one of a repeated header must have exactly this value.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Keys and values as they are after percent-decoding, `+` being a space.
    pub query: Vec<(String, String)>,
    pub cookies: Vec<(String, String)>,
}

impl Matcher {
    /// Asks for a path and nothing else.
    pub fn of(path: PathPattern) -> Self {
        Self {
            hosts: Vec::new(),
            path,
            methods: MethodSet::default(),
            headers: Vec::new(),
            query: Vec::new(),
            cookies: Vec::new(),
        }
    }

    /// How specific it is where its host matched as `host`.
    pub fn specificity(&self, host: HostRank) -> Specificity {
        Specificity { path: self.path.rank(), host, demands: self.demands() }
    }

    /// What it asks for beside path and host.
    pub fn demands(&self) -> Demands {
        Demands {
            method: if self.methods.is_empty() { MethodRank::Any } else { MethodRank::Named },
            headers: self.headers.len(),
            query: self.query.len(),
            cookies: self.cookies.len(),
        }
    }
}

/// The greater wins. What is equal here is decided by file order: declared first, wins.
///
/// The order of the fields is the order of precedence, after the Gateway API's HTTPRoute.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Specificity {
    pub path: PathRank,
    pub host: HostRank,
    pub demands: Demands,
}

/// Whether a method is named, and how many headers, query keys and cookies are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Demands {
    pub method: MethodRank,
    pub headers: usize,
    pub query: usize,
    pub cookies: usize,
}

/// Exact > more segments > a literal where the other has a parameter, from the left > a whole path > regex.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PathRank {
    Regex,
    Segments { count: usize, kinds: Vec<SegmentRank>, reach: Reach },
    Exact,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SegmentRank {
    Parameter,
    Literal,
}

/// How far a pattern of segments goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reach {
    /// A prefix: the path may go on.
    Onward,
    /// A template: the path ends here.
    Whole,
}

/// By which of a route's host patterns a request came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HostRank {
    /// The route names no host.
    Any,
    /// A wildcard; the longer its suffix (bytes), the more specific.
    Suffix(usize),
    Exact,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MethodRank {
    Any,
    Named,
}

#[cfg(test)]
mod tests;
