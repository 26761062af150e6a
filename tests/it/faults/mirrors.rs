//! The mirror's side fails in the same ways: the user's answer is the same to the byte and on time, and nothing that failed is
//! counted as a match.

use std::time::{Duration, Instant};

use super::scripts::{self, Wanted};
use crate::harness::wire::header_lines;
use crate::harness::{Client, Origin, Site};

/// What legacy says to everybody.
const ANSWER: &str = "HTTP/1.1 200 OK\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nContent-Type: text/plain\r\nX-From: legacy\r\n\
                      Content-Length: 12\r\n\r\nfrom legacy\n";
/// A hanging mirror is waited for a little longer; a user who waits for it is seen also on a busy machine.
const ON_TIME: Duration = Duration::from_secs(4);

/// The header lines that are the origin's, sorted.
fn lines(head: &[u8]) -> Vec<String> {
    let mut lines: Vec<String> =
        header_lines(head).iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    lines.retain(|line| !line.to_ascii_lowercase().starts_with("connection:"));
    lines.sort();
    lines
}

fn faults_of_the_copy(stage: &str, legacy: Origin, new: Origin) {
    let site = Site::of(legacy, new);
    let routes = format!(
        "- {{name: all, match: {{path: {{prefix: /}}}}, stage: {stage}, timeouts: {{first_byte: 1500ms, idle: 1500ms}}, \
         mirror: {{percent: 100, timeout: 5s}}}}"
    );
    let door = site.open(&routes);
    let faults = scripts::all();
    let mut client = Client::connect(door.address);
    for (number, one) in faults.iter().enumerate() {
        let start = Instant::now();
        let answer = client.get(&format!("/fault/{number}"), &[]);
        let took = start.elapsed();
        assert_eq!((answer.status(), answer.text().as_str()), (200, "from legacy\n"), "{}", one.name);
        assert_eq!(
            lines(&answer.head),
            lines(ANSWER.split_inclusive("\r\n\r\n").next().unwrap().as_bytes()),
            "{}",
            one.name
        );
        assert!(took < ON_TIME, "{}: the user waited {took:?}", one.name);
    }
    let line = door.await_accounted("all", faults.len() as u64);
    let whole = faults.iter().filter(|one| matches!(one.wanted, Wanted::Answer(..))).count() as u64;
    assert_eq!(line.count("matched") + line.count("ignored"), 0, "{}", line.0);
    assert_eq!(line.count("mismatched"), whole, "whole answers are compared: {}", line.0);
    assert_eq!(line.unproven(), faults.len() as u64 - whole, "the others prove nothing: {}", line.0);
    let errors = line.unproven_by("timeout") + line.unproven_by("broken_response") + line.unproven_by("connect_error");
    assert_eq!(errors, line.unproven(), "each under what it was: {}", line.0);
    assert!(!door.log().contains("panicked"), "{}", door.log());
}

#[test]
fn new_fails_in_every_way_as_a_mirror_and_the_user_does_not_notice() {
    faults_of_the_copy("shadow", Origin::answering(|_, wire| wire.send(ANSWER)), scripts::bad());
}

#[test]
fn legacy_fails_in_every_way_as_a_mirror_and_the_user_does_not_notice() {
    faults_of_the_copy("new", scripts::bad(), Origin::answering(|_, wire| wire.send(ANSWER)));
}

/// Both fail alike: that is no match either.
#[test]
fn two_origins_that_fail_alike_prove_nothing() {
    let site = Site::of(scripts::bad(), scripts::bad());
    let routes = "- {name: all, match: {path: {prefix: /}}, stage: shadow, timeouts: {first_byte: 500ms, idle: 500ms}, \
                  mirror: {percent: 100, timeout: 1s}}";
    let door = site.open(routes);
    let broken: Vec<usize> = (0..scripts::CUT.len() + scripts::NONE.len()).collect();
    for number in &broken {
        let mut client = Client::connect(door.address);
        client.send(crate::harness::client::request("GET", &format!("/fault/{number}"), &[], b""));
        client.try_answer("GET").ok();
    }
    let line = door.await_accounted("all", broken.len() as u64);
    assert_eq!((line.count("matched"), line.count("compared")), (0, 0), "{}", line.0);
}
