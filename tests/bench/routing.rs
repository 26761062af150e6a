//! How long a route takes to find: `cargo bench --bench routing`.
//!
//! Each figure is the median of several runs, beside what it is to be at most. Requests go over the whole table in a
//! scattered order, so that a figure holds for a busy site and not for one hot route.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use http::{HeaderMap, Method};
use matapalo::routing::{Ambiguous, HostPattern, Matcher, Parts, PathPattern, RouteId, RouteTable};

const ROUTES: usize = 10_000;
const REGEXES: usize = 1_000;
const RUNS: usize = 15;
/// Finds that are timed together: few enough to fit between two interruptions on a busy machine.
const BATCH: usize = 200;
/// Bytes. The longest path that a door with default limits can be sent.
const LONGEST_PATH: usize = 64 << 10;

const FIND: Duration = Duration::from_nanos(200);
const FIND_REGEX: Duration = Duration::from_micros(10);
const BUILD: Duration = Duration::from_millis(30);
const WORST: Duration = Duration::from_millis(1);

fn main() {
    println!("{:<58} {:>12} {:>12}", "work", "median", "at most");
    mixed();
    hosts();
    regexes();
    readings();
    build();
}

fn mixed() {
    let table = RouteTable::build(site());
    let paths = |path: fn(usize) -> String| scattered(path);
    find("find, 10,000 mixed routes: exact", &table, &paths(|n| format!("/section{}/page{n}", n % 100)), FIND);
    find("find, 10,000 mixed routes: prefix", &table, &paths(|n| format!("/app{n}/static/css/site.css")), FIND);
    find("find, 10,000 mixed routes: template", &table, &paths(|n| format!("/api/v{n}/users/12345")), FIND);
    find("find, 10,000 mixed routes: catch-all", &table, &paths(|n| format!("/elsewhere/{n}/of/the/site")), FIND);
}

/// A third each of exact paths, prefixes and templates, and a catch-all.
fn site() -> Vec<Matcher> {
    let route = |n: usize| match n % 3 {
        0 => PathPattern::exact(&format!("/section{}/page{n}", n % 100)),
        1 => PathPattern::prefix(&format!("/app{n}/static")),
        _ => PathPattern::template(&format!("/api/v{n}/users/{{id}}")),
    };
    let patterns = (0..ROUTES - 1).map(route).chain([PathPattern::prefix("/")]);
    patterns.map(|pattern| Matcher::of(pattern.unwrap())).collect()
}

fn hosts() {
    let hosts = (0..ROUTES).map(|n| HostPattern::parse(&format!("shop{n}.example.org")).unwrap());
    let routes = hosts.map(|host| Matcher { hosts: vec![host], ..Matcher::of(PathPattern::prefix("/").unwrap()) });
    let table = RouteTable::build(routes.collect());
    let names = scattered(|n| format!("shop{n}.example.org:8080"));
    let headers = HeaderMap::new();
    let per_find = per_item(&names, |host| {
        let parts = Parts { method: &Method::GET, host, path: b"/cart", query: None, headers: &headers };
        assert!(matches!(black_box(table.find(&parts)), Ok(Some(_))));
    });
    print("find, 10,000 hosts on one path", per_find, FIND);
}

fn regexes() {
    let patterns = (0..REGEXES).map(|n| format!("/shop{n}/(?:item|offer)-[0-9]+(?:/[a-z]+)?"));
    let table = RouteTable::build(patterns.map(|p| Matcher::of(PathPattern::regex(&p).unwrap())).collect());
    let hits: Vec<String> = (0..REGEXES).map(|n| format!("/shop{}/offer-{n}/pictures", n * 7 % REGEXES)).collect();
    find("find, 1,000 regexes: the one", &table, &hits, FIND_REGEX);
    let misses: Vec<String> = (0..REGEXES).map(|n| format!("/shop{n}/article-{n}/pictures")).collect();
    find("find, 1,000 regexes: none", &table, &misses, FIND_REGEX);

    let patterns = (0..REGEXES).map(|n| format!("/(?:[a-z]{{2}}/)?archive/topic{n}-[^/]+\\.(?:html|php)"));
    let table = RouteTable::build(patterns.map(|p| Matcher::of(PathPattern::regex(&p).unwrap())).collect());
    let hits: Vec<String> = (0..REGEXES).map(|n| format!("/en/archive/topic{n}-of-the-day.php")).collect();
    find("find, 1,000 regexes that begin alike", &table, &hits, FIND_REGEX);
}

