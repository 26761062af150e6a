//! The route table: indexed, no scan over the routes.
//!
//! A request's path selects *groups* of routes, best path first ([`paths`]); a group selects by host ([`group`]); what is
//! left is asked for its conditions ([`conditions`]). [`RouteTable::find`] and [`RouteTable::explain`] are one walk with
//! two witnesses ([`witness`]): the first stops at the winner, the second hears it to the end.

mod children;
mod conditions;
mod explain;
mod fast_hash;
mod group;
mod paths;
mod regexes;
mod trie;
mod unreachable;
mod witness;

use std::ops::ControlFlow;

use http::{HeaderMap, Method};
use serde::Serialize;

use self::conditions::{Asking, Conditions, Mismatch};
use self::group::{Candidate, Group, Strangers};
use self::paths::{GroupId, Paths};
use self::witness::{First, Witness};
use super::Matcher;
use super::matcher::HostRank;
use super::readings::{self, TooMany};

pub use explain::{Explanation, Loser, Lost, Reading};

/// A route's place in the config: file order, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct RouteId(pub u32);

impl RouteId {
    fn index(self) -> usize {
        self.0 as usize
    }
}

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

#[derive(Debug, Default)]
pub struct RouteTable {
    /// By [`RouteId`].
    matchers: Vec<Matcher>,
    conditions: Conditions,
    paths: Paths,
    /// By [`RouteId`].
    group_of: Vec<GroupId>,
    /// By [`GroupId`].
    groups: Vec<Group>,
    /// By [`GroupId`]: its route, if it has one alone that asks for nothing but the path. Most groups of most tables are
    /// such, and their routes are found without touching more memory than this.
    alone: Vec<Option<RouteId>>,
}

impl RouteTable {
    /// Indexes the matchers; [`RouteId`]s are their positions.
    pub fn build(matchers: Vec<Matcher>) -> Self {
        let mut paths = Paths::default();
        let group_of: Vec<GroupId> = matchers.iter().map(|matcher| paths.insert(&matcher.path)).collect();
        let mut groups = Vec::new();
        groups.resize_with(paths.groups(), Group::default);
        for (route, matcher) in routes(&matchers) {
            let GroupId(group) = group_of[route.index()];
            groups[group as usize].push(route, &matcher.hosts);
        }
        paths.finish();
        groups.iter_mut().for_each(|group| group.sort(&matchers));
        let conditions = Conditions::of(&matchers);
        let alone = groups.iter().map(|group| group.only_route().filter(|route| conditions.are_none(*route))).collect();
        Self { matchers, conditions, paths, group_of, groups, alone }
    }

    /// The winning route; `Ok(None)`: no route matches.
    ///
    /// # Errors
    /// [`Ambiguous`] where a backend could read the path as another route's.
    pub fn find(&self, parts: &Parts<'_>) -> Result<Option<RouteId>, Ambiguous> {
        let asking = Asking::new(&self.conditions, parts);
        self.read(parts.path, &asking, |_, _| {})
    }

    /// Every reading of the path must lead to the same route. Tells where each led, up to the first that differs.
    fn read(
        &self,
        path: &[u8],
        asking: &Asking<'_>,
        mut tell: impl FnMut(&[u8], Option<RouteId>),
    ) -> Result<Option<RouteId>, Ambiguous> {
        if readings::is_plain(path) {
            let route = self.winner(path, asking);
            tell(path, route);
            return Ok(route);
        }
        let mut first = None;
        let outcome = readings::each(path, |reading| {
            let other = self.winner(reading, asking);
            tell(reading, other);
            let raw = *first.get_or_insert(other);
            if raw == other {
                return ControlFlow::Continue(());
            }
            ControlFlow::Break(Ambiguous::TwoRoutes { raw, other })
        });
        match outcome {
            Ok(ControlFlow::Continue(())) => Ok(first.flatten()),
            Ok(ControlFlow::Break(ambiguous)) => Err(ambiguous),
            Err(TooMany) => Err(Ambiguous::TooManyReadings),
        }
    }

    fn winner(&self, path: &[u8], asking: &Asking<'_>) -> Option<RouteId> {
        let mut first = First::default();
        let _ = self.walk(path, asking, &mut first);
        first.winner
    }

    /// Shows the witness the routes whose path matches, in order of precedence, until it has heard enough.
    fn walk<W: Witness>(&self, path: &[u8], asking: &Asking<'_>, witness: &mut W) -> ControlFlow<()> {
        self.paths.visit(path, |groups| match groups {
            [GroupId(group)] if let Some(route) = self.alone[*group as usize] => {
                witness.sees(Candidate { route, host: Some(HostRank::Any) }, Ok(()))
            }
            [group] => self.visit(*group, asking, W::STRANGERS, |candidate| self.show(candidate, asking, witness)),
            several => self.walk_together(several, asking, witness),
        })
    }

    /// Several patterns of one rank (regexes): their routes compete as if they were of one group.
    fn walk_together<W: Witness>(&self, groups: &[GroupId], asking: &Asking<'_>, witness: &mut W) -> ControlFlow<()> {
        let mut candidates = Vec::new();
        for group in groups {
            let _ = self.visit(*group, asking, W::STRANGERS, |candidate| {
                candidates.push(candidate);
                ControlFlow::Continue(())
            });
        }
        candidates.sort_by(|a, b| group::precedence(&self.matchers, a, b));
        candidates.into_iter().try_for_each(|candidate| self.show(candidate, asking, witness))
    }

    fn visit(
        &self,
        GroupId(group): GroupId,
        asking: &Asking<'_>,
        strangers: Strangers,
        show: impl FnMut(Candidate) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        self.groups[group as usize].visit(asking, strangers, show)
    }

    fn show<W: Witness>(&self, candidate: Candidate, asking: &Asking<'_>, witness: &mut W) -> ControlFlow<()> {
        let outcome = match candidate.host {
            Some(_) => asking.meets(&self.matchers, candidate.route),
            None => Err(Mismatch::Host),
        };
        witness.sees(candidate, outcome)
    }
}

/// The matchers with their places.
fn routes(matchers: &[Matcher]) -> impl Iterator<Item = (RouteId, &Matcher)> {
    (0..).map(RouteId).zip(matchers)
}

#[cfg(test)]
mod tests;
