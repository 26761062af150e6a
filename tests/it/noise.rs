//! Noise is told from bugs by asking both again. What that costs is told in `noise_cost.rs`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;

use crate::harness::report::Line;
use crate::harness::{Door, Origin, Seen, Site, Wire, await_that};

const SHADOW: &str =
    "- {name: all, match: {path: {prefix: /}}, stage: shadow, mirror: {percent: 100, methods: [GET, POST]}}";

/// A number of its own for each answer.
fn random() -> u64 {
    static STATE: AtomicU64 = AtomicU64::new(1);
    let mut z = STATE.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

pub fn json(wire: &mut Wire, body: impl AsRef<[u8]>) {
    wire.answer("200 OK", &["Content-Type: application/json"], body);
}

/// The number at the end of a target.
fn number(seen: &Seen) -> u64 {
    seen.target().rsplit('/').next().unwrap_or_default().parse().unwrap_or(0)
}

/// An origin whose answers are noisy in three fields: always, in one of ten, and one of two values.
fn noisy(price: impl Fn(&Seen) -> u64 + Send + Sync + 'static) -> Origin {
    Origin::answering(move |seen, wire| {
        let views = random();
        let load = if random().is_multiple_of(20) { random() % 1000 } else { 0 };
        let node = random() % 2;
        let price = price(seen);
        json(wire, format!("{{\"views\": {views}, \"load\": {load}, \"node\": {node}, \"price\": {price}}}"));
    })
}

/// With this inside of the braces of `noise`.
pub fn open(site: &Site, noise: &str) -> Door {
    site.open_with(&site.config(SHADOW).noise(noise))
}

/// So many requests, one after the other, each for another page.
pub fn visit(door: &Door, requests: u64) {
    visit_pages(door, 0..requests);
}

fn visit_pages(door: &Door, pages: std::ops::Range<u64>) {
    let mut client = door.client();
    for at in pages {
        assert_eq!(client.get(&format!("/item/{at}"), &[]).status(), 200);
    }
}

/// So many requests, few at a time: of pairs that are all there at once, only as many are asked again as may be at one time.
pub fn visited(door: &Door, requests: u64) -> Line {
    const FEW: u64 = 25;
    let steps = (0..requests).step_by(FEW as usize).map(|from| {
        let so_far = (from + FEW).min(requests);
        visit_pages(door, from..so_far);
        door.await_accounted("all", so_far)
    });
    steps.last().unwrap()
}

fn adds_up(line: &Line) {
    assert_eq!(
        line.count("compared"),
        line.count("matched") + line.count("ignored") + line.count("mismatched"),
        "{}",
        line.0
    );
}

/// A field of the report's noise.
fn field<'a>(line: &'a Line, path: &str) -> &'a Value {
    let fields = line.0["noise"]["fields"].as_array().unwrap();
    fields.iter().find(|field| field["path"] == path).unwrap_or_else(|| panic!("no {path} in {}", line.0))
}

fn reasons(line: &Line) -> String {
    line.0["reasons"].to_string()
}

#[test]
fn two_stacks_that_are_noisy_alike_are_ready() {
    let site = Site::of(noisy(number), noisy(number));
    let door = open(&site, "");
    let line = visited(&door, 500);
    adds_up(&line);
    assert_eq!((line.verdict(), line.count("mismatched")), ("ready", 0), "{:#}", line.0);
    assert_eq!(line.differences(), Vec::<String>::new());
    assert_eq!(line.0["noise"]["pairs"], 500, "{}", line.0["noise"]);
    for path in ["/views", "/load", "/node"] {
        assert_eq!(field(&line, path)["call"], "noise", "{}", line.0["noise"]);
    }
    let gate = door.command(&["gate", "all"]);
    assert_eq!(gate.code, 0, "{gate}");
}

#[test]
fn a_bug_under_noise_is_named_and_counted_alone() {
    let site = Site::of(noisy(number), noisy(|seen| number(seen) + u64::from(number(seen) % 100 == 7)));
    let door = open(&site, "");
    let line = visited(&door, 600);
    adds_up(&line);
    assert_eq!((line.verdict(), line.count("mismatched")), ("not yet", 6), "{:#}", line.0);
    assert!(line.differences().iter().all(|difference| difference == "value /price"), "{:?}", line.differences());
    assert_eq!(field(&line, "/price")["call"], "real");
    assert!(reasons(&line).contains("/price (value): 6 of 600 differ; asked again, "), "{}", reasons(&line));
    let gate = door.command(&["gate", "all"]);
    assert_eq!(gate.code, 1, "{gate}");
    let text = door.command(&["report", "all"]).stdout;
    assert!(text.contains("Noise, told by asking both again"), "{text}");
}

