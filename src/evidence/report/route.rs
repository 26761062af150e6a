//! One route's part of the report: which routes there are, and what is read and judged of each.

use std::collections::BTreeMap;
use std::time::Duration;

use super::noise::Judged;
use super::triage::{self, RouteTriage, Told};
use super::{
    DifferenceReport, Field, Filter, HiddenReport, Latencies, Latency, NoiseReport, Origins, ReportError, RouteReport,
    read_sample,
};
use crate::diff;
use crate::evidence::Gate;
use crate::evidence::fact::RouteFact;
use crate::evidence::readiness::{Readiness, Verdict, judge};
use crate::evidence::store::read::{Moment, StoredCause, StoredRoute};
use crate::evidence::store::triage::OTHER_CAUSES;
use crate::evidence::tally::{OTHER, Tally};
use crate::evidence::time::{millis, rfc3339, spelled};

/// Causes of a route that come with curl lines; each costs reading a sample.
const MAX_CURLS: usize = 100;
/// Field paths told per route.
const MAX_FIELDS: usize = 20;

/// A route as config and store know it together.
pub(super) struct Known {
    pub name: String,
    /// Its number in the store; `None`: the store has nothing of it.
    pub stored: Option<i64>,
    pub counted_at: Option<String>,
    pub fact: Option<RouteFact>,
}

/// The routes of the config in its order, then those that only the store knows.
pub(super) fn known(stored: Vec<StoredRoute>, facts: Option<&[RouteFact]>) -> Vec<Known> {
    let mut stored: BTreeMap<String, StoredRoute> =
        stored.into_iter().map(|route| (route.name.clone(), route)).collect();
    let mut known = Vec::new();
    for fact in facts.unwrap_or_default() {
        let in_store = stored.remove(&fact.name);
        known.push(Known {
            name: fact.name.clone(),
            stored: in_store.as_ref().map(|route| route.id),
            counted_at: in_store.and_then(|route| route.counted_at),
            fact: Some(fact.clone()),
        });
    }
    for (name, route) in stored {
        // With a config at hand, a fact that only the store has is out of date.
        let fact = route.fact.filter(|_| facts.is_none());
        known.push(Known { name, stored: Some(route.id), counted_at: route.counted_at, fact });
    }
    known
}

pub(super) fn is_wanted(route: &Known, filter: &Filter) -> bool {
    match &filter.route {
        Some(name) => route.name == *name,
        None => route.counted_at.is_some() || route.fact.as_ref().is_some_and(|fact| fact.mirrored),
    }
}

pub(super) fn unknown_route(name: &str, known: &[Known]) -> ReportError {
    /// Jaro–Winkler; below it two names are just two names.
    const ALIKE: f64 = 0.75;
    let nearest = known
        .iter()
        .map(|route| (strsim::jaro_winkler(name, &route.name), route))
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|(one, _), (other, _)| one.total_cmp(other));
    let hint = nearest.map_or_else(String::new, |(_, route)| format!("; did you mean {:?}?", route.name));
    ReportError::UnknownRoute { name: name.to_owned(), hint }
}

/// What the store shows of a route in the stretch of time that is asked for, judged.
pub(super) fn route_report(moment: &Moment<'_>, route: &Known, filter: &Filter) -> rusqlite::Result<RouteReport> {
    let fact = route.fact.as_ref();
    let gate = fact.map(|fact| fact.gate.clone()).unwrap_or_default();
    // Its ranges were checked before; what is laid over keeps the gate's others.
    let gate = Gate::compile(&filter.gate, &gate).unwrap_or(gate);
    let stretch = filter.since.unwrap_or(gate.window);
    let since = (millis(filter.now) / 1000).saturating_sub(stretch.as_secs());
    let (tally, causes) = match route.stored {
        Some(id) => (moment.tally(id, since)?, moment.causes(id, since)?),
        None => (Tally::default(), Vec::new()),
    };
    let judged = Judged::of(&tally);
    let tally = judged.corrected(tally);
    let mut readiness = judge(&tally, &gate, judged.unsure());
    let after = usize::from(readiness.verdict == Verdict::NotYet);
    readiness.reasons.splice(after..after, judged.reasons(tally.compared()));
    if tally.sampled() == 0
        && let Some(reason) = nothing_since(moment, route, stretch)?
    {
        readiness.reasons.push(reason);
    }
    if let Some(why) = &filter.unwritten {
        readiness.doubt(format!("{why}."));
    }
    // Windows are counted whole, and one that began before the loss knows of it.
    let oldest = route.stored.map(|id| moment.oldest(id, since)).transpose()?.flatten();
    let began = oldest.map_or(since, |oldest| oldest.min(since));
    if let Some(lost) = moment.counts_lost_until()?.filter(|lost| lost / 1000 >= began) {
        readiness.doubt(format!(
            "Counts were lost until {}: a door ended while its store could not be written, or before it had compared all; --since judges what came after.",
            rfc3339(lost)
        ));
    }
    let (noise, causes) = causes.into_iter().partition(|cause| is_noise(&judged, cause));
    let origins = Origins::of(fact);
    let noise = judged.told(differences(moment, noise, &origins)?);
    let differences = differences(moment, causes, &origins)?;
    let mut report = assembled(route, &tally, readiness, (differences, noise), since);
    let stretch = triage::Stretch { since, now: millis(filter.now) / 1000 };
    triage::add(moment, route, &tally, stretch, &mut report)?;
    Ok(report)
}

