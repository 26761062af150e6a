//! Nobody reads what the door writes, or the reader is gone: users, edits and the end of the door must not notice.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::drain::held;
use crate::harness::client::request;
use crate::harness::door::BINARY;
use crate::harness::http2::{Http2, story};
use crate::harness::origin2::{Origin2, Reply};
use crate::harness::site::{Config, await_that, program};
use crate::harness::{Door, Origin, Signal, Site};

/// A door that is not stuck is gone by then.
const SOON: Duration = Duration::from_secs(6);

/// An output whose reader has gone.
fn closed() -> Stdio {
    OwnedFd::from(UnixStream::pair().unwrap().0).into()
}

/// An output that takes nothing more, for as long as the other end, which nobody reads, is kept.
fn full() -> (Stdio, UnixStream) {
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    for line in [[b'x'; 1 << 14].as_slice(), b"x"] {
        while ours.write(line).inspect_err(|error| assert_eq!(error.kind(), ErrorKind::WouldBlock)).is_ok() {}
    }
    ours.set_nonblocking(false).unwrap();
    (OwnedFd::from(ours).into(), theirs)
}

/// What is asked of `/dead` is worth a line.
fn config(site: &Site) -> Config {
    let dead = "{name: dead, match: {path: {exact: /dead}}, stage: new}";
    site.config(&format!("- {dead}\n- {{name: all, match: {{path: {{prefix: /}}}}, stage: legacy}}"))
        .and("access_log: {path: '-'}")
}

/// All of it: failures that are logged, an edit, and the end with a request under way.
fn goes_on(mut door: Door, site: &Site, release: &Signal) {
    for _ in 0..4 {
        assert_eq!(door.get("/dead").status(), 502);
    }
    door.edit_and_await("{name: all,", "{name: everything,");
    let mut client = door.client();
    let before = site.legacy.seen().len();
    client.send(request("GET", "/slow", &[], b""));
    site.legacy.await_seen(before + 1);
    door.signal("TERM");
    let told = Instant::now();
    door.await_draining();
    release.give();
    assert_eq!(client.answer("GET").text(), "legacy");
    assert_eq!(door.await_exit().code(), Some(0));
    assert!(told.elapsed() < SOON, "{:?}", told.elapsed());
}

#[test]
fn an_output_without_a_reader_fails_nobody() {
    let release = Signal::new();
    let site = Site::of(held(&release), Origin::dead());
    let door = Door::open_onto(&site.path("matapalo.yaml"), &config(&site), closed(), closed());
    door.get("/");
    await_that("lines to be counted", || {
        let lost = ["log_dropped_total", "access_log_dropped_total"].map(|name| door.metric(name, &[]));
        if lost.iter().all(|lost| *lost >= 1.0) { Ok(()) } else { Err(format!("{lost:?}")) }
    });
    goes_on(door, &site, &release);
}

#[test]
fn an_output_that_is_full_keeps_nobody() {
    let release = Signal::new();
    let site = Site::of(held(&release), Origin::dead());
    let ((output, _unread), (errors, _unread_either)) = (full(), full());
    let door = Door::open_onto(&site.path("matapalo.yaml"), &config(&site), output, errors);
    door.get("/");
    goes_on(door, &site, &release);
}

#[test]
fn a_second_sigterm_ends_a_door_that_nobody_reads() {
    let site = Site::of(Origin::hanging(), Origin::dead());
    let ((output, _unread), (errors, _unread_either)) = (full(), full());
    let mut door = Door::open_onto(&site.path("matapalo.yaml"), &config(&site), output, errors);
    let mut client = door.client();
    client.send(request("GET", "/", &[], b""));
    site.legacy.await_seen(1);
    let told = Instant::now();
    door.signal("TERM");
    door.await_draining();
    door.signal("TERM");
    assert_eq!(door.await_exit().code(), Some(1));
    assert!(told.elapsed() < SOON, "{:?}", told.elapsed());
}

#[test]
fn who_reads_late_reads_everything() {
    let site = Site::of(Origin::saying("legacy"), Origin::dead());
    let (theirs, mut ours) = UnixStream::pair().unwrap();
    let errors = OwnedFd::from(theirs);
    let mut door = Door::open_onto(&site.path("matapalo.yaml"), &config(&site), Stdio::null(), errors);
    door.signal("TERM");
    assert_eq!(door.await_exit().code(), Some(0));
    let mut log = String::new();
    ours.read_to_string(&mut log).unwrap();
    assert!(log.contains("the door is open") && log.ends_with("the door is closed\n"), "{log}");
}

/// Of `run --log-format json`, each of which is an object.
fn objects(log: &str) -> Vec<serde_json::Value> {
    let object = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
    let objects: Vec<serde_json::Value> = log.lines().map(object).collect();
    for object in &objects {
        assert!(["timestamp", "level", "message", "target"].iter().all(|key| object[key].is_string()), "{object}");
    }
    objects
}

fn as_json(site: &Site) -> PathBuf {
    told(site, "MATAPALO_LOG_FORMAT=json")
}

/// A door that has this in its environment.
fn told(site: &Site, variable: &str) -> PathBuf {
    let script = site.path("told.sh");
    program(&script, &format!("#!/bin/sh\n{variable} exec {BINARY:?} \"$@\"\n"));
    script
}

