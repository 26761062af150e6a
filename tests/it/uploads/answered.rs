//! Uploads whose answer begins before they are over.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use super::sated::Wire;
use super::{LEGACY, PAUSE, is_silent, post, quick};
use crate::harness::frames::{DATA, END_STREAM, Frames, HEADERS, RST_STREAM};
use crate::harness::site::await_that;
use crate::harness::tls::{Hello, Made, Secure};
use crate::harness::{Origin, Site};

/// Progress of an import, servers of gRPC: the head comes first, and then what is read counts. Nobody is silent.
#[test]
fn an_upload_that_flows_on_behind_the_answers_head_is_not_cut() {
    let early = Origin::at_head(|_, wire| {
        wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        let body = wire.reader.exactly(12).unwrap();
        wire.chunk(body);
        wire.last_chunk();
    });
    let site = Site::of(early, Origin::dead());
    let mut config = site.config(LEGACY);
    config.legacy = format!("{}, timeouts: {{first_byte: 10s, idle: 1s}}", config.legacy);
    let door = site.open_with(&config);
    let mut client = door.client();
    client.send(post("Content-Length: 12\r\n"));
    let head = client.head();
    assert!(head.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&head));
    let socket = client.reader.stream.try_clone().unwrap();
    for _ in 0..5 {
        client.send("xy");
        is_silent(&mut client.reader.stream, &socket, Duration::from_millis(400));
    }
    client.send("xy");
    assert_eq!(client.reader.body_of(&head).unwrap(), b"xyxyxyxyxyxy");
    assert!(!door.log().contains("failed a request"), "{}", door.log());
}

/// Who then does not go on has his answer, and it was no backend's fault.
#[test]
fn a_pause_behind_a_whole_answer_is_nobodys_fault() {
    let early = Origin::at_head(|_, wire| {
        wire.send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno");
        wire.hang();
    });
    let site = Site::of(early, Origin::dead());
    let door = site.open_with(&quick(&site).and("access_log: {path: access.log}"));
    let mut client = door.client();
    client.send(post("Content-Length: 10\r\n") + "12345");
    let answer = client.answer("POST");
    assert_eq!((answer.status(), answer.text().as_str()), (401, "no"));
    let mut said = String::new();
    await_that("its line", || {
        said = std::fs::read_to_string(site.path("access.log")).unwrap_or_default();
        if said.contains("\"status\":401") { Ok(()) } else { Err(said.clone()) }
    });
    assert!(!said.contains("\"error\":\"timeout\""), "{said}");
    assert!(!door.log().contains("failed a request"), "{}", door.log());
}

/// An interim answer is none that anybody could have had.
#[test]
fn who_leaves_after_100_continue_has_left() {
    let waits = Origin::at_head(|_, wire| {
        wire.send("HTTP/1.1 100 Continue\r\n\r\n");
        wire.hang();
    });
    let site = Site::of(waits, Origin::dead());
    let door = site.open_with(&site.config(LEGACY).and("access_log: {path: access.log}"));
    let mut client = door.client();
    client.send(post("Expect: 100-continue\r\nContent-Length: 10\r\n"));
    assert!(client.head().starts_with(b"HTTP/1.1 100 "));
    drop(client);
    door.await_metric("requests_total", &[("code", "499")], 1.0);
    await_that("its line", || {
        let log = std::fs::read_to_string(site.path("access.log")).unwrap_or_default();
        if log.contains("\"status\":499") { Ok(()) } else { Err(log) }
    });
}

/// Closed over bytes that nobody reads, a connection is reset, and with it goes the answer.
#[test]
fn who_is_sent_to_https_may_finish_what_he_says() {
    let site = Site::of(Origin::dead(), Origin::dead());
    let mut config = site.config(LEGACY);
    config.listener = ", redirect_https: 8443".to_owned();
    let door = site.open_with(&config);
    let mut client = door.client();
    client.send(post("Content-Length: 100000\r\n") + "begins");
    assert_eq!(client.answer("POST").status(), 308);
    let socket = client.reader.stream.try_clone().unwrap();
    for _ in 0..3 {
        client.try_send([b'x'; 1000]).unwrap();
        is_silent(&mut client.reader.stream, &socket, PAUSE / 9);
    }
}

