//! HTTP/2 from clients: every promise that holds for HTTP/1 holds here, stream by stream.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::harness::client::request;
use crate::harness::frames::{self, Frames, GOAWAY, HEADERS};
use crate::harness::http2::{Http2, meanwhile, story};
use crate::harness::site::await_that;
use crate::harness::tls::{Hello, Made, Secure};
use crate::harness::{Config, Origin, Signal, Site};

const LEGACY: &str = "- {name: all, match: {path: {prefix: /}}, stage: legacy}";

pub fn h2c(site: &Site, routes: &str) -> Config {
    let mut config = site.config(routes);
    config.listener = ", h2c: true".to_owned();
    config
}

/// Says what it was asked.
fn echo() -> Origin {
    Origin::answering(|asked, wire| {
        let headers =
            ["Content-Type: text/plain", "Date: Mon, 01 Jan 2024 00:00:00 GMT", "Connection: X-Hop", "X-Hop: 1"];
        wire.answer("200 OK", &headers, format!("{} {} {}", asked.method(), asked.target(), asked.body.len()));
    })
}

#[test]
fn over_tls_it_is_agreed_on_and_answered() {
    let site = Site::of(echo(), Origin::dead());
    let pair = Made::new(site.folder.path(), "site", "DNS:site.test", 90);
    let mut config = site.config(LEGACY);
    config.listener = format!(", tls: {{certificates: [{}]}}, hsts: {{}}", pair.entry());
    let door = site.open_with(&config.and("access_log: {path: access.log}"));
    let both = Hello::to("site.test").speaking(&["h2", "http/1.1"]);
    assert_eq!(Secure::connect(door.address, &both).protocol().as_deref(), Some("h2"));
    let url = format!("https://site.test:{}/a%2Fb?q=1", door.address.port());
    let curl = Command::new("curl")
        .args(["-sS", "-k", "--http2", "-i", "--resolve", &format!("site.test:{}:127.0.0.1", door.address.port())])
        .args(["-d", "12345", &url])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&curl.stdout).to_ascii_lowercase();
    assert!(text.starts_with("http/2 200"), "{text}{}", String::from_utf8_lossy(&curl.stderr));
    assert!(
        text.contains("strict-transport-security: max-age=15552000") && text.ends_with("post /a%2fb?q=1 5"),
        "{text}"
    );
    let seen = site.legacy.seen();
    assert_eq!(seen[0].header("host").unwrap(), format!("site.test:{}", door.address.port()));
    assert_eq!(seen[0].headers("x-forwarded-proto"), ["https"]);
    assert_eq!(seen[0].headers("x-forwarded-for"), ["127.0.0.1"]);
    await_that("the access log", || {
        let log = std::fs::read_to_string(site.path("access.log")).unwrap_or_default();
        log.contains("\"protocol\":\"HTTP/2.0\"").then_some(()).ok_or(log)
    });
}

#[test]
fn methods_bodies_and_heads_are_passed_on() {
    let site = Site::of(echo(), Origin::dead());
    let door = site.open_with(&h2c(&site, LEGACY));
    story(async {
        let client = Http2::connect(door.address).await;
        let got = client.get("/x?y=%20+").await;
        assert_eq!((got.status.as_u16(), got.text().as_str()), (200, "GET /x?y=%20+ 0"));
        assert_eq!(got.header("date"), Some("Mon, 01 Jan 2024 00:00:00 GMT"), "the origin's own");
        assert_eq!((got.header("connection"), got.header("x-hop")), (None, None));
        let posted = client.ask("POST", "/p", &[("cookie", "a=1"), ("cookie", "b=2")], &[7; 100_000]).await.unwrap();
        assert_eq!(posted.text(), "POST /p 100000");
        let head = client.ask("HEAD", "/h", &[], b"").await.unwrap();
        assert_eq!((head.header("content-length"), head.body.len()), (Some("9"), 0));
        assert_eq!(client.ask("TRACE", "/", &[], b"").await.unwrap().status, 405);
        assert_eq!(client.get("/still").await.text(), "GET /still 0");
    });
    let seen = site.legacy.seen();
    assert_eq!(seen[1].headers("cookie"), ["a=1; b=2"]);
    assert_eq!(seen[0].headers("host"), ["site.test"]);
    assert!(seen.iter().all(|seen| String::from_utf8_lossy(&seen.head).contains(" HTTP/1.1\r\n")));
}

