#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::*;
use crate::config;
use crate::diff::Outcome;
use crate::evidence::Unproven;
use crate::routing::{RouteId, Stage};

/// A config on disk and what is in force of it.
struct House {
    folder: tempfile::TempDir,
    live: Arc<Live>,
}

fn yaml(routes: &str) -> String {
    format!(
        "version: 1\nlisteners: [{{address: \"127.0.0.1:0\"}}]\nadmin: {{address: \"127.0.0.1:0\"}}\nbackends:\n  \
         legacy: {{endpoints: [\"http://127.0.0.1:9\"]}}\n  new: {{endpoints: [\"http://127.0.0.1:9\"]}}\nroutes:\n{routes}"
    )
}

fn route(name: &str, stage: &str) -> String {
    format!("  - {{name: {name}, match: {{path: {{prefix: /{name}}}}}, stage: {stage}}}\n")
}

impl House {
    fn with(routes: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("matapalo.yaml"), yaml(routes)).unwrap();
        let live = Self::start(&folder);
        Self { folder, live }
    }

    fn start(folder: &tempfile::TempDir) -> Arc<Live> {
        let settings = config::load(&folder.path().join("matapalo.yaml")).unwrap();
        let meters = Arc::new(Meters::new().unwrap());
        Arc::new(Live::start(settings, Arc::new(Backends::default()), meters, Arc::new(Recorder::new(None))))
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("matapalo.yaml")
    }

    fn write(&self, routes: &str) {
        std::fs::write(self.config(), yaml(routes)).unwrap();
    }

    fn reload(&self, routes: &str) -> u64 {
        self.write(routes);
        self.live.replace(config::load(&self.config()).unwrap())
    }

    fn metrics(&self) -> String {
        String::from_utf8(self.live.metrics().unwrap()).unwrap()
    }
}

const FIRST: RouteId = RouteId(0);

