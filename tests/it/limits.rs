//! What the door allows a client and asks of a backend: times, sizes, counts; what it does when one endpoint is gone; and the
//! line it writes about each request.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::harness::client::request;
use crate::harness::door::free_port;
use crate::harness::{Client, Origin, PATIENCE, Signal, Site, await_that};

const LEGACY: &str = "- {name: all, match: {path: {prefix: /}}, stage: legacy}";

fn site() -> Site {
    Site::of(Origin::saying("ok"), Origin::dead())
}

/// Until the door closes the connection.
fn time_to_close(client: &mut Client) -> Duration {
    let start = Instant::now();
    assert!(client.is_closed(), "the door says goodbye, and nothing else");
    start.elapsed()
}

#[test]
fn a_head_that_does_not_end_is_cut_however_steadily_it_comes() {
    let site = site();
    let door = site.open_with(&site.config(LEGACY).and("limits: {header_timeout: 300ms}"));
    let mut client = Client::connect(door.address).patient_for(Duration::from_millis(50));
    client.send("GET / HTTP/1.1\r\n");
    let start = Instant::now();
    // Each piece comes well within the time that one read would be given.
    while client.try_send("X-Slow: loris\r\n").is_ok() && !client.is_closed() {
        assert!(start.elapsed() < PATIENCE, "a slow head is never cut");
    }
    assert!(start.elapsed() >= Duration::from_millis(290), "cut after {:?}", start.elapsed());
    assert_eq!(site.legacy.seen().len(), 0);
}

#[test]
fn idle_connections_are_closed_the_first_time_and_between_requests() {
    let site = site();
    let door = site
        .open_with(&site.config(LEGACY).and("limits: {header_timeout: 300ms, keep_alive: 600ms, body_timeout: 30s}"));
    let mut silent = door.client();
    assert!(time_to_close(&mut silent) >= Duration::from_millis(250));
    let mut kept = door.client();
    assert_eq!(kept.get("/", &[]).text(), "ok");
    let waited = time_to_close(&mut kept);
    assert!(waited >= Duration::from_millis(550), "a kept connection was closed after {waited:?}");
}

#[test]
fn a_body_that_stops_coming_is_a_408() {
    let site = site();
    let door = site.open_with(&site.config(LEGACY).and("limits: {body_timeout: 300ms}"));
    let mut client = door.client();
    client.send("POST / HTTP/1.1\r\nHost: site.test\r\nContent-Length: 10\r\n\r\nhalf");
    assert_eq!(client.answer("POST").status(), 408);
    assert_eq!(door.get("/").text(), "ok", "others are served");
}

#[test]
fn a_head_over_the_limit_is_a_431_and_one_below_it_passes() {
    let site = site();
    let door = site.open_with(&site.config(LEGACY).and("limits: {max_header_bytes: 2KiB}"));
    let long = |length: usize| format!("X-Long: {}", "x".repeat(length));
    assert_eq!(door.ask("GET", "/", &[&long(1500)], b"").status(), 200);
    assert_eq!(door.ask("GET", "/", &[&long(2500)], b"").status(), 431);
    assert_eq!(site.legacy.seen().len(), 1);
}

/// Bytes of a head without end, and clients that send one.
const ENDLESS: usize = 900 << 10;
const SENDERS: usize = 100;

#[test]
fn heads_beyond_all_bounds_are_not_kept() {
    let site = site();
    let door = site.open_with(&site.config(LEGACY).and("limits: {header_timeout: 30s}"));
    assert_eq!(door.get("/").text(), "ok");
    let before = door.memory();
    let head = format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(ENDLESS));
    let mut clients: Vec<Client> = (0..SENDERS)
        .map(|_| {
            let mut client = door.client();
            // The door may have had enough of it meanwhile.
            client.try_send(&head).ok();
            client
        })
        .collect();
    await_that("the door has had enough of all of them", || {
        let open = door.metric("connections", &[]);
        if open == 0.0 { Ok(()) } else { Err(format!("{open} are open")) }
    });
    let grown = door.memory().saturating_sub(before);
    assert!(grown < (SENDERS * ENDLESS) as u64 / 2, "{} KiB for {SENDERS} heads", grown >> 10);
    // Who was still sending may find the connection reset, and no answer.
    let told = clients.iter_mut().filter_map(|client| client.try_answer("GET").ok());
    assert!(told.map(|answer| answer.status()).all(|status| status == 400));
}