#[test]
fn large_bodies_go_both_ways_in_little_memory() {
    const LARGE: usize = 48 << 20;
    let origin = Origin::at_head(|asked, wire| {
        if asked.method() == "POST" {
            let body = wire.body_of(asked);
            return wire.ok(format!("{} {}", body.len(), body.iter().all(|byte| *byte == 7)));
        }
        wire.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {LARGE}\r\n\r\n"));
        (0..LARGE >> 20).for_each(|_| wire.send(vec![b'x'; 1 << 20]));
    });
    let site = Site::of(origin, Origin::dead());
    let door = site.open_with(&h2c(&site, LEGACY));
    story(async {
        let client = Http2::connect(door.address).await;
        client.ask("POST", "/", &[], b"warm").await.unwrap();
        let before = door.memory();
        let posted = client.ask("POST", "/", &[], &vec![7; LARGE]).await.unwrap();
        assert_eq!(posted.text(), format!("{LARGE} true"));
        let got = client.get("/").await;
        assert!(got.body.len() == LARGE && got.body.iter().all(|byte| *byte == b'x'));
        let grown = || door.memory().saturating_sub(before) >> 20;
        println!("{} MiB more", grown());
        // On a busy machine the allocator gives back late what was freed by another thread than took it.
        await_that("the memory to be given back", || match grown() {
            ..24 => Ok(()),
            more => Err(format!("{more} MiB more")),
        });
    });
}

#[test]
fn a_hundred_streams_are_served_at_once() {
    let go = Signal::new();
    let held = go.clone();
    let origin = Origin::answering(move |asked, wire| {
        held.wait();
        wire.ok(asked.target());
    });
    let site = Site::of(origin, Origin::dead());
    let door = site.open_with(&h2c(&site, LEGACY));
    story(async {
        let client = Http2::connect(door.address).await;
        let asked: Vec<_> = (0..100)
            .map(|index| {
                let client = client.clone();
                tokio::spawn(async move { (client.get(&format!("/{index}")).await.text(), format!("/{index}")) })
            })
            .collect();
        meanwhile(|| site.legacy.seen().len() == 100).await;
        go.give();
        for answer in asked {
            let (got, wanted) = answer.await.unwrap();
            assert_eq!(got, wanted);
        }
    });
}

#[test]
fn a_reset_stream_ends_its_request_and_no_other() {
    let gone = Signal::new();
    let seen_gone = gone.clone();
    let origin = Origin::answering(move |asked, wire| match asked.target().as_str() {
        "/held" => {
            wire.hang();
            seen_gone.give();
        }
        _ => wire.ok("ok"),
    });
    let site = Site::of(origin, Origin::dead());
    let door = site.open_with(&h2c(&site, LEGACY));
    let mut client = Frames::open(door.address);
    client.head(1, &frames::get("/held"), true);
    site.legacy.await_seen(1);
    client.send(frames::RST_STREAM, 0, 1, &8_u32.to_be_bytes());
    gone.wait();
    client.head(3, &frames::get("/"), true);
    assert_eq!(client.until_over(3)[0].status(), 200);
}

#[test]
fn a_cut_answer_is_never_a_whole_one() {
    let origin = Origin::answering(|asked, wire| {
        match asked.target().as_str() {
            "/length" => wire.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"),
            _ => wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"),
        }
        wire.close();
    });
    let site = Site::of(origin, Origin::dead());
    let door = site.open_with(&h2c(&site, LEGACY));
    story(async {
        let client = Http2::connect(door.address).await;
        for target in ["/length", "/chunks"] {
            let broken = client.ask("GET", target, &[], b"").await.expect_err("a reset");
            assert!(broken.is_reset(), "{target}: {broken}");
        }
    });
}

