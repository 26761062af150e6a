//! Uploads that the door itself refuses: whoever is still sending when the answer comes reads it, and is listened to for a while.

use std::future::poll_fn;
use std::io::Write;
use std::process::Command;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;

use super::{is_silent, post};
use crate::harness::frames::{self, DATA, Frame, Frames, PING, RST_STREAM};
use crate::harness::http2::{Http2, story};
use crate::harness::{Door, Origin, Site};
use crate::http2::h2c;

const REFUSING: &str = "
    - {name: body, match: {path: {exact: /413}}, limits: {max_body: 1KiB}}
    - {name: says, match: {path: {exact: /403}}, respond: {status: 403}}
    - {name: rate, match: {path: {exact: /429}}, limits: {rate: {requests: 1, per: 1h, by: route}}}
    - {name: dead, match: {path: {exact: /502}}, stage: new}";
const TIMES: usize = 10;

fn refusing() -> (Site, Door) {
    let site = Site::of(Origin::saying("ok"), Origin::dead());
    let door = site.open_with(&h2c(&site, REFUSING));
    assert_eq!(door.get("/429").status(), 200, "the one that it may have");
    (site, door)
}

/// What it says of the status, and how it ended.
fn curl(door: &Door, path: &str, how: &[&str]) -> String {
    let url = format!("http://{}{path}", door.address);
    let usual = ["-sS", "--http2-prior-knowledge", "-o", "/dev/null", "-w", "%{http_code}", &url];
    let curl = Command::new("curl").args(usual).args(how).output().unwrap();
    let (said, trouble) = (String::from_utf8_lossy(&curl.stdout), String::from_utf8_lossy(&curl.stderr));
    format!("{said}{trouble}")
}

/// Debian 12's gives up an answer whose stream is reset while it sends, with or without NO_ERROR.
#[test]
fn curl_reads_each_refusal_over_http2() {
    let (site, door) = refusing();
    for size in [200_000, 5_000_000] {
        let file = site.path(&format!("of-{size}"));
        std::fs::write(&file, vec![0; size]).unwrap();
        let (form, data) = (format!("f=@{}", file.display()), format!("@{}", file.display()));
        for how in [["-F", &form], ["--data-binary", &data]] {
            for status in ["413", "403", "429", "502"] {
                let said: Vec<String> = (0..TIMES).map(|_| curl(&door, &format!("/{status}"), &how)).collect();
                assert!(said.iter().all(|said| said == status), "{size} bytes by {} to /{status}: {said:?}", how[0]);
            }
        }
    }
}

/// A client of HTTP/2 that has the whole answer, and whose upload is not over.
fn told(client: &mut Frames, stream: u32, more: &[(&str, &str)]) {
    let head = [(":method", "POST"), (":scheme", "http"), (":authority", "site.test"), (":path", "/403")];
    client.head(stream, &[&head, more].concat(), false);
    let answer = client.until_over(stream);
    assert!(answer.last().is_some_and(Frame::ends), "{answer:?}");
}

/// Whether the stream is over by now.
fn is_reset(client: &mut Frames) -> bool {
    client.send(PING, 0, 0, &[0; 8]);
    let said = std::iter::from_fn(|| client.read().ok()).take_while(|frame| frame.kind != PING);
    let reset = said.filter(|frame| frame.kind == RST_STREAM).last();
    assert!(reset.as_ref().is_none_or(|reset| reset.reason() == Some(0)), "{reset:?}");
    reset.is_some()
}

/// How long the door listens to who goes on with such pieces.
fn listened_to(door: &Door, more: &[(&str, &str)], piece: &[u8]) -> Duration {
    let mut client = Frames::open(door.address);
    told(&mut client, 1, more);
    let start = Instant::now();
    while !is_reset(&mut client) {
        std::thread::sleep(Duration::from_millis(100));
        if !piece.is_empty() {
            client.send(DATA, 0, 1, piece);
        }
    }
    start.elapsed()
}

#[test]
fn who_goes_on_after_a_refusal_is_listened_to_for_a_while_and_who_waits_for_leave_is_not() {
    let (_site, door) = refusing();
    let (silent, steady, waits) = std::thread::scope(|scope| {
        let silent = scope.spawn(|| listened_to(&door, &[], b""));
        let steady = scope.spawn(|| listened_to(&door, &[], b"x"));
        let waits = scope.spawn(|| listened_to(&door, &[("expect", "100-continue")], b""));
        (silent.join().unwrap(), steady.join().unwrap(), waits.join().unwrap())
    });
    println!("{silent:?} to who is silent, {steady:?} to who goes on, {waits:?} to who waits");
    assert!((1900..8000).contains(&silent.as_millis()), "{silent:?}");
    assert!((9900..20_000).contains(&steady.as_millis()), "{steady:?}");
    assert!(waits.as_millis() < 1900, "{waits:?}");
}

/// The end of an answer without a body is not kept for the end of the upload.
#[test]
fn who_is_sent_to_https_has_the_whole_answer_at_once() {
    let site = Site::of(Origin::dead(), Origin::dead());
    let mut config = h2c(&site, REFUSING);
    config.listener.push_str(", redirect_https: 8443");
    let door = site.open_with(&config);
    let start = Instant::now();
    told(&mut Frames::open(door.address), 1, &[]);
    assert!(start.elapsed() < Duration::from_millis(1900), "{:?}", start.elapsed());
}

#[test]
fn so_is_who_speaks_http1() {
    let (_site, door) = refusing();
    let mut client = door.client();
    client.send(post("Content-Length: 100000\r\n").replace("/up", "/403"));
    assert_eq!(client.answer("POST").status(), 403);
    let socket = client.reader.stream.try_clone().unwrap();
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(3) {
        client.reader.stream.write_all(b"x").unwrap();
        is_silent(&mut client.reader.stream, &socket, Duration::from_millis(500));
    }
}

/// More than there is room for at once: the window is given back.
#[test]
fn what_nobody_wants_is_taken_to_its_end() {
    const PIECE: usize = 64 << 10;
    let (_site, door) = refusing();
    story(async {
        let client = Http2::connect(door.address).await;
        let request = Request::post("http://site.test/403").body(()).unwrap();
        let (answer, mut upload) = client.send.clone().ready().await.unwrap().send_request(request, false).unwrap();
        assert_eq!(answer.await.unwrap().status(), 403);
        let mut left = 64 * PIECE;
        while left > 0 {
            upload.reserve_capacity(left.min(PIECE));
            let room = poll_fn(|cx| upload.poll_capacity(cx)).await.unwrap().unwrap();
            left -= room;
            upload.send_data(Bytes::from(vec![0; room]), left == 0).unwrap();
        }
        assert_eq!(client.ask("POST", "/403", &[], b"more").await.unwrap().status, 403, "on the same connection");
    });
}

#[test]
fn who_is_listened_to_counts_among_the_streams_and_keeps_no_door_that_leaves() {
    let site = Site::of(Origin::saying("ok"), Origin::dead());
    let mut door = site.open_with(&h2c(&site, REFUSING).and("limits: {max_streams: 2}\ndrain_timeout: 500ms"));
    let mut client = Frames::open(door.address);
    told(&mut client, 1, &[]);
    told(&mut client, 3, &[]);
    client.head(5, &frames::get("/403"), true);
    let third = client.until_over(5);
    assert_eq!(third.last().map(|frame| (frame.kind, frame.reason())), Some((RST_STREAM, Some(7))), "{third:?}");
    door.signal("TERM");
    let start = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while client.send(DATA, 0, 1, b"x") {
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        door.await_exit();
    });
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}
