//! The origin that answers the user fails: the user sees an error or a broken transfer, never an answer that only looks whole.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::scripts::{self, CUT, Fault, NONE, Wanted};
use crate::harness::client::request;
use crate::harness::wire::{header, headers};
use crate::harness::{Client, Door, Origin, Site};

const TIMES: &str = "timeouts: {first_byte: 1500ms, idle: 1500ms}";

fn at(stage: &str) -> String {
    format!("- {{name: all, match: {{path: {{prefix: /}}}}, stage: {stage}, {TIMES}}}")
}

/// What is wrong with what this user sees, who speaks this version of HTTP.
fn fault(door: &Door, version: &str, number: usize, fault: &Fault) -> Result<(), String> {
    let mut client = Client::connect(door.address);
    client.send(format!("GET /fault/{number} {version}\r\nHost: site.test\r\n\r\n"));
    let seen = client.try_answer("GET");
    match (fault.wanted, &seen) {
        (Wanted::Status(status), Ok(answer)) if answer.status() == status => {}
        (Wanted::Answer(status, body), Ok(answer)) if (answer.status(), answer.text().as_str()) == (status, body) => {
            let lengths = headers(&answer.head, "content-length").len();
            let chunked = usize::from(header(&answer.head, "transfer-encoding").is_some());
            if lengths + chunked > 1 || !answer.head.starts_with(b"HTTP/1.1 ") {
                return Err(format!("the head is not the door's: {}", String::from_utf8_lossy(&answer.head)));
            }
        }
        (Wanted::Broken(most), Err(broken)) if most.as_bytes().starts_with(&broken.got) => {}
        (wanted, seen) => return Err(format!("wanted {wanted:?}, saw {seen:?}")),
    }
    for at in 0..3 {
        let next = door.get(&format!("/next/{at}"));
        if (next.status(), next.text().as_str()) != (200, "good") {
            return Err(format!("the next request got {} {:?}", next.status(), next.text()));
        }
    }
    Ok(())
}

fn faults_at(stage: &str, version: &str) {
    let (bad, other) = (scripts::bad(), Origin::dead());
    let site = if stage == "new" { Site::of(other, bad) } else { Site::of(bad, other) };
    let door = site.open(&at(stage));
    let faults: Vec<String> = scripts::all()
        .iter()
        .enumerate()
        .filter_map(|(number, one)| fault(&door, version, number, one).err().map(|why| format!("{}: {why}", one.name)))
        .collect();
    println!("{} ways to fail at stage {stage}, before {version} {} wrong", scripts::all().len(), faults.len());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(!door.log().contains("panicked"), "{}", door.log());
}

#[test]
fn legacy_fails_in_every_way_and_the_user_sees_what_it_is() {
    faults_at("legacy", "HTTP/1.1");
}

#[test]
fn new_fails_in_every_way_and_the_user_sees_what_it_is() {
    faults_at("new", "HTTP/1.1");
}

/// To it, an answer without a length is whole when the connection ends in order: so it does not.
#[test]
fn a_user_of_http_10_sees_the_same() {
    faults_at("legacy", "HTTP/1.0");
}

#[test]
fn where_fallback_is_on_legacy_answers_for_a_new_that_gives_none() {
    let site = Site::of(Origin::saying("legacy"), scripts::bad());
    let rules = "fallback: {on: {status: [404], connect_error: true, timeout: true}}";
    let door = site.open(&format!("- {{name: all, match: {{path: {{prefix: /}}}}, stage: new, {TIMES}, {rules}}}"));
    for (number, one) in scripts::all().iter().enumerate() {
        let none = number >= CUT.len() && number < CUT.len() + NONE.len();
        if none {
            assert_eq!(door.get(&format!("/fault/{number}")).text(), "legacy", "{}", one.name);
        }
    }
    assert_eq!(door.get("/next").text(), "good");
}

#[test]
fn a_body_after_head_is_nobodys_next_answer() {
    let legacy = Origin::answering(|seen, wire| match seen.method().as_str() {
        "HEAD" => wire.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"),
        _ => wire.ok("good"),
    });
    let site = Site::of(legacy, Origin::dead());
    let door = site.open(&at("legacy"));
    let mut client = door.client();
    for _ in 0..10 {
        client.send(request("HEAD", "/", &[], b""));
        let head = client.answer("HEAD");
        assert_eq!((head.status(), head.header("content-length").as_deref()), (200, Some("4")));
        assert_eq!(client.get("/", &[]).text(), "good");
    }
}

/// It comes when nobody expects it any more: the connection is the next user's by then, if it is kept.
#[test]
fn a_body_long_after_head_is_nobodys_next_answer() {
    let evil = || {
        let after_head = Mutex::new(HashSet::new());
        // Each connection has its thread.
        Origin::answering(move |seen, wire| match seen.method().as_str() {
            "HEAD" => {
                after_head.lock().unwrap().insert(thread::current().id());
                wire.send("HTTP/1.1 200 OK\r\nContent-Length: 42\r\n\r\n");
            }
            _ => {
                if after_head.lock().unwrap().contains(&thread::current().id()) {
                    wire.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
                }
                wire.ok("good");
            }
        })
    };
    let site = Site::of(evil(), evil());
    let door = site
        .open("- {name: all, match: {path: {prefix: /}}, stage: shadow, mirror: {percent: 100, methods: [GET, HEAD]}}");
    let mut client = door.client();
    for turn in 1..=10 {
        client.send(request("HEAD", "/", &[], b""));
        assert_eq!(client.answer("HEAD").status(), 200);
        assert_eq!(client.get("/", &[]).text(), "good");
        // One after the other, so that each may have the connection of the one before.
        door.await_metric("comparisons_total", &[("route", "all")], f64::from(2 * turn));
    }
    assert_eq!(door.await_accounted("all", 20).count("matched"), 20);
}

