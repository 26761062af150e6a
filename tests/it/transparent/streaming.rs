//! What passes at its own pace: nothing waits until it is whole, and nothing large is kept.

use std::io::Write;
use std::time::Duration;

use super::before;
use crate::harness::client::request;
use crate::harness::wire::{find, first_line};
use crate::harness::{Origin, Signal};

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

/// A large body, bytes.
const BIG: usize = 200 << 20;
/// What is sent or taken at a time, bytes.
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
