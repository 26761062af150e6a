//! Routes that can never win, because another one always wins before them: a warning for the operator.
//!
//! Sound before complete: what is named is dead. A route that only several others cover together is not found, nor is one
//! behind a regex of another wording.

use std::collections::HashMap;

use http::Method;

use super::paths::GroupId;
use super::{Matcher, RouteId, RouteTable, routes};
use crate::routing::HostPattern;

/// Routes that are held against one route before it counts as alive. Ordinary configs need one or two; the bound keeps
/// ten thousand routes with one host in common from being compared each with each.
const MAX_RIVALS: usize = 64;

impl RouteTable {
    /// Routes that can never win, each with one that always wins before it, in file order. Not every dead route is found,
    /// but every one that is named is dead.
    pub fn unreachable(&self) -> Vec<(RouteId, RouteId)> {
        let mut earlier = Earlier::default();
        let mut dead = Vec::new();
        for (loser, matcher) in routes(&self.matchers) {
            let group = self.group_of[loser.index()];
            let shadow =
                self.on_a_stronger_path(matcher).or_else(|| earlier.on_the_same_path(&self.matchers, group, matcher));
            match shadow {
                Some(winner) => dead.push((loser, winner)),
                None => earlier.add(group, loser, matcher),
            }
        }
        dead
    }

    /// A route whose path is more specific and yet matches wherever this one does.
    fn on_a_stronger_path(&self, loser: &Matcher) -> Option<RouteId> {
        let groups = self.paths.stronger(&loser.path);
        groups.into_iter().find_map(|GroupId(group)| {
            let rivals = self.groups[group as usize].serving(loser.hosts.first());
            rivals.into_iter().take(MAX_RIVALS).find(|rival| covers(&self.matchers[rival.index()], loser))
        })
    }
}

/// Whether every request that has the path of both and meets the second's conditions meets the first's too.
fn covers(winner: &Matcher, loser: &Matcher) -> bool {
    covers_hosts(winner, loser)
        && covers_methods(winner, loser)
        && is_subset(&winner.headers, &loser.headers)
        && is_subset(&winner.query, &loser.query)
        && is_subset(&winner.cookies, &loser.cookies)
}

fn covers_hosts(winner: &Matcher, loser: &Matcher) -> bool {
    let covered = |theirs: &HostPattern| winner.hosts.iter().any(|mine| mine.covers(theirs));
    winner.hosts.is_empty() || (!loser.hosts.is_empty() && loser.hosts.iter().all(covered))
}

fn covers_methods(winner: &Matcher, loser: &Matcher) -> bool {
    winner.methods.is_empty()
        || (!loser.methods.is_empty() && loser.methods.iter().all(|method| winner.methods.contains(method)))
}

fn is_subset<T: PartialEq>(few: &[T], many: &[T]) -> bool {
    few.iter().all(|wanted| many.contains(wanted))
}

/// The routes met so far, by what one of them must share with a later one to stand before it.
///
/// On the same path the earlier one wins only where neither is more specific. So it must name the very same headers,
/// query keys and cookies, all the later one's hosts, and all its methods.
#[derive(Debug, Default)]
struct Earlier<'a> {
    routes: HashMap<Shared<'a>, Vec<RouteId>>,
}

/// One host and one method of a route, with all it asks for beside them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Shared<'a> {
    group: GroupId,
    host: Option<&'a HostPattern>,
    method: Option<&'a Method>,
    demands: [Vec<(&'a [u8], &'a [u8])>; 3],
}

impl<'a> Earlier<'a> {
    fn add(&mut self, group: GroupId, route: RouteId, matcher: &'a Matcher) {
        for shared in shared(group, matcher) {
            self.routes.entry(shared).or_default().push(route);
        }
    }

    fn on_the_same_path(&self, matchers: &[Matcher], group: GroupId, loser: &'a Matcher) -> Option<RouteId> {
        let lists = shared(group, loser).map(|shared| self.routes.get(&shared).map_or(&[][..], Vec::as_slice));
        let rivals = lists.min_by_key(|rivals| rivals.len())?;
        let stands_before = |rival: &&RouteId| {
            let rival = &matchers[rival.index()];
            is_subset(&loser.hosts, &rival.hosts) && covers_methods(rival, loser)
        };
        rivals.iter().take(MAX_RIVALS).find(stands_before).copied()
    }
}

fn shared(group: GroupId, matcher: &Matcher) -> impl Iterator<Item = Shared<'_>> {
    let demands = demands(matcher);
    one_by_one(&matcher.hosts).flat_map(move |host| {
        let demands = demands.clone();
        let methods: Vec<&Method> = matcher.methods.iter().collect();
        let unnamed = methods.is_empty().then_some(None);
        methods.into_iter().map(Some).chain(unnamed).map(move |method| Shared {
            group,
            host,
            method,
            demands: demands.clone(),
        })
    })
}

/// Every item, or `None` once if there is none.
fn one_by_one<T>(items: &[T]) -> impl Iterator<Item = Option<&T>> {
    items.iter().map(Some).chain(items.is_empty().then_some(None))
}

/// Headers, query keys and cookies, each sorted; a repeated condition stays repeated, because it counts twice.
fn demands(matcher: &Matcher) -> [Vec<(&[u8], &[u8])>; 3] {
    let headers = matcher.headers.iter().map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()));
    let mut demands = [headers.collect::<Vec<_>>(), texts(&matcher.query), texts(&matcher.cookies)];
    demands.iter_mut().for_each(|pairs| pairs.sort_unstable());
    demands
}

fn texts(pairs: &[(String, String)]) -> Vec<(&[u8], &[u8])> {
    pairs.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect()
}
