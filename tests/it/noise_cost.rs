//! What it costs to tell noise: little, and never a user's time. Told by the origins, who count what they are asked.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::harness::{Origin, Site, await_that};
use crate::noise::{json, open, visit, visited};

/// An origin that says something else each time.
fn random() -> Origin {
    static ANSWERS: AtomicU64 = AtomicU64::new(1);
    Origin::answering(|_, wire| json(wire, format!("{{\"v\": {}}}", ANSWERS.fetch_add(1, Ordering::Relaxed))))
}

#[test]
fn a_write_is_never_asked_again_and_neither_is_what_carries_a_body() {
    let site = Site::of(random(), random());
    let door = open(&site, "percent: 100");
    for at in 0..20 {
        door.ask("POST", &format!("/item/{at}"), &[], b"x");
    }
    let line = door.await_accounted("all", 20);
    assert_eq!(line.count("mismatched"), 20, "{}", line.0);
    assert_eq!((site.legacy.seen().len(), site.new.seen().len()), (20, 20));
}

#[test]
fn asking_again_keeps_to_its_budget() {
    let site = Site::of(random(), random());
    let door = open(&site, "budget: 5, percent: 0");
    let start = Instant::now();
    visited(&door, 1_000);
    let most = 200 + 50 + start.elapsed().as_secs() as usize + 1;
    let asked = site.legacy.copies().len();
    assert!((50..=most).contains(&asked), "{asked} asked of legacy, {most} allowed");
    assert_eq!(site.legacy.seen().len() - asked, 1_000);
    assert_eq!(site.new.seen().len() - asked, 1_000);
}

#[test]
fn the_control_sample_keeps_to_its_share() {
    let site = Site::of(Origin::saying("same"), Origin::saying("same"));
    let door = open(&site, "percent: 5");
    visited(&door, 1_000);
    await_that("the samples", || {
        let samples = door.report_on("all").expect("known").0["noise"]["samples"].as_u64().unwrap() as usize;
        let (legacy, new) = (site.legacy.copies().len(), site.new.seen().len() - 1_000);
        let all_told = (legacy, new) == (samples, samples) && samples > 20;
        if all_told { Ok(()) } else { Err(format!("{samples} samples, {legacy} and {new} asked")) }
    });
    let asked = site.legacy.copies().len();
    assert!((25..=80).contains(&asked), "{asked} of 1,000 are sampled, 50 are wanted");
}

#[test]
fn what_is_asked_again_is_marked_and_comes_as_the_same_visitor_on_a_connection_of_its_own() {
    let ports: Arc<Mutex<HashMap<u16, HashSet<bool>>>> = Arc::default();
    let log = ports.clone();
    let legacy = Origin::answering(move |seen, wire| {
        let port = wire.reader.stream.peer_addr().unwrap().port();
        log.lock().unwrap().entry(port).or_default().insert(seen.is_copy());
        json(wire, "{\"v\": 1}");
    });
    let site = Site::of(legacy, Origin::answering(|_, wire| json(wire, "{\"v\": 2}")));
    let door = open(&site, "");
    let mut client = door.client();
    for at in 0..5 {
        client.get(&format!("/item/{at}?q=1"), &["Cookie: SID=abc", "Accept-Language: es"]);
    }
    door.await_accounted("all", 5);
    let seen = site.legacy.seen();
    let asked = site.legacy.copies();
    assert!(!asked.is_empty());
    for copy in &asked {
        let first = seen.iter().find(|seen| !seen.is_copy() && seen.target() == copy.target()).expect("a user's");
        for name in ["cookie", "accept-language", "host", "x-forwarded-for", "x-forwarded-proto"] {
            assert_eq!(copy.header(name), first.header(name), "{name}");
        }
        assert_eq!(copy.header("x-matapalo-mirror").as_deref(), Some("1"));
    }
    assert!(site.new.seen().iter().all(|seen| seen.is_copy()));
    assert!(ports.lock().unwrap().values().all(|kinds| kinds.len() == 1), "a user's connection carried a copy");
}

#[test]
fn a_get_that_is_declared_unsafe_is_never_asked_again() {
    let site = Site::of(random(), random());
    let routes = "
        - {name: logout, match: {path: {exact: /logout}}, stage: shadow, mirror: {methods: []}}
        - {name: all, match: {path: {prefix: /}}, stage: shadow, mirror: {percent: 100}}";
    let door = site.open_with(&site.config(routes).noise("percent: 100"));
    let mut client = door.client();
    for _ in 0..20 {
        client.get("/logout", &[]);
    }
    client.get("/page", &[]);
    door.await_accounted("all", 1);
    let targets: Vec<String> = site.legacy.copies().iter().map(|seen| seen.target()).collect();
    assert!(!targets.is_empty() && targets.iter().all(|target| target == "/page"), "{targets:?}");
    assert!(site.new.seen().iter().all(|seen| seen.target() == "/page"));
}

