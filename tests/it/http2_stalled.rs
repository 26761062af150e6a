//! Clients of HTTP/2 that take little or nothing of their answers: a stream of theirs costs little, and nothing is lost of it.

use std::time::{Duration, Instant};

use crate::harness::frames::{self, DATA, Frames, RST_STREAM, SETTINGS, WINDOW_UPDATE};
use crate::harness::http2::{Http2, story};
use crate::harness::{Door, Origin, Site, await_that};
use crate::http2::h2c;

const LEGACY: &str = "- {name: all, match: {path: {prefix: /}}, stage: legacy}";
const CLIENTS: u32 = 3;
const STREAMS: u32 = 100;
const PIECES: usize = 64;

/// Four MiB, but for `/small`.
fn large() -> Origin {
    Origin::answering(|asked, wire| {
        if asked.target() == "/small" {
            return wire.ok("small");
        }
        wire.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", PIECES << 16));
        (0..PIECES).for_each(|piece| wire.send(vec![b'a' + (piece % 26) as u8; 1 << 16]));
    })
}

/// Clicks of the clock that the door has had the processor for, in hundredths of a second.
fn clicks(door: &Door) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", door.pid())).unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

/// Each with this window for a stream, and as much for the connection as there is.
fn clients(door: &Door, window: u32) -> Vec<Frames> {
    let client = |_| {
        let mut client = Frames::open(door.address);
        client.send(SETTINGS, 0, 0, &[&[0, 4], &window.to_be_bytes()[..]].concat());
        client.send(WINDOW_UPDATE, 0, 0, &(0x7fff_ffff_u32 - 65_535).to_be_bytes());
        for index in 0..STREAMS {
            client.head(1 + 2 * index, &frames::get("/"), true);
        }
        client
    };
    (0..CLIENTS).map(client).collect()
}

/// Looks in a row, ten milliseconds apart, that find the memory where it was: then nothing moves any more.
const STILL: u32 = 50;

/// MiB more than before, once the memory stays within one.
fn settled(door: &Door, before: u64) -> u64 {
    let grown = || door.memory().saturating_sub(before) >> 20;
    let (mut last, mut still) = (grown(), 0);
    await_that("the memory to stay as it is", || {
        let now = grown();
        still = if now.abs_diff(last) <= 1 { still + 1 } else { 0 };
        if still == 0 {
            last = now;
        }
        if still >= STILL { Ok(()) } else { Err(format!("{now} MiB more than before, {last} a moment ago")) }
    });
    grown()
}

/// Reads so many bytes of answers.
fn take(client: &mut Frames, bytes: usize) {
    let mut taken = 0;
    while taken < bytes {
        let frame = client.read().unwrap();
        assert_ne!(frame.kind, RST_STREAM, "{frame:?}");
        taken += if frame.kind == DATA { frame.payload.len() } else { 0 };
    }
}

#[test]
fn an_answer_that_nobody_takes_costs_little_and_no_time() {
    let site = Site::of(large(), Origin::dead());
    let door = site.open_with(&h2c(&site, LEGACY).and("limits: {body_timeout: 8s}"));
    let before = door.memory();
    let mut stalled = clients(&door, 0);
    site.legacy.await_seen((CLIENTS * STREAMS) as usize);
    let grown = settled(&door, before);
    println!("{grown} MiB for {} answers that nobody takes", CLIENTS * STREAMS);
    // Some 130 KiB each: a connection to the backend with its buffer, one piece of the answer, the task.
    assert!(grown <= 80, "{grown} MiB");
    let (worked, start) = (clicks(&door), Instant::now());
    std::thread::sleep(Duration::from_secs(2));
    let worked = clicks(&door) - worked;
    assert!(worked < 20, "{worked} hundredths of a second of work in {:?}: it spins", start.elapsed());
    // Byte by byte: each round is a new wait.
    for _ in 0..10 {
        for client in &mut stalled {
            (0..STREAMS).for_each(|index| assert!(client.send(WINDOW_UPDATE, 0, 1 + 2 * index, &[0, 0, 0, 1])));
        }
        stalled.iter_mut().for_each(|client| take(client, STREAMS as usize));
    }
    let grown = settled(&door, before);
    println!("{grown} MiB after some bytes");
    // For who takes something nothing is read ahead either.
    assert!(grown <= 90, "{grown} MiB after some bytes");
    let over = stalled[0].until_over(2 * STREAMS - 1);
    assert_eq!(over.last().map(|frame| frame.kind), Some(RST_STREAM), "{over:?}");
    let mut good = Frames::open(door.address);
    good.head(1, &frames::get("/small"), true);
    assert_eq!(good.until_over(1)[0].status(), 200);
}

/// It says that it takes everything, and does not even read its socket.
#[test]
fn an_answer_to_a_socket_that_nobody_reads_costs_little() {
    let site = Site::of(large(), Origin::dead());
    let door = site.open_with(&h2c(&site, LEGACY));
    let before = door.memory();
    let _stalled = clients(&door, 0x7fff_ffff);
    site.legacy.await_seen((CLIENTS * STREAMS) as usize);
    let grown = settled(&door, before);
    println!("{grown} MiB for {} answers that nobody reads", CLIENTS * STREAMS);
    // Another piece each waits in the connection.
    assert!(grown <= 160, "{grown} MiB");
}

/// Longer than a backend may pause.
#[test]
fn a_client_that_pauses_gets_everything() {
    let site = Site::of(large(), Origin::dead());
    let mut config = h2c(&site, LEGACY);
    config.legacy = format!("{}, timeouts: {{first_byte: 300ms, idle: 300ms}}", config.legacy);
    let door = site.open_with(&config.and("limits: {body_timeout: 10s}"));
    story(async {
        let client = Http2::connect(door.address).await;
        let request = http::Request::get("http://site.test/").body(()).unwrap();
        let (answer, _) = client.send.clone().ready().await.unwrap().send_request(request, true).unwrap();
        let mut body = answer.await.unwrap().into_body();
        let (mut got, mut pauses) = (0, 0);
        while let Some(piece) = body.data().await {
            let piece = piece.unwrap();
            for (at, byte) in piece.iter().enumerate() {
                assert_eq!(*byte, b'a' + (((got + at) >> 16) % 26) as u8, "at {}", got + at);
            }
            got += piece.len();
            if got >> 20 > pauses {
                pauses += 1;
                tokio::time::sleep(Duration::from_millis(900)).await;
            }
            body.flow_control().release_capacity(piece.len()).unwrap();
        }
        assert_eq!((got, pauses), (PIECES << 16, 4));
    });
}
