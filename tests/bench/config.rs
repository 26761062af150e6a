//! How long a config takes to come into force, and to be asked for a request: `cargo bench --bench config`.
//!
//! Each figure is the median of several runs, beside what it is to be at most.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fmt::Write;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderValue, Method};
use matapalo::config::session::Asker;
use matapalo::config::{fingerprint, load};
use matapalo::routing::Parts;

const ROUTES: usize = 10_000;
const RUNS: usize = 11;
const DECISIONS: u32 = 10_000;

/// Read, compiled, indexed and told about: off the request path.
const LOAD: Duration = Duration::from_millis(250);
/// What the watcher's poll costs every second.
const FINGERPRINT: Duration = Duration::from_millis(10);
/// Route, session key, bucket and plan of one request.
const DECIDE: Duration = Duration::from_nanos(600);

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("matapalo.yaml");
    std::fs::write(&file, site()).unwrap();
    println!("{:<58} {:>12} {:>12}", "work", "median", "at most");
    report("load, 10,000 routes", LOAD, || drop(black_box(load(&file).unwrap())));
    report("fingerprint, 10,000 routes", FINGERPRINT, || drop(black_box(fingerprint(&file).unwrap())));

    let settings = load(&file).unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("cookie", HeaderValue::from_static("theme=dark; AURSID=0123456789abcdef0123456789abcdef; lang=en"));
    let paths: Vec<String> = (0..DECISIONS as usize).map(|n| format!("/p{}/x/y", n * 7919 % ROUTES)).collect();
    let mut all = || {
        for path in &paths {
            let path = path.as_bytes();
            let parts = Parts { method: &Method::GET, host: "aur.example", path, query: None, headers: &headers };
            let asker = Asker::Known(IpAddr::V4(Ipv4Addr::LOCALHOST));
            let _ = black_box(settings.decide(&parts, asker, false, |_| false)).unwrap();
        }
    };
    tell("decide, 10,000 routes, key from a cookie", median(&mut all) / DECISIONS, DECIDE);
}

/// A quarter each of exact paths, long prefixes, templates and prefixes, all of them canaries.
fn site() -> String {
    let mut text = "version: 1
listeners: [{address: \"127.0.0.1:8080\"}]
backends:
  legacy: {endpoints: [\"http://127.0.0.1:9000\"], health_check: {path: /}}
  new: {endpoints: [\"http://127.0.0.1:8000\"], health_check: {path: /}}
session: {key: [{cookie: AURSID}]}
defaults: {diff: {preset: php}}
routes:
"
    .to_owned();
    for n in 0..ROUTES {
        let path = match n % 4 {
            0 => format!("exact: /e/{n}"),
            1 => format!("prefix: /p{n}/x"),
            2 => format!("template: \"/t{n}/{{name}}\""),
            _ => format!("prefix: /q/{n}"),
        };
        let (group, weight) = (n % 50, n % 99 + 1);
        write!(
            text,
            "  - name: route-{n}
    match: {{path: {{{path}}}, methods: [GET, POST]}}
    stage: canary
    group: g{group}
    canary: {{weight: {weight}}}
    mirror: {{percent: 5, methods: [GET]}}
    diff: {{ignore: [/time]}}
"
        )
        .unwrap();
    }
    text
}

fn report(work: &str, most: Duration, mut run: impl FnMut()) {
    tell(work, median(&mut run), most);
}

fn tell(work: &str, took: Duration, most: Duration) {
    let verdict = if took <= most { "" } else { "  TOO SLOW" };
    println!("{work:<58} {:>12} {:>12}{verdict}", format!("{took:.2?}"), format!("{most:.2?}"));
}

fn median(run: &mut impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[RUNS / 2]
}