#[test]
fn deadlines_hold_for_each_stream() {
    let origin = Origin::answering(|asked, wire| match asked.target().as_str() {
        "/silent" => wire.hang(),
        _ => wire.ok("ok"),
    });
    let site = Site::of(origin, Origin::dead());
    let mut config = h2c(&site, LEGACY).and("limits: {body_timeout: 400ms}");
    config.legacy = format!("{}, timeouts: {{first_byte: 400ms}}", config.legacy);
    let door = site.open_with(&config);
    story(async {
        let client = Http2::connect(door.address).await;
        assert_eq!(client.get("/silent").await.status, 504);
        let mut send = client.send.clone().ready().await.unwrap();
        let stalled = http::Request::post("http://site.test/up").header("content-length", "10").body(()).unwrap();
        let (answer, mut upload) = send.send_request(stalled, false).unwrap();
        upload.send_data("half".into(), false).unwrap();
        assert_eq!(answer.await.unwrap().status(), 408);
        assert_eq!(client.get("/").await.text(), "ok", "the connection goes on");
    });
}

#[test]
fn the_door_says_goodbye_and_finishes_what_is_under_way() {
    let go = Signal::new();
    let held = go.clone();
    let origin = Origin::answering(move |_, wire| {
        held.wait();
        wire.ok("finished");
    });
    let site = Site::of(origin, Origin::dead());
    let mut door = site.open_with(&h2c(&site, LEGACY));
    let mut idle = Frames::open(door.address);
    let (term, address) = (door.pid().to_string(), door.address);
    story(async {
        let client = Http2::connect(address).await;
        let slow = tokio::spawn({
            let client = client.clone();
            async move { client.get("/slow").await }
        });
        meanwhile(|| site.legacy.seen().len() == 1).await;
        assert!(Command::new("kill").args(["-TERM", &term]).status().unwrap().success());
        let goodbye = idle.until_over(1);
        assert_eq!((goodbye[0].kind, goodbye[0].reason()), (GOAWAY, Some(0)), "{goodbye:?}");
        go.give();
        assert_eq!(slow.await.unwrap().text(), "finished");
        // What crosses the goodbye on the way is still answered; soon nothing is.
        while client.ask("GET", "/late", &[], b"").await.is_ok() {}
    });
    let answered = Instant::now();
    assert_eq!(door.await_exit().code(), Some(0));
    assert!(answered.elapsed() < Duration::from_secs(10), "it stayed {:?}", answered.elapsed());
}

#[test]
fn both_protocols_share_a_plain_port_and_nobody_hangs_on_it() {
    let site = Site::of(echo(), Origin::dead());
    let door = site.open_with(&h2c(&site, LEGACY).and("limits: {header_timeout: 500ms, keep_alive: 500ms}"));
    let mut old = door.client();
    old.send("GET / HTTP/1.0\r\n\r\n");
    assert_eq!(old.answer("GET").text(), "GET / 0", "shorter than what HTTP/2 begins with");
    let mut kept = door.client();
    for piece in request("PUT", "/put", &[], b"abc").chunks(3) {
        kept.send(piece);
    }
    assert_eq!(kept.answer("PUT").text(), "PUT /put 3", "P is how HTTP/2 begins, too");
    assert_eq!(kept.get("/again", &[]).text(), "GET /again 0");
    let mut slow = Frames::connect(door.address);
    for byte in b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" {
        slow.raw(&[*byte]);
    }
    slow.send(frames::SETTINGS, 0, 0, &[]);
    slow.head(1, &frames::get("/slow"), true);
    assert_eq!(slow.until_over(1)[0].status(), 200);
    for begun in [&b""[..], b"P", b"PRI * HTTP/2.0\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let (mut silent, start) = (door.client(), Instant::now());
        silent.send(begun);
        silent.reader.rest().ok();
        let took = start.elapsed();
        assert!(took > Duration::from_millis(400) && took < Duration::from_secs(8), "{begun:?} was held {took:?}");
    }
    let closed = slow.until_closed();
    assert!(closed.iter().any(|frame| frame.kind == GOAWAY), "idle connections are told: {closed:?}");
}

