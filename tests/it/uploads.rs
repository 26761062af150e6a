//! Who keeps whom waiting while a request's body comes: its client has a time of his own, and no backend pays for him.

mod answered;
mod refused;
pub mod sated;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::harness::client::request;
use crate::harness::frames::{self, DATA, END_HEADERS, END_STREAM, Frame, Frames, HEADERS, RST_STREAM};
use crate::harness::http2::{Http2, story};
use crate::harness::origin2::{Origin2, Reply};
use crate::harness::tls::{Hello, Made, Secure};
use crate::harness::{Client, Config, Door, Origin, PATIENCE, Signal, Site};

const LEGACY: &str = "- {name: all, match: {path: {prefix: /}}, stage: legacy}";
/// Less than the clients here pause.
const TIMES: &str = "timeouts: {first_byte: 300ms, idle: 300ms}, outliers: {failures: 1, min_requests: 1}";
const PAUSE: Duration = Duration::from_millis(900);

fn quick(site: &Site) -> Config {
    let mut config = site.config(LEGACY);
    config.legacy = format!("{}, {TIMES}", config.legacy);
    config
}

/// Nothing is heard from the door for so long.
fn is_silent(stream: &mut impl Read, socket: &TcpStream, pause: Duration) {
    socket.set_read_timeout(Some(pause)).unwrap();
    let mut said = [0; 4096];
    if let Ok(length) = stream.read(&mut said) {
        panic!("while its client paused, the door said {:?}", String::from_utf8_lossy(&said[..length]));
    }
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
}

