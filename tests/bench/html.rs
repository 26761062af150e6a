//! How fast pages are compared, beside html5ever: the same pairs in one interleaved run, medians of many rounds; and what the
//! dearest pairs cost.
//!
//! `cargo bench --bench html`. Time is that of the processor where the system tells it (Linux), so that a busy machine disturbs less.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "html/hostile.rs"]
mod hostile;
#[path = "html/pages.rs"]
mod pages;
#[path = "html/peer.rs"]
mod peer;
mod processor;

use std::hint::black_box;
use std::time::Duration;

use matapalo::diff::html::{Markup, compare};
use matapalo::diff::{Outcome, Request, Rules, Scope, Sink};
use pages::{Change, Dialect};

const ROUNDS: usize = 20;
/// Comparisons per round: long enough for the clock.
const REPEAT: usize = 8;
/// About 40 and 200 KB.
const ROWS: [usize; 2] = [130, 650];
/// Bytes of each hostile page: both together fill what is compared as trees.
const HOSTILE: usize = (1 << 19) - 4096;

const CHANGES: [(&str, Change); 12] = [
    ("equal but for spelling", Change::Nothing),
    ("1 text", Change::Texts(1)),
    ("5 texts", Change::Texts(5)),
    ("50 texts", Change::Texts(50)),
    ("1 link", Change::Attributes(1)),
    ("5 links", Change::Attributes(5)),
    ("50 links", Change::Attributes(50)),
    ("1 row", Change::Rows(1)),
    ("5 rows", Change::Rows(5)),
    ("50 rows", Change::Rows(50)),
    ("another token", Change::Token),
    ("sorted otherwise", Change::Order),
];

fn main() {
    println!("{:<24} {:>9} {:>12} {:>14} {:>7}", "pair", "KB/side", "ours MB/s", "html5ever MB/s", "ratio");
    for rows in ROWS {
        let old = pages::page(Dialect::Php, rows, Change::Nothing);
        speed("equal bytes", &old, &old.clone(), Outcome::Matched);
        for (name, change) in CHANGES {
            let wanted = if change == Change::Nothing { Outcome::Matched } else { Outcome::Mismatched };
            speed(name, &old, &pages::page(Dialect::Python, rows, change), wanted);
        }
    }
    println!("\n{:<34} {:>9} {:>9}", "hostile pair", "KB/side", "ms");
    for (name, old, new) in hostile::pairs(HOSTILE) {
        let mut times: Vec<Duration> = (0..3).map(|_| timed(1, || ours(&old, &new) == Outcome::Matched)).collect();
        println!("{name:<34} {:>9.1} {:>9.1}", old.len() as f64 / 1e3, median(&mut times).as_secs_f64() * 1e3);
    }
}

fn speed(name: &str, old: &str, new: &str, wanted: Outcome) {
    assert_eq!(ours(old, new), wanted, "{name}");
    let (mut our_times, mut peer_times) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        our_times.push(timed(REPEAT, || ours(old, new) == Outcome::Matched));
        peer_times.push(timed(REPEAT, || peer::peer(old, new)));
    }
    let bytes = (old.len() + new.len()) as f64;
    let speed = |times: &mut Vec<Duration>| bytes / median(times).as_secs_f64() / 1e6;
    let (our_speed, peer_speed) = (speed(&mut our_times), speed(&mut peer_times));
    println!("{name:<24} {:>9.1} {our_speed:>12.1} {peer_speed:>14.1} {:>7.1}", bytes / 2e3, our_speed / peer_speed);
}

fn timed(repeat: usize, mut work: impl FnMut() -> bool) -> Duration {
    let ((), spent) = processor::timed(|| (0..repeat).for_each(|_| _ = black_box(work())));
    spent / u32::try_from(repeat).unwrap()
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn ours(old: &str, new: &str) -> Outcome {
    let request = Request {
        method: http::Method::GET,
        scheme: "http",
        host: "archive.example".to_owned(),
        target: "/packages/".to_owned(),
        headers: http::HeaderMap::new(),
    };
    let rules = Rules::default();
    let scope = Scope { request: &request, rules: &rules, now: None };
    let mut sink = Sink::new(&rules, None);
    compare(Markup::Html, old, new, &scope, &mut sink);
    sink.finish().outcome
}
