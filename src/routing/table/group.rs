//! The routes of one path pattern, by host: exact names, then wildcards from the longest, then routes that name no host.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::ops::ControlFlow;

use smallvec::SmallVec;

use super::conditions::Asking;
use super::fast_hash::{Bytes, FastMap};
use super::{Matcher, RouteId};
use crate::routing::HostPattern;
use crate::routing::matcher::{HostRank, MAX_HOST_BYTES};

/// A route whose path matches, and by which of its hosts the request came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    pub route: RouteId,
    /// `None`: none of its hosts matches.
    pub host: Option<HostRank>,
}

/// Routes whose path matches and whose host does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strangers {
    Hidden,
    /// After all others.
    Shown,
}

/// In order of precedence.
type Routes = SmallVec<[RouteId; 2]>;

#[derive(Debug, Default)]
pub struct Group {
    any: Routes,
    /// Boxed, because most groups have none.
    named: Option<Box<Named>>,
}

#[derive(Debug, Default)]
struct Named {
    exact: FastMap<Bytes, Routes>,
    /// With the dot in front.
    suffixes: FastMap<Bytes, Routes>,
}

impl Group {
    pub fn push(&mut self, route: RouteId, hosts: &[HostPattern]) {
        if hosts.is_empty() {
            self.any.push(route);
            return;
        }
        let named = self.named.get_or_insert_default();
        for host in hosts {
            let list = match host {
                HostPattern::Exact(name) => named.exact.entry(name.as_bytes().into()).or_default(),
                HostPattern::Suffix(suffix) => named.suffixes.entry(suffix.as_bytes().into()).or_default(),
            };
            if list.last() != Some(&route) {
                list.push(route);
            }
        }
    }

    /// Puts every list in order of precedence, once all routes are in.
    pub fn sort(&mut self, matchers: &[Matcher]) {
        sort(&mut self.any, matchers);
        if let Some(named) = &mut self.named {
            named.exact.values_mut().chain(named.suffixes.values_mut()).for_each(|list| sort(list, matchers));
        }
    }

    /// Shows the candidates in order of precedence. One with several matching hosts is shown by each of them.
    pub fn visit(
        &self,
        asking: &Asking<'_>,
        strangers: Strangers,
        mut show: impl FnMut(Candidate) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        if let Some(named) = &self.named
            && let Some(host) = asking.host()
        {
            named.visit(host, &mut show)?;
        }
        show_all(&self.any, Some(HostRank::Any), &mut show)?;
        match strangers {
            Strangers::Hidden => ControlFlow::Continue(()),
            Strangers::Shown => self.strangers(asking).into_iter().try_for_each(show),
        }
    }

    fn strangers(&self, asking: &Asking<'_>) -> Vec<Candidate> {
        let mut strangers: BTreeSet<RouteId> = self.named.iter().flat_map(|named| named.members()).collect();
        let _ = self.visit(asking, Strangers::Hidden, |candidate| {
            strangers.remove(&candidate.route);
            ControlFlow::Continue(())
        });
        strangers.into_iter().map(|route| Candidate { route, host: None }).collect()
    }

    /// Its route, if it has but one, and that names no host.
    pub fn only_route(&self) -> Option<RouteId> {
        match (self.any.as_slice(), &self.named) {
            ([route], None) => Some(*route),
            _ => None,
        }
    }

    /// The routes that serve every request to such a host; `None`: to any host.
    pub fn serving(&self, host: Option<&HostPattern>) -> Vec<RouteId> {
        let mut serving = self.any.to_vec();
        let Some(named) = &self.named else { return serving };
        let (exact, suffixed) = match host {
            None => return serving,
            Some(HostPattern::Exact(name)) => (named.exact.get(name.as_bytes()), name.as_str()),
            Some(HostPattern::Suffix(suffix)) => (named.suffixes.get(suffix.as_bytes()), suffix.as_str()),
        };
        let wider = suffixed.match_indices('.').filter(|(at, _)| *at > 0);
        let wider = wider.filter_map(|(at, _)| named.suffixes.get(&suffixed.as_bytes()[at..]));
        serving.extend(exact.into_iter().chain(wider).flatten());
        serving
    }
}

impl Named {
    fn visit(&self, host: &str, show: &mut impl FnMut(Candidate) -> ControlFlow<()>) -> ControlFlow<()> {
        if let Some(list) = self.exact.get(host.as_bytes()) {
            show_all(list, Some(HostRank::Exact), show)?;
        }
        if self.suffixes.is_empty() {
            return ControlFlow::Continue(());
        }
        for (at, _) in host.match_indices('.').filter(|(at, _)| *at > 0) {
            let suffix = &host[at..];
            if let Some(list) = self.suffixes.get(suffix.as_bytes()) {
                show_all(list, Some(HostRank::Suffix(suffix.len())), show)?;
            }
        }
        ControlFlow::Continue(())
    }

    fn members(&self) -> impl Iterator<Item = RouteId> {
        self.exact.values().chain(self.suffixes.values()).flatten().copied()
    }
}

fn show_all(
    routes: &[RouteId],
    host: Option<HostRank>,
    show: &mut impl FnMut(Candidate) -> ControlFlow<()>,
) -> ControlFlow<()> {
    routes.iter().try_for_each(|route| show(Candidate { route: *route, host }))
}

fn sort(routes: &mut [RouteId], matchers: &[Matcher]) {
    if routes.len() > 1 {
        let candidate = |route: &RouteId| Candidate { route: *route, host: Some(HostRank::Any) };
        routes.sort_by(|a, b| precedence(matchers, &candidate(a), &candidate(b)));
    }
}

/// Orders candidates whose paths are of one rank, the stronger one first.
pub fn precedence(matchers: &[Matcher], a: &Candidate, b: &Candidate) -> Ordering {
    let strength = |candidate: &Candidate| (candidate.host, matchers[candidate.route.index()].demands());
    strength(b).cmp(&strength(a)).then(a.route.cmp(&b.route))
}

/// The host as patterns are written: without port and trailing dot, in lower case. `None`: no pattern can match it.
pub fn normal_host(host: &str) -> Option<Cow<'_, str>> {
    let bare = without_port(host);
    let name = bare.strip_suffix('.').unwrap_or(bare);
    if name.is_empty() || name.len() > MAX_HOST_BYTES {
        return None;
    }
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Some(Cow::Owned(name.to_ascii_lowercase()));
    }
    Some(Cow::Borrowed(name))
}

fn without_port(host: &str) -> &str {
    if host.starts_with('[') {
        return host.find(']').map_or(host, |end| &host[..=end]);
    }
    host.split_once(':').map_or(host, |(name, _)| name)
}