#[test]
fn one_difference_in_a_field_that_is_else_equal_counts_at_once() {
    let site = Site::of(noisy(number), noisy(|seen| number(seen) + u64::from(number(seen) == 399)));
    let door = open(&site, "");
    let line = visited(&door, 400);
    assert_eq!((line.verdict(), line.count("mismatched")), ("not yet", 1), "{:#}", line.0);
    assert_eq!(line.differences(), ["value /price"]);
    assert_eq!(door.command(&["gate", "all"]).code, 1);
}

#[test]
fn a_bug_in_a_noisy_field_counts_when_it_is_beyond_the_noise() {
    let noise = |share: u64| if random() % 100 < share { random() % 100_000 } else { 5 };
    let legacy = Origin::answering(move |_, wire| json(wire, format!("{{\"load\": {}}}", noise(10))));
    let new = Origin::answering(move |seen, wire| {
        let load = if number(seen) % 20 == 3 { 0 } else { noise(10) };
        json(wire, format!("{{\"load\": {load}}}"));
    });
    let site = Site::of(legacy, new);
    let door = open(&site, "");
    let line = visited(&door, 600);
    assert_eq!(line.verdict(), "not yet", "{:#}", line.0);
    assert_eq!(field(&line, "/load")["call"], "real", "{}", line.0["noise"]);
    // Thirty are the bug's; about a hundred more are noise, and not all of them are told from it.
    assert!((15..90).contains(&line.count("mismatched")), "{:#}", line.0);
}

#[test]
fn where_both_fail_nothing_is_proven_and_nothing_asked() {
    let failing = || Origin::answering(|_, wire| wire.answer("500 Internal Server Error", &[], "out of order"));
    let site = Site::of(failing(), failing());
    let door = open(&site, "percent: 0");
    let mut client = door.client();
    for at in 0..50 {
        assert_eq!(client.get(&format!("/item/{at}"), &[]).status(), 500);
    }
    let line = door.await_accounted("all", 50);
    assert_eq!((line.verdict(), line.unproven_by("both_failed")), ("inconclusive", 50), "{:#}", line.0);
    // The same everywhere.
    assert_eq!(door.metric("mirror_dropped_total", &[("route", "all"), ("reason", "both_failed")]), 50.0);
    assert_eq!(door.metric("mirror_total", &[("route", "all")]), 50.0, "each has one fate:\n{}", door.metrics());
    let status = door.status();
    assert_eq!(
        (&status["routes"][0]["dropped"], &status["routes"][0]["compared"]),
        (&50.into(), &0.into()),
        "{status}"
    );
    assert_eq!((site.legacy.seen().len(), site.new.seen().len()), (50, 50));
}

#[test]
fn what_legacy_answers_and_new_does_not_comes_first() {
    let new = Origin::answering(|seen, wire| match number(seen) % 40 {
        7 => wire.answer("500 Internal Server Error", &["Content-Type: application/json"], "{}"),
        8 => wire.hang(),
        _ => json(wire, format!("{{\"price\": {}}}", number(seen) + u64::from(number(seen).is_multiple_of(4)))),
    });
    let legacy = Origin::answering(|seen, wire| json(wire, format!("{{\"price\": {}}}", number(seen))));
    let site = Site::of(legacy, new);
    let routes = "- {name: all, match: {path: {prefix: /}}, stage: shadow, mirror: {percent: 100, timeout: 300ms}}";
    let door = site.open_with(&site.config(routes).noise(""));
    let line = visited(&door, 200);
    assert_eq!((line.count("mismatched"), line.unproven_by("timeout")), (50, 5), "{:#}", line.0);
    let first = &line.0["differences"][0];
    assert_eq!((&first["severity"], &first["count"]), (&"critical".into(), &5.into()), "{:#}", line.0);
    assert!(line.differences().len() >= 2 && line.0["differences"][1]["severity"] != "critical", "{:#}", line.0);
}

#[test]
fn new_that_is_wrong_in_some_of_its_answers_is_called() {
    let site = Site::of(noisy(|_| 5), noisy(|_| 5 + u64::from(random().is_multiple_of(20))));
    let door = open(&site, "");
    let line = visited(&door, 800);
    assert_eq!(line.verdict(), "not yet", "{:#}", line.0);
    assert_eq!(field(&line, "/price")["call"], "real", "{}", line.0["noise"]);
    assert!(reasons(&line).contains("new alone said something else"), "{}", reasons(&line));
}