#[test]
fn a_new_backend_that_fails_every_request_makes_nobody_ask_on_and_on() {
    let failing = Origin::answering(|_, wire| wire.answer("503 Service Unavailable", &[], ""));
    let site = Site::of(Origin::saying("fine"), failing);
    let door = open(&site, "percent: 0");
    let line = visited(&door, 600);
    assert_eq!((line.verdict(), line.count("mismatched")), ("not yet", 600), "{:#}", line.0);
    // Until it is sure, and of the rest one in sixteen; the budget would allow 260 and one a second.
    let asked = site.legacy.copies().len();
    assert!((8..130).contains(&asked), "{asked} asked");
}

#[test]
fn a_new_backend_that_is_gone_makes_nobody_ask() {
    let site = Site::of(Origin::saying("fine"), Origin::dead());
    let door = open(&site, "percent: 100");
    visit(&door, 100);
    let line = door.await_accounted("all", 100);
    assert_eq!((line.verdict(), line.unproven()), ("inconclusive", 100), "{:#}", line.0);
    assert_eq!(site.legacy.copies().len(), 0);
}

#[test]
fn copies_come_first() {
    // New takes its time, and one at a time: copies wait in line, and each of them is a mismatch.
    let new = Origin::answering(|_, wire| {
        std::thread::sleep(Duration::from_millis(15));
        json(wire, "{\"v\": 2}");
    });
    let site = Site::of(Origin::answering(|_, wire| json(wire, "{\"v\": 1}")), new);
    let routes = "- {name: all, match: {path: {prefix: /}}, stage: shadow, mirror: {percent: 100, max_in_flight: 1}}";
    let door = site.open_with(&site.config(routes).noise("percent: 0"));
    visit(&door, 100);
    let line = door.await_accounted("all", 100);
    assert_eq!(line.count("mismatched"), 100, "{:#}", line.0);
    let seen = site.new.seen();
    let first_again = (0..seen.len()).find(|at| seen[..*at].iter().any(|before| before.target() == seen[*at].target()));
    assert!(
        first_again.is_none_or(|at| at >= 50),
        "{first_again:?}: something was asked again before the copies were through"
    );
}

#[test]
fn a_backend_that_hangs_when_it_is_asked_again_costs_users_nothing_and_no_pair() {
    let legacy = Origin::answering(|seen, wire| {
        if seen.is_copy() {
            return wire.hang();
        }
        json(wire, "{\"v\": 1}");
    });
    let site = Site::of(legacy, Origin::answering(|_, wire| json(wire, "{\"v\": 2}")));
    let routes = "- {name: all, match: {path: {prefix: /}}, stage: shadow, mirror: {percent: 100, timeout: 1s}}";
    let door = site.open_with(&site.config(routes).noise(""));
    let start = Instant::now();
    visit(&door, 100);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    let line = door.await_accounted("all", 100);
    assert_eq!(line.count("mismatched"), 100, "{}", line.0);
    let unanswered = door.metric("settled_total", &[("route", "all"), ("result", "unanswered")]);
    assert!(unanswered >= 1.0, "{}", door.metrics());
}

#[test]
fn a_door_that_stops_counts_what_it_was_asking() {
    let legacy = Origin::answering(|seen, wire| {
        if seen.is_copy() {
            return wire.hang();
        }
        json(wire, "{\"v\": 1}");
    });
    let site = Site::of(legacy, Origin::answering(|_, wire| json(wire, "{\"v\": 2}")));
    let routes = "- {name: all, match: {path: {prefix: /}}, stage: shadow, mirror: {percent: 100, timeout: 60s}}";
    let mut door = site.open_with(&site.config(routes).noise(""));
    visit(&door, 20);
    site.legacy.await_seen(21);
    door.signal("TERM");
    let start = Instant::now();
    assert!(door.await_exit().success());
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    let report = crate::harness::report::report_of(&door.config);
    let line = crate::harness::report::line(&report, "all").expect("known");
    assert_eq!(line.count("compared") + line.unproven(), 20, "{}", line.0);
}
