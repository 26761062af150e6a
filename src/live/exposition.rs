//! The meters in Prometheus' text format. Read by whoever asks for `/metrics`, never on the request path.
//!
//! What may be counted of a route is there from the beginning, as 0: a rate over a series that appears with its first event misses
//! that event. Of a config with many routes only what was counted is printed, so that ten thousand idle routes are ten thousand
//! lines, not a million.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use prometheus::proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType};
use prometheus::{Encoder, TextEncoder};
use serde::Serialize;

use super::breaker::BreakerState;
use super::counts::{self, Counters};
use super::meters::{AnsweredBy, FallbackReason, Meters, OTHER_CODE, RouteMeters, SettledAs};
use super::snapshot::{ProxiedRoute, Snapshot};
use crate::config::settings::{Proxied, RouteSettings};
use crate::diff::Outcome;
use crate::evidence::Unproven;
use crate::routing::{MethodSet, Share};
use crate::upstream::{Backend, Endpoint};

/// Routes of a config of which zeros are printed: some thirty lines each, so that a scrape stays well under a megabyte.
const MOST_WITH_ZEROS: usize = 250;

/// Everything that is measured, as text.
///
/// # Errors
/// A family without a name or a metric: a mistake in this file.
pub fn render(meters: &Meters, snapshot: &Snapshot) -> Result<Vec<u8>, prometheus::Error> {
    let mut families = meters.registry().gather();
    families.push(single(
        "overhead_seconds",
        "Time spent in the door itself.",
        MetricType::HISTOGRAM,
        vec![histogram(&[], &meters.overhead)],
    ));
    families.extend(in_force(snapshot));
    families.push(certificates(snapshot));
    families.extend(routes(snapshot));
    families.extend(backends(snapshot));
    families.retain(|family| !family.get_metric().is_empty());
    families.sort_by(|a, b| a.name().cmp(b.name()));
    let mut text = Vec::new();
    TextEncoder::new().encode(&families, &mut text)?;
    Ok(text)
}

fn in_force(snapshot: &Snapshot) -> Vec<MetricFamily> {
    let generation = snapshot.generation.to_string();
    let config = gauge(&[("hash", &snapshot.settings.hash), ("generation", &generation)], 1.0);
    let proxied = || snapshot.routes().filter_map(|(id, route)| Some((id, route, route.proxied()?)));
    let of_stage = proxied()
        .map(|(_, route, proxied)| gauge(&[("route", &route.name), ("stage", &label(&proxied.policy.stage))], 1.0));
    let of_weight =
        proxied().map(|(_, route, proxied)| gauge(&[("route", &route.name)], proxied.policy.weight.percent()));
    let of_rollback = snapshot
        .routes()
        .filter(|(id, _)| snapshot.is_rolled_back(*id))
        .map(|(_, route)| gauge(&[("route", &route.name)], 1.0));
    let of_breaker = snapshot.routes().zip(snapshot.meters.iter()).filter_map(|((_, route), meters)| {
        route.proxied()?.fallback.breaker?;
        let open = if meters.breaker.state() == BreakerState::Closed { 0.0 } else { 1.0 };
        Some(gauge(&[("route", &route.name)], open))
    });
    vec![
        single(
            "breaker_open",
            "Whether new is spared because it kept failing the route.",
            MetricType::GAUGE,
            of_breaker.collect(),
        ),
        single("config_info", "The config in force.", MetricType::GAUGE, vec![config]),
        single("route_stage", "The stage that the config gives a route.", MetricType::GAUGE, of_stage.collect()),
        single(
            "route_weight",
            "Percent of sessions that new answers at stage canary.",
            MetricType::GAUGE,
            of_weight.collect(),
        ),
        single(
            "route_rolled_back",
            "Routes that a rollback holds at legacy.",
            MetricType::GAUGE,
            of_rollback.collect(),
        ),
    ]
}

/// The end of each certificate, so that an alert can ring before the users' browsers do.
fn certificates(snapshot: &Snapshot) -> MetricFamily {
    let listeners = snapshot.settings.listeners.iter().filter_map(|listener| Some((listener, listener.tls.as_ref()?)));
    let ends = listeners.flat_map(|(listener, tls)| {
        let address = listener.address.to_string();
        tls.certificates.iter().enumerate().map(move |(index, certificate)| {
            let name = certificate.pair.names.first().map_or("", String::as_str);
            let end = certificate.pair.not_after.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
            gauge(&[("listener", &address), ("certificate", &index.to_string()), ("name", name)], end)
        })
    });
    single(
        "certificate_not_after_seconds",
        "When a certificate in force expires, in seconds since 1970.",
        MetricType::GAUGE,
        ends.collect(),
    )
}

/// A route's meters, and which of them its config can move.
struct Counted<'a> {
    route: &'a RouteSettings,
    meters: &'a RouteMeters,
    zeros: Zeros,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Zeros {
    Printed,
    LeftOut,
}