fn readings() {
    let table = RouteTable::build(site());
    find("find, an encoded space", &table, &scattered(|n| format!("/app{n}/static/a%20b.css")), 10 * FIND);
    find("find, an encoded slash", &table, &scattered(|n| format!("/app{n}/static/a%2Fb.css")), 10 * FIND);
    let quoted = scattered(|n| format!("/app{n}/static/https%3A%2F%2Fexample.org%2F%2Fa%3Bb%20c"));
    find("find, a URL quoted in a path", &table, &quoted, 100 * FIND);

    let regexes = (0..REGEXES).map(|n| PathPattern::regex(&format!("/x{n}/[a-z/.;%]+")).unwrap());
    let table =
        RouteTable::build(regexes.map(Matcher::of).chain([Matcher::of(PathPattern::prefix("/a").unwrap())]).collect());
    let tricks = ["/..", "//", "/%2e%2e", "%2f", "%252f", "/;", ";", "%5c..", "\\/a/../", "%2e%2e%2f;\\//", "x", "%20"];
    for trick in tricks {
        let path = format!("/a/{}", trick.repeat(LONGEST_PATH / trick.len()));
        print(&format!("find, 64 KiB of {trick}"), median(|| timed(&table, &path).1), WORST);
    }
}

fn build() {
    print("build, 10,000 mixed routes", built(&site()), BUILD);
    let table = RouteTable::build(site());
    print("unreachable, 10,000 mixed routes", median(|| took(|| drop(table.unreachable()))), BUILD);
    let patterns = (0..REGEXES).map(|n| format!("/shop{n}/(?:item|offer)-[0-9]+(?:/[a-z]+)?"));
    let regexes: Vec<Matcher> = patterns.map(|p| Matcher::of(PathPattern::regex(&p).unwrap())).collect();
    print("build, 1,000 regexes", built(&regexes), 2 * BUILD);
}

fn built(matchers: &[Matcher]) -> Duration {
    median(|| {
        let matchers = matchers.to_vec();
        took(|| drop(black_box(RouteTable::build(matchers))))
    })
}

fn find(what: &str, table: &RouteTable, paths: &[String], limit: Duration) {
    print(what, per_item(paths, |path| assert!(black_box(asked(table, path)).is_ok())), limit);
}

fn per_item(items: &[String], work: impl Fn(&str)) -> Duration {
    let batch = |batch: &[String]| took(|| batch.iter().for_each(|item| work(item))) / batch.len() as u32;
    middle((0..RUNS).flat_map(|_| items.chunks(BATCH).map(batch)).collect())
}

fn asked(table: &RouteTable, path: &str) -> Result<Option<RouteId>, Ambiguous> {
    let headers = HeaderMap::new();
    table.find(&Parts {
        method: &Method::GET,
        host: "example.org",
        path: path.as_bytes(),
        query: None,
        headers: &headers,
    })
}

fn timed(table: &RouteTable, path: &str) -> (Result<Option<RouteId>, Ambiguous>, Duration) {
    let start = Instant::now();
    let found = black_box(asked(table, path));
    (found, start.elapsed())
}

fn took(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// One text per route, in an order that no cache foresees: 7,919 is prime to the number of routes.
fn scattered(text: impl Fn(usize) -> String) -> Vec<String> {
    (0..ROUTES).map(|n| text(n * 7_919 % ROUTES)).collect()
}

fn median(mut run: impl FnMut() -> Duration) -> Duration {
    middle((0..RUNS).map(|_| run()).collect())
}

fn middle(mut runs: Vec<Duration>) -> Duration {
    runs.sort();
    runs[runs.len() / 2]
}

fn print(what: &str, median: Duration, limit: Duration) {
    let mark = if median > limit { "  over" } else { "" };
    println!("{what:<58} {:>12} {:>12}{mark}", format!("{median:?}"), format!("{limit:?}"));
}
