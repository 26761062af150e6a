//! One command sends a route, or everything, back to legacy: at once, with a broken config, over a restart, until resumed.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::MetadataExt;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::harness::door::{BINARY, matapalo};
use crate::harness::site::await_that;
use crate::harness::{Client, Door, Load, Site};

const TWO: &str = "
    - {name: api, match: {path: {prefix: /api}}, stage: new}
    - {name: pages, match: {path: {prefix: /}}, stage: canary, canary: {weight: 100}, mirror: {percent: 100}}
    ";

fn answers(door: &Door) -> (String, String) {
    (door.get("/api").text(), door.get("/page").text())
}

fn both(text: &str) -> (String, String) {
    (text.to_owned(), text.to_owned())
}

fn admin_of(door: &Door) -> String {
    door.admin.to_string()
}

#[test]
fn one_command_sends_everything_back_and_another_ends_it() {
    let site = Site::named();
    let door = site.open(TWO);
    assert_eq!(answers(&door), both("new"));
    let load = Load::on(door.address, 2, "/page", |answer| answer.status() == 200);
    load.let_run(20);
    let run = door.command(&["rollback", "--all"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(answers(&door), both("legacy"), "in force when the command returns");
    let run = door.command(&["resume", "--all"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(answers(&door), both("new"));
    load.let_run(20);
    load.stop().assert_clean();
}

/// Anybody who reaches the window can hold connections to it: that keeps nobody out.
#[test]
fn connections_that_ask_nothing_keep_no_rollback_out() {
    let site = Site::named();
    let door = site.open(TWO);
    let silent: Vec<Client> = (0..600)
        .map(|_| {
            let mut client = Client::connect(door.admin);
            client.send("G");
            client
        })
        .collect();
    for command in ["rollback", "resume", "rollback"] {
        let start = Instant::now();
        let run = door.command(&[command, "--all"]);
        assert!(run.code == 0 && start.elapsed() < Duration::from_secs(1), "{:?}: {run}", start.elapsed());
    }
    assert_eq!(answers(&door), both("legacy"));
    drop(silent);
}

#[test]
fn one_route_can_go_alone() {
    let site = Site::named();
    let door = site.open(TWO);
    assert_eq!(door.command(&["rollback", "api"]).code, 0);
    assert_eq!(answers(&door), ("legacy".to_owned(), "new".to_owned()));
    assert!(door.status().to_string().contains("rollback"), "status tells: {}", door.status());
    assert_eq!(door.command(&["resume", "api"]).code, 0);
    assert_eq!(answers(&door), both("new"));
}

#[test]
fn a_call_is_in_force_within_a_tenth_of_a_second() {
    let site = Site::named();
    let door = site.open(TWO);
    let mut took = Vec::new();
    for _ in 0..5 {
        let start = Instant::now();
        assert_eq!(door.post("/api/v1/rollback", "{}").status(), 200);
        let answer = door.get("/page").text();
        took.push(start.elapsed());
        assert_eq!(answer, "legacy");
        assert_eq!(door.post("/api/v1/resume", "{}").status(), 200);
        assert_eq!(door.get("/page").text(), "new");
    }
    let median = crate::harness::load::median(took);
    println!("rolled back and answered after {median:?}");
    // The promise; a machine that is busy with other tests may need more in one of the turns, hence the median.
    assert!(median < Duration::from_millis(100), "{median:?}");
}

/// While a door is replaced, both answer, and only one of them is told.
#[test]
fn what_another_door_was_told_is_in_force_as_soon() {
    let site = Site::named();
    let door = site.open(TWO);
    let (file, beside) = (site.path("matapalo.db.rollbacks"), site.path("beside"));
    let mut took = Vec::new();
    for _ in 0..5 {
        fs::write(&beside, "{\"all\": \"2026-11-23T12:00:00Z\"}").unwrap();
        let start = Instant::now();
        fs::rename(&beside, &file).unwrap();
        while door.get("/page").text() != "legacy" {
            assert!(start.elapsed() < crate::harness::PATIENCE);
        }
        took.push(start.elapsed());
        fs::remove_file(&file).unwrap();
        await_that("new to answer again", || match door.get("/page").text().as_str() {
            "new" => Ok(()),
            other => Err(other.to_owned()),
        });
    }
    let median = crate::harness::load::median(took);
    println!("in force after {median:?}");
    // The file is looked at each 50 ms, by a thread that has to have its turn among all that other stories do.
    assert!(median < Duration::from_millis(250), "{median:?}");
}

#[test]
fn the_config_file_may_be_broken_or_gone() {
    let site = Site::named();
    let door = site.open(TWO);
    fs::write(&door.config, "listeners: [[[").unwrap();
    door.await_metric("config_last_reload_successful", &[], 0.0);
    let run = door.command(&["rollback", "--all", "--admin", &admin_of(&door)]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(answers(&door), both("legacy"));
    assert_eq!(door.command(&["resume", "--all", "--admin", &admin_of(&door)]).code, 0);
    assert_eq!(answers(&door), both("new"));
    fs::remove_file(&door.config).unwrap();
    assert_eq!(door.post("/api/v1/rollback", "{\"route\": \"api\"}").status(), 200);
    assert_eq!(answers(&door), ("legacy".to_owned(), "new".to_owned()));
}

/// An exit status of 0 would say that users are sent back.
#[test]
fn a_config_that_says_nothing_rolls_nothing_back_and_says_so() {
    if TcpStream::connect("127.0.0.1:9901").is_ok() {
        return println!("not checked: somebody answers at the default address");
    }
    let site = Site::named();
    let door = site.open(TWO);
    let folder = site.path("etc");
    fs::create_dir(&folder).unwrap();
    let config = folder.join("matapalo.yaml");
    let run = |arguments: &[&str]| matapalo(&[arguments, &["-c", config.to_str().unwrap()]].concat());
    let cut = "version: 1\nadmin: {address: 127.0.0.1:1";
    for content in [None, Some(""), Some("\0\u{1}\u{2}"), Some("# later\n"), Some(cut)] {
        if let Some(text) = content {
            fs::write(&config, text).unwrap();
        }
        for verb in ["rollback", "resume"] {
            let run = run(&[verb, "--all"]);
            assert!(run.code == 2 && run.stderr.contains("--admin") && run.stdout.is_empty(), "{content:?}: {run}");
        }
        assert!(!folder.join("matapalo.db.rollbacks").exists(), "{content:?}");
    }
    assert_eq!(answers(&door), both("new"));
    let run = run(&["rollback", "--all", "--admin", &admin_of(&door)]);
    assert_eq!((run.code, answers(&door)), (0, both("legacy")), "{run}");
}

/// The default store is no guess where a door has it.
#[test]
fn a_config_that_says_nothing_beside_the_store_of_a_door_is_enough() {
    let site = Site::named();
    let door = site.open(TWO);
    fs::write(&door.config, "").unwrap();
    let run = door.command(&["rollback", "--all"]);
    assert_eq!(run.code, 0, "{run}");
    await_that("the door to read the file", || match answers(&door) {
        now if now == both("legacy") => Ok(()),
        now => Err(format!("{now:?}: {run}")),
    });
}

#[test]
fn it_outlives_a_restart_and_any_edit() {
    let site = Site::named();
    let door = site.open(TWO);
    assert_eq!(door.command(&["rollback", "pages"]).code, 0);
    let door = door.restarted();
    assert_eq!(answers(&door), ("new".to_owned(), "legacy".to_owned()), "after kill -9 and a new start");
    door.edit_and_await("stage: canary, canary: {weight: 100}", "stage: new");
    assert_eq!(door.get("/page").text(), "legacy", "an edit does not end a rollback");
    assert_eq!(door.command(&["resume", "pages"]).code, 0);
    assert_eq!(answers(&door), both("new"));
}

#[test]
fn a_route_that_does_not_exist_is_trouble() {
    let site = Site::named();
    let door = site.open(TWO);
    let run = door.command(&["rollback", "pgaes"]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("pgaes"), "{run}");
    assert_eq!(answers(&door), both("new"));
}

#[test]
fn without_a_door_it_is_written_down_for_the_next_one() {
    let site = Site::named();
    let mut door = site.open(TWO);
    door.kill();
    let run = door.command(&["rollback", "--all"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains(&admin_of(&door)), "says that nobody answers there: {run}");
    let door = door.restarted();
    assert_eq!(answers(&door), both("legacy"));
    assert_eq!(door.command(&["resume", "--all"]).code, 0);
    assert_eq!(answers(&door), both("new"));
}

/// A file that the next door cannot read rolls back everything.
#[test]
fn whoever_rolls_back_the_next_door_can_read_it() {
    let site = Site::named();
    let mut door = site.open(TWO);
    door.kill();
    let mut run = Command::new("sh");
    run.args(["-c", "umask 077; exec \"$@\"", "sh", BINARY, "rollback", "api", "-c"]);
    let run = run.arg(&door.config).output().unwrap();
    assert!(run.status.success(), "{run:?}");
    let kept = fs::metadata(site.path("matapalo.db.rollbacks")).unwrap();
    assert_eq!(kept.mode() & 0o777, 0o644);
    let door = door.restarted();
    assert_eq!(answers(&door), ("legacy".to_owned(), "new".to_owned()));
}

#[test]
fn who_asks_what_is_in_force_is_told_of_a_rollback() {
    let site = Site::named();
    let door = site
        .open(&format!("{TWO}- {{name: hidden, match: {{path: {{prefix: /metrics}}}}, respond: {{status: 404}}}}\n"));
    let explained = || door.command(&["explain", "GET", "/page"]).stdout;
    assert!(explained().contains("answer    new") && !explained().contains("rolled back"), "{}", explained());

    assert_eq!(door.command(&["rollback", "pages"]).code, 0);
    let told = explained();
    for line in [
        "stage     canary",
        "rollback  in force since",
        "`matapalo resume pages`",
        "answer    legacy",
        "copy      nobody",
    ] {
        assert!(told.contains(line), "{line}: {told}");
    }
    let json = door.command(&["explain", "GET", "/page", "--format", "json"]).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(json["proxied"]["rolled_back"]["since"].is_string(), "{json}");
    assert!(!door.command(&["explain", "GET", "/api"]).stdout.contains("rollback"), "the other one is not");

    let run = door.command(&["stage", "pages", "new"]);
    assert!(run.code == 0 && run.stderr.contains("`matapalo resume pages`"), "{run}");
    assert_eq!(door.command(&["stage", "api", "canary", "--weight", "100"]).stderr, "");

    let run = door.command(&["rollback", "hidden"]);
    assert!(run.code == 0 && run.stdout.contains("with 404, rolled back or not"), "{run}");
    assert!(!run.stdout.contains("to legacy"), "{run}");
    assert_eq!(door.get("/metrics").status(), 404);
    let status = door.command(&["status"]).stdout;
    let line = status.lines().find(|line| line.starts_with("hidden")).unwrap();
    assert!(line.contains("respond 404") && !line.contains("rolled back"), "{status}");

    assert_eq!(door.command(&["rollback", "--all"]).code, 0);
    assert!(explained().contains("`matapalo resume --all`"), "{}", explained());
    assert_eq!(door.command(&["resume", "--all"]).code, 0);
    assert!(!explained().contains("rollback"), "{}", explained());
}

#[test]
fn a_rolled_back_route_makes_no_copies() {
    let site = Site::named();
    let door = site.open(TWO);
    assert_eq!(door.command(&["rollback", "--all"]).code, 0);
    for _ in 0..10 {
        assert_eq!(door.get("/page").text(), "legacy");
    }
    await_that("the requests are counted", || {
        let counted = door.metric("requests_total", &[("route", "pages"), ("origin", "legacy")]);
        if counted == 10.0 { Ok(()) } else { Err(counted.to_string()) }
    });
    assert_eq!(site.new.seen().len(), 0, "new is left in peace");
}
