//! What is counted while the door runs. The request path holds a [`RouteMeters`] and adds to it; [`super::exposition`]
//! prints them for Prometheus, `status` reads them as they are.
//!
//! A route's meters are kept by its name, so its counters go on over reloads, and go when the route goes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwapOption;
use parking_lot::Mutex;
use prometheus::{Gauge, IntCounter, IntCounterVec, IntGauge, Opts, Registry};

use super::breaker::Breaker;
use super::counts::{Counters, DURATION_BOUNDS, Histogram, OVERHEAD_BOUNDS};
use super::rates::Rates;
use super::snapshot::ProxiedRoute;
use crate::config::Settings;
use crate::config::settings::RateLimit;
use crate::diff::Outcome;
use crate::evidence::Unproven;
use crate::routing::{Origin, Stage};

/// Whose answer the user got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AnsweredBy {
    Legacy,
    New,
    /// The door itself: `respond:`, a refusal, a gateway error.
    Door,
}

impl From<Origin> for AnsweredBy {
    fn from(origin: Origin) -> Self {
        match origin {
            Origin::Legacy => Self::Legacy,
            Origin::New => Self::New,
        }
    }
}

impl AnsweredBy {
    pub const ALL: [Self; 3] = [Self::Legacy, Self::New, Self::Door];

    pub fn label(self) -> &'static str {
        match self {
            Self::Legacy => "legacy",
            Self::New => "new",
            Self::Door => "door",
        }
    }
}

/// Why a request that `new` should have answered went to legacy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FallbackReason {
    Status,
    Header,
    ConnectError,
    Timeout,
    /// `new` was not even asked: it had failed too often.
    Breaker,
}

impl FallbackReason {
    pub const ALL: [Self; 5] = [Self::Status, Self::Header, Self::ConnectError, Self::Timeout, Self::Breaker];

    pub fn label(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Header => "header",
            Self::ConnectError => "connect_error",
            Self::Timeout => "timeout",
            Self::Breaker => "breaker",
        }
    }
}

/// Why a connection was closed before a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unwelcome {
    /// `limits.max_connections` are open, or the listener's own.
    Full,
    /// `limits.max_connections_per_client` of this client's are open.
    TooManyOfOne,
    /// No trusted proxy began it with a good PROXY header.
    Unannounced,
}

impl Unwelcome {
    const ALL: [Self; 3] = [Self::Full, Self::TooManyOfOne, Self::Unannounced];

    pub fn label(self) -> &'static str {
        match self {
            Self::Full => "max_connections",
            Self::TooManyOfOne => "max_connections_per_client",
            Self::Unannounced => "proxy_protocol",
        }
    }
}

/// Why spans did not reach their collector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LostSpans {
    /// There was no room for them to wait.
    QueueFull,
    ConnectError,
    Timeout,
    /// The collector answered that it does not take the batch.
    Refused,
    /// It took the batch, and said that it threw some away.
    Rejected,
    /// The door was told to stop.
    Shutdown,
}

impl LostSpans {
    const ALL: [Self; 6] =
        [Self::QueueFull, Self::ConnectError, Self::Timeout, Self::Refused, Self::Rejected, Self::Shutdown];

    pub fn label(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::ConnectError => "connect_error",
            Self::Timeout => "timeout",
            Self::Refused => "refused",
            Self::Rejected => "rejected",
            Self::Shutdown => "shutdown",
        }
    }
}

/// What asking again said of a mismatched pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SettledAs {
    Stays,
    /// The difference is gone, or new says something else each time.
    Gone,
    /// Legacy differs from itself.
    Noise,
    /// One of the two did not answer.
    Unanswered,
    /// Each origin was compared with itself.
    Control,
}

impl SettledAs {
    pub const ALL: [Self; 5] = [Self::Stays, Self::Gone, Self::Noise, Self::Unanswered, Self::Control];

    pub fn label(self) -> &'static str {
        match self {
            Self::Stays => "stays",
            Self::Gone => "gone",
            Self::Noise => "noise",
            Self::Unanswered => "unanswered",
            Self::Control => "control",
        }
    }
}

/// The key of `requests_total` beside the route. `stage` is `None` where a route has none (`respond:`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answered {
    pub stage: Option<Stage>,
    pub by: AnsweredBy,
    pub code: u16,
}

/// Codes that HTTP does not know are counted as one, so that an origin cannot make the door count without bound.
pub(super) const OTHER_CODE: u16 = 0;

/// One route's counters. Every method is one or two atomic adds.
#[derive(Debug)]
pub struct RouteMeters {
    pub(super) answered: Counters<Answered>,
    pub(super) durations: [Histogram; 3],
    pub(super) mirrored: Counters<()>,
    pub(super) dropped: Counters<Unproven>,
    pub(super) compared: Counters<Outcome>,
    pub(super) settled: Counters<SettledAs>,
    pub(super) fell_back: Counters<FallbackReason>,
    pub(super) limited: Counters<()>,
    pub breaker: Breaker,
    rates: ArcSwapOption<Rates>,
    overhead: Arc<Histogram>,
}

