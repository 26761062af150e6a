//! New keeps failing: users are spared the wait, and legacy answers until new is well again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::harness::{Door, Origin, Site, await_that};

fn routes(on: &str, open: &str) -> String {
    format!(
        "- {{name: all, match: {{path: {{prefix: /}}}}, stage: new, fallback: {{on: {{{on}}}, \
         breaker: {{failures: 50, min_requests: 5, window: 60s, open: {open}}}}}}}"
    )
}

/// New is ill until told otherwise.
fn ill_new(is_well: &Arc<AtomicBool>) -> Origin {
    let is_well = is_well.clone();
    Origin::answering(move |_, wire| {
        if is_well.load(Ordering::Relaxed) {
            wire.ok("new")
        } else {
            wire.answer("503 Service Unavailable", &[], "ill")
        }
    })
}

fn state(door: &Door) -> String {
    door.status()["routes"][0]["breaker"].as_str().unwrap_or("none").to_owned()
}

#[test]
fn a_failing_new_is_spared_and_tried_again() {
    let is_well = Arc::new(AtomicBool::new(false));
    let site = Site::of(Origin::saying("legacy"), ill_new(&is_well));
    let door = site.open(&routes("status: [503]", "500ms"));
    for _ in 0..20 {
        assert_eq!(door.get("/").text(), "legacy", "every user gets an answer");
    }
    let asked = site.new.seen().len();
    assert!((5..=7).contains(&asked), "asked {asked} times: five make it open, a try or two follow");
    let spared = door.metric("fallback_total", &[("route", "all"), ("reason", "breaker")]);
    assert_eq!(spared as usize + asked, 20);
    assert_eq!(door.metric("breaker_open", &[("route", "all")]), 1.0);
    assert_ne!(state(&door), "closed");
    assert!(door.command(&["status"]).stdout.contains("new, breaker "), "{}", door.command(&["status"]));
    door.await_log("breaker: new keeps failing");
    is_well.store(true, Ordering::Relaxed);
    await_that("new to answer again", || match door.get("/").text().as_str() {
        "new" => Ok(()),
        other => Err(other.to_owned()),
    });
    assert_eq!(door.get("/").text(), "new");
    assert_eq!((state(&door).as_str(), door.metric("breaker_open", &[])), ("closed", 0.0));
}

#[test]
fn what_may_not_be_sent_again_is_still_asked_of_new() {
    let is_well = Arc::new(AtomicBool::new(false));
    let site = Site::of(Origin::saying("legacy"), ill_new(&is_well));
    let door = site.open(&routes("status: [503]", "60s"));
    for _ in 0..6 {
        door.get("/");
    }
    assert_eq!(state(&door), "open");
    assert_eq!(door.ask("POST", "/", &[], b"x").status(), 503, "a write is not handed over");
    assert_eq!(door.get("/").text(), "legacy");
}

#[test]
fn not_mine_is_no_failure() {
    let new = Origin::answering(|_, wire| wire.answer("404 Not Found", &[], "new"));
    let site = Site::of(Origin::saying("legacy"), new);
    let door = site.open(&routes("status: [404]", "60s"));
    for _ in 0..20 {
        assert_eq!(door.get("/").text(), "legacy");
    }
    assert_eq!((site.new.seen().len(), state(&door).as_str()), (20, "closed"));
}

#[test]
fn while_new_is_spared_legacys_own_failure_is_shown() {
    let legacy = Origin::answering(|_, wire| wire.answer("500 Internal Server Error", &[], "legacy is ill too"));
    let site = Site::of(legacy, Origin::dead());
    let door = site.open(&routes("connect_error: true", "60s"));
    for _ in 0..5 {
        assert_eq!(door.get("/").status(), 502, "both failed: the original failure");
    }
    assert_eq!(state(&door), "open");
    let answer = door.get("/");
    assert_eq!((answer.status(), answer.text().as_str()), (500, "legacy is ill too"), "nobody else was asked");
}
