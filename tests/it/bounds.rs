//! How large a request may be in each of its parts, and how long one may take as a whole.

use std::time::{Duration, Instant};

use crate::harness::client::request;
use crate::harness::frames::{self, Frames};
use crate::harness::{Origin, Site};

const LEGACY: &str = "- {name: all, match: {path: {prefix: /}}, stage: legacy}";
/// Bodies at /small have a bound, a copy, and a legacy that stands in; at /any they have none, although the defaults say one.
const SIZED: &str = "
    - {name: small, match: {path: {prefix: /small}}, stage: new, limits: {max_body: 10B}, \
       mirror: {methods: [POST], percent: 100}, fallback: {on: {connect_error: true, timeout: true}, methods: [POST]}}
    - {name: any, match: {path: {prefix: /any}}, stage: legacy, limits: {max_body: 0B}}";

fn site() -> Site {
    Site::of(Origin::saying("legacy"), Origin::saying("new"))
}

#[test]
fn a_body_over_its_routes_limit_is_a_413_and_reaches_nobody() {
    let site = site();
    let door = site.open(SIZED);
    assert_eq!(door.ask("POST", "/small", &[], b"ten bytes.").text(), "new");
    let larger = door.ask("POST", "/small", &[], b"eleven byte");
    assert_eq!(larger.status(), 413);
    assert!(larger.text().contains("limits.max_body"), "{}", larger.text());
    let mut chunked = door.client();
    let head = "POST /small HTTP/1.1\r\nHost: site.test\r\nTransfer-Encoding: chunked\r\n\r\n";
    chunked.send(head).send("6\r\nsix by\r\n5\r\ntes..\r\n0\r\n\r\n");
    assert_eq!(chunked.answer("POST").status(), 413);
    assert_eq!(door.ask("POST", "/any", &[], &[b'x'; 100_000]).text(), "legacy");
    let whole = |seen: &[std::sync::Arc<crate::harness::Seen>]| seen.iter().filter(|seen| seen.body.len() > 10).count();
    assert_eq!(whole(&site.new.seen()), 0);
    assert_eq!(site.legacy.await_seen(2).len(), 2, "the copy of ten bytes, and what has no bound");
    assert_eq!(door.metric("fallback_total", &[]), 0.0, "who sends too much is not new's failure");
}

#[test]
fn a_client_that_is_still_sending_reads_the_413() {
    let site = site();
    let door = site.open(SIZED);
    for expects in ["", "Expect: 100-continue\r\n"] {
        let mut client = door.client();
        client.send(format!("POST /small HTTP/1.1\r\nHost: site.test\r\n{expects}Content-Length: 3000000\r\n\r\n"));
        // Much more than the sockets hold: who does not read until all is sent has to be listened to for a while.
        let sent = expects.is_empty() && client.try_send(vec![b'x'; 3_000_000]).is_ok();
        assert!(sent || !expects.is_empty(), "the door does not listen");
        assert_eq!(client.answer("POST").status(), 413);
    }
}

/// It goes on sending after the answer is there, as most do; closed over what nobody read, its connection would be reset.
#[test]
fn who_uploads_to_nobody_reads_why() {
    let site = site();
    let door = site.open(
        "
    - {name: no, match: {path: {prefix: /no}}, respond: {status: 403}}
    - {name: rated, match: {path: {prefix: /rated}}, stage: legacy, limits: {rate: {requests: 1, per: 1h, by: client}}}",
    );
    assert_eq!(door.get("/rated").status(), 200);
    for (path, status) in [("/no", 403), ("/rated", 429)] {
        let mut client = door.client();
        client.send(format!("POST {path} HTTP/1.1\r\nHost: site.test\r\nContent-Length: 3000000\r\n\r\n"));
        let sent = (0..30).all(|_| client.try_send(vec![b'x'; 100_000]).is_ok());
        assert!(sent, "the door does not listen at {path}");
        assert_eq!(client.answer("POST").status(), status);
    }
}

