//! What to do next: the lines at the top of a report. The gravest causes over all routes, then what stands on every response, what
//! turned into another status unseen, rules that need care, and routes that are ready.

use std::cmp::Reverse;

use super::text::{both, narrow};
use super::{DifferenceReport, Report, RouteReport, Shown};
use crate::evidence::readiness::Verdict;

/// Causes named; the others are counted.
const MAX_CAUSES: usize = 10;
/// Lines of each other sort.
const MAX_LINES: usize = 5;
/// Requests named in a line.
const MAX_REQUESTS: usize = 4;
/// Letters of a value in a line.
const MAX_VALUE: usize = 28;

/// Lines that fit a terminal, the weightiest first.
pub fn next(report: &Report) -> Vec<String> {
    let routes = &report.routes;
    let (failing, other): (Vec<Bug<'_>>, Vec<_>) =
        bugs(report).into_iter().partition(|(_, bug)| bug.severity == "critical");
    let mut lines = causes(&failing, MAX_CAUSES);
    // What is public is to be looked at before what is merely wrong.
    lines.extend(exposed(routes, |route| &route.triage.new_only, "was it ever public? only new answers on"));
    lines.extend(causes(&other, MAX_CAUSES.saturating_sub(failing.len())));
    lines.extend(exposed(routes, |route| &route.triage.lost, "mend or drop, only legacy answers on"));
    lines.extend(routes.iter().filter_map(unseen).take(MAX_LINES));
    lines.extend(routes.iter().filter_map(every).take(MAX_LINES));
    lines.extend(rules(routes));
    lines.extend(ready(routes));
    lines
}

type Bug<'a> = (&'a RouteReport, &'a DifferenceReport);

/// The gravest first: by severity, then by how many requests show it.
fn bugs(report: &Report) -> Vec<Bug<'_>> {
    let all = report.routes.iter().flat_map(|route| {
        let bugs = route.differences.iter().filter(|one| !one.told.on_every && !is_exposed(one));
        bugs.map(move |difference| (route, difference))
    });
    let mut all: Vec<Bug<'_>> = all.collect();
    all.sort_by_key(|(_, difference)| (Reverse(rank(difference)), Reverse(difference.count)));
    all
}

fn causes(bugs: &[Bug<'_>], most: usize) -> Vec<String> {
    let told = bugs.iter().take(most).map(|(route, bug)| format!("mend {}: {}", route.route, told(bug)));
    let mut lines: Vec<String> = told.collect();
    let more = bugs.len().saturating_sub(most);
    if more > 0 {
        lines.push(format!("then {more} more causes, told below by route"));
    }
    lines
}

/// Told in a line of their own.
fn is_exposed(difference: &DifferenceReport) -> bool {
    matches!(difference.kind.as_str(), "new_only" | "lost")
}

fn rank(difference: &DifferenceReport) -> u8 {
    match difference.severity {
        "critical" => 3,
        "high" => 2,
        "medium" => 1,
        _ => 0,
    }
}

fn told(difference: &DifferenceReport) -> String {
    let place = narrow(&difference.path);
    let cause = difference.cause.as_ref().map_or_else(String::new, |cause| format!(" ({cause})"));
    let (old, new) = both(difference.control.as_deref(), difference.candidate.as_deref(), MAX_VALUE);
    let per_user = difference.told.per_session.as_ref().filter(|seen| seen.per_user);
    let per_user =
        per_user.map_or_else(String::new, |seen| format!(", only {} of {} sessions", seen.sessions, seen.of));
    let kind = if difference.kind == difference.path { String::new() } else { format!("{} ", difference.kind) };
    format!("{kind}{place}{cause}: {old} -> {new}  ({} ×{per_user})", difference.count)
}

/// A line a route.
fn exposed(routes: &[RouteReport], shown: impl Fn(&RouteReport) -> &Vec<Shown>, says: &str) -> Vec<String> {
    let line = |route: &RouteReport| {
        let shown = shown(route);
        let count: u64 = shown.iter().map(|one| one.pairs).sum();
        let first: Vec<&str> = shown.iter().take(MAX_REQUESTS).map(|one| one.request.as_str()).collect();
        let more = shown.len().saturating_sub(MAX_REQUESTS);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        (!first.is_empty()).then(|| format!("{says} {}: {}{more}  ({count} ×)", route.route, first.join(", ")))
    };
    routes.iter().filter_map(line).take(MAX_LINES).collect()
}

/// Statuses and targets that moved although no cause says so: somebody accepted or ignored it pair by pair.
fn unseen(route: &RouteReport) -> Option<String> {
    let is_told =
        route.differences.iter().any(|one| matches!(one.kind.as_str(), "status" | "redirect" | "new_only" | "lost"));
    let shift = route.triage.mix.shifts.first().filter(|_| !is_told)?;
    Some(format!("look at {}, accepted pair by pair: {shift}", route.route))
}

fn every(route: &RouteReport) -> Option<String> {
    let mut places: Vec<&str> =
        route.differences.iter().filter(|one| one.told.on_every).map(|one| one.path.as_str()).collect();
    places.sort_unstable();
    places.dedup();
    (!places.is_empty()).then(|| format!("mend or accept on {}, every response: {}", route.route, places.join(", ")))
}

fn rules(routes: &[RouteReport]) -> Option<String> {
    let warned: Vec<(&str, &String)> =
        routes.iter().flat_map(|route| route.triage.warnings.iter().map(|one| (route.route.as_str(), one))).collect();
    let (route, first) = warned.first()?;
    let more = warned.len() - 1;
    let more = if more == 0 { String::new() } else { format!(" (and {more} more rules)") };
    Some(format!("care for a rule of {route}: {first}{more}"))
}

fn ready(routes: &[RouteReport]) -> Vec<String> {
    let next = |stage: &str| match stage {
        "shadow" => Some("canary"),
        "canary" => Some("new"),
        _ => None,
    };
    let ready = routes.iter().filter(|route| route.verdict == Verdict::Ready);
    let mut steps: Vec<(&str, &'static str)> =
        ready.filter_map(|route| Some((route.route.as_str(), next(&route.stage)?))).collect();
    let more = steps.len().saturating_sub(MAX_LINES);
    steps.truncate(MAX_LINES);
    let mut lines: Vec<String> =
        steps.iter().map(|(route, to)| format!("ready: matapalo stage {route} {to}{}", weight(to))).collect();
    if more > 0 {
        lines.push(format!("and {more} more routes are ready"));
    }
    lines
}

fn weight(stage: &str) -> &'static str {
    if stage == "canary" { " --weight 10" } else { "" }
}