#[test]
fn counters_go_on_over_reloads_and_go_with_their_route() {
    let house = House::with(&(route("rpc", "shadow") + &route("old", "new")));
    let before = house.live.snapshot();
    let rpc = before.meters(FIRST).unwrap();
    rpc.answered(Some(Stage::Shadow), AnsweredBy::Legacy, 200, Duration::from_millis(3));
    rpc.compared(Outcome::Mismatched);
    rpc.mirror_dropped(Unproven::Timeout);
    rpc.mirror_dropped(Unproven::QueueFull);
    rpc.fell_back(FallbackReason::Status);
    before.meters(RouteId(1)).unwrap().answered(Some(Stage::New), AnsweredBy::New, 999, Duration::ZERO);
    assert!(house.metrics().contains(r#"route="old",stage="new",origin="new",code="other"} 1"#));

    assert_eq!(house.reload(&route("rpc", "new")), 2);
    rpc.answered(Some(Stage::Shadow), AnsweredBy::Legacy, 200, Duration::from_secs(90));
    let text = house.metrics();
    for line in [
        r#"matapalo_requests_total{route="rpc",stage="shadow",origin="legacy",code="200"} 2"#,
        r#"matapalo_request_duration_seconds_bucket{route="rpc",origin="legacy",le="0.005"} 1"#,
        r#"matapalo_request_duration_seconds_bucket{route="rpc",origin="legacy",le="60"} 1"#,
        r#"matapalo_request_duration_seconds_count{route="rpc",origin="legacy"} 2"#,
        r#"matapalo_comparisons_total{route="rpc",outcome="mismatched"} 1"#,
        r#"matapalo_mirror_total{route="rpc",result="failed"} 1"#,
        r#"matapalo_mirror_total{route="rpc",result="dropped"} 1"#,
        r#"matapalo_mirror_dropped_total{route="rpc",reason="queue_full"} 1"#,
        r#"matapalo_fallback_total{route="rpc",reason="status"} 1"#,
        r#"matapalo_route_stage{route="rpc",stage="new"} 1"#,
        r#"matapalo_backend_up{backend="new",endpoint="127.0.0.1:9"} 1"#,
        r#"matapalo_backend_ejected{backend="new",endpoint="127.0.0.1:9"} 0"#,
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\nis not in\n{text}");
    }
    assert!(!text.contains(r#"route="old""#), "a route that is gone is forgotten");
}

/// A rate over a series that appears with its first event misses that event.
#[test]
fn what_may_be_counted_is_there_as_zero_from_the_beginning() {
    let copied = route("copied", "shadow");
    let falls_back = route("ported", "new")
        .replace("stage: new", "stage: new, mirror: {percent: 0}, fallback: {on: {status: [404], timeout: true}}");
    let limited = route("limited", "legacy").replace("stage:", "limits: {rate: {requests: 5, per: 1s}}, stage:");
    let house = House::with(&(copied + &falls_back + &limited));
    let text = house.metrics();
    let series = |of: &str| {
        let lines = text.lines().filter(|line| line.contains(&format!("route=\"{of}\"")) && line.contains("_total{"));
        lines
            .map(|line| line.strip_prefix("matapalo_").unwrap().replace(&format!("route=\"{of}\","), ""))
            .collect::<Vec<_>>()
    };
    assert_eq!(series("ported"), [r#"fallback_total{reason="status"} 0"#, r#"fallback_total{reason="timeout"} 0"#],);
    assert_eq!(series("limited"), [r#"rate_limited_total{route="limited"} 0"#]);
    let copied = series("copied");
    for line in [
        r#"mirror_total{result="answered"} 0"#,
        r#"mirror_dropped_total{reason="queue_full"} 0"#,
        r#"comparisons_total{outcome="mismatched"} 0"#,
        r#"settled_total{result="noise"} 0"#,
    ] {
        assert!(copied.iter().any(|found| found == line), "{line}\nis not in\n{copied:#?}");
    }
    assert_eq!(copied.len(), 3 + Unproven::ALL.len() + Outcome::ALL.len() + SettledAs::ALL.len());
    assert!(text.contains(r#"matapalo_tracing_dropped_total{reason="queue_full"} 0"#), "{text}");
    assert!(text.contains(r#"matapalo_connections_refused_total{reason="max_connections"} 0"#), "{text}");

    let snapshot = house.live.snapshot();
    snapshot.meters(FIRST).unwrap().compared(Outcome::Mismatched);
    let now = house.metrics();
    let mismatched = now.lines().filter(|line| line.contains("outcome=\"mismatched\"")).collect::<Vec<_>>();
    assert_eq!(mismatched, [r#"matapalo_comparisons_total{route="copied",outcome="mismatched"} 1"#]);
}

#[test]
fn of_many_routes_only_what_was_counted_is_told() {
    let routes: String = (0..1_000).map(|index| route(&format!("r{index}"), "shadow")).collect();
    let house = House::with(&routes);
    house.live.snapshot().meters(FIRST).unwrap().compared(Outcome::Matched);
    let text = house.metrics();
    let counted: Vec<_> = text.lines().filter(|line| line.contains("_total{route=")).collect();
    assert_eq!(counted, [r#"matapalo_comparisons_total{route="r0",outcome="matched"} 1"#]);
}

#[test]
fn a_rollback_makes_a_snapshot_of_the_same_generation_and_outlives_the_door() {
    let house = House::with(&route("rpc", "new"));
    let before = house.live.snapshot();
    assert!(house.live.roll_back(&Target::Route("rpc".into())).unwrap().is_none());
    let after = house.live.snapshot();
    assert_eq!((before.generation, after.generation), (1, 1));
    assert_eq!(before.effective_stage(FIRST), Some(Stage::New), "a request under way keeps what it began with");
    assert_eq!(after.effective_stage(FIRST), Some(Stage::Legacy));

    house.reload(&(route("rpc", "new") + &route("more", "new")));
    assert!(house.live.snapshot().is_rolled_back(FIRST), "a reload does not end it");
    assert!(!house.live.snapshot().is_rolled_back(RouteId(1)));

    let next = House::start(&house.folder);
    assert!(next.snapshot().is_rolled_back(FIRST), "nor does a restart");
    next.resume(&Target::All).unwrap();
    assert!(!next.snapshot().is_rolled_back(FIRST));
    house.live.reread_rollbacks();
    assert!(!house.live.snapshot().is_rolled_back(FIRST), "the first door sees what another process wrote");
}

#[test]
fn what_takes_a_restart_is_named_and_the_rest_is_in_force() {
    let house = House::with(&route("rpc", "shadow"));
    let changed =
        yaml(&route("rpc", "new")).replace("version: 1\n", "version: 1\nthreads: 7\nstore: {path: other.db}\n");
    std::fs::write(house.config(), changed).unwrap();
    house.live.replace(config::load(&house.config()).unwrap());
    assert_eq!(house.live.last_reload().restart_needed, ["threads", "store.path"]);
    assert_eq!(house.live.snapshot().effective_stage(FIRST), Some(Stage::New));
}

/// The config file, and how often it was read.
struct Counted {
    path: PathBuf,
    loads: Arc<std::sync::atomic::AtomicUsize>,
}

impl Source for Counted {
    fn fingerprint(&self) -> String {
        config::fingerprint(&self.path).map_or_else(|error| error.to_string(), |content| content.hash)
    }

    fn load(&self, in_force: &Settings) -> Result<Settings, Vec<String>> {
        self.loads.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        config::reload(&self.path, in_force).map_err(|refused| refused.errors.iter().map(ToString::to_string).collect())
    }

    fn folders(&self, _: &Settings) -> BTreeSet<PathBuf> {
        self.path.parent().map(PathBuf::from).into_iter().collect()
    }
}

/// Waits until it is so, for much longer than it may take.
fn await_that(what: &str, so: impl Fn() -> bool) -> Duration {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < Duration::from_secs(20), "{what}: not within 20 s");
        std::thread::sleep(Duration::from_millis(5));
    }
    began.elapsed()
}

#[test]
fn a_broken_content_is_read_once_and_the_next_good_one_takes_effect() {
    let house = House::with(&route("rpc", "shadow"));
    let loads = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let source = Counted { path: house.config(), loads: loads.clone() };
    let watch = Watch::start(house.live.clone(), source).unwrap();
    let loaded = || loads.load(std::sync::atomic::Ordering::SeqCst);

    house.write(&route("rpc", "shdow"));
    await_that("the refusal", || !house.live.last_reload().ok());
    let refused = house.live.last_reload();
    assert!(refused.errors.iter().any(|error| error.contains("matapalo.yaml:8:")), "{refused:?}");
    assert!(house.metrics().contains("matapalo_config_last_reload_successful 0"));
    assert_eq!(house.live.snapshot().generation, 1, "the one before stays");
    assert_eq!(loaded(), 1);

    house.write(&route("rpc", "shadow"));
    await_that("the mistake is taken back", || house.live.last_reload().ok());
    assert_eq!(house.live.snapshot().generation, 1, "what is in force already is no new generation");
    assert_eq!(loaded(), 2, "a broken content is read once, not at each poll");

    house.write(&route("rpc", "new"));
    await_that("the edit", || house.live.snapshot().effective_stage(FIRST) == Some(Stage::New));

    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    house.write("  - {}\n");
    assert!(runtime.block_on(watch.reloader().reload_now()).is_err(), "who asks is told at once");
    house.write(&route("rpc", "canary").replace("stage: canary", "stage: canary, canary: {weight: 5}"));
    assert_eq!(runtime.block_on(watch.reloader().reload_now()), Ok(3));
}
