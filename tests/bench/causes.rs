//! A million mismatches of ten seeded bugs through recorder and store, and the report of it: how many causes it names, whether each
//! bug is alone in its own, and what that costs.
//!
//! To reach: at most 15 fingerprints. `cargo bench --bench causes [-- MISMATCHES]`

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use matapalo::evidence::report::{DifferenceReport, Filter, Report, sample};
use matapalo::evidence::{Recorder, store};
use matapalo::{diff, evidence, routing};

mod processor;
mod seeded;

use processor::timed;
use seeded::{BUGS, Chance, MARK, bug_of, pair};

const MISMATCHES: u64 = 1_000_000;
const MOST: usize = 15;
/// Names that a place takes until it is known to be one.
const LEARNED: u64 = 64;
const MAX_SIZE: u64 = 256 << 20;

fn main() {
    let wanted = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(MISMATCHES);
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("m.db");
    let recorder = Recorder::new(Some(store::Store::open(&path, MAX_SIZE).unwrap()));
    let (mut chance, rules) = (Chance(1), Arc::default());
    let mut by_bug = [0; BUGS.len()];
    let mut recording = Duration::ZERO;
    for number in 0..wanted {
        let bug = bug_of(number);
        by_bug[bug] += 1;
        let pair = pair(bug, &mut chance, &rules);
        let (outcome, spent) = timed(|| recorder.record(pair));
        assert_eq!(outcome, diff::Outcome::Mismatched, "{}", BUGS[bug].0);
        recording += spent;
    }
    recorder.flush();
    let dropped = recorder.health().samples_dropped;
    drop(recorder);
    println!(
        "{wanted} pairs compared and counted in {:.1} s of one core ({:.1} µs each), {} MiB of memory at most, {dropped} samples had no room",
        recording.as_secs_f64(),
        recording.as_secs_f64() * 1e6 / wanted as f64,
        peak_memory() >> 10
    );
    let reader = store::StoreReader::open(&path).unwrap();
    let (report, spent) = timed(|| Report::read(&reader, &Filter::at(SystemTime::now())).unwrap());
    println!("report read in {:.1} ms", spent.as_secs_f64() * 1e3);
    judge(&report, &reader, by_bug);
}

/// Kilobytes; 0 where the system does not say.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn judge(report: &Report, reader: &store::StoreReader, by_bug: [u64; BUGS.len()]) {
    let mut counts: BTreeMap<usize, Vec<u64>> = BTreeMap::new();
    for route in &report.routes {
        for cause in &route.differences {
            let bugs = bugs_of(cause, reader);
            assert_eq!(bugs.len(), 1, "{} at {} shows {bugs:?}", cause.kind, cause.path);
            let bug = bugs.into_iter().next().unwrap();
            counts.entry(bug).or_default().push(cause.count);
            println!("{:>8} × {:8} {:22} {:?} <- {}", cause.count, route.route, cause.path, cause.cause, BUGS[bug].0);
        }
    }
    let causes: usize = counts.values().map(Vec::len).sum();
    println!("{causes} fingerprints of {} bugs", counts.len());
    assert!(causes <= MOST && counts.len() == BUGS.len());
    for (bug, counts) in counts {
        let (total, shown): (u64, u64) = (counts.iter().sum(), by_bug[bug]);
        assert!(total >= shown, "{}: {counts:?} of {shown}", BUGS[bug].0);
        // Pairs that taught which names are one place are counted once for each of their names.
        assert!(counts.len() > 1 || total <= shown + LEARNED, "{}: {counts:?} of {shown}", BUGS[bug].0);
    }
}

/// Which bugs the samples of a cause are about.
fn bugs_of(cause: &DifferenceReport, reader: &store::StoreReader) -> BTreeSet<usize> {
    let samples = cause.samples.iter().filter_map(|id| sample(reader, *id).unwrap());
    let marks = samples.filter_map(|report| {
        let (_, value) = report.sample.request.headers.iter().find(|(name, _)| name == MARK)?;
        value.parse().ok()
    });
    marks.collect()
}
