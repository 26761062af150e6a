//! What to look at first: which differences stand on every response, which depend on who asks, what became public or was lost, which
//! rules need care.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use super::mix::{Cut, MixReport, mix};
use super::route::Known;
use super::rules::{RuleReport, rules, settle_shared, warnings};
use super::sessions::PerSession;
use super::{DifferenceReport, RouteReport, accept, read_sample};
use crate::diff::cause;
use crate::evidence::store::read::Moment;
use crate::evidence::store::triage::OTHER_CAUSES;
use crate::evidence::store::triage::SessionCount;
use crate::evidence::tally::{Exposed, Tally, Window};
use crate::evidence::time::rfc3339;

/// Percent of the compared pairs from which on a header stands on every response, as good as.
const EVERY: f64 = 95.0;
/// Compared pairs before "every" means something.
const ENOUGH: u64 = 20;
/// Samples looked at for the requests that became public or were lost, per route.
const MAX_SHOWN: usize = 20;

/// What is told of a difference beside its counts.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Told {
    /// Of the compared pairs.
    pub share_percent: f64,
    /// A header, cookie or media type that differs on (almost) every response of the route: one decision, no page's bug.
    pub on_every: bool,
    /// The stored pair with the smallest answers; the curl lines ask for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smallest: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_session: Option<PerSession>,
    /// The entry for `accept` in the route's `diff:` block, if it is intended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accept: Option<String>,
}

/// What is told of a route beside its counts.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct RouteTriage {
    /// Legacy says that there is nothing, new answers: what may have become public.
    pub new_only: Vec<Shown>,
    /// Legacy answers, new says that there is nothing.
    pub lost: Vec<Shown>,
    /// Every rule that hid something or that the operator wrote; those that need care first.
    pub rules: Vec<RuleReport>,
    /// What needs care in the route's own rules, as sentences.
    pub warnings: Vec<String>,
    pub mix: MixReport,
}

/// A request that only one of the two answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// `GET /openapi.json`: ids collapsed, no query.
    pub request: String,
    pub legacy: u16,
    pub new: u16,
    pub pairs: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample: Option<i64>,
}

/// The stretch of time that is reported, in seconds since 1970.
#[derive(Debug, Clone, Copy)]
pub struct Stretch {
    pub since: u64,
    pub now: u64,
}

/// Fills in what needs more than the counts.
pub fn add(
    moment: &Moment<'_>,
    route: &Known,
    tally: &Tally,
    stretch: Stretch,
    report: &mut RouteReport,
) -> rusqlite::Result<()> {
    let own = route.fact.as_ref().map(|fact| fact.rules.as_slice()).unwrap_or_default();
    report.triage.rules = rules(tally, own, stretch.now);
    let compared = report.compared;
    let every = every_response(&report.differences, compared);
    for difference in &mut report.differences {
        difference.told.share_percent = percent(difference.count, compared);
        if difference.fingerprint == OTHER_CAUSES {
            continue;
        }
        difference.told.on_every = every.contains(&difference.path);
        let is_same = difference.told.on_every;
        difference.told.accept = accept::line(&difference.path, difference.candidate.as_deref().filter(|_| is_same));
    }
    let Some(id) = route.stored else { return Ok(()) };
    report.triage.mix = mix(&tally.triage, &cut(moment, id, tally, stretch)?);
    add_sessions(moment, id, stretch, report)?;
    report.triage.new_only = shown(moment, tally, &report.differences, "new_only")?;
    report.triage.lost = shown(moment, tally, &report.differences, "lost")?;
    Ok(())
}

/// What needs all routes: entries of `defaults` are on each.
pub fn settle_rules(moment: &Moment<'_>, known: &[Known], reports: &mut [RouteReport]) -> rusqlite::Result<()> {
    let mut routes: HashMap<&str, usize> = HashMap::new();
    for fact in known.iter().filter_map(|route| route.fact.as_ref()).filter(|fact| fact.mirrored) {
        for rule in &fact.rules {
            *routes.entry(&rule.name).or_default() += 1;
        }
    }
    let is_shared = |name: &str| routes.get(name).is_some_and(|count| *count > 1);
    let mut dead = reports.iter().flat_map(|route| &route.triage.rules).filter(|rule| rule.dead);
    let met = if dead.any(|rule| is_shared(&rule.rule)) { moment.rules_met()? } else { HashSet::new() };
    let mut rules: Vec<&mut Vec<RuleReport>> = reports.iter_mut().map(|route| &mut route.triage.rules).collect();
    settle_shared(&mut rules, |name| routes.get(name).copied().unwrap_or(1), |name| met.contains(name));
    for route in reports {
        route.triage.warnings = warnings(&route.triage.rules);
    }
    Ok(())
}

