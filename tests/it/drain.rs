//! Leaving: the door says that it goes, finishes what is under way, and goes.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use http::Request;
use socket2::{Domain, Socket, Type};

use crate::harness::client::request;
use crate::harness::frames::{self, Frames};
use crate::harness::http2::{Http2, meanwhile, story};
use crate::harness::site::await_that;
use crate::harness::{Client, Origin, Signal, Site, get};
use crate::http2::h2c;

/// After the last answer the door has no reason to stay.
pub const SOON: Duration = Duration::from_secs(10);

/// Answers `legacy`, and `/slow` only after the release.
pub fn held(release: &Signal) -> Origin {
    let release = release.clone();
    Origin::answering(move |seen, wire| {
        if seen.target() == "/slow" {
            release.wait();
        }
        wire.ok("legacy");
    })
}

#[test]
fn sigterm_finishes_what_is_under_way_and_ends_with_0() {
    let release = Signal::new();
    let site = Site::of(held(&release), Origin::dead());
    let mut door = site.open("- {name: all, match: {path: {prefix: /}}, stage: legacy}");
    let mut idle = door.client();
    assert_eq!(idle.get("/", &[]).status(), 200);
    let mut client = door.client();
    client.send(request("GET", "/slow", &[], b""));
    site.legacy.await_seen(2);
    door.signal("TERM");
    await_that("readiness to fail", || {
        let status = get(door.admin, "/readyz").status();
        if status == 503 { Ok(()) } else { Err(format!("readyz says {status}")) }
    });
    assert_eq!(get(door.admin, "/healthz").status(), 200, "alive while it drains");
    await_that("the listener to close", || match Client::try_connect(door.address) {
        Err(_) => Ok(()),
        Ok(mut client) => {
            match client.try_send(request("GET", "/", &[], b"")).map(|()| client.try_answer("GET").is_ok()) {
                Ok(true) => Err("still serving new connections".to_owned()),
                _ => Ok(()),
            }
        }
    });
    release.give();
    assert_eq!(client.answer("GET").text(), "legacy", "the request under way is answered");
    let answered = Instant::now();
    let status = door.await_exit();
    assert_eq!(status.code(), Some(0), "{status}\n{}", door.log());
    println!("gone {:?} after the last answer", answered.elapsed());
    assert!(answered.elapsed() < SOON, "it stayed {:?}", answered.elapsed());
}

#[test]
fn while_it_is_still_listening_answers_say_that_it_goes() {
    let site = Site::named();
    let routes = "- {name: none, match: {path: {exact: /none}}, respond: {status: 404}}\n\
                  - {name: all, match: {path: {prefix: /}}, stage: legacy}";
    let mut door = site.open_with(&site.config(routes).and("drain_delay: 2s"));
    let (mut kept, mut asks_the_door) = (door.client(), door.client());
    assert_eq!(kept.get("/", &[]).status(), 200);
    assert_eq!(asks_the_door.get("/none", &[]).status(), 404);
    let told = Instant::now();
    door.signal("TERM");
    await_that("readiness to fail", || match get(door.admin, "/readyz").status() {
        503 => Ok(()),
        status => Err(format!("{status}")),
    });
    let last = kept.get("/", &[]);
    assert_eq!((last.status(), last.header("connection").as_deref()), (200, Some("close")));
    let last = asks_the_door.get("/none", &[]);
    assert_eq!((last.status(), last.header("connection").as_deref()), (404, Some("close")));
    assert_eq!(get(door.address, "/").status(), 200, "a balancer that has not looked yet loses nothing");
    assert_eq!(door.await_exit().code(), Some(0));
    assert!(told.elapsed() >= Duration::from_millis(1900), "{:?}", told.elapsed());
}

/// A long download goes on while the door drains, and is whole.
#[test]
fn a_stream_has_the_drain_timeout_to_end() {
    let (begun, release) = (Signal::new(), Signal::new());
    let (has_begun, held) = (begun.clone(), release.clone());
    let legacy = Origin::answering(move |_, wire| {
        wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        wire.chunk("first");
        has_begun.give();
        held.wait();
        wire.chunk("last");
        wire.last_chunk();
    });
    let site = Site::of(legacy, Origin::dead());
    let mut door = site.open("- {name: all, match: {path: {prefix: /}}, stage: legacy}");
    let mut client = door.client();
    client.send(request("GET", "/", &[], b""));
    begun.wait();
    door.signal("TERM");
    await_that("the listener to close", || match Client::try_connect(door.address) {
        Err(_) => Ok(()),
        Ok(_) => Err("it is open".to_owned()),
    });
    release.give();
    assert_eq!(client.answer("GET").text(), "firstlast");
    assert_eq!(door.await_exit().code(), Some(0));
}

