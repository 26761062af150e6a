//! Connections to backends that were kept, and are no good when they are used again: no reader notices, and no backend is asked often.

use std::collections::HashSet;
use std::sync::Mutex;
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use crate::harness::client::request;
use crate::harness::front::{Front, Pair};
use crate::harness::wire::first_line;
use crate::harness::{Door, Origin, Signal, Site, Wire};

const LEGACY: &str = "- {name: all, match: {path: {prefix: /}}, stage: legacy}";
/// More than the library tries one after the other.
const MANY: usize = 20;

/// Answers the first request of each connection, and does this with all others.
fn once(then: fn(&mut Wire)) -> Origin {
    let used = Mutex::new(HashSet::<ThreadId>::new());
    // Each connection has its thread.
    Origin::answering(move |seen, wire| match used.lock().unwrap().insert(thread::current().id()) {
        true => wire.ok(seen.body.len().to_string()),
        false => then(wire),
    })
}

/// A door before `origin` in clear, over a unix socket and over TLS, which `legacy` or `new` is reached by.
fn each_way(name: &str, origin: fn() -> Origin, routes: &str, tell: impl Fn(&Door, &str)) {
    for way in ["tcp", "unix", "tls"] {
        let site = Site::of(Origin::saying("legacy"), Origin::dead());
        let (origin, folder) = (origin(), site.folder.path());
        let socket = folder.join("backend.sock");
        let authority = Pair::authority(folder, "authority");
        let own = authority.signs(folder, "own", "IP:127.0.0.1");
        let (front, endpoint) = match way {
            "tcp" => (None, format!("endpoints: [\"http://{}\"]", origin.address)),
            "unix" => {
                (Some(Front::unix(&socket, origin.address)), format!("endpoints: [\"unix:{}\"]", socket.display()))
            }
            _ => {
                let front = Front::tls(&own, None, origin.address);
                let ca = authority.certificate.display();
                let endpoint = format!("endpoints: [\"https://{}\"], tls: {{ca: {ca}}}", front.address);
                (Some(front), endpoint)
            }
        };
        let mut config = site.config(routes);
        *(if name == "legacy" { &mut config.legacy } else { &mut config.new }) = endpoint;
        let door = site.open_with(&config);
        tell(&door, way);
        drop(front);
    }
}

/// Readers of all kinds: what they send, and how long its body is.
fn readers() -> [(Vec<u8>, usize); 5] {
    let long = vec![b'x'; 100_000];
    [
        (request("GET", "/", &[], b""), 0),
        (request("OPTIONS", "/", &[], b""), 0),
        (request("GET", "/", &[], b"0123456789"), 10),
        (
            request("GET", "/", &["Transfer-Encoding: chunked"], b"")
                .into_iter()
                .chain(*b"2\r\nhi\r\n0\r\n\r\n")
                .collect(),
            2,
        ),
        (request("GET", "/", &[], &long), long.len()),
    ]
}

fn all_are_answered(door: &Door, way: &str) {
    for (asks, length) in readers() {
        for _ in 0..5 {
            assert_eq!(door.get("/").status(), 200, "{way}: the one that is kept");
            let mut client = door.client();
            client.send(&asks);
            let answer = client.answer("GET");
            let said = String::from_utf8_lossy(first_line(&asks));
            assert_eq!((answer.status(), answer.text()), (200, length.to_string()), "{way}: {said}");
        }
    }
}

#[test]
fn one_that_is_closed_as_it_is_used_again_costs_no_reader_his_answer() {
    each_way("legacy", || once(Wire::close), LEGACY, all_are_answered);
}

/// Before TLS, that is an end without a word.
#[test]
fn nor_does_one_that_is_reset() {
    each_way("legacy", || once(Wire::reset), LEGACY, all_are_answered);
}

/// The library's own trouble with what it wanted to send next is not the user's.
#[test]
fn legacy_answers_for_a_new_that_is_gone_on_kept_connections_too() {
    let routes = "- {name: all, match: {path: {prefix: /}}, stage: new, fallback: {on: {connect_error: true}}}";
    fn gone() -> Origin {
        Origin::answering(|seen, wire| if seen.target() == "/keep" { wire.ok("new") } else { wire.close() })
    }
    each_way("new", gone, routes, |door, way| {
        for turn in 0..60 {
            assert_eq!(door.get("/keep").text(), "new");
            let answer = door.get("/");
            assert_eq!((answer.status(), answer.text().as_str()), (200, "legacy"), "{way}, {turn}");
        }
    });
}

/// A door that keeps many connections to a backend; what that does with later requests, which may come on one of those.
fn with_many(then: impl Fn(&mut Wire, bool) + Send + Sync + 'static) -> (Site, Door) {
    let all = Signal::new();
    let (awaited, kept) = (all.clone(), Mutex::new(HashSet::<ThreadId>::new()));
    let legacy = Origin::answering(move |seen, wire| match seen.target().as_str() {
        "/fill" => {
            kept.lock().unwrap().insert(thread::current().id());
            awaited.wait();
            wire.ok("kept");
        }
        _ => then(wire, kept.lock().unwrap().contains(&thread::current().id())),
    });
    let site = Site::of(legacy, Origin::dead());
    let door = site.open(LEGACY);
    thread::scope(|scope| {
        for _ in 0..MANY {
            scope.spawn(|| assert_eq!(door.get("/fill").text(), "kept"));
        }
        site.legacy.await_seen(MANY);
        all.give();
    });
    (site, door)
}

#[test]
fn many_that_are_dead_cost_no_reader_his_answer() {
    let (_site, door) = with_many(|wire, kept| if kept { wire.reset() } else { wire.ok("good") });
    assert_eq!(door.get("/").text(), "good");
}

/// It may work for long on each.
#[test]
fn an_answer_that_is_none_is_asked_for_once_more_and_no_oftener() {
    let (site, door) = with_many(|wire, _| wire.send("HTTP/1.1 200 OK\r\nContent-Length: abc\r\n\r\n"));
    assert_eq!(door.get("/bad").status(), 502);
    let asked = site.legacy.seen().iter().filter(|seen| seen.target() == "/bad").count();
    assert_eq!(asked, 2, "on a kept connection, and on its own");
}

/// One hundred milliseconds more and less do not matter here, but twice as long would.
#[test]
fn what_is_asked_again_has_no_more_time_in_total() {
    let kept = Mutex::new(HashSet::<ThreadId>::new());
    let legacy = Origin::answering(move |seen, wire| {
        let is_kept = !kept.lock().unwrap().insert(thread::current().id());
        match seen.target().as_str() {
            "/keep" => wire.ok("kept"),
            _ if is_kept => {
                // As long as a backend works that dies of it.
                thread::sleep(Duration::from_millis(700));
                wire.reset();
            }
            _ => wire.hang(),
        }
    });
    let site = Site::of(legacy, Origin::dead());
    let mut config = site.config(LEGACY);
    config.legacy += ", timeouts: {total: 1s}";
    let door = site.open_with(&config);
    assert_eq!(door.get("/keep").text(), "kept");
    let start = Instant::now();
    assert_eq!(door.get("/").status(), 504);
    assert!(start.elapsed() < Duration::from_millis(1500), "{:?}", start.elapsed());
}
