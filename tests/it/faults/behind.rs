//! A door that gets more pairs than it can compare. As long as what it has seen is not counted, nobody is told that anything is ready, and
//! what dies with it is missed.

use crate::harness::site::await_that;
use crate::harness::{Door, Origin, Site};

/// `all` is ready after ten comparisons of which nearly all are equal. What is heavy to compare is another route's.
const ROUTES: &str = "- {name: all, match: {path: {prefix: /}}, stage: shadow, mirror: {percent: 100, timeout: 60s}, \
                      readiness: {min_requests: 10, max_mismatch: 5}}\n\
                      - {name: heavy, match: {path: {exact: /heavy}}, stage: shadow, mirror: {percent: 100, timeout: 60s}}";

/// 200 KB of numbers in another order than that of counting: no user waits for them, and a comparer has long to do.
fn numbers(stride: usize) -> String {
    const COUNT: usize = 36_000;
    let numbers: Vec<String> = (0..COUNT).map(|at| (at * stride % COUNT).to_string()).collect();
    format!("[{}]", numbers.join(","))
}

fn origin(stride: usize, bad: &'static str) -> Origin {
    let heavy = numbers(stride);
    Origin::answering(move |asked, wire| match asked.target().as_str() {
        "/heavy" => wire.answer("200 OK", &["Content-Type: application/json"], &heavy),
        "/bad" => wire.ok(bad),
        _ => wire.ok("good"),
    })
}

fn asks(door: &Door, target: &str, times: usize) {
    let mut client = door.client();
    (0..times).for_each(|_| assert_eq!(client.get(target, &[]).status(), 200));
}

fn compared(door: &Door, route: &str) -> usize {
    door.metric("comparisons_total", &[("route", route)]) as usize
}

/// A door on which `all` is ready, but for what it has just seen of it: that waits behind as much again as was compared since it came.
fn behind() -> (Site, Door) {
    // How many are enough depends on the machine.
    (0..).find_map(|doubled| behind_with(30 << doubled)).unwrap()
}

/// `None`: it has not fallen behind, or would soon have caught up.
fn behind_with(heavy: usize) -> Option<(Site, Door)> {
    let site = Site::of(origin(1, "good"), origin(7919, "bad"));
    let door = site.open_with(&site.config(ROUTES).and("limits: {mirror_memory: 512MiB}"));
    asks(&door, "/", 40);
    door.await_metric("readiness", &[("route", "all")], 1.0);
    assert_eq!(door.command(&["gate", "all"]).code, 0);
    asks(&door, "/heavy", heavy);
    asks(&door, "/bad", 20);
    await_that("comparing to be behind, or done", || match is_behind(&door) || compared(&door, "all") == 60 {
        true => Ok(()),
        false => Err(door.status()["store"].to_string()),
    });
    (compared(&door, "heavy") <= heavy / 2).then_some((site, door))
}

fn is_behind(door: &Door) -> bool {
    door.status()["store"]["behind"].is_string()
}

#[test]
fn nothing_is_ready_while_comparing_is_behind() {
    let (_site, door) = behind();
    let told = door.command(&["gate", "all"]);
    assert!(told.code == 3 && told.stdout.contains("pairs wait to be compared, the oldest since"), "{told}");
    assert!(door.metric("comparing_behind_seconds", &[]) > 1.0);
    door.await_metric("readiness", &[("route", "all")], -1.0);
    let status = door.command(&["status"]);
    assert!(status.stdout.contains("nothing is ready until comparing has caught up"), "{status}");
    await_that("the verdict on all of it", || match door.command(&["gate", "all"]) {
        told if told.code == 1 => Ok(()),
        told if told.code == 3 => Err(format!("{told}")),
        told => panic!("over 20 mismatches that were seen: {told}"),
    });
    await_that("the rest to be compared", || if is_behind(&door) { Err(door.log()) } else { Ok(()) });
    door.await_log("comparing has caught up");
    assert_eq!(door.command(&["gate", "all"]).code, 1);
    door.await_metric("comparing_behind_seconds", &[], 0.0);
}

#[test]
fn what_waits_when_a_door_is_killed_is_missed() {
    let (_site, mut door) = behind();
    door.kill();
    let told = door.command(&["gate", "all"]);
    assert!(told.code == 3 && told.stdout.contains("was behind with comparing"), "{told}");
    let door = door.restarted();
    await_that("the loss to be in the store", || match door.command(&["gate", "all"]) {
        told if told.code != 3 => panic!("over 20 mismatches that were seen: {told}"),
        told if told.stdout.contains("Counts were lost until") => Ok(()),
        told => Err(format!("{told}")),
    });
}

/// It has not the time to compare all, and counts the rest as what it is.
#[test]
fn a_door_that_ends_behind_loses_no_count() {
    let (_site, mut door) = behind();
    door.signal("TERM");
    door.await_exit();
    let line = door.report_on("all").expect("all of it is told");
    assert_eq!(line.count("compared") + line.unproven_by("shutdown"), 60, "{}", line.0);
    let told = door.command(&["gate", "all"]);
    assert!(told.code == 3 && told.stdout.contains("of 60 sampled are unproven"), "{told}");
    assert!(!told.stdout.contains("behind with comparing"), "{told}");
}