#[test]
fn a_log_of_json_has_nothing_else_from_the_beginning_to_the_end() {
    let site = Site::named();
    let routes = "- {name: all, match: {path: {prefix: /}}, stage: legacy}";
    let mut door = Door::open_as(&as_json(&site), &site.path("matapalo.yaml"), &site.config(routes));
    door.get("/");
    door.edit("stage: legacy", "stage: nowhere");
    door.await_log("config refused");
    let again = door.command(&["run", "--log-format", "json"]);
    door.signal("TERM");
    assert_eq!(door.await_exit().code(), Some(0));
    await_that("the last line", || if door.log().contains("is closed") { Ok(()) } else { Err(door.log()) });
    assert!(objects(&door.log()).len() > 3);

    // A config that does not compile, and one whose address is taken.
    let told = objects(&again.stderr);
    let message = told.last().unwrap()["message"].as_str().unwrap();
    assert!(again.code == 2 && message.contains("nowhere") && message.contains("matapalo.yaml:"), "{again}");
    let other = site.open(routes);
    let again = other.command(&["run", "--log-format", "json"]);
    let told = objects(&again.stderr);
    let last = told.last().unwrap();
    assert!(again.code == 2 && last["message"].as_str().unwrap().contains("in use"), "{again}");
    assert_eq!(last["level"], "ERROR");
}

#[test]
fn a_start_that_fails_says_why() {
    let site = Site::named();
    let door = site.open("- {name: all, match: {path: {prefix: /}}, stage: legacy}");
    let again = door.command(&["run"]);
    assert_eq!(again.code, 2, "{again}");
    assert!(again.stderr.contains("matapalo: ") && again.stderr.contains("in use"), "{again}");
}

/// Of the libraries, the lower levels write whole heads and bodies.
#[test]
fn whoever_asks_for_every_line_is_told_no_secret() {
    let named = "trace,pingora=trace,pingora_core=trace,pingora_proxy=trace,pingora_pool=trace,h2=trace,hyper=trace";
    for wanted in ["trace", "debug", named] {
        let new =
            Origin2::answering(|_| Reply::Whole(b"{\"a\": \"secret-of-new\"}".to_vec(), &[("x-sum", "secret-sum")]));
        let legacy = Origin::answering(|seen, wire| match seen.target().split('?').next() {
            Some("/reset") => wire.reset(),
            Some("/junk") => wire.send("secret-junk\r\nSet-Cookie: secret-junk\r\n\r\n"),
            _ => wire.answer("200 OK", &["Set-Cookie: sid=secret-sid"], "secret-of-legacy"),
        });
        let site = Site::of(legacy, Origin::dead());
        let mut config = site.config("- {name: all, match: {path: {prefix: /}}, stage: shadow}");
        config.listener = ", h2c: true".to_owned();
        config.new = format!("endpoints: [\"http://{}\"], http2: true", new.address);
        let script = told(&site, &format!("RUST_LOG={wanted}"));
        let door = Door::open_as(&script, &site.path("matapalo.yaml"), &config);
        let lines = ["Cookie: sid=secret-cookie", "Authorization: Bearer secret-bearer", "Host: site.test"];
        let heads = [("cookie", "sid=secret-cookie"), ("authorization", "Bearer secret-bearer")];
        for method in ["GET", "POST"] {
            assert_eq!(door.ask(method, "/page?token=secret-query", &lines, b"secret-body").status(), 200);
            assert_eq!(door.ask(method, "/reset?token=secret-query", &lines, b"secret-body").status(), 502);
            assert_eq!(door.ask(method, "/junk?token=secret-query", &lines, b"secret-body").status(), 502);
            story(async {
                let client = Http2::connect(door.address).await;
                client.ask(method, "/page?token=secret-query", &heads, b"secret-body").await.unwrap();
            });
        }
        door.await_metric("comparisons_total", &[("route", "all"), ("outcome", "mismatched")], 2.0);
        door.await_log("path=\"/junk\"");
        let log = door.log();
        let telling: Vec<&str> = log.lines().filter(|line| line.contains("secret")).collect();
        assert!(telling.is_empty(), "RUST_LOG={wanted}: {telling:#?}");
    }
}

/// Old pages have heaps of it, and it tells nobody what to do.
#[test]
fn what_is_wrong_with_a_page_is_no_line_of_the_log() {
    let page = |end: &str| format!("<table>{}</table>{end}", "<tr>&nbsp;<td>a</td></tr>".repeat(50));
    let origin = |end| {
        let page = page(end);
        Origin::answering(move |_, wire| wire.answer("200 OK", &["Content-Type: text/html"], &page))
    };
    let site = Site::of(origin("legacy"), origin("new"));
    let mut door = site.open("- {name: all, match: {path: {prefix: /}}, stage: shadow, mirror: {percent: 100}}");
    assert_eq!(door.get("/").status(), 200);
    door.await_accounted("all", 1);
    door.signal("TERM");
    assert_eq!(door.await_exit().code(), Some(0));
    let log = door.log();
    let foreign: Vec<_> = log.lines().filter(|line| !line.contains(" matapalo::")).collect();
    assert!(log.contains("the door is closed") && foreign.is_empty(), "{log}");
}

#[test]
fn what_the_door_itself_says_in_detail_can_be_asked_for() {
    let site = Site::named();
    let routes = "- {name: all, match: {path: {prefix: /}}, stage: legacy}";
    let config = site.config(routes).and("limits: {max_connections: 1}");
    let door = Door::open_as(&told(&site, "RUST_LOG=debug"), &site.path("matapalo.yaml"), &config);
    let _first = door.client();
    let mut second = door.client();
    assert!(second.is_closed());
    door.await_log("connection refused: max_connections are open");
}
