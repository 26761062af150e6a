//! The access log while it is rotated away and while only a share of it is wanted.

use std::fs;

use crate::harness::{Answer, Load, Origin, Site, await_that, matapalo};

const LEGACY: &str = "- {name: all, match: {path: {prefix: /}}, stage: legacy}";

fn is_ok(answer: &Answer) -> bool {
    answer.status() == 200
}

fn lines(site: &Site, name: &str) -> Vec<String> {
    fs::read_to_string(site.path(name)).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// As logrotate does it with `create` and a `postrotate` that sends SIGHUP.
#[test]
fn rotated_under_load_each_request_has_exactly_one_line() {
    let site = Site::of(Origin::saying("ok"), Origin::dead());
    let mut door = site.open_with(&site.config(LEGACY).and("access_log: {path: access.log}"));
    let load = Load::on(door.address, 4, "/page", is_ok);
    for rotation in 1..=3 {
        load.let_run(200);
        fs::rename(site.path("access.log"), site.path(&format!("access.log.{rotation}"))).unwrap();
        fs::OpenOptions::new().create(true).append(true).open(site.path("access.log")).unwrap();
        door.signal("HUP");
    }
    load.let_run(200);
    let harvest = load.stop();
    harvest.assert_clean();
    door.signal("TERM");
    door.await_exit();
    let files = ["access.log", "access.log.1", "access.log.2", "access.log.3"].map(|name| lines(&site, name));
    let all = files.concat();
    assert_eq!(all.len() as u64, harvest.answers);
    assert!(files.iter().all(|lines| lines.len() > 20), "{:?}", files.map(|lines| lines.len()));
    for line in all {
        let line: serde_json::Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(line["path"], "/page");
    }
}

#[test]
fn one_that_cannot_be_opened_is_named() {
    let site = Site::of(Origin::saying("ok"), Origin::dead());
    let config = site.config(LEGACY).and("access_log: {path: no-such-folder/access.log}");
    fs::write(site.path("matapalo.yaml"), config.text(0, 0, site.folder.path())).unwrap();
    let run = matapalo(&["run", "-c", site.path("matapalo.yaml").to_str().unwrap()]);
    let says = format!("opening access_log.path {}", site.path("no-such-folder/access.log").display());
    assert!(run.code == 2 && run.stderr.contains(&says), "{run}");
}

/// As logrotate does it with `nocreate`: whoever looks for the file next may well be logrotate itself.
#[test]
fn told_of_it_the_door_makes_a_new_file_before_anybody_asks() {
    let site = Site::of(Origin::saying("ok"), Origin::dead());
    let door = site.open_with(&site.config(LEGACY).and("access_log: {path: access.log}"));
    door.get("/before");
    await_that("the line", || if lines(&site, "access.log").is_empty() { Err(String::new()) } else { Ok(()) });
    fs::rename(site.path("access.log"), site.path("access.log.1")).unwrap();
    door.signal("HUP");
    await_that("the new file", || if site.path("access.log").exists() { Ok(()) } else { Err(door.log()) });
    door.get("/after");
    await_that("the next line", || match lines(&site, "access.log").as_slice() {
        [line] if line.contains("/after") => Ok(()),
        other => Err(format!("{other:?}")),
    });
    assert_eq!(lines(&site, "access.log.1").len(), 1);
}

#[test]
fn a_share_is_written_and_every_failure() {
    let legacy = Origin::answering(|seen, wire| match seen.target().as_str() {
        "/bad" => wire.answer("500 Internal Server Error", &[], "bad"),
        _ => wire.ok("ok"),
    });
    let site = Site::of(legacy, Origin::dead());
    let door = site.open_with(&site.config(LEGACY).and("access_log: {path: access.log, percent: 10}"));
    let mut client = door.client();
    for _ in 0..200 {
        client.get("/good", &[]);
    }
    for _ in 0..10 {
        client.get("/bad", &[]);
    }
    await_that("the failures in the log", || {
        let all = lines(&site, "access.log");
        let bad = all.iter().filter(|line| line.contains("/bad")).count();
        let good = all.len() - bad;
        if bad == 10 && (18..=22).contains(&good) { Ok(()) } else { Err(format!("{bad} bad, {good} good")) }
    });
    assert_eq!(door.metric("access_log_dropped_total", &[]), 0.0);
}
