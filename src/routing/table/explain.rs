//! The walk over the table, told for a reader: who won, who came near, and why each of them lost.

use std::collections::HashSet;
use std::ops::ControlFlow;

use serde::Serialize;

use super::conditions::{Asking, Mismatch};
use super::group::{Candidate, Strangers};
use super::witness::Witness;
use super::{Ambiguous, Matcher, Parts, RouteId, RouteTable};
use crate::routing::PathPattern;
use crate::routing::matcher::{HostRank, PathRank, Specificity};
use crate::routing::readings;

/// How a request finds its route, told for a reader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The route of the path as it was sent; `None`: no route matches.
    pub winner: Option<RouteId>,
    /// The request is refused: another reading of its path leads elsewhere.
    pub ambiguous: Option<Ambiguous>,
    /// The readings of the path, the first as it was sent; up to the first that leads elsewhere.
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

impl Explanation {
    /// What [`RouteTable::find`] says of the same request.
    ///
    /// # Errors
    /// [`Ambiguous`] where a backend could read the path as another route's.
    pub fn outcome(&self) -> Result<Option<RouteId>, Ambiguous> {
        self.ambiguous.clone().map_or(Ok(self.winner), Err)
    }
}

/// Hears the walk to its end.
#[derive(Debug, Default)]
struct Story {
    winner: Option<Candidate>,
    losers: Vec<(Candidate, Option<Mismatch>)>,
    /// A route with several matching hosts is shown by each of them, the strongest first.
    met: HashSet<RouteId>,
}

impl Witness for Story {
    const STRANGERS: Strangers = Strangers::Shown;

    fn sees(&mut self, candidate: Candidate, outcome: Result<(), Mismatch>) -> ControlFlow<()> {
        if !self.met.insert(candidate.route) {
            return ControlFlow::Continue(());
        }
        match outcome {
            Ok(()) if self.winner.is_none() => self.winner = Some(candidate),
            outcome => self.losers.push((candidate, outcome.err())),
        }
        ControlFlow::Continue(())
    }
}

impl RouteTable {
    /// [`Self::find`], told with the losers and why each lost: the same walk over the table, not stopped at the winner.
    pub fn explain(&self, parts: &Parts<'_>) -> Explanation {
        let asking = Asking::new(&self.conditions, parts);
        let mut told = Vec::new();
        let outcome = self.read(parts.path, &asking, |reading, route| {
            told.push(Reading { path: String::from_utf8_lossy(reading).into_owned(), route });
        });
        let mut story = Story::default();
        let path = readings::as_sent(parts.path);
        let _ = self.walk(&path, &asking, &mut story);
        let losers = story.losers.iter().map(|(loser, mismatch)| self.loser(*loser, *mismatch, &story, parts));
        Explanation {
            winner: story.winner.map(|winner| winner.route),
            ambiguous: outcome.err(),
            readings: told,
            losers: losers.collect(),
        }
    }

    fn loser(&self, loser: Candidate, mismatch: Option<Mismatch>, story: &Story, parts: &Parts<'_>) -> Loser {
        let route = loser.route;
        let matcher = &self.matchers[route.index()];
        let (lost, why) = match (mismatch, story.winner) {
            (Some(mismatch), _) => unmet(matcher, mismatch, parts),
            (None, Some(winner)) => outranked(matcher, loser.host, &self.matchers[winner.route.index()], winner.host),
            (None, None) => (Lost::Order, String::new()),
        };
        Loser { route, lost, why }
    }
}

fn unmet(matcher: &Matcher, mismatch: Mismatch, parts: &Parts<'_>) -> (Lost, String) {
    match mismatch {
        Mismatch::Host => {
            let hosts: Vec<String> = matcher.hosts.iter().map(ToString::to_string).collect();
            (Lost::Host, format!("the host is {:?}, want {}", parts.host, hosts.join(" or ")))
        }
        Mismatch::Method => {
            let methods: Vec<&str> = matcher.methods.iter().map(http::Method::as_str).collect();
            (Lost::Method, format!("the method is {}, want {}", parts.method, methods.join(" or ")))
        }
        Mismatch::Header(at) => {
            let (name, value) = &matcher.headers[at];
            (Lost::Header, format!("no header {name} is {value:?}"))
        }
        Mismatch::Query(at) => {
            let (key, value) = &matcher.query[at];
            (Lost::Query, format!("no query key {key} is {value:?}"))
        }
        Mismatch::Cookie(at) => {
            let (name, value) = &matcher.cookies[at];
            (Lost::Cookie, format!("no cookie {name} is {value:?}"))
        }
    }
}

/// Both match: why one is not taken, by the first point of precedence in which they differ.
fn outranked(loser: &Matcher, host: Option<HostRank>, winner: &Matcher, winning: Option<HostRank>) -> (Lost, String) {
    let lower = loser.specificity(host.unwrap_or(HostRank::Any));
    let higher = winner.specificity(winning.unwrap_or(HostRank::Any));
    if lower == higher {
        return (Lost::Order, "declared later".to_owned());
    }
    (Lost::Specificity, difference(loser, &lower, winner, &higher))
}

fn difference(loser: &Matcher, lower: &Specificity, winner: &Matcher, higher: &Specificity) -> String {
    if lower.path != higher.path {
        return path_difference(&loser.path, &winner.path);
    }
    if lower.host != higher.host {
        return match lower.host {
            HostRank::Any => "names no host".to_owned(),
            _ => "its wildcard host is less specific".to_owned(),
        };
    }
    let (few, many) = (lower.demands, higher.demands);
    if few.method != many.method {
        return "names no method".to_owned();
    }
    for (what, few, many) in [
        ("headers", few.headers, many.headers),
        ("query keys", few.query, many.query),
        ("cookies", few.cookies, many.cookies),
    ] {
        if few != many {
            return format!("asks for fewer {what}: {few}, not {many}");
        }
    }
    String::new()
}

fn path_difference(loser: &PathPattern, winner: &PathPattern) -> String {
    match (loser.rank(), winner.rank()) {
        (PathRank::Regex, _) => format!("{loser} comes after {winner}: a regex is tried last"),
        (_, PathRank::Exact) => format!("{loser} is not exact"),
        (PathRank::Segments { count, .. }, PathRank::Segments { count: more, .. }) if count < more => {
            format!("{loser} is shorter")
        }
        (PathRank::Segments { kinds, .. }, PathRank::Segments { kinds: others, .. }) if kinds != others => {
            format!("{loser} has a parameter where {winner} has a literal")
        }
        _ => format!("{loser} leaves the rest of the path open"),
    }
}