/// Sends these pieces with a pause before each but the first; the answer, to the end of the connection.
fn pausing(stream: &mut (impl Read + Write), socket: &TcpStream, pieces: &[&str]) -> String {
    for (at, piece) in pieces.iter().enumerate() {
        if at > 0 {
            is_silent(stream, socket, PAUSE);
        }
        stream.write_all(piece.as_bytes()).unwrap();
        stream.flush().unwrap();
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn post(lines: &str) -> String {
    format!("POST /up HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n{lines}\r\n")
}

/// Ways to be slow with ten bytes.
fn ways() -> Vec<Vec<String>> {
    let measured = post("Content-Length: 10\r\n");
    let chunked = post("Transfer-Encoding: chunked\r\n");
    let all = [
        vec![measured.clone() + "01234", "56789".into()],
        vec![measured.clone() + "0", "1234".into(), "56789".into()],
        vec![measured, "0123456789".into()],
        vec![chunked.clone() + "5\r\n01234\r\n", "5\r\n56789\r\n0\r\n\r\n".into()],
        vec![chunked.clone() + "5\r\n01", "234\r\n5\r\n56789\r\n".into(), "0\r\n\r\n".into()],
        vec![chunked, "a\r\n0123456789\r\n0\r\n\r\n".into()],
    ];
    all.into()
}

/// All of them at once, over cleartext and over TLS: each is served.
fn all_are_waited_for(door: &Door, secure: bool) {
    std::thread::scope(|scope| {
        for way in ways() {
            scope.spawn(move || {
                let pieces: Vec<&str> = way.iter().map(String::as_str).collect();
                let answer = if secure {
                    let mut client = Secure::connect(door.address, &Hello::to("site.test"));
                    let socket = client.stream.sock.try_clone().unwrap();
                    pausing(&mut client.stream, &socket, &pieces)
                } else {
                    let mut client = door.client();
                    let socket = client.reader.stream.try_clone().unwrap();
                    pausing(&mut client.reader.stream, &socket, &pieces)
                };
                assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("0123456789"), "{pieces:?}: {answer}");
            });
        }
    });
    let log = door.log();
    assert!(!log.contains("failed a request") && !log.contains("left alone"), "{log}");
}

#[test]
fn a_client_that_pauses_in_its_upload_is_no_fault_of_the_backends() {
    let site = Site::of(Origin::answering(|seen, wire| wire.ok(&seen.body)), Origin::dead());
    all_are_waited_for(&site.open_with(&quick(&site)), false);
    let mut config = quick(&site);
    let pair = Made::new(site.folder.path(), "site", "DNS:site.test", 90);
    config.listener = format!(", tls: {{certificates: [{}]}}", pair.entry());
    all_are_waited_for(&site.open_with(&config), true);
}

#[test]
fn nor_of_one_that_speaks_http2() {
    let origin = Origin2::answering(|asked| Reply::Measured(asked.body.clone()));
    let site = Site::of(Origin::dead(), Origin::dead());
    let mut config = quick(&site);
    config.legacy = format!("endpoints: [\"http://{}\"], http2: true, {TIMES}", origin.address);
    all_are_waited_for(&site.open_with(&config), false);
}

#[test]
fn one_that_pauses_for_too_long_is_told_so_himself() {
    let site = Site::of(Origin::at_head(|_, wire| wire.hang()), Origin::dead());
    let door = site.open_with(&quick(&site).and("limits: {body_timeout: 800ms}"));
    for way in [post("Content-Length: 10\r\n") + "01234", post("Transfer-Encoding: chunked\r\n")] {
        let mut client = door.client();
        client.send(&way);
        assert_eq!(client.answer("POST").status(), 408, "{way}");
    }
    assert!(!door.log().contains("failed a request"), "{}", door.log());
}

/// Asks a backend that takes the whole request and says nothing more; when the 504 comes.
fn told_after(door: &Door, send: impl FnOnce(&mut Client)) -> Duration {
    let mut client = door.client();
    let start = Instant::now();
    send(&mut client);
    assert_eq!(client.answer("POST").status(), 504);
    start.elapsed()
}

#[test]
fn a_backend_that_has_the_whole_body_has_no_more_time_than_others() {
    let hangs = Origin::at_head(|seen, wire| {
        if seen.header("expect").is_some() {
            wire.send("HTTP/1.1 100 Continue\r\n\r\n");
        }
        if seen.target() == "/stops" {
            wire.body_of(seen);
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        }
        wire.hang();
    });
    let site = Site::of(hangs, Origin::dead());
    let mut config = site.config(LEGACY);
    config.legacy = format!("{}, timeouts: {{first_byte: 500ms, idle: 500ms}}", config.legacy);
    let door = site.open_with(&config.and("limits: {body_timeout: 20s}"));
    let soon = Duration::from_millis(490)..Duration::from_secs(10);
    let measured = told_after(&door, |client| {
        client.send(request("POST", "/", &[], b"0123456789"));
    });
    assert!(soon.contains(&measured), "{measured:?}");
    let chunked = told_after(&door, |client| {
        client.send(request("POST", "/", &["Transfer-Encoding: chunked"], b"")).send("1\r\nx\r\n0\r\n\r\n");
    });
    assert!(soon.contains(&chunked), "{chunked:?}");
    let invited = told_after(&door, |client| {
        client.send(request("POST", "/", &["Expect: 100-continue", "Content-Length: 10"], b""));
        assert!(client.head().starts_with(b"HTTP/1.1 100 "));
        client.send("0123456789");
    });
    assert!(soon.contains(&invited), "{invited:?}");
    let (mut client, start) = (door.client(), Instant::now());
    client.send(request("POST", "/stops", &[], b"0123456789"));
    let broken = client.try_answer("POST").expect_err("half an answer");
    assert_eq!(broken.got, b"half");
    assert!(soon.contains(&start.elapsed()), "{:?}", start.elapsed());
}

/// A body of HTTP/2 in so many pieces, all at once, the end with the last of them or behind it.
fn in_pieces(client: &mut Frames, stream: u32, pieces: usize, end_apart: bool) {
    let length = pieces.to_string();
    let head = [(":method", "POST"), (":path", "/"), (":scheme", "http"), (":authority", "site.test")];
    let head: Vec<_> = head.into_iter().chain([("content-length", length.as_str())]).collect();
    let mut all = frames::frame(HEADERS, END_HEADERS, stream, &frames::block(&head));
    for piece in 1..=pieces {
        let last = if piece == pieces && !end_apart { END_STREAM } else { 0 };
        all.extend(frames::frame(DATA, last, stream, b"x"));
    }
    if end_apart {
        all.extend(frames::frame(DATA, END_STREAM, stream, b""));
    }
    assert!(client.raw(&all));
}

fn text(seen: &[Frame]) -> String {
    let data = seen.iter().filter(|frame| frame.kind == DATA).flat_map(|frame| frame.payload.clone());
    String::from_utf8(data.collect()).unwrap()
}

/// The library has room for so many pieces of a body, and looks at nothing while it has none.
#[test]
fn in_however_many_pieces_it_came() {
    let hangs = || Origin::at_head(|seen, wire| if wire.body_of(seen).is_empty() { wire.ok("") } else { wire.hang() });
    let site = Site::of(hangs(), hangs());
    let mut config = site.config(LEGACY);
    config.listener = ", h2c: true".to_owned();
    config.legacy = format!("{}, timeouts: {{first_byte: 500ms}}", config.legacy);
    let door = site.open_with(&config);
    for pieces in 1..=13 {
        for end_apart in [false, true] {
            let mut client = Frames::open(door.address);
            let start = Instant::now();
            in_pieces(&mut client, 1, pieces, end_apart);
            let told = text(&client.until_over(1));
            let took = start.elapsed();
            assert!(
                told.starts_with("504 ") && took < Duration::from_secs(10),
                "{pieces} {end_apart}: {told} after {took:?}"
            );
            // Who leaves is seen to leave.
            in_pieces(&mut client, 3, pieces, end_apart);
            door.await_metric("backend_in_flight", &[("backend", "legacy")], 1.0);
            client.send(RST_STREAM, 0, 3, &8_u32.to_be_bytes());
            door.await_metric("backend_in_flight", &[("backend", "legacy")], 0.0);
        }
    }
}

/// Also where the old backend is to answer for one that is late.
#[test]
fn nor_does_a_fallback_depend_on_the_pieces() {
    let silent = Origin::at_head(|seen, wire| drop(wire.body_of(seen)));
    let site = Site::of(Origin::saying("legacy"), silent);
    let mut config = site.config(
        "- {name: all, match: {path: {prefix: /}}, stage: new, fallback: {on: {timeout: true}, methods: [POST]}}",
    );
    config.listener = ", h2c: true".to_owned();
    config.new = format!("{}, timeouts: {{first_byte: 300ms}}", config.new);
    let door = site.open_with(&config);
    for pieces in 1..=9 {
        for end_apart in [false, true] {
            let mut client = Frames::open(door.address);
            in_pieces(&mut client, 1, pieces, end_apart);
            assert_eq!(text(&client.until_over(1)), "legacy", "{pieces} {end_apart}");
        }
    }
}

/// The library would look at no clock once it has a byte of the next request, and it may have any part of that.
#[test]
fn a_backend_has_no_more_time_where_the_next_request_waits() {
    let hangs = Origin::at_head(|seen, wire| {
        if seen.target() == "/stops" {
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        }
        wire.hang();
    });
    let site = Site::of(hangs, Origin::dead());
    let mut config = site.config(LEGACY);
    let next = request("GET", "/next", &["X-More: of it"], b"").repeat(2);
    let times = [("/", "first_byte: 500ms, idle: 50s"), ("/stops", "first_byte: 50s, idle: 500ms")];
    let legacy = config.legacy;
    for (target, times) in times {
        config.legacy = format!("{legacy}, timeouts: {{{times}}}");
        let door = site.open_with(&config);
        for (method, body) in [("GET", &b""[..]), ("POST", b"0123456789")] {
            for at_once in [0, 1, 20, 40, next.len() / 2, next.len() / 2 + 5, next.len()] {
                let (mut client, start) = (door.client(), Instant::now());
                let seen = site.legacy.seen().len();
                client.send([request(method, target, &[], body), next[..at_once].to_vec()].concat());
                site.legacy.await_seen(seen + 1);
                client.send(&next[at_once..]);
                match client.try_answer(method) {
                    Ok(answer) => assert_eq!((answer.status(), target), (504, "/")),
                    Err(broken) => assert_eq!((&*broken.got, target), (&b"half"[..], "/stops")),
                }
                let took = start.elapsed();
                assert!(took < Duration::from_secs(20), "{method} {target}, {at_once} bytes at once: {took:?}");
            }
        }
        door.await_metric("backend_in_flight", &[("backend", "legacy")], 0.0);
    }
}

/// To it the door cannot even give what it has read, so it does not look at its client either.
#[test]
fn a_backend_that_takes_no_more_of_the_body_does_not_last() {
    const TOO_MUCH: usize = 64 << 20;
    let over = Signal::new();
    let told = over.clone();
    let sated = Origin::at_head(move |_, wire| {
        wire.send("HTTP/1.1 100 Continue\r\n\r\n");
        told.wait();
        wire.close();
    });
    let site = Site::of(sated, Origin::dead());
    let mut config = quick(&site).and("limits: {body_timeout: 1s}");
    config.listener = ", h2c: true".to_owned();
    let door = site.open_with(&config);
    uploads_are_given_up(&door, TOO_MUCH);
    over.give();
}

/// Clients of both versions are told that the backend is late.
fn uploads_are_given_up(door: &Door, bytes: usize) {
    let mut client = door.client();
    client.send(format!("POST / HTTP/1.1\r\nHost: site.test\r\nContent-Length: {bytes}\r\n\r\n"));
    client.try_send(vec![b'x'; bytes]).ok();
    match client.try_answer("POST") {
        Ok(answer) => assert_eq!(answer.status(), 504),
        // What the door did not read is in the way of its answer.
        Err(broken) => assert!(broken.got.is_empty(), "{:?}", broken.got),
    }
    door.await_log("status=504");
    story(async {
        let client = Http2::connect(door.address).await;
        assert_eq!(client.ask("POST", "/", &[], &vec![b'x'; bytes.min(4 << 20)]).await.unwrap().status, 504);
    });
}
