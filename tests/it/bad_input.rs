//! Bad input gets a clear error or a counted outcome, and the door stays open where it was open.

use std::fs;
use std::net::TcpListener;

use crate::harness::door::free_port;
use crate::harness::{Config, Origin, Run, Site, matapalo};

const SHADOW: &str = "- {name: all, match: {path: {prefix: /}}, stage: shadow, mirror: {percent: 100}}";

/// Runs `run` and `check` on this text; both end with 2, and say the same place.
fn refused(text: &[u8]) -> Run {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("matapalo.yaml");
    fs::write(&file, text).unwrap();
    let check = matapalo(&["check", "-c", file.to_str().unwrap()]);
    let run = matapalo(&["run", "-c", file.to_str().unwrap()]);
    assert_eq!(check.code, 2, "check: {check}");
    assert_eq!(run.code, 2, "run: {run}");
    let all = format!("{}{}", run.stdout, run.stderr);
    assert!(all.contains("matapalo.yaml"), "the file is not named: {run}");
    assert!(!all.contains("panicked"), "{run}");
    run
}

fn good() -> String {
    let site = Site::named();
    site.config(SHADOW).text(free_port(), free_port(), site.folder.path())
}

#[test]
fn a_good_config_is_good() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("matapalo.yaml");
    fs::write(&file, good()).unwrap();
    let run = matapalo(&["check", "-c", file.to_str().unwrap()]);
    assert_eq!(run.code, 0, "{run}");
}

