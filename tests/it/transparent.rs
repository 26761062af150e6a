//! What passes through the door is not touched: bytes, framing, order, pace. Told at stage `legacy`; the other stages share the path.

use std::io::Write;
use std::time::Duration;

use crate::harness::client::request;
use crate::harness::wire::{find, first_line, header_lines};
use crate::harness::{Answer, Client, Door, Origin, Signal, Site};

const LEGACY: &str = "- {name: all, match: {path: {prefix: /}}, stage: legacy}";

/// A door before one scripted origin.
fn before(legacy: Origin) -> (Site, Door) {
    let site = Site::of(legacy, Origin::dead());
    let door = site.open(LEGACY);
    (site, door)
}

/// Before an origin that answers these bytes and keeps the connection.
fn before_bytes(answer: impl Into<Vec<u8>>) -> (Site, Door) {
    let answer = answer.into();
    before(Origin::answering(move |_, wire| wire.send(&answer)))
}

/// Before an origin that answers these bytes and closes.
fn before_last_bytes(answer: impl Into<Vec<u8>>) -> (Site, Door) {
    let answer = answer.into();
    before(Origin::answering(move |_, wire| {
        wire.send(&answer);
        wire.close();
    }))
}

fn lines_of(head: &[u8], without: &[&str]) -> Vec<String> {
    header_lines(head)
        .into_iter()
        .map(|line| line.iter().map(|byte| char::from(*byte)).collect::<String>())
        .filter(|line| !without.iter().any(|name| line.to_ascii_lowercase().starts_with(&format!("{name}:"))))
        .collect()
}

/// In the order of names, those of one name as they came: between names the order means nothing (RFC 9110, 5.3).
fn by_name(lines: &[impl AsRef<str>]) -> Vec<String> {
    let name = |line: &String| line.split(':').next().unwrap_or_default().to_ascii_lowercase();
    let mut lines: Vec<String> = lines.iter().map(|line| line.as_ref().to_owned()).collect();
    lines.sort_by_key(name);
    lines
}

const FORWARDED: [&str; 5] = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-request-id", "connection"];

#[test]
fn path_and_query_reach_the_backend_byte_for_byte() {
    let (site, door) = before(Origin::saying("ok"));
    let targets = [
        "/",
        "/a//b///c",
        "/a/./b",
        "/packages/a%2Fb",
        "/%20+%2B/",
        "/%e3%81%82/%E3%81%82",
        "/~user/!$&'()*,;=:@",
        "/x?a=1&a=2&b[]=x&b%5B%5D=y&c",
        "/x?",
        "/x?q=a+b%20c&r=%ff%fe%00&s=%zz&t=100%",
        "/x?url=http://other.example/?a=b&c=d#",
        "/rpc/?v=5&type=info&arg[]=yay&arg[]=vim%2Fgtk",
    ];
    for target in targets {
        door.get(target.trim_end_matches('#'));
    }
    let seen = site.legacy.await_seen(targets.len());
    for (seen, target) in seen.iter().zip(targets) {
        assert_eq!(seen.target(), target.trim_end_matches('#'));
    }
    let long = format!("/?q={}", "x".repeat(16_000));
    assert_eq!(door.get(&long).status(), 200);
    assert_eq!(site.legacy.await_seen(targets.len() + 1).last().unwrap().target(), long);
}

#[test]
fn request_headers_reach_the_backend_as_they_were_sent() {
    let (site, door) = before(Origin::saying("ok"));
    let lines = [
        "Host: Aur.Example:8443",
        "Referer: https://aur.example/packages/?K=a%20b&x=<y>",
        "Origin: https://aur.example",
        "Cookie: AURSID=abc%2Fd; b=\"quoted, value\"; c=d=e; f",
        "Cookie: second=header",
        "Accept: text/html;q=0.9",
        "Accept: */*",
        "X-Repeated: one",
        "X-Between: 1",
        "X-Repeated: two, three",
        "x-oDD-caSe: Kept",
        "User-Agent: Mozilla/5.0 (x; y) \"z\"",
        "If-None-Match: W/\"a\", \"b\"",
        "Range: bytes=0-1,5-",
        "Authorization: Basic Zm9vOmJhcg==",
    ];
    door.ask("GET", "/", &lines, b"");
    let seen = lines_of(&site.legacy.only().head, &FORWARDED);
    assert_eq!(by_name(&seen), by_name(&lines));
}