/// Browsers connect before they ask, and do not repeat what failed on a fresh connection; nor does anybody who has begun to ask on
/// an old one.
#[test]
fn who_has_just_connected_is_answered() {
    let site = Site::named();
    let mut door = site.open("- {name: all, match: {path: {prefix: /}}, stage: legacy}");
    let (mut silent, mut begun, mut kept) = (door.client(), door.client(), door.client());
    begun.send("GET / HTTP/1.1\r\nHost: si");
    assert_eq!(kept.get("/", &[]).text(), "legacy");
    kept.send("GET / HTTP/1.1\r\nHost: si");
    await_that("all to be accepted", || match door.metric("connections", &[]) {
        open if open >= 3.0 => Ok(()),
        open => Err(format!("{open} are open")),
    });
    door.signal("TERM");
    await_that("the listener to close", || match Client::try_connect(door.address) {
        Err(_) => Ok(()),
        Ok(_) => Err("it is open".to_owned()),
    });
    silent.send(request("GET", "/", &[], b""));
    assert_eq!(silent.answer("GET").text(), "legacy");
    // Longer than the silent are waited for.
    std::thread::sleep(Duration::from_millis(1_500));
    for client in [&mut begun, &mut kept] {
        client.send("te.test\r\n\r\n");
        let answer = client.answer("GET");
        assert_eq!((answer.text().as_str(), answer.header("connection").as_deref()), ("legacy", Some("close")));
    }
    assert_eq!(door.await_exit().code(), Some(0));
}

/// Connections that wait to be accepted when the listener closes would be reset with it. Here the door stands still until it is time
/// to close, and has them all before it then.
#[test]
fn who_waits_to_be_accepted_is_answered() {
    const DELAY: Duration = Duration::from_secs(1);
    let site = Site::named();
    let config = site.config("- {name: all, match: {path: {prefix: /}}, stage: legacy}").and("drain_delay: 1s");
    let mut door = site.open_with(&config);
    door.signal("TERM");
    door.await_log("draining");
    let told = Instant::now();
    door.signal("STOP");
    let mut waiting: Vec<Client> = (0..50).map(|_| door.client()).collect();
    for client in &mut waiting {
        client.send(request("GET", "/", &[], b""));
    }
    std::thread::sleep((DELAY + Duration::from_millis(100)).saturating_sub(told.elapsed()));
    door.signal("CONT");
    for client in &mut waiting {
        assert_eq!(client.answer("GET").text(), "legacy");
    }
    assert_eq!(door.await_exit().code(), Some(0));
}

#[test]
fn an_idle_door_leaves_at_once() {
    let site = Site::named();
    let mut door = site.open("- {name: all, match: {path: {prefix: /}}, stage: legacy}");
    let mut kept = door.client();
    assert_eq!(kept.get("/", &[]).status(), 200);
    let told = Instant::now();
    door.signal("TERM");
    assert_eq!(door.await_exit().code(), Some(0));
    assert!(told.elapsed() < SOON, "{:?}", told.elapsed());
}

#[test]
fn the_drain_has_a_longest_wait() {
    let site = Site::of(Origin::hanging(), Origin::dead());
    let config = site.config("- {name: all, match: {path: {prefix: /}}, stage: legacy}").and("drain_timeout: 1s");
    let mut door = site.open_with(&config);
    let mut client = door.client();
    client.send(request("GET", "/", &[], b""));
    site.legacy.await_seen(1);
    let told = Instant::now();
    door.signal("TERM");
    door.await_exit();
    let took = told.elapsed();
    assert!(took >= Duration::from_millis(900) && took < Duration::from_secs(8), "{took:?}");
}