#[test]
fn interim_answers_come_before_the_answer() {
    let origin = Origin::answering(|_, wire| {
        wire.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n");
        wire.ok("body");
    });
    let site = Site::of(origin, Origin::dead());
    let door = site.open_with(&h2c(&site, LEGACY));
    let mut client = Frames::open(door.address);
    client.head(1, &frames::get("/"), true);
    let heads: Vec<u16> =
        client.until_over(1).iter().filter(|frame| frame.kind == HEADERS).map(frames::Frame::status).collect();
    assert_eq!(heads.len(), 2, "{heads:?}");
    assert_eq!(heads[1], 200);
}

#[test]
fn a_body_waits_for_leave_and_leave_is_passed_on() {
    let origin = Origin::at_head(|asked, wire| {
        wire.send("HTTP/1.1 100 Continue\r\n\r\n");
        let body = wire.body_of(asked);
        wire.ok(format!("took {}", body.len()));
    });
    let site = Site::of(origin, Origin::dead());
    let door = site.open_with(&h2c(&site, LEGACY));
    let mut client = Frames::open(door.address);
    let head = [("content-length", "4"), ("expect", "100-continue")];
    let head: Vec<_> = frames::get("/")
        .into_iter()
        .map(|field| if field.0 == ":method" { (":method", "PUT") } else { field })
        .chain(head)
        .collect();
    client.head(1, &head, false);
    let leave = loop {
        let frame = client.read().unwrap();
        if frame.kind == HEADERS {
            break frame;
        }
    };
    assert!(!leave.ends() && leave.status() != 200, "{leave:?}");
    client.send(frames::DATA, frames::END_STREAM, 1, b"body");
    let answer = client.until_over(1);
    assert_eq!(answer[0].status(), 200);
    assert!(answer.iter().any(|frame| frame.payload == b"took 4"), "{answer:?}");
}

/// Many clients learn only then that there is no more. A second end would be read as the next request on the connection, and
/// answered to whoever comes next.
#[test]
fn a_body_that_ends_with_an_empty_frame_has_one_end() {
    let site = Site::of(Origin::saying("ok"), Origin::dead());
    let door = site.open_with(&h2c(&site, LEGACY));
    let mut client = Frames::open(door.address);
    let methods = ["POST", "GET", "PUT", "OPTIONS"];
    for (stream, method) in (1..).step_by(2).zip(methods) {
        let fields =
            frames::get("/").into_iter().map(|field| if field.0 == ":method" { (":method", method) } else { field });
        client.head(stream, &fields.collect::<Vec<_>>(), false);
        client.send(frames::DATA, 0, stream, b"");
        client.send(frames::DATA, 0, stream, b"body");
        client.send(frames::DATA, frames::END_STREAM, stream, b"");
        assert_eq!(client.until_over(stream)[0].status(), 200);
    }
    assert_eq!(door.get("/").status(), 200);
    let seen: Vec<(String, Vec<u8>)> =
        site.legacy.seen().iter().map(|seen| (seen.method(), seen.body.clone())).collect();
    let wanted: Vec<(String, Vec<u8>)> = methods.map(|method| (method.to_owned(), b"body".to_vec())).into();
    assert_eq!(seen, [&wanted[..], &[("GET".to_owned(), Vec::new())]].concat());
}

/// The rest of the body is neither awaited nor complained of.
#[test]
fn an_answer_may_come_before_the_body_is_sent() {
    let origin = Origin::at_head(|_, wire| {
        wire.answer("413 Content Too Large", &["Connection: close"], "enough");
        std::thread::sleep(Duration::from_millis(200));
        wire.close();
    });
    let site = Site::of(origin, Origin::dead());
    let door = site.open_with(&h2c(&site, LEGACY));
    story(async {
        let client = Http2::connect(door.address).await;
        let answer = client.ask("POST", "/", &[], &vec![7; 8 << 20]).await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.text().as_str()), (413, "enough"));
        assert_eq!(client.ask("POST", "/", &[], b"small").await.unwrap().status, 413, "the connection goes on");
    });
}