/// What `status` says of a route's traffic since the door started (or since the route appeared).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Traffic {
    pub legacy: u64,
    pub new: u64,
    pub door: u64,
}

impl RouteMeters {
    fn new(overhead: Arc<Histogram>) -> Self {
        Self {
            answered: Counters::default(),
            durations: AnsweredBy::ALL.map(|_| Histogram::new(DURATION_BOUNDS)),
            mirrored: Counters::default(),
            dropped: Counters::default(),
            compared: Counters::default(),
            settled: Counters::default(),
            fell_back: Counters::default(),
            limited: Counters::default(),
            breaker: Breaker::default(),
            rates: ArcSwapOption::empty(),
            overhead,
        }
    }

    /// A user got an answer: at which stage (the effective one), whose, which code, and how long he waited from the first
    /// byte of the request: for the last of the answer, or for the beginning of a WebSocket.
    pub fn answered(&self, stage: Option<Stage>, by: AnsweredBy, code: u16, took: Duration) {
        let code = if (100..=599).contains(&code) { code } else { OTHER_CODE };
        self.answered.add(Answered { stage, by, code });
        let [legacy, new, door] = &self.durations;
        let durations = match by {
            AnsweredBy::Legacy => legacy,
            AnsweredBy::New => new,
            AnsweredBy::Door => door,
        };
        durations.observe(took);
    }

    /// Time spent in the door itself, the origin's left out.
    pub fn overhead(&self, took: Duration) {
        self.overhead.observe(took);
    }

    /// A copy was sent and its answer came whole.
    pub fn mirrored(&self) {
        self.mirrored.add(());
    }

    /// A sampled request proves nothing, and why: never sent, not answered whole, or two answers that say nothing.
    pub fn mirror_dropped(&self, reason: Unproven) {
        self.dropped.add(reason);
    }

    pub fn compared(&self, outcome: Outcome) {
        self.compared.add(outcome);
    }

    /// Both origins were asked again.
    pub fn settled(&self, how: SettledAs) {
        self.settled.add(how);
    }

    pub fn fell_back(&self, reason: FallbackReason) {
        self.fell_back.add(reason);
    }

    /// A client was told to come later.
    pub fn limited(&self) {
        self.limited.add(());
    }

    pub fn rates(&self) -> Option<Arc<Rates>> {
        self.rates.load_full()
    }

    /// Another rule begins with empty accounts.
    fn limit_rates(&self, rule: Option<&RateLimit>) {
        let now = self.rates.load();
        if now.as_ref().map(|rates| rates.rule()) != rule {
            self.rates.store(rule.copied().and_then(Rates::new).map(Arc::new));
        }
    }

    pub fn traffic(&self) -> Traffic {
        let by = |wanted| self.answered.sum(|key| key.by == wanted);
        Traffic { legacy: by(AnsweredBy::Legacy), new: by(AnsweredBy::New), door: by(AnsweredBy::Door) }
    }

    /// Copies sent and answered whole.
    pub fn total_mirrored(&self) -> u64 {
        self.mirrored.sum(|()| true)
    }

    pub fn total_dropped(&self) -> u64 {
        self.dropped.sum(|_| true)
    }

    pub fn total_compared(&self) -> u64 {
        self.compared.sum(|outcome| outcome != Outcome::Inconclusive)
    }

    pub fn total_mismatched(&self) -> u64 {
        self.compared.sum(|outcome| outcome == Outcome::Mismatched)
    }
}

/// All meters of the process.
#[derive(Debug)]
pub struct Meters {
    registry: Registry,
    by_name: Mutex<HashMap<Arc<str>, Arc<RouteMeters>>>,
    pub(super) overhead: Arc<Histogram>,
    /// Client connections open now.
    pub connections: IntGauge,
    /// TLS handshakes that were done.
    pub handshakes: IntCounter,
    connections_refused: IntCounterVec,
    /// Lines of the access log that found no room, or could not be written.
    pub access_log_dropped: IntCounter,
    spans_exported: IntCounter,
    spans_dropped: IntCounterVec,
    /// 1: the evidence store takes what is compared; 0: it does not, and comparisons live in memory only.
    pub store_ok: IntGauge,
    /// How long the oldest pair has waited to be compared; 0: none waits.
    pub comparing_behind: Gauge,
    reload_ok: IntGauge,
    reload_ok_at: Gauge,
}