/// Leftovers that are no answer are not this user's trouble.
#[test]
fn what_a_backend_says_too_much_spoils_no_other_request() {
    let kept = Mutex::new(HashSet::new());
    let legacy = Origin::answering(move |_, wire| match kept.lock().unwrap().insert(thread::current().id()) {
        true => wire.ok("good"),
        false => wire.send("of the answer before\r\n\r\n"),
    });
    let site = Site::of(legacy, Origin::dead());
    let door = site.open(&at("legacy"));
    let mut client = door.client();
    for _ in 0..10 {
        assert_eq!(client.get("/", &[]).text(), "good");
    }
}

/// Every second connection is cut, each time elsewhere: users who only read see no more errors than there are cuts.
#[test]
fn an_endpoint_that_flaps_spoils_no_other_request() {
    let turn = AtomicUsize::new(0);
    let flapping = Origin::at_head(move |seen, wire| match turn.fetch_add(1, Ordering::Relaxed) % 4 {
        0 => wire.reset(),
        1 => wire.close(),
        _ => wire.ok(seen.target()),
    });
    let site = Site::of(flapping, Origin::dead());
    let door = site.open(&at("legacy"));
    let mut statuses = [0; 2];
    for at in 0..60 {
        let target = format!("/flap/{at}");
        let answer = door.get(&target);
        match answer.status() {
            200 => {
                assert_eq!(answer.text(), target, "somebody else's answer");
                statuses[0] += 1;
            }
            502 => statuses[1] += 1,
            other => panic!("{other}"),
        }
    }
    assert!(statuses[0] >= 25, "{statuses:?}");
}

#[test]
fn of_two_endpoints_a_flapping_one_is_left_alone() {
    let good = Origin::saying("good");
    let site = Site::of(Origin::at_head(|_, wire| wire.close()), Origin::dead());
    let mut config = site.config(&at("legacy"));
    config.legacy = format!(
        "endpoints: [\"http://{}\", \"http://{}\"], outliers: {{failures: 3, min_requests: 4, eject: 20s}}",
        site.legacy.address, good.address
    );
    let door = site.open_with(&config);
    (0..30).for_each(|_| drop(door.get("/")));
    for _ in 0..20 {
        assert_eq!(door.get("/").text(), "good");
    }
}

#[test]
fn an_answer_before_the_body_reaches_the_user_and_nobody_else() {
    let early = Origin::at_head(|seen, wire| match seen.method().as_str() {
        "POST" => {
            wire.answer("413 Content Too Large", &["Connection: close"], "too much");
            std::thread::sleep(Duration::from_millis(100));
            wire.reset();
        }
        _ => wire.ok("good"),
    });
    let site = Site::of(early, Origin::dead());
    let door = site.open(&at("legacy"));
    for size in [10, 100_000, 5_000_000] {
        let mut client = door.client();
        client.send(format!("POST / HTTP/1.1\r\nHost: site.test\r\nContent-Length: {size}\r\n\r\n"));
        client.try_send(vec![b'x'; size]).ok();
        match client.try_answer("POST") {
            Ok(answer) => assert!([413, 502].contains(&answer.status()), "{}", answer.status()),
            // What the door had still to read was in the way of its answer: the same happens without a door.
            Err(broken) => assert!(broken.got.is_empty(), "{:?}", broken.got),
        }
        assert_eq!(door.get("/").text(), "good");
    }
}

#[test]
fn a_write_that_broke_off_is_not_sent_again() {
    for play in [(|wire| wire.close()) as fn(&mut crate::harness::Wire), |wire| wire.reset()] {
        let site = Site::of(Origin::answering(move |_, wire| play(wire)), Origin::dead());
        let door = site.open(&at("legacy"));
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            assert_eq!(door.ask(method, "/write", &[], b"once").status(), 502);
        }
        assert_eq!(site.legacy.seen().len(), 4);
    }
}

#[test]
fn a_gateway_error_comes_when_it_is_certain_and_not_later() {
    let site = Site::of(scripts::bad(), Origin::dead());
    // Nothing here waits for the default timeouts, which are half a minute and more.
    let door = site.open("- {name: all, match: {path: {prefix: /}}, stage: legacy}");
    let start = Instant::now();
    assert_eq!(door.get(&format!("/fault/{}", CUT.len())).status(), 502);
    assert!(start.elapsed() < Duration::from_secs(10), "{:?} for an origin that closes at once", start.elapsed());
}

#[test]
fn an_http_10_client_is_told_nothing_before_the_answer() {
    let legacy = Origin::answering(|_, wire| {
        wire.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
        wire.ok("ok");
    });
    let site = Site::of(legacy, Origin::dead());
    let door = site.open(&at("legacy"));
    let mut client = door.client();
    client.send("GET / HTTP/1.0\r\nHost: site.test\r\n\r\n");
    let head = client.head();
    assert!(head.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&head));
}
