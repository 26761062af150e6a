//! What is said of the connection, and several requests on one.

use super::Meant::{Refused, RefusedAfter, These};
use super::{HELLO, NEXT, Payload, SMUGGLED, add, and_next, empty, get, hello, not_copied, post, shown, whole};

pub fn all(all: &mut Vec<Payload>) {
    nominations(all);
    upgrades(all);
    pipelines(all);
}

fn nominations(all: &mut Vec<Payload>) {
    let hidden = format!("Content-Length: {}", SMUGGLED.len());
    let body = These(vec![("/p", SMUGGLED)]);
    add(all, "Connection: content-length", post(&[b"Connection: content-length", hidden.as_bytes()], SMUGGLED), body);
    let coded = post(&[b"Connection: transfer-encoding", b"Transfer-Encoding: chunked"], HELLO);
    add(all, "Connection: transfer-encoding", coded, hello());
    for named in [
        &b"host"[..],
        b"Host",
        b"close, host",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-proto",
        b"forwarded",
        b"close, X-Real-IP",
        b":authority",
        b"\"x\"",
        b"x y",
    ] {
        let line = [b"Connection: ", named].concat();
        add(all, format!("Connection: {}", shown(named)), get(&[&line]), Refused);
    }
    let lists: &[&[&[u8]]] = &[
        &[b"Connection: x-foo, keep-alive", b"X-Foo: 1"],
        &[b"Connection: x-a", b"Connection: x-b", b"X-A: 1", b"X-B: 2"],
        &[b"Connection: connection"],
        &[b"Connection: x-matapalo-mirror"],
        &[b"Connection: upgrade"],
        &[b"Connection: keep-alive, te", b"TE: chunked", b"Trailer: X"],
        &[
            b"Keep-Alive: 300",
            b"Proxy-Connection: keep-alive",
            b"TE: trailers, chunked",
            b"Proxy-Authorization: x",
            b"Proxy: http://evil",
        ],
        &[b"Connection: "],
        &[b"Connection: ,,,"],
    ];
    for &lines in lists {
        let name: Vec<String> = lines.iter().map(|line| shown(line)).collect();
        add(all, name.join(" | "), get(lines), empty());
    }
}

fn upgrades(all: &mut Vec<Payload>) {
    let settings: &[u8] = b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA";
    let lists: &[&[&[u8]]] = &[
        &[b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", settings],
        &[b"Upgrade: h2c", settings],
        &[b"Upgrade: websocket"],
        &[b"Connection: Upgrade", b"Upgrade: websocket, h2c"],
        &[b"Connection: Upgrade", b"Upgrade: websocket", b"Upgrade: h2c"],
        &[b"Connection: Upgrade", b"Upgrade: TLS/1.0"],
        &[b"Connection: Upgrade", b"Upgrade: HTTP/2.0"],
        &[b"Connection: Upgrade", b"Upgrade: "],
    ];
    for &lines in lists {
        let name: Vec<String> = lines.iter().map(|line| shown(line)).collect();
        add(all, name.join(" | "), get(lines), empty());
        // What follows belongs to the protocol that was asked for, or to nobody.
        add(all, format!("{} and a request", name.join(" | ")), [&get(lines)[..], SMUGGLED].concat(), empty());
    }
    let websocket: [&[u8]; 2] = [b"Connection: Upgrade", b"Upgrade: websocket"];
    let refused = [&get(&websocket)[..], SMUGGLED].concat();
    not_copied(all, "a WebSocket that is refused, and a request", refused, empty());
    let posted = post(&[websocket[0], websocket[1], b"Transfer-Encoding: chunked"], &[HELLO, SMUGGLED].concat());
    add(all, "a POST that asks for a WebSocket, and a request", posted, hello());
    let old = whole(b"GET /p HTTP/1.0", &websocket, SMUGGLED);
    add(all, "HTTP/1.0 asks for a WebSocket", old, empty());
    let with_body = whole(b"GET /p HTTP/1.1", &[websocket[0], websocket[1], b"Content-Length: 5"], b"hello");
    not_copied(all, "a WebSocket with a body", with_body, hello());
}

fn pipelines(all: &mut Vec<Payload>) {
    add(all, "two requests", [&get(&[])[..], NEXT].concat(), and_next(b""));
    add(all, "two requests and an empty line", [&get(&[])[..], b"\r\n", NEXT].concat(), and_next(b""));
    add(all, "a body and a request", [&post(&[b"Content-Length: 5"], b"hello")[..], NEXT].concat(), and_next(b"hello"));
    add(all, "close and a request", [&get(&[b"Connection: close"])[..], NEXT].concat(), empty());
    add(all, "HTTP/1.0 and a request", [&whole(b"GET /p HTTP/1.0", &[], b"")[..], NEXT].concat(), empty());
    add(all, "a request and garbage", [&get(&[])[..], b"garbage\r\n\r\n"].concat(), RefusedAfter(vec![("/p", b"")]));
    let longer = post(&[b"Content-Length: 5"], b"hello!");
    add(all, "a byte too much", [&longer[..], b"\r\n\r\n"].concat(), RefusedAfter(vec![("/p", b"hello")]));
    let ambiguous = post(&[b"Content-Length: 5", b"Transfer-Encoding: chunked"], HELLO);
    add(
        all,
        "a request and one with both framings",
        [&get(&[])[..], &ambiguous].concat(),
        RefusedAfter(vec![("/p", b"")]),
    );
    add(all, "an expectation", post(&[b"Expect: 100-continue", b"Content-Length: 5"], b"hello"), hello());
    add(all, "another expectation", post(&[b"Expect: 200-ok", b"Content-Length: 5"], b"hello"), hello());
    let expecting = [&post(&[b"Expect: 100-continue", b"Content-Length: 5"], b"hello")[..], NEXT].concat();
    add(all, "an expectation and a request", expecting, and_next(b"hello"));
}