impl Meters {
    /// # Errors
    /// A metric's name is not one, or is taken twice: a mistake in this file.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new_custom(Some("matapalo".to_owned()), None)?;
        let gauge = |name: &str, help: &str| -> Result<IntGauge, prometheus::Error> {
            let gauge = IntGauge::with_opts(Opts::new(name, help))?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        let connections = gauge("connections", "Client connections open now.")?;
        let store_ok = gauge("store_ok", "Whether the evidence store takes what is compared.")?;
        let reload_ok =
            gauge("config_last_reload_successful", "Whether the newest content of the config is in force.")?;
        let handshakes = IntCounter::with_opts(Opts::new("tls_handshakes_total", "TLS handshakes that were done."))?;
        registry.register(Box::new(handshakes.clone()))?;
        let refused = Opts::new("connections_refused_total", "Client connections closed before a request, by reason.");
        let connections_refused = IntCounterVec::new(refused, &["reason"])?;
        show_from_the_beginning(&connections_refused, Unwelcome::ALL.map(Unwelcome::label));
        registry.register(Box::new(connections_refused.clone()))?;
        let access_log_dropped = IntCounter::with_opts(Opts::new(
            "access_log_dropped_total",
            "Lines of the access log that were dropped: the disk did not keep up, or took none.",
        ))?;
        registry.register(Box::new(access_log_dropped.clone()))?;
        let exported = Opts::new("tracing_exported_total", "Spans that the collector took.");
        let spans_exported = IntCounter::with_opts(exported)?;
        registry.register(Box::new(spans_exported.clone()))?;
        let dropped = Opts::new("tracing_dropped_total", "Spans that did not reach the collector, by reason.");
        let spans_dropped = IntCounterVec::new(dropped, &["reason"])?;
        show_from_the_beginning(&spans_dropped, LostSpans::ALL.map(LostSpans::label));
        registry.register(Box::new(spans_dropped.clone()))?;
        let behind = Opts::new("comparing_behind_seconds", "How long the oldest pair has waited to be compared.");
        let comparing_behind = Gauge::with_opts(behind)?;
        registry.register(Box::new(comparing_behind.clone()))?;
        let reload_ok_at = Gauge::with_opts(Opts::new(
            "config_last_reload_success_timestamp_seconds",
            "When a config last took effect, in seconds since 1970.",
        ))?;
        registry.register(Box::new(reload_ok_at.clone()))?;
        Ok(Self {
            registry,
            by_name: Mutex::default(),
            overhead: Arc::new(Histogram::new(OVERHEAD_BOUNDS)),
            connections,
            handshakes,
            connections_refused,
            access_log_dropped,
            spans_exported,
            spans_dropped,
            store_ok,
            comparing_behind,
            reload_ok,
            reload_ok_at,
        })
    }

    /// A connection was closed before anything was asked on it.
    pub fn refused_connection(&self, reason: Unwelcome) {
        self.connections_refused.with_label_values(&[reason.label()]).inc();
    }

    pub fn exported_spans(&self, count: usize) {
        self.spans_exported.inc_by(count as u64);
    }

    pub fn lost_spans(&self, reason: LostSpans, count: usize) {
        if count > 0 {
            self.spans_dropped.with_label_values(&[reason.label()]).inc_by(count as u64);
        }
    }

    /// The meters of these routes in order of their ids; routes known by name go on counting, gone ones are forgotten.
    pub(super) fn of(&self, settings: &Settings) -> Arc<[Arc<RouteMeters>]> {
        let mut by_name = self.by_name.lock();
        let mut known = std::mem::take(&mut *by_name);
        let meters = settings.routes.iter().map(|route| {
            let meters = known.remove(&route.name).unwrap_or_else(|| Arc::new(RouteMeters::new(self.overhead.clone())));
            meters.limit_rates(route.proxied().and_then(|proxied| proxied.rate_limit.as_ref()));
            by_name.insert(route.name.clone(), meters.clone());
            meters
        });
        meters.collect()
    }

    pub(super) fn reloaded(&self, at: SystemTime) {
        self.reload_ok.set(1);
        self.reload_ok_at.set(at.duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64()));
    }

    pub(super) fn not_in_force(&self) {
        self.reload_ok.set(0);
    }

    /// Shows a counter of somebody else's among the door's own.
    ///
    /// # Errors
    /// Its name is taken.
    pub fn count_too(&self, counter: &IntCounter) -> Result<(), prometheus::Error> {
        self.registry.register(Box::new(counter.clone()))
    }

    pub(super) fn registry(&self) -> &Registry {
        &self.registry
    }
}

/// As 0: a rate over a series that appears with its first event misses that event.
fn show_from_the_beginning<const N: usize>(counters: &IntCounterVec, reasons: [&str; N]) {
    for reason in reasons {
        counters.with_label_values(&[reason]);
    }
}
