#![allow(clippy::unwrap_used)]

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::UNIX_EPOCH;

use super::format::{combined, json};
use super::*;

fn line(path: &'static [u8]) -> Line<'static> {
    Line {
        at: UNIX_EPOCH + Duration::from_millis(1_709_210_096_500),
        client: "203.0.113.7".parse().unwrap(),
        method: "GET",
        path,
        host: b"site.example",
        protocol: "HTTP/1.1",
        status: 200,
        bytes: 12,
        took: Duration::from_micros(1_500),
        route: "page",
        stage: "shadow",
        answered_by: "legacy",
        limited: false,
        error: None,
        referer: b"https://site.example/a?token=secret",
        user_agent: b"curl \"x\"\n",
        request_id: b"7d3f",
        trace: Some(TraceId([0x4b; 16])),
    }
}

#[test]
fn a_json_line_is_json_whatever_the_client_sent_and_holds_no_query() {
    let mut out = String::new();
    json(&mut out, &line(b"/a\"\\\xff")).unwrap();
    let value: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(value["path"], "/a\"\\\u{fffd}");
    assert_eq!(value["duration_ms"], 1.5);
    assert_eq!(value["request_id"], "7d3f");
    assert_eq!(value["trace_id"], "4b".repeat(16));
    assert_eq!(value["user_agent"], "curl \"x\"\n");
    assert!(out.ends_with("}\n") && !out.contains("secret"));
}

#[test]
fn a_combined_line_is_as_log_readers_know_it() {
    let mut out = String::new();
    combined(&mut out, &line(b"/a")).unwrap();
    assert_eq!(
        out,
        "203.0.113.7 - - [29/Feb/2024:12:34:56 +0000] \"GET /a HTTP/1.1\" 200 12 \"https://site.example/a\" \
         \"curl \\\"x\\\"\\u000a\" page shadow legacy 0.002 7d3f\n"
    );
}

#[test]
fn a_combined_line_has_a_dash_for_what_is_absent() {
    let mut out = String::new();
    combined(&mut out, &Line { referer: b"", user_agent: b"", ..line(b"/a") }).unwrap();
    assert!(out.contains(" 200 12 \"-\" \"-\" page "), "{out}");
}

#[test]
fn a_rotated_file_is_opened_anew_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let lost = IntCounter::new("dropped", "dropped").unwrap();
    let mut sink = Sink::open(Some(path.clone()), lost).unwrap();
    sink.write(b"one\n");
    std::fs::rename(&path, folder.path().join("access.log.1")).unwrap();
    sink.write(b"two\n");
    assert_eq!(std::fs::read(&path).unwrap(), b"two\n");
    assert_eq!(std::fs::read(folder.path().join("access.log.1")).unwrap(), b"one\n");
}

#[test]
fn closing_writes_what_was_pushed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let log = open(&path, Share::ALL);
    (0..3).for_each(|_| log.push(&line(b"/a")));
    drop(log);
    assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 3);
}

fn open(path: &Path, percent: Share) -> AccessLog {
    let settings = AccessLogSettings { path: Some(path.to_owned()), format: AccessLogFormat::Json, percent };
    AccessLog::open(&settings, IntCounter::new("dropped", "dropped").unwrap()).unwrap()
}

#[test]
fn a_share_is_written_and_every_failure() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(&folder.path().join("access.log"), Share::from_percent(10.0).unwrap());
    let wanted = (0..10_000).filter(|_| log.wants(200)).count();
    assert!((990..=1010).contains(&wanted), "{wanted} of 10,000");
    assert!((0..100).all(|_| log.wants(502)));
    let none = open(&folder.path().join("none.log"), Share::NONE);
    assert!(!(0..1000).any(|_| none.wants(404)) && none.wants(500));
}

#[test]
fn a_full_buffer_drops_lines_and_counts_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let log = open(&path, Share::ALL);
    log.buffer.lock().text = "x".repeat(ROOM);
    // The writer may take the buffer at any moment: held, it cannot.
    let mut pushed = 0;
    while log.dropped.get() == 0 && pushed < 100 {
        log.buffer.lock().text = "x".repeat(ROOM);
        log.push(&line(b"/a"));
        pushed += 1;
    }
    assert!(log.dropped.get() > 0);
}

#[test]
fn told_to_reopen_it_makes_a_new_file_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let log = open(&path, Share::ALL);
    log.push(&line(b"/a"));
    let lines = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap().lines().count();
    await_that(|| lines("access.log") == 1);
    std::fs::rename(&path, folder.path().join("access.log.1")).unwrap();
    log.reopen();
    await_that(|| path.exists());
    log.push(&line(b"/b"));
    drop(log);
    assert_eq!((lines("access.log.1"), lines("access.log")), (1, 1));
}

fn await_that(is_so: impl Fn() -> bool) {
    let since = std::time::Instant::now();
    while !is_so() {
        assert!(since.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A socket stands for the disk: it is full after so many bytes, and has room again once somebody reads.
#[test]
fn a_line_that_found_no_room_is_finished_and_only_what_is_lost_is_counted() {
    let (disk, mut reader) = UnixStream::pair().unwrap();
    disk.set_nonblocking(true).unwrap();
    reader.set_nonblocking(true).unwrap();
    let lost = IntCounter::new("dropped", "dropped").unwrap();
    let mut sink = Sink {
        path: None,
        file: Some(File::from(OwnedFd::from(disk))),
        owed: Vec::new(),
        failing: false,
        lost: lost.clone(),
    };
    let mut all = Vec::new();
    let mut read = |all: &mut Vec<u8>| drop(reader.read_to_end(all));
    let line = format!("{}\n", "x".repeat(999_999));
    let two = format!("{line}{line}");
    sink.write(two.as_bytes());
    assert!(sink.failing && lost.get() == 1 && !sink.owed.is_empty(), "the first one is owed, the second one lost");
    sink.write(b"three\nfour\n");
    assert_eq!(lost.get(), 3);
    // Also where there is nothing to add.
    while !sink.owed.is_empty() {
        read(&mut all);
        sink.write(b"");
    }
    assert!(!sink.failing);
    sink.write(b"five\n");
    read(&mut all);
    assert_eq!(String::from_utf8(all).unwrap(), format!("{line}five\n"));
    assert_eq!(lost.get(), 3);
}

#[test]
fn half_a_line_of_an_ended_door_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let lost = IntCounter::new("dropped", "dropped").unwrap();
    for (before, after) in [("whole\nha", "whole\nha\nnext\n"), ("whole\n", "whole\nnext\n"), ("", "next\n")] {
        std::fs::write(&path, before).unwrap();
        Sink::open(Some(path.clone()), lost.clone()).unwrap().write(b"next\n");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), after);
    }
    assert_eq!(lost.get(), 0);
}

#[test]
fn what_is_owed_to_a_file_that_is_gone_or_emptied_is_lost() {
    for empties in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        let lost = IntCounter::new("dropped", "dropped").unwrap();
        let mut sink = Sink::open(Some(path.clone()), lost.clone()).unwrap();
        sink.write(b"beg");
        sink.owed = b"inning\n".to_vec();
        if empties {
            std::fs::write(&path, b"").unwrap();
        } else {
            std::fs::remove_file(&path).unwrap();
        }
        sink.write(b"next\n");
        assert_eq!((std::fs::read(&path).unwrap().as_slice(), lost.get()), (b"next\n".as_slice(), 1));
    }
}