#[test]
fn a_broken_config_is_refused_with_its_place() {
    let cases = [
        ("stage: shadow", "stage: shadwo", "shadow"),
        ("stage: shadow", "stgae: shadow", "stage"),
        ("percent: 100", "percent: 101", "101"),
        ("percent: 100", "percent: lots", "lots"),
        ("percent: 100", "percent: 100, timeout: 5", "timeout"),
        ("version: 1", "version: 7", "7"),
        ("{prefix: /}", "{prefix: pages}", "pages"),
        ("{prefix: /}", "{regex: '('}", "("),
        ("threads: 2", "threads: many", "many"),
    ];
    for (from, to, word) in cases {
        let text = good();
        assert!(text.contains(from), "{from}");
        let text = text.replacen(from, to, 1);
        let line = text.lines().position(|line| line.contains(to.split(',').next().unwrap())).unwrap() + 1;
        let run = refused(text.as_bytes());
        let said = format!("{}{}", run.stdout, run.stderr);
        assert!(said.contains(&format!("matapalo.yaml:{line}:")), "{to}: line {line} is not named: {run}");
        assert!(said.contains(word), "{to}: {word:?} is not said: {run}");
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let text = good().replace("stage: shadow", "stage: shadwo").replace("threads: 2", "threads: many");
    let run = refused(text.as_bytes());
    let said = format!("{}{}", run.stdout, run.stderr);
    assert!(said.contains("shadwo") && said.contains("many"), "{run}");
}

#[test]
fn what_is_no_config_at_all_is_refused() {
    refused(b"");
    refused(b"   \n\n# nothing\n");
    refused(b"just words");
    refused(b"- a\n- list\n");
    refused(&[0x7f, b'E', b'L', b'F', 0, 1, 2, 0xff, 0xfe]);
    refused(&[0xff; 4096]);
    refused("\u{0}\u{0}\u{0}".as_bytes());
    refused("a: &a [*a, *a]\n".as_bytes());
    refused(format!("version: 1\nx: {}", "[".repeat(10_000)).as_bytes());
}

#[test]
fn a_half_written_config_is_refused_wherever_it_ends() {
    let text = good();
    for share in [1, 3, 5, 8] {
        refused(&text.as_bytes()[..text.len() * share / 10]);
    }
}

#[test]
fn fifty_megabytes_are_refused_quickly() {
    let start = std::time::Instant::now();
    refused(format!("{}\n# {}\n", good(), "x".repeat(50_000_000)).as_bytes());
    refused(&b"- \n".repeat(17_000_000));
    println!("both refused after {:?}", start.elapsed());
    assert!(start.elapsed() < std::time::Duration::from_secs(20), "{:?}", start.elapsed());
}

#[test]
fn billion_laughs_are_refused() {
    let mut text = "version: 1\na0: &a0 [lol]\n".to_owned();
    for level in 1..30 {
        let below = format!("*a{}", level - 1);
        text.push_str(&format!("a{level}: &a{level} [{}]\n", vec![below; 10].join(", ")));
    }
    refused(text.as_bytes());
}

#[test]
fn a_config_that_is_not_there_is_trouble() {
    for command in ["run", "check", "report"] {
        let run = matapalo(&[command, "-c", "/nowhere/matapalo.yaml"]);
        assert_eq!(run.code, 2, "{command}: {run}");
        assert!(run.stderr.contains("/nowhere/matapalo.yaml"), "{command}: {run}");
    }
}

#[test]
fn a_port_that_is_taken_is_said_by_number() {
    let site = Site::named();
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap().port();
    let file = site.path("matapalo.yaml");
    for (door, admin) in [(taken, free_port()), (free_port(), taken)] {
        fs::write(&file, site.config(SHADOW).text(door, admin, site.folder.path())).unwrap();
        let run = matapalo(&["run", "-c", file.to_str().unwrap()]);
        assert_eq!(run.code, 2, "{run}");
        let said = format!("{}{}", run.stdout, run.stderr);
        assert!(said.contains(&taken.to_string()) && said.contains("in use"), "{run}");
        assert!(!said.contains("panicked"), "{run}");
    }
}

fn legacy_only(config: &Config) -> Config {
    config.routed("- {name: all, match: {path: {prefix: /}}, stage: legacy}")
}

#[test]
fn a_backend_that_answers_garbage_is_a_502_and_others_are_served() {
    let answers: [&'static [u8]; 8] = [
        b"\x16\x03\x01\x00\x02\x01\x00\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nBroken header line\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: minus one\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"",
    ];
    for garbage in answers {
        let legacy = Origin::at_head(move |seen, wire| {
            if seen.target() == "/good" {
                return wire.ok("good");
            }
            wire.send(garbage);
            wire.close();
        });
        let site = Site::of(legacy, Origin::dead());
        let door = site.open_with(&legacy_only(&site.config(SHADOW)));
        assert_eq!(door.get("/bad").status(), 502, "{:?}", String::from_utf8_lossy(garbage));
        assert_eq!(door.get("/good").text(), "good");
        door.await_metric("requests_total", &[("route", "all"), ("code", "502")], 1.0);
    }
}

#[test]
fn a_mirror_that_answers_garbage_is_counted() {
    let new = Origin::at_head(|_, wire| {
        wire.send("220 mail.example ESMTP\r\n\r\n");
        wire.close();
    });
    let site = Site::of(Origin::saying("legacy"), new);
    let door = site.open(SHADOW);
    assert_eq!(door.get("/").text(), "legacy");
    let line = door.await_accounted("all", 1);
    assert_eq!(line.count("matched"), 0, "{}", line.0);
}

#[test]
fn a_body_that_claims_gzip_and_is_not_is_no_match() {
    let lying = || {
        Origin::answering(|_, wire| {
            wire.answer("200 OK", &["Content-Type: application/json", "Content-Encoding: gzip"], "{\"a\": 1}");
        })
    };
    let honest =
        || Origin::answering(|_, wire| wire.answer("200 OK", &["Content-Type: application/json"], "{\"a\": 1}"));
    for (legacy, new) in [(honest(), lying()), (lying(), honest())] {
        let site = Site::of(legacy, new);
        let door = site.open(SHADOW);
        assert_eq!(door.get("/").body, b"{\"a\": 1}");
        let line = door.await_accounted("all", 1);
        assert_eq!(line.count("mismatched"), 1, "{}", line.0);
    }
}

#[test]
fn invalid_json_is_compared_and_never_a_panic() {
    let json = |body: &'static str| {
        Origin::answering(move |_, wire| wire.answer("200 OK", &["Content-Type: application/json"], body))
    };
    for (control, candidate, mismatched) in [
        ("{\"a\": 1}", "{\"a\": 1", 1),
        ("{\"a\": 1", "{\"a\": 1}", 1),
        ("{\"a\": 1}", "<html>", 1),
        ("{\"a\": 1}", "", 1),
        ("{\"a\": tru", "{\"a\": tru", 0),
    ] {
        let site = Site::of(json(control), json(candidate));
        let door = site.open(SHADOW);
        assert_eq!(door.get("/").text(), control);
        let line = door.await_accounted("all", 1);
        assert_eq!(line.count("mismatched"), mismatched, "{control} | {candidate}: {}", line.0);
        assert!(!door.log().contains("panicked"), "{}", door.log());
    }
}