#[test]
fn connections_over_the_limit_are_closed_and_a_free_place_is_given_again() {
    let site = site();
    let door = site.open_with(&site.config(LEGACY).and("limits: {max_connections: 2}"));
    let (mut first, mut second) = (door.client(), door.client());
    assert_eq!((first.get("/", &[]).text(), second.get("/", &[]).text()), ("ok".into(), "ok".into()));
    assert!(door.client().is_closed());
    drop(first);
    await_place(door.address);
    assert_eq!(second.get("/", &[]).text(), "ok");
}

/// A client that is served here, once there is a place for it.
fn await_place(address: SocketAddr) -> Client {
    let mut placed = None;
    await_that("the place of a client that left", || {
        let mut client = Client::connect(address);
        client.try_send(request("GET", "/", &[], b"")).map_err(|error| error.to_string())?;
        client.try_answer("GET").map_err(|broken| broken.why.to_string())?;
        placed = Some(client);
        Ok(())
    });
    placed.unwrap()
}

#[test]
fn a_full_listener_leaves_room_on_the_others() {
    let site = site();
    let mut config = site.config(LEGACY).and("limits: {max_connections: 4}");
    let other = SocketAddr::from(([127, 0, 0, 1], free_port()));
    config.listener = format!(", max_connections: 2}}\n  - {{address: \"{other}\"");
    let door = site.open_with(&config);
    let is_served = |client: &mut Client| client.get("/", &[]).text() == "ok";
    let (mut first, mut second) = (door.client(), door.client());
    assert!(is_served(&mut first) && is_served(&mut second));
    assert!(door.client().is_closed());
    let mut there = [Client::connect(other), Client::connect(other)];
    assert!(there.iter_mut().all(is_served));
    assert!(Client::connect(other).is_closed(), "the bound over all");
    assert_eq!(door.metric("connections_refused_total", &[("reason", "max_connections")]), 2.0);
    drop((first, there));
    let _third = await_place(door.address);
    assert!(door.client().is_closed());
    door.edit_and_await("max_connections: 2", "max_connections: 3");
    assert!(is_served(&mut door.client()), "an edit holds for who comes next");
    assert!(is_served(&mut second));
}

#[test]
fn a_first_byte_that_is_late_is_a_504_and_a_slow_body_is_not() {
    let go = Signal::new();
    let seen = go.clone();
    let slow = Origin::answering(move |asked, wire| {
        if asked.target() == "/silent" {
            return wire.hang();
        }
        wire.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsl");
        seen.wait();
        wire.send("owly");
    });
    let site = Site::of(slow, Origin::dead());
    let mut config = site.config(LEGACY);
    config.legacy = format!("{}, timeouts: {{first_byte: 300ms, idle: 30s}}", config.legacy);
    let door = site.open_with(&config);
    let start = Instant::now();
    assert_eq!(door.get("/silent").status(), 504);
    assert!(start.elapsed() >= Duration::from_millis(290));
    let mut client = door.client();
    client.send(request("GET", "/slow", &[], b""));
    client.head();
    assert_eq!(client.reader.exactly(2).unwrap(), b"sl");
    // Longer than the first byte may take, on a connection whose answer has begun.
    let mut quiet = door.client().patient_for(Duration::from_millis(600));
    assert!(quiet.reader.some(1).is_err(), "nothing comes on the other connection meanwhile");
    go.give();
    assert_eq!(client.reader.exactly(4).unwrap(), b"owly");
}