#[test]
fn bytes_beyond_ascii_in_a_header_pass_both_ways() {
    let (site, door) =
        before_bytes(b"HTTP/1.1 200 OK\r\nX-Name: caf\xe9 \xc3\xa9\r\nContent-Length: 0\r\n\r\n".to_vec());
    let mut client = door.client();
    client.send(b"GET / HTTP/1.1\r\nHost: site.test\r\nX-Name: caf\xe9 \xc3\xa9\r\n\r\n");
    assert_eq!(client.answer("GET").header("x-name").unwrap(), "caf\u{e9} \u{c3}\u{a9}");
    assert_eq!(site.legacy.only().header("x-name").unwrap(), "caf\u{e9} \u{c3}\u{a9}");
}

#[test]
fn eighteen_cookies_and_other_answer_headers_come_in_order() {
    let cookies: Vec<String> = (0..18)
        .map(|n| format!("Set-Cookie: c{n}=v%2F{n}; path=/; expires=Thu, 01-Jan-1970 00:00:01 GMT; HttpOnly"))
        .collect();
    let odd = "ETag: W/\"weak\"\r\nLast-Modified: Thu, 19 Nov 1981 08:52:00 GMT\r\nLink: </a>; rel=x\r\nLink: </b>\r\nX-oDD: Kept\r\n\
               Content-type: text/html;charset=utf-8\r\nVary: Cookie\r\nServer: nginx\r\nX-Powered-By: PHP/5.6\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\n";
    let head = format!("HTTP/1.1 200 OK\r\n{odd}{}\r\nContent-Length: 2\r\n\r\nok", cookies.join("\r\n"));
    let (_site, door) = before_bytes(head.clone());
    let answer = door.get("/");
    assert_eq!(by_name(&lines_of(&answer.head, &["connection"])), by_name(&lines_of(head.as_bytes(), &[])));
}

#[test]
fn head_204_304_and_ranges_keep_their_framing() {
    let legacy = Origin::answering(|seen, wire| match (seen.method().as_str(), seen.target().as_str()) {
        ("HEAD", _) => wire.send("HTTP/1.1 200 OK\r\nContent-Length: 12345\r\nETag: \"h\"\r\n\r\n"),
        (_, "/304") => wire.send("HTTP/1.1 304 Not Modified\r\nETag: \"e\"\r\nContent-Length: 777\r\n\r\n"),
        (_, "/204") => wire.send("HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n"),
        (_, "/206") => wire.answer("206 Partial Content", &["Content-Range: bytes 2-4/10"], "cde"),
        _ => {
            let body =
                "--b\r\nContent-Range: bytes 0-0/9\r\n\r\na\r\n--b\r\nContent-Range: bytes 8-8/9\r\n\r\ni\r\n--b--\r\n";
            wire.answer("206 Partial Content", &["Content-Type: multipart/byteranges; boundary=b"], body);
        }
    });
    let (_site, door) = before(legacy);
    let mut client = door.client();
    client.send(request("HEAD", "/", &[], b""));
    let head = client.answer("HEAD");
    assert_eq!(
        (head.header("content-length").as_deref(), head.header("etag").as_deref()),
        (Some("12345"), Some("\"h\""))
    );
    let not_modified = client.get("/304", &["If-None-Match: \"e\""]);
    assert_eq!((not_modified.status(), not_modified.header("etag").as_deref()), (304, Some("\"e\"")));
    let none = client.get("/204", &[]);
    assert_eq!((none.status(), none.header("content-length"), none.header("transfer-encoding")), (204, None, None));
    let part = client.get("/206", &["Range: bytes=2-4"]);
    assert_eq!(
        (part.status(), part.header("content-range").as_deref(), part.text().as_str()),
        (206, Some("bytes 2-4/10"), "cde")
    );
    let parts = client.get("/parts", &["Range: bytes=0-0,8-8"]);
    assert_eq!(parts.header("content-type").as_deref(), Some("multipart/byteranges; boundary=b"));
    assert!(parts.text().ends_with("\r\ni\r\n--b--\r\n"), "{:?}", parts.text());
}

#[test]
fn an_encoded_body_is_not_decoded() {
    let body: Vec<u8> = (0..=255).cycle().take(70_000).collect();
    let sent = body.clone();
    let (_site, door) = before(Origin::answering(move |_, wire| {
        wire.answer("200 OK", &["Content-Encoding: gzip", "Content-Type: text/html"], &sent);
    }));
    let answer = door.ask("GET", "/", &["Accept-Encoding: br"], b"");
    assert_eq!(answer.body, body);
    assert_eq!(answer.header("content-encoding").as_deref(), Some("gzip"));
}