/// Where the stretch is cut to see what began: at its beginning, if enough was counted before, else within it, as late as there is
/// enough on both sides.
fn cut(moment: &Moment<'_>, id: i64, tally: &Tally, stretch: Stretch) -> rusqlite::Result<Cut> {
    let Stretch { since, now } = stretch;
    let length = now.saturating_sub(since);
    if tally.triage.turned.is_empty() {
        return Ok(Cut::default());
    }
    let parts = std::iter::successors(Some(length), |part| Some(part / 2)).take_while(|part| *part >= Window::MINUTE);
    for part in parts {
        // The first cut is where the stretch begins; what lies as long before it is looked at as well.
        let from = if part == length { since.saturating_sub(length) } else { since };
        let [before, after] = moment.turned(id, from, now - part)?;
        let cut = Cut { before, after, at: rfc3339((now - part) * 1000) };
        if cut.tells() {
            return Ok(cut);
        }
    }
    Ok(Cut::default())
}

fn percent(part: u64, whole: u64) -> f64 {
    // Places that have become one may count a pair twice.
    if whole == 0 { 0.0 } else { (100.0 * part as f64 / whole as f64).min(100.0) }
}

/// Headers, cookies and media types that differ on (almost) every response, whatever each says: what varies with the value makes several
/// causes of one header.
fn every_response(differences: &[DifferenceReport], compared: u64) -> HashSet<String> {
    let mut counts: HashMap<&str, u64> = HashMap::new();
    for difference in differences.iter().filter(|one| matches!(one.kind.as_str(), "header" | "cookie" | "content_type"))
    {
        *counts.entry(&difference.path).or_default() += difference.count;
    }
    let every = counts.into_iter().filter(|(_, count)| compared >= ENOUGH && percent(*count, compared) >= EVERY);
    every.map(|(path, _)| path.to_owned()).collect()
}

fn add_sessions(moment: &Moment<'_>, id: i64, stretch: Stretch, report: &mut RouteReport) -> rusqlite::Result<()> {
    let seen = moment.cause_sessions(id, stretch.since * 1000)?;
    if seen.is_empty() {
        return Ok(());
    }
    let all = moment.sessions(id, stretch.since)?.estimate();
    for difference in &mut report.differences {
        let Some(sessions) = seen.get(&difference.fingerprint) else { continue };
        // A session is followed from its first failure on: so is the route, or a robot's share would look small.
        let first =
            sessions.iter().map(|SessionCount { last_seen, .. }| last_seen / 1000).min().unwrap_or(stretch.since);
        let began = humantime::parse_rfc3339(&difference.first_seen).ok();
        let began = began.map_or(first, |at| crate::evidence::time::millis(at) / 1000);
        let compared = moment.compared_since(id, began.max(stretch.since))?;
        difference.told.per_session = PerSession::of(sessions, all, difference.count, compared);
    }
    Ok(())
}

/// By count; with a sample where one is kept of that very request.
fn shown(
    moment: &Moment<'_>,
    tally: &Tally,
    differences: &[DifferenceReport],
    kind: &str,
) -> rusqlite::Result<Vec<Shown>> {
    let mut samples: Vec<(i64, String)> = Vec::new();
    let ids = differences.iter().filter(|difference| difference.kind == kind).flat_map(|one| &one.samples);
    for id in ids.take(MAX_SHOWN) {
        let Some(sample) = read_sample(moment, *id)? else { continue };
        let path = sample.request.target.split(['?', '#']).next().unwrap_or_default();
        samples.push((*id, format!("{} {}", sample.request.method, cause::collapse(path))));
    }
    let counts = tally.triage.exposed.iter().filter_map(|(name, count)| Some((Exposed::named(name)?, *count)));
    let shown = counts.filter(|(exposed, _)| exposed.kind == kind).map(|(exposed, pairs)| {
        let sample = samples.iter().find(|(_, request)| *request == exposed.request).map(|(id, _)| *id);
        Shown { request: exposed.request, legacy: exposed.legacy, new: exposed.new, pairs, sample }
    });
    let mut shown: Vec<Shown> = shown.collect();
    shown.sort_by(|one, other| other.pairs.cmp(&one.pairs).then_with(|| one.request.cmp(&other.request)));
    Ok(shown)
}