#[test]
fn a_client_that_is_listened_to_holds_no_place_at_the_backend_and_is_counted_by_then() {
    let site = site();
    let mut config = site.config(SIZED);
    config.new.push_str(", max_in_flight: 1");
    let door = site.open_with(&config);
    let mut client = door.client();
    client.send("POST /small HTTP/1.1\r\nHost: site.test\r\nTransfer-Encoding: chunked\r\n\r\nb\r\neleven byte\r\n");
    assert_eq!(client.answer("POST").status(), 413);
    let start = Instant::now();
    assert_eq!(door.ask("POST", "/small", &[], b"ten bytes.").text(), "new");
    door.await_metric("requests_total", &[("route", "small"), ("code", "413")], 1.0);
    assert!(start.elapsed() < Duration::from_secs(5), "after {:?}", start.elapsed());
    client.send("1\r\nx\r\n");
}

#[test]
fn a_body_over_the_limit_is_a_413_over_http2() {
    let site = site();
    let mut config = site.config(SIZED);
    config.listener = ", h2c: true".to_owned();
    let door = site.open_with(&config);
    let mut client = Frames::open(door.address);
    let fields = [(":method", "POST"), (":scheme", "http"), (":authority", "site.test"), (":path", "/small")];
    client.head(1, &fields, false);
    client.send(0, 0, 1, b"eleven byte");
    let frames = client.until_over(1);
    let body: Vec<u8> =
        frames.iter().filter(|frame| frame.kind == frames::DATA).flat_map(|frame| frame.payload.clone()).collect();
    assert!(body.starts_with(b"413 "), "{}", String::from_utf8_lossy(&body));
}

#[test]
fn heads_are_bounded_in_lines_and_targets_in_bytes() {
    let site = site();
    let door = site.open_with(&site.config(LEGACY).and("limits: {max_headers: 10, max_uri_bytes: 1KiB}"));
    let lines: Vec<String> = (0..10).map(|n| format!("X-{n}: 1")).collect();
    let few: Vec<&str> = lines.iter().take(7).map(String::as_str).collect();
    let many: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert_eq!(door.ask("GET", "/", &few, b"").status(), 200);
    assert_eq!(door.ask("GET", "/", &many, b"").status(), 431);
    let target = |length: usize| format!("/?{}", "x".repeat(length));
    assert_eq!(door.get(&target(1000)).status(), 200);
    assert_eq!(door.get(&target(1023)).status(), 414);
    assert_eq!(site.legacy.seen().len(), 2);
}

#[test]
fn a_target_may_be_as_long_as_the_library_can_hold() {
    let site = site();
    let door = site.open_with(&site.config(LEGACY).and("limits: {max_header_bytes: 256KiB}"));
    let target = |length: usize| format!("/?{}", "x".repeat(length - 2));
    for (length, status) in [(65_534, 200), (65_535, 414), (200_000, 414)] {
        assert_eq!(door.get(&target(length)).status(), status, "{length}");
    }
    assert_eq!(site.legacy.only().target().len(), 65_534);
}

/// What a head has beyond those that the proxy engine reads goes to both backends, and rules see it.
#[test]
fn a_head_may_have_as_many_lines_as_nginx_takes() {
    let site = site();
    let door = site.open(
        "
    - {name: all, match: {path: {prefix: /}, headers: {X-Last: here}}, stage: shadow, mirror: {percent: 100}}
    - {name: rest, match: {path: {prefix: /}}, respond: {status: 404}}",
    );
    let short = "a:\r\n".repeat(8_000);
    let long: String = (0..1_500).map(|n| format!("X-{n}: v{n} \u{e9}\r\n")).collect();
    for (round, (lines, name, count)) in [(short, "a", 8_000), (long, "X-1499", 1)].into_iter().enumerate() {
        let mut client = door.client();
        let last = "Host: site.test\r\nX-Last: here\r\nX-Hop: 1\r\nConnection: X-Hop\r\n\r\n";
        client.send(format!("GET /?many HTTP/1.1\r\n{lines}{last}"));
        client.send("GET /?few HTTP/1.1\r\nHost: site.test\r\nX-Last: here\r\n\r\n");
        assert_eq!([client.answer("GET").text(), client.answer("GET").text()], ["legacy", "legacy"]);
        for origin in [&site.legacy, &site.new] {
            let seen = origin.await_seen(2 * round + 2);
            let (many, few): (Vec<_>, Vec<_>) = seen[2 * round..].iter().partition(|seen| seen.target() == "/?many");
            assert_eq!((many.len(), few.len()), (1, 1));
            assert_eq!((many[0].headers(name).len(), few[0].headers(name).len()), (count, 0));
            let seen_lines = many[0].head.split(|byte| *byte == b'\n');
            assert!(seen_lines.count() > lines.lines().count(), "each of them");
            assert_eq!(many[0].header("X-Hop"), None);
        }
    }
    assert_eq!(door.ask("GET", "/", &vec!["a:"; 9_000], b"").status(), 431);
}