#[test]
fn sessions_overrides_and_own_answers_are_as_over_http1() {
    let site = Site::named();
    let door = site.open_with(
        &h2c(
            &site,
            "
             - {name: closed, match: {path: {exact: /metrics}}, respond: {status: 404}}
             - name: all
               match: {path: {prefix: /}}
               stage: canary
               canary: {weight: 50, override: {header: X-Stage}}",
        )
        .and("session: {cookie: pin, key: [{cookie: AURSID}]}"),
    );
    let mut old = door.client();
    story(async {
        let client = Http2::connect(door.address).await;
        let mut sides = [0, 0];
        for user in 0..40 {
            // The session's cookie comes in a crumb of its own.
            let cookie = format!("AURSID=session-{user}");
            let asked =
                client.ask("GET", "/", &[("cookie", "theme=dark"), ("cookie", cookie.as_str())], b"").await.unwrap();
            let before = old.get("/", &[&format!("Cookie: theme=dark; {cookie}")]).text();
            assert_eq!(asked.text(), before, "session {user} is where it is over HTTP/1.1");
            sides[usize::from(before == "new")] += 1;
            for side in ["legacy", "new"] {
                let chosen =
                    client.ask("GET", "/", &[("x-stage", side), ("cookie", cookie.as_str())], b"").await.unwrap();
                assert_eq!(chosen.text(), side);
            }
        }
        assert!(sides.iter().all(|side| *side > 5), "{sides:?}");
        let stranger = client.get("/").await;
        let pin =
            stranger.header("set-cookie").expect("a cookie of the door's own").split(';').next().unwrap().to_owned();
        for _ in 0..3 {
            let again = client.ask("GET", "/", &[("cookie", pin.as_str())], b"").await.unwrap();
            assert_eq!(again.text(), stranger.text());
        }
        assert_eq!(client.get("/metrics").await.status, 404);
        for target in ["/a/%2e%2e/metrics", "/x/..%2fmetrics", "//metrics"] {
            assert_eq!(client.get(target).await.status, 400, "{target} reads as another route");
        }
    });
}

#[test]
fn requests_are_copied_compared_and_fall_back_as_over_http1() {
    let new = Origin::answering(|asked, wire| match asked.target().as_str() {
        "/unported" => wire.answer("404 Not Found", &[], "no"),
        _ => wire.ok("same"),
    });
    let legacy = Origin::answering(|asked, wire| match asked.target().as_str() {
        "/unported" => wire.ok(format!("legacy took {}", asked.body.len())),
        _ => wire.ok("same"),
    });
    let site = Site::of(legacy, new);
    let door = site.open_with(&h2c(
        &site,
        "
         - {name: back, match: {path: {exact: /unported}}, stage: new, fallback: {on: {status: [404]}, methods: [POST]}}
         - {name: all, match: {path: {prefix: /}}, stage: shadow, mirror: {methods: [GET, POST]}}",
    ));
    story(async {
        let client = Http2::connect(door.address).await;
        assert_eq!(client.ask("POST", "/copied?a=1", &[("x-own", "1")], b"body").await.unwrap().text(), "same");
        let replayed = client.ask("POST", "/unported", &[], &[1; 60_000]).await.unwrap();
        assert_eq!(replayed.text(), "legacy took 60000");
    });
    door.await_metric("comparisons_total", &[("route", "all"), ("outcome", "matched")], 1.0);
    let copies = site.new.copies();
    let copy = copies.first().expect("a copy");
    assert_eq!(
        (copy.method().as_str(), copy.target().as_str(), copy.body.as_slice()),
        ("POST", "/copied?a=1", &b"body"[..])
    );
    assert_eq!(copy.headers("host"), ["site.test"]);
    assert_eq!(copy.headers("x-own"), ["1"]);
}

/// As over HTTP/1: `limits.max_headers` counts them, and nothing else does.
#[test]
fn a_head_may_have_many_fields() {
    let site = Site::of(echo(), Origin::dead());
    let door = site.open_with(&h2c(&site, LEGACY).and("limits: {max_headers: 1100}"));
    let names: Vec<String> = (0..1_100).map(|number| format!("x-{number}")).collect();
    let fields: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "v")).collect();
    story(async {
        let client = Http2::connect(door.address).await;
        assert_eq!(client.ask("GET", "/", &fields[..1_000], b"").await.unwrap().status, 200);
        assert_eq!(client.ask("GET", "/", &fields, b"").await.unwrap().status, 431);
    });
    assert_eq!(site.legacy.only().header("x-999").as_deref(), Some("v"));
}