impl Counted<'_> {
    fn name(&self) -> &str {
        &self.route.name
    }

    fn proxied(&self) -> Option<&Proxied> {
        self.route.proxied().filter(|_| self.zeros == Zeros::Printed)
    }

    fn may_be_limited(&self) -> bool {
        self.proxied().is_some_and(|proxied| proxied.rate_limit.is_some())
    }

    fn may_be_copied(&self) -> bool {
        self.proxied().is_some_and(|proxied| {
            let share = proxied.policy.mirror.unwrap_or(Share::NONE);
            proxied.policy.stage.may_mirror() && share != Share::NONE && !proxied.policy.mirror_methods.is_empty()
        })
    }

    fn may_be_settled(&self) -> bool {
        self.may_be_copied() && self.proxied().is_some_and(|proxied| !proxied.noise.is_off())
    }

    fn may_fall_back(&self, reason: FallbackReason) -> bool {
        let Some(proxied) = self.proxied() else { return false };
        let policy = &proxied.policy;
        if !policy.stage.may_fall_back() || policy.fallback_methods.as_ref().is_none_or(MethodSet::is_empty) {
            return false;
        }
        let rules = &proxied.fallback;
        match reason {
            FallbackReason::Status => !rules.status.is_empty(),
            FallbackReason::Header => rules.header.is_some(),
            FallbackReason::ConnectError => rules.connect_error,
            FallbackReason::Timeout => rules.timeout,
            FallbackReason::Breaker => rules.breaker.is_some(),
        }
    }
}

fn routes(snapshot: &Snapshot) -> Vec<MetricFamily> {
    let zeros = if snapshot.meters.len() > MOST_WITH_ZEROS { Zeros::LeftOut } else { Zeros::Printed };
    let family = |name, kind, help, tell: fn(&Counted<'_>) -> Vec<Metric>| {
        let routes = snapshot.routes().zip(snapshot.meters.iter());
        let metrics = routes.flat_map(|((_, route), meters)| tell(&Counted { route, meters, zeros }));
        single(name, help, kind, metrics.collect())
    };
    let counted = |name, help, tell| family(name, MetricType::COUNTER, help, tell);
    let durations = "From a request's first byte to its answer's last, or to the beginning of its WebSocket.";
    vec![
        counted("requests_total", "Requests answered, by whom and how.", answered),
        family("request_duration_seconds", MetricType::HISTOGRAM, durations, took),
        counted("rate_limited_total", "Requests refused because their asker asked too often (limits.rate).", limited),
        counted("mirror_total", "Requests chosen for a copy, by what became of it.", mirrored),
        counted("mirror_dropped_total", "Requests chosen for a copy that prove nothing, by reason.", |of| {
            let expected = Unproven::ALL.into_iter().filter(|_| of.may_be_copied());
            counters(of, "reason", &of.meters.dropped, expected, |reason| label(&reason))
        }),
        counted("comparisons_total", "Pairs of answers compared, by outcome.", |of| {
            let expected = Outcome::ALL.into_iter().filter(|_| of.may_be_copied());
            counters(of, "outcome", &of.meters.compared, expected, |outcome| label(&outcome))
        }),
        counted("settled_total", "Requests asked again of both origins, by what they said.", |of| {
            let expected = SettledAs::ALL.into_iter().filter(|_| of.may_be_settled());
            counters(of, "result", &of.meters.settled, expected, |result| result.label().to_owned())
        }),
        counted("fallback_total", "Requests that new did not answer and legacy did, by reason.", |of| {
            let expected = FallbackReason::ALL.into_iter().filter(|reason| of.may_fall_back(*reason));
            counters(of, "reason", &of.meters.fell_back, expected, |reason| reason.label().to_owned())
        }),
    ]
}

fn answered(of: &Counted<'_>) -> Vec<Metric> {
    let counts = of.meters.answered.iter().map(|(key, count)| {
        let stage = key.stage.map_or_else(|| "respond".to_owned(), |stage| label(&stage));
        let labels = [("route", of.name()), ("stage", &stage), ("origin", key.by.label()), ("code", &code(key.code))];
        counter(&labels, count)
    });
    counts.collect()
}

fn took(of: &Counted<'_>) -> Vec<Metric> {
    let seen = AnsweredBy::ALL.iter().zip(&of.meters.durations).filter(|(_, histogram)| !histogram.is_empty());
    seen.map(|(by, seen)| histogram(&[("route", of.name()), ("origin", by.label())], seen)).collect()
}

fn limited(of: &Counted<'_>) -> Vec<Metric> {
    let count = of.meters.limited.sum(|()| true);
    (count > 0 || of.may_be_limited()).then(|| counter(&[("route", of.name())], count)).into_iter().collect()
}