/// Sends a byte each tenth of a second, for longer than anybody waits.
fn dripping() -> Origin {
    Origin::answering(|asked, wire| {
        if asked.target() == "/silent" {
            return wire.hang();
        }
        wire.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
        for _ in 0..100 {
            wire.send("x");
            std::thread::sleep(Duration::from_millis(100));
        }
    })
}

#[test]
fn a_request_that_takes_too_long_as_a_whole_is_ended_however_steadily_it_goes_on() {
    let site = Site::of(dripping(), Origin::saying("new"));
    let mut config = site.config(LEGACY);
    config.legacy = format!("{}, timeouts: {{total: 700ms}}", config.legacy);
    config.listener = ", h2c: true".to_owned();
    let door = site.open_with(&config);
    let start = Instant::now();
    assert_eq!(door.get("/silent").status(), 504);
    assert!(start.elapsed() >= Duration::from_millis(690) && start.elapsed() < Duration::from_secs(5));
    let start = Instant::now();
    let mut client = door.client();
    client.send(request("GET", "/drips", &[], b""));
    let broken = client.try_answer("GET").expect_err("a cut answer is no whole one");
    assert!((1..=20).contains(&broken.got.len()), "{} bytes came", broken.got.len());
    assert!(start.elapsed() >= Duration::from_millis(690) && start.elapsed() < Duration::from_secs(5));
    let mut http2 = Frames::open(door.address);
    http2.head(1, &frames::get("/drips"), true);
    assert!(
        http2.until_over(1).iter().all(|frame| !(frame.kind == frames::DATA && frame.ends())),
        "a cut answer is whole"
    );
}

#[test]
fn the_time_of_a_request_is_counted_anew_for_the_next_one_and_for_who_stands_in() {
    let site = Site::of(Origin::saying("legacy"), Origin::hanging());
    let routes = "
        - {name: slow, match: {path: {prefix: /}}, stage: new, timeouts: {total: 600ms}, fallback: {on: {timeout: true}}}
        - {name: socket, match: {path: {exact: /socket}}, stage: legacy, timeouts: {total: 300ms}}";
    let door = site.open(routes);
    let mut client = door.client();
    for _ in 0..3 {
        assert_eq!(client.get("/", &[]).text(), "legacy");
    }
    for _ in 0..3 {
        assert_eq!(client.get("/socket", &[]).text(), "legacy");
        // Longer than a request may take: a kept connection is not one.
        std::thread::sleep(Duration::from_millis(350));
    }
    assert_eq!(door.metric("fallback_total", &[("reason", "timeout")]), 3.0);
}

#[test]
fn a_websocket_is_no_request_that_takes_too_long() {
    let echoes = Origin::at_head(|_, wire| {
        wire.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
        while let Ok(bytes) = wire.reader.some(100) {
            if bytes.is_empty() {
                return;
            }
            wire.send(bytes);
        }
    });
    let site = Site::of(echoes, Origin::dead());
    let mut config = site.config(LEGACY);
    config.legacy = format!("{}, timeouts: {{total: 300ms}}", config.legacy);
    let door = site.open_with(&config);
    let mut client = door.client();
    let lines = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: k"];
    client.send(request("GET", "/", &lines, b""));
    client.head();
    std::thread::sleep(Duration::from_millis(600));
    client.send("still here");
    assert_eq!(client.reader.exactly(10).unwrap(), b"still here");
}