#[test]
fn copies_under_way_are_counted_before_it_goes() {
    let site = Site::of(Origin::saying("legacy"), Origin::hanging());
    let routes = "- {name: all, match: {path: {prefix: /}}, stage: shadow, mirror: {percent: 100, timeout: 60s}}";
    let mut door = site.open(routes);
    for _ in 0..3 {
        assert_eq!(door.get("/").status(), 200);
    }
    site.new.await_seen(3);
    door.signal("TERM");
    assert_eq!(door.await_exit().code(), Some(0));
    let line = door.report_on("all").expect("what was under way is told");
    assert_eq!((line.count("compared"), line.unproven()), (0, 3), "{}", line.0);
}

#[test]
fn who_says_it_twice_waits_for_nobody_and_loses_no_comparison() {
    let release = Signal::new();
    let site = Site::of(held(&release), Origin::saying("new"));
    let mut door = site.open(SHADOW);
    for _ in 0..3 {
        assert_eq!(door.get("/").status(), 200);
    }
    door.await_metric("comparisons_total", &[("route", "all")], 3.0);
    let mut client = door.client();
    client.send(request("GET", "/slow", &[], b""));
    site.legacy.await_seen(4);
    door.signal("TERM");
    await_that("the drain to begin", || match get(door.admin, "/readyz").status() {
        503 => Ok(()),
        status => Err(format!("{status}")),
    });
    door.signal("TERM");
    assert_eq!(door.await_exit().code(), Some(1), "{}", door.log());
    release.give();
    let line = door.report_on("all").expect("what was compared is told");
    assert_eq!(line.count("compared"), 3, "{}", line.0);
}

/// At the drain's beginning, and while nothing but the copies is waited for: how slow new is must not be forgotten.
#[test]
fn copies_under_way_are_counted_also_if_it_is_said_twice() {
    for pause in [Duration::from_millis(100), Duration::from_millis(1_200)] {
        let site = Site::of(Origin::saying("legacy"), Origin::hanging());
        let mut door = site.open(
            "- {name: all, match: {path: {prefix: /}}, stage: shadow, mirror: {percent: 100, timeout: 60s, max_in_flight: 3}}",
        );
        (0..5).for_each(|_| assert_eq!(door.get("/").status(), 200));
        site.new.await_seen(3);
        door.signal("TERM");
        door.await_log("draining");
        std::thread::sleep(pause);
        let told = Instant::now();
        door.signal("TERM");
        assert_eq!(door.await_exit().code(), Some(1), "{}", door.log());
        assert!(told.elapsed() < Duration::from_secs(4), "{:?}", told.elapsed());
        let line = door.report_on("all").expect("what was under way is told");
        assert_eq!((line.count("compared"), line.unproven_by("shutdown")), (0, 5), "after {pause:?}: {}", line.0);
    }
}

const SHADOW: &str = "- {name: all, match: {path: {prefix: /}}, stage: shadow}";

#[test]
fn what_had_to_be_cut_is_told_and_counted() {
    let site = Site::of(Origin::hanging(), Origin::dead());
    let config = h2c(&site, SHADOW).and("drain_timeout: 500ms").and("access_log: {path: access.log}");
    let mut door = site.open_with(&config);
    let clients = [(); 3].map(|()| {
        let mut client = door.client();
        client.send(request("GET", "/", &[], b""));
        client
    });
    story(async {
        let client = Http2::connect(door.address).await;
        let asked = Request::get("http://site.test/").body(()).unwrap();
        let (answer, _) = client.send.clone().ready().await.unwrap().send_request(asked, true).unwrap();
        meanwhile(|| site.legacy.seen().len() == 4).await;
        door.signal("TERM");
        assert_eq!(answer.await.unwrap().status(), 503);
    });
    assert_eq!(clients.map(|mut client| client.answer("GET").status()), [503; 3]);
    door.await_exit();
    let log = std::fs::read_to_string(site.path("access.log")).unwrap();
    let lines =
        log.lines().filter(|line| line.contains("\"status\":503") && line.contains("\"error\":\"drain_timeout\""));
    assert_eq!(lines.count(), 4, "{log}");
    let line = door.report_on("all").expect("what was cut is told");
    assert_eq!((line.count("compared"), line.unproven_by("aborted")), (0, 4), "{}", line.0);
}