/// To it the end of the connection is the end of the answer, and it may wait for that before it says more.
#[test]
fn a_client_of_http_10_has_the_end_of_its_answer_at_once() {
    let early = Origin::at_head(|_, wire| {
        wire.send("HTTP/1.1 401 Unauthorized\r\nTransfer-Encoding: chunked\r\n\r\n");
        wire.chunk("no, ");
        wire.chunk("never");
        wire.last_chunk();
        wire.hang();
    });
    let site = Site::of(early, Origin::dead());
    let pair = Made::new(site.folder.path(), "site", "DNS:site.test", 90);
    let mut config = site.config(LEGACY);
    let plain = site.open_with(&config);
    config.listener = format!(", tls: {{certificates: [{}]}}", pair.entry());
    let secure = site.open_with(&config);
    let asked = "POST / HTTP/1.0\r\nHost: site.test\r\nContent-Length: 3000000\r\n\r\nthe beginning";
    let is_whole = |mut client: Box<dyn Wire>| {
        client.write_all(asked.as_bytes()).unwrap();
        client.flush().unwrap();
        let mut said = String::new();
        let end = client.read_to_string(&mut said);
        assert!(said.starts_with("HTTP/1.1 401 ") && said.ends_with("\r\n\r\nno, never"), "{said}");
        assert!(end.is_ok(), "{end:?} after {said}");
    };
    is_whole(Box::new(plain.client().reader.stream.try_clone().unwrap()));
    let client = Secure::connect(secure.address, &Hello::to("site.test"));
    is_whole(Box::new(client.stream));

    // Its head may be all there is.
    let head_alone = at_once(|backend, stream| {
        backend.head(stream, &[(":status", "401")], true);
    });
    config.listener.clear();
    config.legacy = format!("endpoints: [\"http://{head_alone}\"], http2: true");
    let before_http2 = site.open_with(&config);
    let mut client = before_http2.client().reader.stream.try_clone().unwrap();
    client.write_all(asked.as_bytes()).unwrap();
    let mut said = String::new();
    let end = client.read_to_string(&mut said);
    assert!(said.starts_with("HTTP/1.1 401 ") && said.ends_with("\r\n\r\n") && end.is_ok(), "{end:?} after {said}");
}

/// A backend of HTTP/2 that answers at once.
fn at_once(answer: fn(&mut Frames, u32)) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map(Result::unwrap) {
            std::thread::spawn(move || {
                let mut backend = Frames::accept(stream);
                while let Ok(frame) = backend.read() {
                    if frame.kind == HEADERS {
                        answer(&mut backend, frame.stream);
                    }
                }
            });
        }
    });
    address
}

/// Closed over what it goes on sending, its connection would be reset, and whatever of the answer it has not read would be lost.
#[test]
fn who_goes_on_behind_the_answer_of_a_backend_that_wants_no_more_has_the_answer_and_an_end() {
    const MUCH: usize = 300_000;
    // RFC 9113, section 8.1.
    let early = at_once(|backend, stream| {
        backend.head(stream, &[(":status", "401")], false);
        backend.send(DATA, END_STREAM, stream, b"no, never");
        backend.send(RST_STREAM, 0, stream, &[0; 4]);
    });
    let site = Site::of(Origin::dead(), Origin::dead());
    let mut config = site.config(LEGACY);
    config.legacy = format!("endpoints: [\"http://{early}\"], http2: true");
    let door = site.open_with(&config);
    for version in ["1.0", "1.1"] {
        for _ in 0..10 {
            let mut client = door.client().reader.stream.try_clone().unwrap();
            let head = format!(
                "POST / HTTP/{version}\r\nHost: site.test\r\nContent-Length: {MUCH}\r\nConnection: close\r\n\r\n"
            );
            client.write_all(head.as_bytes()).unwrap();
            for piece in vec![b'x'; MUCH].chunks(10_000) {
                client.write_all(piece).unwrap();
            }
            let mut said = String::new();
            let end = client.read_to_string(&mut said);
            assert!(said.starts_with("HTTP/1.1 401 ") && said.contains("no, never"), "{version}: {said}");
            assert!(end.is_ok(), "{version}: {end:?} after {said}");
        }
    }
}