#[test]
fn a_full_backend_lets_one_wait_in_line_and_sends_the_others_away() {
    let (go, busy) = (Signal::new(), Signal::new());
    let (seen, taken) = (go.clone(), busy.clone());
    let one_at_a_time = Origin::answering(move |asked, wire| {
        if asked.target() == "/held" {
            taken.give();
            seen.wait();
        }
        wire.ok("served");
    });
    let site = Site::of(one_at_a_time, Origin::dead());
    let mut config = site.config(LEGACY);
    config.legacy = format!("{}, max_in_flight: 1, timeouts: {{connect: 400ms}}", config.legacy);
    let door = site.open_with(&config);
    let mut first = door.client();
    first.send(request("GET", "/held", &[], b""));
    busy.wait();
    assert_eq!(door.get("/late").status(), 503, "no place came free in time");
    go.give();
    assert_eq!(first.answer("GET").text(), "served");
    assert_eq!(door.get("/next").text(), "served", "the place is given again");
}

#[test]
fn a_dead_endpoint_costs_no_user_an_answer() {
    let site = site();
    let gone = Origin::dead();
    let mut config = site.config(LEGACY);
    config.legacy = format!("endpoints: [\"http://{}\", \"http://{}\"]", gone.address, site.legacy.address);
    let door = site.open_with(&config);
    for _ in 0..6 {
        assert_eq!(
            door.ask("POST", "/", &[], b"body").text(),
            "ok",
            "nothing was sent, so any method may be tried elsewhere"
        );
    }
    assert_eq!(site.legacy.seen().len(), 6);
}

#[test]
fn the_access_log_has_a_line_for_each_request_and_no_secret() {
    let site = site();
    let door = site.open_with(&site.config(LEGACY).and("access_log: {path: access.log}"));
    door.ask("GET", "/a/page?token=s3cret", &["Cookie: AURSID=s3cret", "User-Agent: story"], b"");
    door.ask("POST", "/other", &[], b"s3cret");
    let path = site.path("access.log");
    await_that("two lines in the access log", || {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        (text.lines().count() == 2).then_some(()).ok_or(text)
    });
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains("s3cret"), "{text}");
    let first: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&first["method"], &first["path"], &first["status"], &first["route"], &first["origin"], &first["user_agent"]),
        (&"GET".into(), &"/a/page".into(), &200.into(), &"all".into(), &"legacy".into(), &"story".into())
    );
}

/// The library refuses what it cannot read before any hook is called: the operator learns of it all the same.
#[test]
fn what_cannot_be_read_is_answered_counted_and_written_down() {
    let site = site();
    let door = site.open_with(&site.config(LEGACY).and("access_log: {path: access.log}"));
    let unread = [
        ("GARBAGE\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n", 400),
        ("CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 405),
    ];
    for (bytes, status) in unread {
        let mut client = door.client();
        client.send(bytes);
        let answer = client.answer("GET");
        assert_eq!((answer.status(), answer.header("server")), (status, None), "{bytes:?}");
        assert!(answer.text().starts_with(&format!("{status} ")), "{}", answer.text());
        assert!(client.is_closed());
    }
    let refused = |code| [("route", "default"), ("code", code), ("origin", "door")];
    door.await_metric("requests_total", &refused("400"), 3.0);
    door.await_metric("requests_total", &refused("405"), 1.0);
    let path = site.path("access.log");
    await_that("a line for each", || {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        // Each is written when its connection has ended, whichever is the first.
        let mut told: Vec<_> = lines.iter().filter_map(|line| line["status"].as_u64()).collect();
        told.sort_unstable();
        let known = lines.iter().all(|line| line["client"] == "127.0.0.1");
        (told == [400, 400, 400, 405] && known).then_some(()).ok_or(text)
    });
    assert!(site.legacy.seen().is_empty());
}