/// Half an answer stays one that anybody can see is half, and the log has a line of it; so it has of a WebSocket.
#[test]
fn what_was_cut_in_the_middle_has_a_line_in_the_access_log() {
    let legacy = Origin::at_head(|seen, wire| {
        match seen.target().as_str() {
            "/ws" => {
                wire.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello")
            }
            _ => wire.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello"),
        }
        wire.hang();
    });
    let site = Site::of(legacy, Origin::dead());
    let config = site.config("- {name: all, match: {path: {prefix: /}}, stage: legacy}");
    let mut door = site.open_with(&config.and("drain_timeout: 500ms").and("access_log: {path: access.log}"));
    let (mut half, mut tunnel) = (door.client(), door.client());
    half.send(request("GET", "/half", &[], b""));
    tunnel.send(request("GET", "/ws", &["Connection: Upgrade", "Upgrade: websocket"], b""));
    assert_eq!(tunnel.answer("GET").status(), 101);
    assert_eq!(tunnel.reader.exactly(5).unwrap(), b"hello");
    half.reader.until(b"hello").unwrap();
    door.signal("TERM");
    assert!(half.is_closed() && tunnel.is_closed());
    assert_eq!(door.await_exit().code(), Some(0));
    let log = std::fs::read_to_string(site.path("access.log")).unwrap();
    for told in ["\"path\":\"/half\"", "\"path\":\"/ws\""] {
        let line = log.lines().find(|line| line.contains(told)).expect(&log);
        assert!(line.contains("\"bytes\":5,") && line.contains("\"error\":\"drain_timeout\""), "{line}");
    }
    assert!(!door.log().contains("a backend failed"), "{}", door.log());
}

#[test]
fn so_has_an_answer_that_its_client_does_not_read() {
    const MORE_THAN_SOCKETS_TAKE: usize = 30 << 20;
    let site = Site::of(Origin::answering(|_, wire| wire.ok(vec![b'x'; MORE_THAN_SOCKETS_TAKE])), Origin::dead());
    let config = h2c(&site, "- {name: all, match: {path: {prefix: /}}, stage: legacy}");
    let mut door = site.open_with(&config.and("drain_timeout: 500ms").and("access_log: {path: access.log}"));
    let mut clients: Vec<_> = (0..8).map(|_| door.client()).collect();
    for client in &mut clients {
        client.send(request("GET", "/", &[], b""));
    }
    let mut of_http2: Vec<_> = (0..8).map(|_| Frames::open(door.address)).collect();
    for client in &mut of_http2 {
        client.head(1, &frames::get("/"), true);
    }
    door.await_metric("backend_in_flight", &[("backend", "legacy")], 16.0);
    for client in &mut clients {
        client.reader.until(b"xxx").unwrap();
    }
    door.signal("TERM");
    assert_eq!(door.await_exit().code(), Some(0));
    let log = std::fs::read_to_string(site.path("access.log")).unwrap();
    assert_eq!(log.matches("\"error\":\"drain_timeout\"").count(), 16, "{log}");
}

/// A connection of HTTP/2 ends before the requests on it do: those that wait for a backend do not notice.
#[test]
fn what_a_client_leaves_behind_is_counted() {
    let site = Site::of(Origin::dead(), Origin::dead());
    let crowded = Crowded::new();
    let mut config = h2c(&site, SHADOW);
    config.legacy = format!("endpoints: [\"http://{}\"], timeouts: {{connect: 2s}}", crowded.address);
    let mut door = site.open_with(&config);
    story(async {
        let client = Http2::connect(door.address).await;
        let asked = Request::get("http://site.test/").body(()).unwrap();
        let _answer = client.send.clone().ready().await.unwrap().send_request(asked, true).unwrap();
        meanwhile(|| door.metric("backend_in_flight", &[("backend", "legacy")]) == 1.0).await;
    });
    door.signal("TERM");
    assert_eq!(door.await_exit().code(), Some(0));
    let line = door.report_on("all").expect("what was left behind is told");
    assert_eq!((line.count("compared"), line.unproven()), (0, 1), "{}", line.0);
}

/// Listens, but has no room for another connection: who connects waits.
struct Crowded {
    address: SocketAddr,
    _socket: Socket,
    _waiting: Vec<Socket>,
}

impl Crowded {
    fn new() -> Self {
        let socket = || Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let listener = socket();
        listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        let connect = |_| {
            let one = socket();
            one.connect_timeout(&address.into(), Duration::from_millis(100)).ok();
            one
        };
        Self { address, _socket: listener, _waiting: (0..3).map(connect).collect() }
    }
}
