//! Pairs made to be expensive, at the body limit: processor time (the least of five runs) and memory at the peak of
//! [`matapalo::diff::compare`] for each, beside what it says of them. The bounds meant: 50 ms, and three times the bytes of the pair.
//!
//! `cargo bench --bench hostile` takes bodies of 1 MiB; `-- 16` of 16 MiB, `-- 16 3` of these only the fourth. Memory is told by Linux
//! only.

use std::process::Command;
use std::time::Duration;

use http::{HeaderMap, Method};
use matapalo::diff::{Comparison, Observation, Request, Rules, compare};

#[path = "hostile/pairs.rs"]
mod pairs;
mod processor;

use pairs::{PAIRS, Pair};
use processor::timed;

const MIB: usize = 1 << 20;

/// Of these the quickest counts.
const RUNS: usize = 5;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let size = words.first().and_then(|word| word.parse::<usize>().ok()).unwrap_or(1) * MIB;
    if let Some(one) = words.get(1).and_then(|word| word.parse::<usize>().ok()).and_then(|at| PAIRS.get(at)) {
        return report(&one(size));
    }
    println!("{:<24} {:>11} {:>8} {:>9} {:>6}  found", "pair", "bytes", "ms", "peak KiB", "times");
    let Ok(itself) = std::env::current_exe() else { return };
    // Each in a process of its own: what one has freed would hide what the next one takes.
    for at in 0..PAIRS.len() {
        let run = Command::new(&itself).args([(size / MIB).to_string(), at.to_string()]).status();
        if !run.is_ok_and(|status| status.success()) {
            println!("pair {at} failed");
        }
    }
}

fn report(pair: &Pair) {
    let request = request();
    let rules = Rules::default();
    let bytes = weight(&pair.control) + weight(&pair.candidate);
    let before = reset_peak();
    let run = || timed(|| compare(&request, &pair.control, &pair.candidate, &rules));
    let (found, first) = run();
    let peak = resident("VmHWM:").zip(before).map(|(peak, before)| peak.saturating_sub(before));
    // A busy machine makes it longer, nothing makes it shorter.
    let spent = (1..RUNS).map(|_| run().1).fold(first, Duration::min);
    println!(
        "{:<24} {bytes:>11} {:>8.1} {:>9} {:>6.1}  {}",
        pair.name,
        spent.as_secs_f64() * 1e3,
        peak.map_or_else(|| "?".to_owned(), |kib| kib.to_string()),
        peak.unwrap_or_default() as f64 * 1024.0 / bytes as f64,
        told(&found)
    );
}

fn told(found: &Comparison) -> String {
    let first = found.differences.first().map(|difference| {
        format!("{:?} {} {}", difference.kind, difference.path, difference.cause.as_deref().unwrap_or_default())
    });
    let more = found.differences.len() + found.more as usize;
    format!("{:?} {more} {}", found.outcome, first.unwrap_or_default())
}

fn weight(answer: &Observation) -> usize {
    answer.body.len() + answer.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>()
}

/// Starts the measure of the peak anew; memory in use now, in KiB.
fn reset_peak() -> Option<u64> {
    std::fs::write("/proc/self/clear_refs", "5").ok()?;
    resident("VmRSS:")
}

fn resident(key: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with(key))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

fn request() -> Request {
    Request {
        method: Method::GET,
        scheme: "https",
        host: "site.example".to_owned(),
        target: "/a".to_owned(),
        headers: HeaderMap::new(),
    }
}