fn mirrored(of: &Counted<'_>) -> Vec<Metric> {
    let meters = of.meters;
    let results = [
        ("answered", meters.total_mirrored()),
        ("failed", meters.dropped.sum(was_sent)),
        ("dropped", meters.dropped.sum(|reason| !was_sent(reason) && !was_answered(reason))),
    ];
    let counted = results.into_iter().filter(|(_, count)| *count > 0 || of.may_be_copied());
    counted.map(|(result, count)| counter(&[("route", of.name()), ("result", result)], count)).collect()
}

/// Whether a copy that came to this end had been sent to its backend.
fn was_sent(reason: Unproven) -> bool {
    matches!(reason, Unproven::Timeout | Unproven::ConnectError | Unproven::BrokenResponse | Unproven::ResponseTooLarge)
}

/// Whether a copy that came to this end is among those that were answered whole.
fn was_answered(reason: Unproven) -> bool {
    matches!(reason, Unproven::BothFailed | Unproven::ComparerFailed)
}

fn backends(snapshot: &Snapshot) -> Vec<MetricFamily> {
    let in_flight = snapshot
        .backends
        .iter()
        .map(|backend| gauge(&[("backend", &backend.name)], backend.in_flight().count() as f64));
    let of_endpoints = |is_so: fn(&Backend, &Endpoint) -> bool| {
        let backends = snapshot.backends.iter();
        let of_backend = move |backend: &Arc<Backend>| {
            let gauge = |endpoint: &Arc<Endpoint>| {
                let labels = [("backend", &*backend.name), ("endpoint", &endpoint.name.to_string())];
                gauge(&labels, if is_so(backend, endpoint) { 1.0 } else { 0.0 })
            };
            backend.endpoints().iter().map(gauge).collect::<Vec<_>>()
        };
        backends.flat_map(of_backend).collect::<Vec<_>>()
    };
    vec![
        single("backend_in_flight", "Requests under way at a backend.", MetricType::GAUGE, in_flight.collect()),
        single(
            "backend_up",
            "Whether an endpoint answers its health check.",
            MetricType::GAUGE,
            of_endpoints(|_, endpoint| endpoint.is_up()),
        ),
        single(
            "backend_ejected",
            "Whether users are kept away from an endpoint for a while, because it failed too many of them (outliers).",
            MetricType::GAUGE,
            of_endpoints(Backend::is_ejected),
        ),
    ]
}

/// What was counted, and 0 under each further key that is to be expected.
fn counters<K: Copy + Eq>(
    of: &Counted<'_>,
    key: &'static str,
    counters: &Counters<K>,
    expected: impl Iterator<Item = K>,
    name: impl Fn(K) -> String,
) -> Vec<Metric> {
    let met: Vec<(K, u64)> = counters.iter().collect();
    let unmet = expected.filter(|expected| !met.iter().any(|(key, _)| key == expected)).map(|key| (key, 0));
    let all = met.iter().copied().chain(unmet);
    all.map(|(value, count)| counter(&[("route", of.name()), (key, &name(value))], count)).collect()
}

/// The word that an enum is written as everywhere else: in the config, the store and the report.
pub fn label(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

fn code(code: u16) -> String {
    if code == OTHER_CODE { "other".to_owned() } else { code.to_string() }
}

fn single(name: &str, help: &str, kind: MetricType, metrics: Vec<Metric>) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(format!("matapalo_{name}"));
    family.set_help(help.to_owned());
    family.set_field_type(kind);
    family.set_metric(metrics);
    family
}

fn labelled(labels: &[(&str, &str)]) -> Metric {
    let pair = |(name, value): &(&str, &str)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value((*value).to_owned());
        pair
    };
    Metric::from_label(labels.iter().map(pair).collect())
}

fn counter(labels: &[(&str, &str)], count: u64) -> Metric {
    let mut metric = labelled(labels);
    let mut counter = Counter::default();
    counter.set_value(count as f64);
    metric.set_counter(counter);
    metric
}

fn gauge(labels: &[(&str, &str)], value: f64) -> Metric {
    let mut metric = labelled(labels);
    let mut gauge = Gauge::default();
    gauge.set_value(value);
    metric.set_gauge(gauge);
    metric
}

fn histogram(labels: &[(&str, &str)], histogram: &counts::Histogram) -> Metric {
    let observed = histogram.observed();
    let bucket = |(bound, count): &(Duration, u64)| {
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(bound.as_secs_f64());
        bucket.set_cumulative_count(*count);
        bucket
    };
    let mut printed = Histogram::default();
    printed.set_bucket(observed.cumulative.iter().map(bucket).collect());
    printed.set_sample_count(observed.count);
    printed.set_sample_sum(observed.total.as_secs_f64());
    let mut metric = labelled(labels);
    metric.set_histogram(printed);
    metric
}
