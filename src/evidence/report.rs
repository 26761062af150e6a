//! The report, read from the store only: it works beside a running door and after it has gone.
//!
//! Counts, causes and verdict of a route cover the same stretch of time: what was asked for (`--since`), else the window of the
//! route's gate. The JSON form is this file's types as they are, each route read by [`route`]; [`text`] tells them to a person.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::Gate;
use super::fact::RouteFact;
use super::readiness::{GateError, GateSpec, Verdict};
use super::sample::{Curl, Sample, curl};
use super::store::read::{Moment, StoredFlip};
use super::store::{StoreError, StoreReader};
use super::tally::Sketch;
use super::time::{millis, rfc3339};

mod accept;
mod mix;
mod next;
mod noise;
mod route;
mod rules;
mod sessions;
#[cfg(test)]
mod tests;
mod text;
mod triage;

pub use mix::{MixLine, MixReport, Turned};
pub use noise::{NoiseField, NoiseReport};
pub use rules::{Ending, RuleReport, ending};
pub use sessions::PerSession;
pub use text::{Paint, text};
pub use triage::{RouteTriage, Shown, Told};

/// Where the curl lines lead when the store does not know the origins' addresses: to be filled in.
const UNKNOWN_LEGACY: &str = "http://LEGACY";
const UNKNOWN_NEW: &str = "http://NEW";

/// What is asked of the store.
#[derive(Debug, Clone)]
pub struct Filter {
    /// Only this route.
    pub route: Option<String>,
    /// Only what was seen in this stretch of time; `None`: the window of each route's gate.
    pub since: Option<Duration>,
    pub now: SystemTime,
    /// What the config says now; `None`: it could not be read, and what the door said last holds.
    pub facts: Option<Vec<RouteFact>>,
    /// Laid over each route's gate.
    pub gate: GateSpec,
    /// Why the store lacks what a door has seen, as a sentence without its full stop; `None`: it lacks nothing. Nothing is called
    /// ready meanwhile.
    pub unwritten: Option<String>,
}

impl Filter {
    /// Everything, as of this moment.
    pub fn at(now: SystemTime) -> Self {
        Self { route: None, since: None, now, facts: None, gate: GateSpec::default(), unwritten: None }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("no route {name:?}, neither in the config nor in the store{hint}")]
    UnknownRoute { name: String, hint: String },
    #[error("{}", .0.iter().map(|(key, message)| format!("{key} {message}")).collect::<Vec<_>>().join("; "))]
    Gate(Vec<GateError>),
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// RFC 3339, UTC, as all times here.
    pub generated_at: String,
    /// Why what a door has seen is not in this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unwritten: Option<String>,
    /// In the order of the config, then by name. Routes of which nothing was ever sampled and nothing is copied are left out.
    pub routes: Vec<RouteReport>,
    /// Changes of stage and weight, the oldest first: they date the bugs.
    pub flips: Vec<Flip>,
    /// What to do next, the weightiest first.
    pub next: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RouteReport {
    pub route: String,
    pub stage: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<f64>,
    pub compared: u64,
    pub matched: u64,
    pub ignored: u64,
    pub mismatched: u64,
    pub unproven: u64,
    pub unproven_by_reason: BTreeMap<&'static str, u64>,
    pub verdict: Verdict,
    pub reasons: Vec<String>,
    pub mismatch_percent: Option<f64>,
    pub mismatch_upper_percent: Option<f64>,
    /// The stretch of time that all of this covers begins here.
    pub since: String,
    /// By severity, then by count. What is noise is not among them.
    pub differences: Vec<DifferenceReport>,
    /// What was told from bugs by asking again.
    pub noise: NoiseReport,
    /// Field paths that differ most, in mismatched pairs.
    pub fields: Vec<Field>,
    /// What cosmetic rules hid.
    pub hidden: Vec<HiddenReport>,
    /// Of the same requests.
    pub latency: Latencies,
    #[serde(flatten)]
    pub triage: RouteTriage,
}

/// One cause.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DifferenceReport {
    pub fingerprint: String,
    pub kind: String,
    pub path: String,
    /// Pairs that show it.
    pub count: u64,
    pub severity: &'static str,
    pub first_seen: String,
    pub last_seen: String,
    pub samples: Vec<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// By how much, or where: `+3600 s`, `at byte 255`, `× 100`; of the two values below.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What legacy said when it was last seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control: Option<String>,
    /// What new said then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub candidate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub curl: Option<Curl>,
    #[serde(flatten)]
    pub told: Told,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Field {
    pub path: String,
    pub count: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HiddenReport {
    pub rule: String,
    pub count: u64,
    /// Where it last hid something.
    pub example: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Latencies {
    pub legacy: Latency,
    pub new: Latency,
}

/// Good to 5 %.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Latency {
    pub p50_ms: Option<f64>,
    pub p90_ms: Option<f64>,
    pub p99_ms: Option<f64>,
}

impl Latency {
    fn of(sketch: &Sketch) -> Self {
        let quantile = |share| sketch.quantile_ms(share).map(three_digits);
        Self { p50_ms: quantile(0.5), p90_ms: quantile(0.9), p99_ms: quantile(0.99) }
    }
}

fn three_digits(value: f64) -> f64 {
    let scale = 10f64.powf(2.0 - value.log10().floor());
    (value * scale).round() / scale
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Flip {
    pub at: String,
    pub route: String,
    pub from: String,
    pub to: String,
    /// Of the config.
    pub generation: u64,
}

/// A stored pair, with its number and how to ask again.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SampleReport {
    pub id: i64,
    #[serde(flatten)]
    pub sample: Sample,
    pub curl: Curl,
}

/// A stored pair; `None`: there is none of this number, or it had to make room.
///
/// # Errors
/// The store cannot be read.
pub fn sample(reader: &StoreReader, id: i64) -> Result<Option<SampleReport>, StoreError> {
    reader.at_one_moment(|moment| {
        let Some(sample) = read_sample(moment, id)? else { return Ok(None) };
        let routes = moment.routes()?;
        let fact = routes.iter().find(|route| route.name == sample.route).and_then(|route| route.fact.as_ref());
        let curl = Origins::of(fact).curl(&sample);
        Ok(Some(SampleReport { id, sample, curl }))
    })
}

fn read_sample(moment: &Moment<'_>, id: i64) -> rusqlite::Result<Option<Sample>> {
    Ok(moment.sample(id)?.and_then(|content| serde_json::from_str(&content).ok()))
}

/// Where the origins of a route can be asked.
struct Origins<'a> {
    legacy: &'a str,
    new: &'a str,
}

impl<'a> Origins<'a> {
    fn of(fact: Option<&'a RouteFact>) -> Self {
        Self {
            legacy: fact.and_then(|fact| fact.legacy_url.as_deref()).unwrap_or(UNKNOWN_LEGACY),
            new: fact.and_then(|fact| fact.new_url.as_deref()).unwrap_or(UNKNOWN_NEW),
        }
    }