#[test]
fn a_world_that_changes_between_the_two_is_no_bug() {
    let stock = Arc::new(AtomicU64::new(100));
    let (of_legacy, of_new) = (stock.clone(), stock);
    // Each fiftieth page is sold from right after legacy has shown it to the user.
    let legacy = Origin::answering(move |seen, wire| {
        let left = of_legacy.load(Ordering::SeqCst);
        if !seen.is_copy() && number(seen) % 50 == 49 {
            of_legacy.fetch_sub(1, Ordering::SeqCst);
        }
        json(wire, format!("{{\"stock\": {left}}}"));
    });
    let new = Origin::answering(move |_, wire| json(wire, format!("{{\"stock\": {}}}", of_new.load(Ordering::SeqCst))));
    let site = Site::of(legacy, new);
    let door = open(&site, "");
    let mut client = door.client();
    for at in 0..300 {
        client.get(&format!("/item/{at}"), &[]);
        // The copy of one page is asked before the next sale.
        door.await_metric("mirror_total", &[("route", "all")], at as f64 + 1.0);
    }
    let line = door.await_accounted("all", 300);
    assert_eq!((line.verdict(), line.count("mismatched")), ("ready", 0), "{:#}", line.0);
    assert_eq!(field(&line, "/stock")["odd_legacy"], 6, "{}", line.0["noise"]);
}

#[test]
fn a_set_that_each_process_of_new_prints_in_its_own_order_is_noise_of_new() {
    let legacy = Origin::answering(|_, wire| json(wire, r#"{"tags": ["a", "b", "c", "d"]}"#));
    // A connection leads to one process.
    let new = Origin::answering(|_, wire| {
        let process = wire.reader.stream.peer_addr().unwrap().port() % 3;
        let orders = [r#"["d", "b", "c", "a"]"#, r#"["b", "a", "d", "c"]"#, r#"["c", "d", "b", "a"]"#];
        json(wire, format!("{{\"tags\": {}}}", orders[usize::from(process)]));
    });
    let site = Site::of(legacy, new);
    let door = open(&site, "");
    let line = visited(&door, 400);
    assert_eq!((line.verdict(), line.count("mismatched")), ("ready", 0), "{:#}", line.0);
    let calls: Vec<&Value> = line.0["noise"]["fields"].as_array().unwrap().iter().map(|field| &field["call"]).collect();
    assert!(calls.iter().all(|call| *call == "noise_of_new"), "{}", line.0["noise"]);
}

#[test]
fn a_failure_counts_also_when_it_is_over() {
    let failed = AtomicU64::new(0);
    let new = Origin::answering(move |seen, wire| {
        if number(seen) == 100 && failed.fetch_add(1, Ordering::SeqCst) == 0 {
            return wire.answer("500 Internal Server Error", &["Content-Type: application/json"], "{}");
        }
        json(wire, "{}");
    });
    let site = Site::of(Origin::answering(|_, wire| json(wire, "{}")), new);
    let door = open(&site, "");
    let line = visited(&door, 300);
    assert_eq!((line.verdict(), line.count("mismatched")), ("not yet", 1), "{:#}", line.0);
}

#[test]
fn with_settling_off_nothing_is_asked_and_each_mismatch_counts() {
    let site = Site::of(noisy(number), noisy(number));
    let door = open(&site, "settle: false, percent: 0");
    let line = visited(&door, 250);
    assert_eq!((line.verdict(), line.count("mismatched")), ("not yet", 250), "{:#}", line.0);
    assert_eq!((site.legacy.seen().len(), site.new.seen().len()), (250, 250));
    assert_eq!(line.0["noise"]["pairs"], 0);
}

#[test]
fn the_control_sample_compares_each_origin_with_itself() {
    let site = Site::of(noisy(number), noisy(number));
    let door = open(&site, "settle: false, percent: 20");
    visited(&door, 250);
    await_that("control samples", || {
        let line = door.report_on("all").expect("known");
        let samples = line.0["noise"]["samples"].as_u64().unwrap();
        if samples > 20 && field(&line, "/views")["new_self"].as_u64() == Some(samples) {
            assert_eq!(field(&line, "/views")["legacy_self"], samples);
            Ok(())
        } else {
            Err(line.0["noise"].to_string())
        }
    });
    assert!(!site.legacy.copies().is_empty(), "what the door asks itself is marked");
}