/// The causes that found no room of their own are of many places.
fn is_noise(judged: &Judged, cause: &StoredCause) -> bool {
    cause.fingerprint != OTHER_CAUSES && judged.is_noise_of(&cause.kind, &cause.path)
}

fn nothing_since(moment: &Moment<'_>, route: &Known, stretch: Duration) -> rusqlite::Result<Option<String>> {
    let Some(newest) = route.stored.map(|id| moment.newest(id)).transpose()?.flatten() else { return Ok(None) };
    let at = rfc3339(newest * 1000);
    Ok(Some(format!(
        "Nothing was sampled in the last {}; the newest evidence is of {at}, --since reaches it.",
        spelled(stretch)
    )))
}

fn differences(
    moment: &Moment<'_>,
    causes: Vec<StoredCause>,
    origins: &Origins<'_>,
) -> rusqlite::Result<Vec<DifferenceReport>> {
    let mut differences = Vec::with_capacity(causes.len());
    for mut cause in causes {
        if cause.fingerprint == OTHER_CAUSES {
            name_nobody(&mut cause);
        }
        let smallest = moment.smallest(&cause.samples)?;
        let sample = match smallest {
            Some(id) if differences.len() < MAX_CURLS => read_sample(moment, id)?,
            _ => None,
        };
        let detail = detail(&cause);
        differences.push(DifferenceReport {
            fingerprint: cause.fingerprint,
            kind: cause.kind,
            path: cause.path,
            count: cause.count,
            severity: severity_name(cause.severity),
            first_seen: rfc3339(cause.first_seen),
            last_seen: rfc3339(cause.last_seen),
            samples: cause.samples,
            detail,
            cause: cause.cause,
            control: cause.control,
            candidate: cause.candidate,
            curl: sample.map(|sample| origins.curl(&sample)),
            told: Told { smallest, ..Told::default() },
        });
    }
    Ok(differences)
}

/// Many causes under one name: what the last of them looked like is not what the others do.
fn name_nobody(cause: &mut StoredCause) {
    cause.path = OTHER.to_owned();
    (cause.cause, cause.control, cause.candidate) = (None, None, None);
}

fn detail(cause: &StoredCause) -> Option<String> {
    diff::cause::detail(cause.cause.as_deref()?, cause.control.as_deref()?, cause.candidate.as_deref()?)
}

/// From the rank that the store sorts by.
fn severity_name(rank: i64) -> &'static str {
    match rank {
        ..=0 => "low",
        1 => "medium",
        2 => "high",
        _ => "critical",
    }
}

fn assembled(
    route: &Known,
    tally: &Tally,
    readiness: Readiness,
    (differences, noise): (Vec<DifferenceReport>, NoiseReport),
    since: u64,
) -> RouteReport {
    let mut fields: Vec<Field> =
        tally.fields.iter().map(|(path, count)| Field { path: path.clone(), count: *count }).collect();
    fields.sort_by(|one, other| other.count.cmp(&one.count).then_with(|| one.path.cmp(&other.path)));
    fields.truncate(MAX_FIELDS);
    let hidden = tally.hidden.iter().map(|(rule, hidden)| HiddenReport {
        rule: rule.clone(),
        count: hidden.count,
        example: hidden.example.clone(),
    });
    let mut hidden: Vec<HiddenReport> = hidden.collect();
    hidden.sort_by(|one, other| other.count.cmp(&one.count).then_with(|| one.rule.cmp(&other.rule)));
    let stage = route.fact.as_ref().map(|fact| fact.stage.clone()).or_else(|| route.counted_at.clone());
    RouteReport {
        route: route.name.clone(),
        stage: stage.unwrap_or_default(),
        weight: route.fact.as_ref().and_then(|fact| fact.weight),
        compared: tally.compared(),
        matched: tally.matched,
        ignored: tally.ignored,
        mismatched: tally.mismatched,
        unproven: tally.unproven_total(),
        unproven_by_reason: tally.unproven.iter().map(|(reason, count)| (reason.name(), *count)).collect(),
        verdict: readiness.verdict,
        reasons: readiness.reasons,
        mismatch_percent: readiness.mismatch_percent,
        mismatch_upper_percent: readiness.mismatch_upper_percent,
        since: rfc3339(since * 1000),
        differences,
        noise,
        fields,
        hidden,
        latency: Latencies { legacy: Latency::of(&tally.legacy), new: Latency::of(&tally.new) },
        triage: RouteTriage::default(),
    }
}
