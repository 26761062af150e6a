//! JSON pairs per second through [`matapalo::diff::compare`], beside serde_json (parse both, compare with `==`) in one interleaved
//! run; medians, and their ratio. Sizes: a small answer (0.6 KB), a list (42 KB), an export (2.7 MB), equal bytes. Time is that of the
//! processor where the system tells it (Linux), so that a busy machine disturbs less.
//!
//! `cargo bench --bench json` prints a table; `-- --quick` takes a fifth of the time, `-- '0.6 KB'` only the small ones.

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use matapalo::diff::{Observation, Outcome, Request, Rules, compare};

mod processor;

use processor::timed;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Which stack writes the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stack {
    Php,
    Port,
}

struct Pair {
    name: String,
    control: Observation,
    candidate: Observation,
    outcome: Outcome,
}

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let round = Duration::from_millis(if quick { 60 } else { 300 });
    let pairs = [
        cosmetic("0.6 KB cosmetic", 2),
        changed("0.6 KB one value", 2, 1),
        equal("0.6 KB equal", 2),
        cosmetic("42 KB cosmetic", 160),
        changed("42 KB one value", 160, 1),
        changed("42 KB five values", 160, 5),
        inserted("42 KB one more", 160),
        cosmetic("2.7 MB cosmetic", 10_000),
        changed("2.7 MB one value", 10_000, 1),
        changed("2.7 MB five values", 10_000, 5),
        equal("2.7 MB equal", 10_000),
    ];
    println!("{:<18} {:>9} {:>12} {:>10} {:>12} {:>7}", "pair", "bytes", "pairs/s", "MB/s", "serde MB/s", "ratio");
    let only = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    for pair in pairs.iter().filter(|pair| pair.name.starts_with(&only)) {
        report(pair, round);
    }
}

fn report(pair: &Pair, round: Duration) {
    let (request, rules) = (request(), Rules::default());
    let ours = || compare(&request, &pair.control, &pair.candidate, &rules).outcome;
    assert_eq!(ours(), pair.outcome, "{}", pair.name);
    let theirs = || {
        let read = |body: &Bytes| serde_json::from_slice::<serde_json::Value>(body).ok();
        read(&pair.control.body) == read(&pair.candidate.body)
    };
    let (mut our_rates, mut their_rates) = (Vec::new(), Vec::new());
    for _ in 0..7 {
        our_rates.push(rate(round, || {
            black_box(ours());
        }));
        their_rates.push(rate(round, || {
            black_box(theirs());
        }));
    }
    let (mine, other) = (median(our_rates), median(their_rates));
    let bytes = (pair.control.body.len() + pair.candidate.body.len()) as f64;
    let mb = |rate: f64| rate * bytes / 1e6;
    println!(
        "{:<18} {:>9} {mine:>12.0} {:>10.0} {:>12.0} {:>7.1}",
        pair.name,
        pair.control.body.len(),
        mb(mine),
        mb(other),
        mine / other
    );
}

/// Runs per second.
fn rate(round: Duration, mut run: impl FnMut()) -> f64 {
    let (runs, spent) = timed(|| {
        let (start, mut runs) = (Instant::now(), 0_u32);
        while start.elapsed() < round {
            for _ in 0..8 {
                run();
            }
            runs += 8;
        }
        runs
    });
    f64::from(runs) / spent.as_secs_f64()
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

fn request() -> Request {
    Request {
        method: Method::GET,
        scheme: "https",
        host: "site.example".to_owned(),
        target: "/rpc?v=5&type=info".to_owned(),
        headers: HeaderMap::new(),
    }
}

/// About 270 bytes per row, as a package archive answers.
fn body(stack: Stack, rows: impl Iterator<Item = usize>) -> String {
    let row = |id: usize| {
        let slash = if stack == Stack::Php { "\\/" } else { "/" };
        let accent = if stack == Stack::Php { "\\u00eb" } else { "ë" };
        let whole = if stack == Stack::Php { "10" } else { "10.0" };
        format!(
            "{{\"ID\":{id},\"Name\":\"package-{id}\",\"Version\":\"1.{id}-2\",\"Description\":\"A program that No{accent}l wrote for \
             everybody\",\"URL\":\"https:{slash}{slash}site.example{slash}p{slash}{id}\",\"NumVotes\":{},\"Popularity\":{whole},\
             \"OutOfDate\":null,\"Maintainer\":\"user{}\",\"LastModified\":1704164645}}",
            id % 97,
            id % 13
        )
    };
    let rows: Vec<String> = rows.map(row).collect();
    format!("{{\"version\":5,\"type\":\"multiinfo\",\"resultcount\":{},\"results\":[{}]}}", rows.len(), rows.join(","))
}

fn answer(stack: Stack, body: String) -> Observation {
    let lines: &[(&str, &str)] = match stack {
        Stack::Php => &[
            ("date", "Tue, 02 Jan 2024 03:04:05 GMT"),
            ("server", "nginx/1.22.1"),
            ("content-type", "application/json"),
            ("connection", "keep-alive"),
            ("x-powered-by", "PHP/8.2.7"),
            ("vary", "Accept-Encoding"),
            ("cache-control", "no-cache, must-revalidate"),
            ("etag", "\"5f3a9c\""),
        ],
        Stack::Port => &[
            ("date", "Tue, 02 Jan 2024 03:04:06 GMT"),
            ("server", "uvicorn"),
            ("content-type", "application/json"),
            ("content-length", "600"),
            ("vary", "accept-encoding"),
            ("cache-control", "no-cache, must-revalidate"),
            ("etag", "\"77aa01\""),
            ("x-process-time", "0.004"),
        ],
    };
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.insert(*name, HeaderValue::from_static(value));
    }
    Observation { status: StatusCode::OK, headers, body: Bytes::from(body) }
}

fn cosmetic(name: &str, rows: usize) -> Pair {
    pair(name, body(Stack::Php, 1..rows + 1), body(Stack::Port, 1..rows + 1), Outcome::Matched)
}

/// So many values differ, each in a row of its own, spread over the answer.
fn changed(name: &str, rows: usize, values: usize) -> Pair {
    let mut new = body(Stack::Port, 1..rows + 1);
    for at in 1..=values {
        let row = rows * at / (values + 1) + 1;
        new = new.replace(&format!("\"1.{row}-2\""), &format!("\"1.{row}-3\""));
    }
    pair(name, body(Stack::Php, 1..rows + 1), new, Outcome::Mismatched)
}

fn inserted(name: &str, rows: usize) -> Pair {
    let new = (1..rows / 2).chain([999_999]).chain(rows / 2..rows + 1);
    let old = body(Stack::Php, 1..rows + 1)
        .replace(&format!("\"resultcount\":{rows}"), &format!("\"resultcount\":{}", rows + 1));
    pair(name, old, body(Stack::Port, new), Outcome::Mismatched)
}

/// Equal bodies, as equal bytes in memory of their own.
fn equal(name: &str, rows: usize) -> Pair {
    pair(name, body(Stack::Port, 1..rows + 1), body(Stack::Port, 1..rows + 1), Outcome::Matched)
}

fn pair(name: &str, control: String, candidate: String, outcome: Outcome) -> Pair {
    let (control, candidate) = (answer(Stack::Php, control), answer(Stack::Port, candidate));
    Pair { name: name.to_owned(), control, candidate, outcome }
}