#[test]
fn an_answer_streams_chunk_by_chunk() {
    let (asked, ask) = (Signal::new(), Signal::new());
    let (awaited, done) = (asked.clone(), ask.clone());
    let (_site, door) = before(Origin::answering(move |_, wire| {
        wire.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
        wire.chunk("data: one\n\n");
        awaited.wait();
        wire.chunk("data: two\n\n");
        done.wait();
        wire.last_chunk();
    }));
    let mut client = door.client();
    client.send(request("GET", "/events", &[], b""));
    assert!(find(&client.head(), b"text/event-stream").is_some());
    assert_eq!(client.reader.chunk().unwrap(), b"data: one\n\n", "the first event comes before the second is made");
    asked.give();
    assert_eq!(client.reader.chunk().unwrap(), b"data: two\n\n");
    ask.give();
    assert!(client.reader.chunk().unwrap().is_empty());
    assert_eq!(client.get("/again", &[]).status(), 200, "the connection is kept");
}

#[test]
fn a_request_body_streams_piece_by_piece() {
    let got = Signal::new();
    let first_piece = got.clone();
    let (_site, door) = before(Origin::at_head(move |seen, wire| {
        let first = wire.reader.chunk().unwrap();
        first_piece.give();
        let rest = wire.body_of(seen);
        wire.ok([first, rest].concat());
    }));
    let mut client = door.client();
    client.send("POST / HTTP/1.1\r\nHost: site.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
    got.wait();
    client.send("7\r\n second\r\n0\r\n\r\n");
    assert_eq!(client.answer("POST").text(), "first second");
}

#[test]
fn who_expects_100_continue_gets_it_from_the_backend() {
    let (_site, door) = before(Origin::at_head(|seen, wire| {
        if seen.target() == "/refused" {
            wire.answer("417 Expectation Failed", &["Connection: close"], "no");
            return wire.close();
        }
        if seen.header("expect").is_some() {
            wire.send("HTTP/1.1 100 Continue\r\n\r\n");
        }
        let body = wire.body_of(seen);
        wire.ok(body);
    }));
    let mut client = door.client();
    for _ in 0..2 {
        client.send("POST / HTTP/1.1\r\nHost: site.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
        assert_eq!(first_line(&client.head()), b"HTTP/1.1 100 Continue");
        client.send("hello");
        assert_eq!(client.answer("POST").text(), "hello");
    }
    client.send("POST /refused HTTP/1.1\r\nHost: site.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    assert_eq!(client.answer("POST").status(), 417, "refused before a byte of the body was sent");
}

#[test]
fn early_hints_pass() {
    let (_site, door) = before_bytes(
        "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    );
    let mut client = door.client();
    client.send(request("GET", "/", &[], b""));
    let hints = client.head();
    assert!(hints.starts_with(b"HTTP/1.1 103 ") && find(&hints, b"</a.css>; rel=preload").is_some());
    assert_eq!(client.answer("GET").text(), "ok");
}

#[test]
fn a_websocket_passes_bytes_both_ways_until_one_side_closes() {
    let (site, door) = before(Origin::at_head(|_, wire| {
        wire.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\nhello");
        while let Ok(bytes) = wire.reader.some(1 << 16) {
            if bytes.is_empty() || bytes == b"bye" {
                break;
            }
            wire.send(bytes.iter().rev().copied().collect::<Vec<u8>>());
        }
        wire.close();
    }));
    let mut client = door.client();
    client.send(request("GET", "/chat", &["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: k"], b""));
    let answer = client.answer("GET");
    assert_eq!((answer.status(), answer.header("sec-websocket-accept").as_deref()), (101, Some("x")));
    assert_eq!(client.reader.exactly(5).unwrap(), b"hello");
    client.send([0x81, 0x00, 0xff]);
    assert_eq!(client.reader.exactly(3).unwrap(), [0xff, 0x00, 0x81]);
    client.send("bye");
    assert!(client.is_closed());
    let seen = site.legacy.only();
    assert_eq!(seen.header("upgrade").as_deref(), Some("websocket"));
    assert_eq!(seen.header("sec-websocket-key").as_deref(), Some("k"));
}

const BIG: usize = 200 << 20;
const PIECE: usize = 1 << 20;
/// What a large transfer may add to the door's resident memory, bytes.
const ROOM: u64 = 64 << 20;

#[test]
fn a_large_download_takes_little_memory() {
    let (_site, door) = before(Origin::answering(|_, wire| {
        wire.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {BIG}\r\n\r\n"));
        let piece = vec![b'x'; PIECE];
        for _ in 0..BIG / PIECE {
            wire.send(&piece);
        }
    }));
    let idle = door.memory();
    let mut client = door.client();
    client.send(request("GET", "/", &[], b""));
    client.head();
    let mut most = 0;
    for _ in 0..BIG / PIECE {
        assert!(client.reader.exactly(PIECE).unwrap().iter().all(|byte| *byte == b'x'));
        most = most.max(door.memory());
    }
    assert!(most < idle + ROOM, "idle {idle}, at most {most} bytes while {BIG} came down");
}

#[test]
fn a_large_upload_takes_little_memory() {
    let (_site, door) = before(Origin::at_head(|_, wire| {
        let mut got = 0;
        while got < BIG {
            match wire.reader.some(PIECE) {
                Ok(piece) if !piece.is_empty() => got += piece.len(),
                _ => break,
            }
        }
        wire.ok(got.to_string());
    }));
    let idle = door.memory();
    let mut client = door.client();
    client.send(format!("PUT / HTTP/1.1\r\nHost: site.test\r\nContent-Length: {BIG}\r\n\r\n"));
    let piece = vec![b'x'; PIECE];
    let mut most = 0;
    for _ in 0..BIG / PIECE {
        client.send(&piece);
        most = most.max(door.memory());
    }
    assert_eq!(client.answer("PUT").text(), BIG.to_string());
    assert!(most < idle + ROOM, "idle {idle}, at most {most} bytes while {BIG} went up");
}

#[test]
fn a_slow_reader_holds_the_backend_back_not_the_memory() {
    let held_back = Signal::new();
    let held = held_back.clone();
    let (_site, door) = before(Origin::answering(move |_, wire| {
        wire.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {BIG}\r\n\r\n"));
        let piece = vec![b'x'; PIECE];
        wire.reader.stream.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
        if (0..BIG / PIECE).any(|_| wire.reader.stream.write_all(&piece).is_err()) {
            held.give();
        }
        wire.close();
    }));
    let idle = door.memory();
    let mut client = door.client();
    client.send(request("GET", "/", &[], b""));
    client.head();
    // The body is not read: sooner or later nobody takes the backend's bytes, and its write times out.
    held_back.wait();
    let now = door.memory();
    assert!(now < idle + ROOM, "idle {idle}, now {now} bytes");
}

#[test]
fn an_http_10_client_gets_an_answer_it_understands() {
    let (_site, door) = before(Origin::answering(|_, wire| {
        wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        wire.chunk("hello ");
        wire.chunk("world");
        wire.last_chunk();
    }));
    let mut client = door.client();
    client.send("GET / HTTP/1.0\r\nHost: site.test\r\n\r\n");
    let answer = client.answer("GET");
    assert_eq!((answer.status(), answer.text().as_str()), (200, "hello world"));
    assert_eq!(answer.header("transfer-encoding"), None, "an HTTP/1.0 client knows no chunks");
}

#[test]
fn a_body_that_ends_with_the_connection_is_whole() {
    for version in ["HTTP/1.0", "HTTP/1.1"] {
        let (_site, door) =
            before_last_bytes(format!("{version} 200 OK\r\nContent-Type: text/plain\r\n\r\nto the end"));
        let mut client = door.client();
        client.send(request("GET", "/", &[], b""));
        assert_eq!(client.answer("GET").text(), "to the end", "{version}");
    }
}

#[test]
fn an_http_10_backend_with_a_length_is_understood() {
    let (_site, door) = before_last_bytes("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    let mut client = door.client();
    for _ in 0..3 {
        assert_eq!(client.get("/", &[]).text(), "hello");
    }
}

fn broken_after(
    answer: &'static str,
    end: fn(&mut crate::harness::Wire),
) -> Result<Answer, crate::harness::wire::Broken> {
    let (_site, door) = before(Origin::answering(move |_, wire| {
        wire.send(answer);
        end(wire);
    }));
    let mut client = door.client();
    client.send(request("GET", "/", &[], b""));
    client.try_answer("GET")
}

#[test]
fn a_backend_that_dies_inside_of_a_body_is_seen_as_a_broken_transfer() {
    let by_length = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf";
    let by_chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n";
    let inside_chunk = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\nhalf";
    for answer in [by_length, by_chunks, inside_chunk] {
        for (how, end) in [
            ("FIN", crate::harness::Wire::close as fn(&mut crate::harness::Wire)),
            ("RST", crate::harness::Wire::reset),
        ] {
            if let Ok(answer) = broken_after(answer, end) {
                panic!("{how}: a cut answer looks complete: {answer:?}");
            }
        }
    }
}

#[test]
fn connections_are_kept_on_both_sides() {
    let (site, door) = before(Origin::saying("ok"));
    let mut client = door.client();
    for at in 0..50 {
        assert_eq!(client.get(&format!("/{at}"), &[]).status(), 200);
    }
    assert!(site.legacy.connections() <= 2, "{} connections for 50 requests in a row", site.legacy.connections());
}

#[test]
fn a_backend_that_closes_after_each_answer_is_no_trouble() {
    let (site, door) = before(Origin::answering(|_, wire| {
        wire.answer("200 OK", &["Connection: close"], "ok");
        wire.close();
    }));
    let mut client = door.client();
    for _ in 0..20 {
        let answer = client.get("/", &[]);
        assert_eq!((answer.status(), answer.text().as_str()), (200, "ok"));
    }
    assert_eq!(site.legacy.connections(), 20);
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let (_site, door) = before(Origin::answering(|seen, wire| wire.ok(seen.target())));
    let mut client = door.client();
    let all: Vec<u8> = (0..5).flat_map(|at| request("GET", &format!("/{at}"), &[], b"")).collect();
    client.send(all);
    for at in 0..5 {
        assert_eq!(client.answer("GET").text(), format!("/{at}"));
    }
}

#[test]
fn connection_close_is_honoured() {
    let (_site, door) = before(Origin::saying("ok"));
    let mut client = door.client();
    let answer = client.get("/", &["Connection: close"]);
    assert_eq!(answer.text(), "ok");
    assert!(client.is_closed());
}

#[test]
fn the_backend_learns_who_asks() {
    let (site, door) = before(Origin::saying("ok"));
    let spoofed = [
        "Host: site.test:81",
        "X-Forwarded-For: 203.0.113.9",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Host: evil.example",
    ];
    door.ask("GET", "/", &spoofed, b"");
    let seen = site.legacy.only();
    assert_eq!(seen.headers("x-forwarded-for"), ["127.0.0.1"], "an untrusted peer's word is not passed on");
    assert_eq!(seen.headers("x-forwarded-proto"), ["http"]);
    assert_eq!(seen.headers("x-forwarded-host"), ["site.test:81"]);
}

#[test]
fn a_trusted_proxy_is_believed() {
    let site = Site::of(Origin::saying("ok"), Origin::dead());
    let door = site.open_with(&site.config(LEGACY).and("trusted_proxies: [127.0.0.0/8]"));
    let told = [
        "Host: site.test",
        "X-Forwarded-For: 203.0.113.9",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Host: www.site.test",
    ];
    door.ask("GET", "/", &told, b"");
    let seen = site.legacy.only();
    assert_eq!(seen.header("x-forwarded-for").as_deref(), Some("203.0.113.9, 127.0.0.1"));
    assert_eq!(seen.headers("x-forwarded-proto"), ["https"]);
    assert_eq!(seen.headers("x-forwarded-host"), ["www.site.test"]);
    assert_eq!(seen.headers("host"), ["site.test"]);
}

#[test]
fn a_slow_request_head_arrives_in_pieces() {
    let (site, door) = before(Origin::saying("ok"));
    let mut client = door.client();
    for piece in ["GE", "T /slow HT", "TP/1.1\r\nHo", "st: site.test\r", "\n\r", "\n"] {
        client.send(piece);
    }
    assert_eq!(client.answer("GET").text(), "ok");
    assert_eq!(site.legacy.only().target(), "/slow");
}

#[test]
fn garbage_before_the_door_is_refused_and_others_are_served() {
    let (site, door) = before(Origin::saying("ok"));
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n"[..],
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
    ] {
        let mut client = Client::connect(door.address).patient_for(Duration::from_secs(5));
        client.send(garbage);
        client.finish_sending();
        if let Ok(answer) = client.try_answer("GET") {
            assert!((400..=505).contains(&answer.status()), "{garbage:?}: {}", answer.status());
        }
    }
    assert_eq!(site.legacy.seen().len(), 0);
    assert_eq!(door.get("/").text(), "ok");
}