    fn curl(&self, sample: &Sample) -> Curl {
        curl(sample, self.legacy, self.new)
    }
}

impl Report {
    /// # Errors
    /// The store cannot be read, the gate's figures are out of range, or the route is known nowhere.
    pub fn read(reader: &StoreReader, filter: &Filter) -> Result<Self, ReportError> {
        // The ranges do not depend on the route: wrong ones are told before anything is read.
        Gate::compile(&filter.gate, &Gate::default()).map_err(ReportError::Gate)?;
        let left = || {
            let since = rfc3339(reader.unwritten()?);
            Some(format!(
                "Since {since} a door could not write its store, or was behind with comparing, and what it saw then is not in it"
            ))
        };
        let filter = &Filter { unwritten: filter.unwritten.clone().or_else(left), ..filter.clone() };
        let (known, routes, flips) = reader.at_one_moment(|moment| {
            let known = route::known(moment.routes()?, filter.facts.as_deref());
            let wanted = known.iter().filter(|route| route::is_wanted(route, filter));
            let mut routes: Vec<RouteReport> =
                wanted.map(|route| route::route_report(moment, route, filter)).collect::<rusqlite::Result<_>>()?;
            triage::settle_rules(moment, &known, &mut routes)?;
            let flips_since = filter.since.map_or(0, |since| millis(filter.now).saturating_sub(as_millis(since)));
            Ok((known, routes, moment.flips(flips_since)?))
        })?;
        if let (Some(name), true) = (&filter.route, routes.is_empty()) {
            return Err(route::unknown_route(name, &known));
        }
        let is_asked = |flip: &StoredFlip| filter.route.as_ref().is_none_or(|name| *name == flip.route);
        let flips = flips.into_iter().filter(is_asked).map(Flip::from).collect();
        let generated_at = rfc3339(millis(filter.now));
        let mut report = Self { generated_at, unwritten: filter.unwritten.clone(), routes, flips, next: Vec::new() };
        report.next = next::next(&report);
        Ok(report)
    }
}

/// Why the store lacks what its door has seen, of a door that says so: it cannot write (`error`), or is `behind` with comparing;
/// `None`: it lacks nothing.
pub fn unwritten(error: Option<&str>, behind: Option<&str>) -> Option<String> {
    let cannot_write =
        |error| format!("The door cannot write its store, and what it has counted since is not in it: {error}");
    let is_behind =
        |behind| format!("The door is behind with comparing, and not all that it has seen is in its store: {behind}");
    error.map(cannot_write).or_else(|| behind.map(is_behind))
}

fn as_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl From<StoredFlip> for Flip {
    fn from(flip: StoredFlip) -> Self {
        let StoredFlip { at, route, from, to, generation } = flip;
        Self { at: rfc3339(at), route, from, to, generation }
    }
}
