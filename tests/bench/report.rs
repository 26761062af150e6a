//! How long the report of 1,000,000 comparisons takes: a day of 60 routes, 600 causes, samples up to the store's bound.
//!
//! To reach: 200 ms for reading and telling all of it, from another process's point of view (a new connection each time), and
//! the store within `max_size`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use matapalo::diff::comparison::Hidden;
use matapalo::diff::{Applied, Comparison, Difference, Kind, Outcome, Severity};
use matapalo::evidence::Unproven;
use matapalo::evidence::report::{Filter, Paint, Report, text};
use matapalo::evidence::store::batch::{CauseKey, CauseSeen, NewSample};
use matapalo::evidence::store::{Batch, Store, StoreReader};
use matapalo::evidence::tally::Compared;

mod processor;

use processor::timed;

const COMPARISONS: u64 = 1_000_000;
const ROUTES: u64 = 60;
const CAUSES_PER_ROUTE: u64 = 10;
const MINUTES: u64 = 24 * 60;
const MAX_SIZE: u64 = 256 << 20;
/// Milliseconds since 1970.
const BEGIN: u64 = 1_700_000_000_000;
const ROUNDS: usize = 11;

fn main() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("m.db");
    let mut store = Store::open(&path, MAX_SIZE).unwrap();
    let filling = Instant::now();
    fill(&mut store);
    println!("filled in {:.1} s", filling.elapsed().as_secs_f64());
    let bytes: u64 = std::fs::read_dir(home.path()).unwrap().map(|e| e.unwrap().metadata().unwrap().len()).sum();
    println!("{:.1} MiB on disk, {:.0} MiB allowed", bytes as f64 / f64::from(1 << 20), (MAX_SIZE >> 20) as f64);

    let filter = Filter::at(UNIX_EPOCH + Duration::from_millis(BEGIN + MINUTES * 60_000));
    let mut times: Vec<Duration> = (0..ROUNDS).map(|_| one_report(&path, &filter)).collect();
    times.sort_unstable();
    println!("report: median {:.1} ms, worst {:.1} ms", ms(times[ROUNDS / 2]), ms(times[ROUNDS - 1]));
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn one_report(path: &std::path::Path, filter: &Filter) -> Duration {
    let read = || {
        let report = Report::read(&StoreReader::open(path).unwrap(), filter).unwrap();
        let (text, json) = (text(&report, Paint::Plain), serde_json::to_string(&report).unwrap());
        (report, text, json)
    };
    let ((report, text, json), took) = timed(read);
    assert_eq!(report.routes.iter().map(|route| route.compared).sum::<u64>(), COMPARISONS);
    assert!(!text.is_empty() && !json.is_empty());
    took
}

fn fill(store: &mut Store) {
    let routes: Vec<Arc<str>> = (0..ROUTES).map(|n| format!("route-{n}").into()).collect();
    let hidden = ["slash_escape", "key_order", "whitespace"].map(|rule| Hidden {
        rule: rule.into(),
        count: 3,
        example_path: "/results/0/URL".into(),
        ..Hidden::default()
    });
    let accepted = ["/a", "/b", "header:Vary"].map(|place| Applied {
        rule: format!("accept: {place}"),
        count: 1,
        places: vec![place.to_owned()],
        ..Applied::default()
    });
    let equal = Comparison { hidden: hidden.to_vec(), ..Comparison::default() };
    let mut batch = Batch::default();
    for n in 0..COMPARISONS {
        let at = BEGIN + n * MINUTES * 60_000 / COMPARISONS;
        let route = &routes[usize::try_from(n % ROUTES).unwrap()];
        let latency = Duration::from_micros(2_000 + n % 977 * 31);
        let differs = n.is_multiple_of(97);
        let comparison = if differs { mismatched(n) } else { equal.clone() };
        let compared = Compared { comparison: &comparison, legacy: latency, new: latency * 2, at };
        let tally = batch.tally(route, "shadow", at);
        tally.add(&compared);
        tally.triage.add_answers((200, None), if n.is_multiple_of(89) { (302, Some("/login")) } else { (200, None) });
        for rule in &accepted[..usize::try_from(n % 4).unwrap()] {
            tally.triage.add_rule(rule, None, at);
        }
        if n.is_multiple_of(101) {
            batch.tally(route, "shadow", at).add_unproven(Unproven::Timeout);
        }
        if differs {
            note_cause(&mut batch, route, &comparison.differences[0], at, store.room().samples);
        }
        if n % 2_000 == 1_999 {
            store.write(&std::mem::take(&mut batch)).unwrap();
        }
        // As the door's writer does.
        if n % (COMPARISONS / 144) == 0 {
            store.compact(at / 1000).unwrap();
        }
    }
    store.write(&batch).unwrap();
}

fn mismatched(n: u64) -> Comparison {
    let difference = Difference {
        kind: Kind::Value,
        path: format!("/results/{n}/field-{}", n / 97 % CAUSES_PER_ROUTE),
        control: Some(n.to_string()),
        candidate: Some((n + 1).to_string()),
        severity: Severity::Medium,
        rule: None,
        cause: None,
    };
    Comparison { outcome: Outcome::Mismatched, differences: vec![difference], ..Comparison::default() }
}

/// The cause of one mismatch, with a sample of 30 KB.
fn note_cause(batch: &mut Batch, route: &Arc<str>, difference: &Difference, at: u64, room: usize) {
    let path = matapalo::diff::cause::collapse(&difference.path);
    let fingerprint: Arc<str> = matapalo::diff::fingerprint(route, difference).into();
    let key = CauseKey { route: Arc::clone(route), fingerprint: Arc::clone(&fingerprint) };
    batch.add_cause(&key, CauseSeen::once(difference, path, at));
    let content = format!("{{\"filler\":\"{}\"}}", "x".repeat(30_000));
    batch.add_sample(NewSample { route: Arc::clone(route), fingerprints: vec![fingerprint], at, content }, room);
}
