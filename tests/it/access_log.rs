//! The access log while it is rotated away and while only a share of it is wanted.

use std::collections::BTreeMap;
use std::fs;

use crate::harness::client::request;
use crate::harness::{Answer, Door, Load, Origin, Seen, Site, Wire, await_that, matapalo};

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

const NEW: &str = "- {name: all, match: {path: {prefix: /}}, stage: new}";

/// The word in the line of each path, as soon as there are so many lines.
fn errors(site: &Site, count: usize) -> BTreeMap<String, (u64, Option<String>)> {
    await_that("the lines", || match lines(site, "access.log").len() {
        enough if enough >= count => Ok(()),
        few => Err(format!("{few} of {count}")),
    });
    let parsed = lines(site, "access.log").into_iter().map(|line| {
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        let text = |key: &str| line[key].as_str().map(str::to_owned);
        (text("path").unwrap(), (line["status"].as_u64().unwrap(), text("error")))
    });
    parsed.collect()
}

/// Does what the path says.
fn failing(seen: &Seen, wire: &mut Wire) {
    match seen.target().split('?').next().unwrap() {
        "/reset" => wire.reset(),
        "/closed" => wire.close(),
        "/junk" => {
            wire.send("SSH-2.0-OpenSSH_9.2\r\n\r\n");
            wire.close();
        }
        "/unsound" => wire.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n12"),
        "/short" => {
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
            wire.close();
        }
        "/short-404" => {
            wire.send("HTTP/1.1 404 Not Found\r\nContent-Length: 100\r\n\r\nabc");
            wire.close();
        }
        "/late" => wire.hang(),
        "/stuck" => {
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
            wire.hang();
        }
        "/bad" => wire.answer("500 Internal Server Error", &[], "bad"),
        _ => wire.ok("ok"),
    }
}

#[test]
fn why_a_user_has_no_whole_answer_is_said_in_one_word_and_a_line_of_the_doors_own_log() {
    let cases = [
        ("/good", 200, None),
        ("/bad", 500, None),
        ("/reset", 502, Some("broken_response")),
        ("/closed", 502, Some("broken_response")),
        ("/junk", 502, Some("malformed")),
        ("/unsound", 502, Some("malformed")),
        ("/short", 200, Some("broken_response")),
        ("/short-404", 404, Some("broken_response")),
        ("/late", 504, Some("timeout")),
        ("/stuck", 200, Some("timeout")),
    ];
    let site = Site::of(Origin::saying("legacy"), Origin::at_head(failing));
    let config = site.config(NEW).and("access_log: {path: access.log}");
    let door = site.open_with(&config.new_with("timeouts: {first_byte: 300ms, idle: 300ms}"));
    for (path, status, _) in cases {
        let mut client = door.client();
        client.send(request("GET", &format!("{path}?token=secret"), &["X-Request-Id: of-this-one"], b""));
        match client.try_answer("GET") {
            Ok(answer) => assert_eq!(answer.status(), status, "{path}"),
            Err(_) => assert!(["/short", "/short-404", "/stuck"].contains(&path), "{path}"),
        }
    }
    let found = errors(&site, cases.len());
    let wanted = cases.map(|(path, status, error)| (path.to_owned(), (u64::from(status), error.map(str::to_owned))));
    assert_eq!(found, BTreeMap::from(wanted));
    for (path, status, error) in cases {
        let log = door.log();
        let told: Vec<&str> = log.lines().filter(|line| line.contains(&format!("path=\"{path}\""))).collect();
        let Some(error) = error else {
            assert!(told.is_empty(), "{told:?}");
            continue;
        };
        let [line] = told[..] else { panic!("{path}: {told:?}\n{log}") };
        let facts =
            [format!("endpoint={}", site.new.address), format!("status={status}"), format!("error=\"{error}\"")];
        assert!(facts.iter().all(|fact| line.contains(fact.as_str())), "{line}");
        assert!(line.contains(" WARN ") && line.contains("backend=new") && line.contains("method=GET"), "{line}");
        assert!(line.contains("request_id=") && !line.contains("secret"), "{line}");
    }
}

#[test]
fn who_left_and_who_was_not_there_is_said_too() {
    let legacy = Origin::at_head(|seen, wire| if seen.target() == "/held" { wire.hang() } else { wire.ok("legacy") });
    let site = Site::of(legacy, Origin::dead());
    let held = "{name: held, match: {path: {exact: /held}}, stage: legacy}";
    let spared = "{name: spared, match: {path: {exact: /spared}}, stage: new, fallback: {on: {connect_error: true}}}";
    let config = site.config(&format!("- {held}\n- {spared}\n{NEW}")).and("access_log: {path: access.log}");
    let door = site.open_with(&config);
    assert_eq!(door.get("/dead").status(), 502);
    assert_eq!(door.get("/spared").text(), "legacy");
    let mut client = door.client();
    client.send(request("GET", "/held", &[], b""));
    site.legacy.await_seen(2);
    drop(client);
    let found = errors(&site, 3);
    assert_eq!(found["/dead"], (502, Some("connect_error".to_owned())));
    assert_eq!(found["/held"], (499, Some("client_left".to_owned())));
    assert_eq!(found["/spared"], (200, None), "the user lacks nothing");
    let log = door.log();
    let spared = log.lines().find(|line| line.contains("path=\"/spared\"")).unwrap_or_else(|| panic!("{log}"));
    assert!(spared.contains("backend=new") && spared.contains("status=200 origin=\"legacy\""), "{spared}");
    assert!(!log.contains("/held"), "the backend did nothing wrong:\n{log}");
}

#[test]
fn a_backend_that_fails_all_fills_no_log() {
    let site = Site::of(Origin::saying("legacy"), Origin::at_head(failing));
    let door = site.open_with(&site.config(NEW));
    let told = |door: &Door| door.log().lines().filter(|line| line.contains("a backend failed a request")).count();
    let began = std::time::Instant::now();
    for _ in 0..100 {
        door.get("/reset");
    }
    let most = 10 * (began.elapsed().as_secs() as usize + 2);
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    door.get("/reset");
    door.await_log("left_out=");
    assert!(told(&door) <= most, "{} of {most}:\n{}", told(&door), door.log());
}
