//! The disk is full, or somebody holds the store: users are served, the metric tells, and when it is over nothing is missing.

use std::cell::Cell;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::drain::held;
use crate::harness::client::request;
use crate::harness::door::free_port;
use crate::harness::site::await_that;
use crate::harness::{Door, Origin, Signal, Site};

const SHADOW: &str = "- {name: all, match: {path: {prefix: /}}, stage: shadow, mirror: {percent: 100}}";
/// The same, ready after ten comparisons, whatever they say.
const SOON_READY: &str = "- {name: all, match: {path: {prefix: /}}, stage: shadow, mirror: {percent: 100}, \
                          readiness: {min_requests: 10, max_mismatch: 100}}";

fn site() -> Site {
    Site::of(Origin::saying("legacy"), Origin::saying("new"))
}

fn asks(door: &Door, times: u64) {
    let mut client = door.client();
    for at in 0..times {
        assert_eq!(client.get(&format!("/page/{at}"), &[]).text(), "legacy");
    }
}

/// Users are served while the store takes nothing; afterwards every count is there.
fn goes_on_and_recovers(door: &Door, stop: impl FnOnce(), end: impl FnOnce()) {
    asks(door, 10);
    door.await_accounted("all", 10);
    assert_eq!(door.metric("store_ok", &[]), 1.0);
    stop();
    asks(door, 30);
    door.await_metric("store_ok", &[], 0.0);
    assert_eq!(door.status()["store"]["ok"], false, "{}", door.status()["store"]);
    asks(door, 10);
    end();
    door.await_metric("store_ok", &[], 1.0);
    let line = door.await_accounted("all", 50);
    assert_eq!(line.count("mismatched"), 50, "{}", line.0);
    assert_eq!(door.status()["store"]["ok"], true);
    assert!(!door.log().contains("panicked"), "{}", door.log());
}

/// Another program in the middle of a write to the store.
struct Holder(Child);

impl Holder {
    fn of(store: &Path) -> Self {
        let mut child =
            Command::new("sqlite3").arg(store).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let commands = ".timeout 20000\nBEGIN IMMEDIATE;\nSELECT 'held';\n";
        child.stdin.as_mut().unwrap().write_all(commands.as_bytes()).unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line.trim(), "held");
        Self(child)
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn a_store_that_somebody_holds_keeps_nobody_waiting() {
    let site = site();
    let door = site.open(SHADOW);
    let store = site.path("matapalo.db");
    let holder = Cell::new(None);
    goes_on_and_recovers(&door, || holder.set(Some(Holder::of(&store))), || drop(holder.take()));
}

/// What was in it is gone; what is counted from then on is not.
#[test]
fn a_store_that_is_deleted_or_replaced_is_told_and_opened_anew() {
    let site = site();
    let mut door = site.open(SHADOW);
    let store = site.path("matapalo.db");
    let kept = site.path("kept.db");
    asks(&door, 10);
    door.await_accounted("all", 10);
    let copied = Command::new("sqlite3").arg(&store).arg(format!("VACUUM INTO '{}'", kept.display())).status().unwrap();
    assert!(copied.success());
    fs::remove_file(&store).unwrap();
    goes_missing_and_comes_back(&door, 1);
    asks(&door, 5);
    door.await_accounted("all", 5);
    fs::rename(&kept, &store).unwrap();
    goes_missing_and_comes_back(&door, 2);
    asks(&door, 7);
    door.await_accounted("all", 17);
    for name in ["matapalo.db", "matapalo.db-wal", "matapalo.db-shm", "matapalo.db.lock"] {
        fs::remove_file(site.path(name)).unwrap();
    }
    asks(&door, 3);
    door.signal("TERM");
    door.await_exit();
    let report = door.command(&["report", "--format", "json"]);
    assert!(report.code == 0 && report.stdout.contains("\"mismatched\": 3"), "{report}");
    let sound = door.command(&["store", "check"]);
    assert_eq!(sound.code, 0, "{sound}");
}

fn goes_missing_and_comes_back(door: &Door, times: usize) {
    let told = |line: &str| door.log().matches(line).count() == times;
    await_that("the door to notice", || if told("deleted or replaced") { Ok(()) } else { Err(door.log()) });
    door.await_metric("store_ok", &[], 0.0);
    assert!(door.status()["store"]["error"].to_string().contains("deleted or replaced"), "{}", door.status()["store"]);
    await_that("the store to be open", || if told("the store is open now") { Ok(()) } else { Err(door.log()) });
    door.await_metric("store_ok", &[], 1.0);
}

/// A file system of a few megabytes; needs the right to mount.
struct Small(PathBuf);

impl Small {
    fn mount(at: &Path) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"]).arg(at).output();
        mounted.is_ok_and(|run| run.status.success()).then(|| Self(at.to_owned()))
    }

    /// Not a byte is left.
    fn fill(&self) {
        let mut filler = fs::File::create(self.filler()).unwrap();
        for piece in [65_536, 4096, 512, 1] {
            while filler.write_all(&vec![b'x'; piece]).is_ok() {}
        }
    }

    fn empty(&self) {
        fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(&self.0).output().ok();
    }
}

/// The config of a door that is to be there lies in the small one.
fn on_a_small_disk(site: Site) -> Option<(Site, Small)> {
    let small = Small::mount(&site.path("small"));
    if small.is_none() {
        println!("not checked: a file system cannot be mounted here");
    }
    Some((site, small?))
}

#[test]
fn a_full_disk_closes_no_door_and_loses_no_count() {
    let Some((site, small)) = on_a_small_disk(site()) else { return };
    let door = Door::open(&small.0.join("matapalo.yaml"), &site.config(SHADOW).and("access_log: {path: access.log}"));
    goes_on_and_recovers(&door, || small.fill(), || small.empty());
    drop(door);
}

/// What it has counted it cannot write, and says so; nothing is ready meanwhile. At its end there is the room that it has set aside.
#[test]
fn a_door_that_ends_on_a_full_disk_loses_no_count() {
    let Some((site, small)) = on_a_small_disk(site()) else { return };
    let config = site.config(SOON_READY);
    let mut door = Door::open(&small.0.join("matapalo.yaml"), &config);
    let gate = |door: &Door| door.command(&["gate", "all"]);
    asks(&door, 20);
    door.await_accounted("all", 20);
    door.await_metric("readiness", &[("route", "all")], 1.0);
    assert_eq!(gate(&door).code, 0, "{}", gate(&door));
    small.fill();
    asks(&door, 200);
    door.await_metric("store_ok", &[], 0.0);
    let unsure = gate(&door);
    assert!(unsure.code == 3 && unsure.stdout.contains("cannot write its store"), "{unsure}");
    let report = door.command(&["report"]).stdout;
    assert!(report.contains("! The door cannot write its store") && !report.contains("READY"), "{report}");
    door.await_metric("readiness", &[("route", "all")], -1.0);
    assert_eq!(door.status()["routes"][0]["verdict"], "inconclusive");
    door.signal("TERM");
    assert_eq!(door.await_exit().code(), Some(0));
    door.await_log("its last counts are written");
    let report = door.command(&["report", "--format", "json"]);
    assert!(report.stdout.contains("\"mismatched\": 220"), "{report}");
    small.empty();
    let door = door.restarted();
    door.await_accounted("all", 220);
    assert_eq!(door.command(&["store", "check"]).code, 0);
}

/// Who has no patience loses what is under way, and no count.
#[test]
fn a_door_that_is_told_twice_on_a_full_disk_loses_no_count() {
    let Some((_, small)) = on_a_small_disk(site()) else { return };
    let release = Signal::new();
    let site = Site::of(held(&release), Origin::saying("new"));
    let mut door = Door::open(&small.0.join("matapalo.yaml"), &site.config(SHADOW));
    asks(&door, 20);
    door.await_accounted("all", 20);
    small.fill();
    asks(&door, 200);
    await_that("all to be compared", || match door.status()["routes"][0]["compared"].as_u64() {
        Some(220) => Ok(()),
        compared => Err(format!("{compared:?}")),
    });
    let mut slow = door.client();
    slow.send(request("GET", "/slow", &[], b""));
    site.legacy.await_seen(221);
    door.signal("TERM");
    door.await_log("draining");
    door.signal("TERM");
    assert_eq!(door.await_exit().code(), Some(1));
    release.give();
    let report = door.command(&["report", "--format", "json"]);
    assert!(report.stdout.contains("\"mismatched\": 220"), "{report}");
}

/// A machine that comes up again on a full disk: SQLite wants room beside its file, and there is what was set aside.
#[test]
fn a_door_that_starts_on_a_full_disk_has_its_store() {
    let Some((site, small)) = on_a_small_disk(site()) else { return };
    let mut door = Door::open(&small.0.join("matapalo.yaml"), &site.config(SHADOW));
    asks(&door, 20);
    door.signal("TERM");
    assert_eq!(door.await_exit().code(), Some(0));
    small.fill();
    let mut door = door.restarted();
    asks(&door, 50);
    door.signal("TERM");
    assert_eq!(door.await_exit().code(), Some(0));
    let report = door.command(&["report", "--format", "json"]);
    assert!(report.stdout.contains("\"mismatched\": 70"), "{report}\n{}", door.log());
}

/// After `kill -9` nobody can say what waited to be written. That something did is known.
#[test]
fn counts_that_were_lost_are_remembered() {
    let Some((site, small)) = on_a_small_disk(site()) else { return };
    let config = site.config(SOON_READY);
    let mut door = Door::open(&small.0.join("matapalo.yaml"), &config);
    asks(&door, 20);
    door.await_metric("readiness", &[("route", "all")], 1.0);
    small.fill();
    asks(&door, 200);
    door.await_metric("store_ok", &[], 0.0);
    door.kill();
    let unsure = door.command(&["gate", "all"]);
    assert!(unsure.code == 3 && unsure.stdout.contains("not in it"), "{unsure}");
    small.empty();
    let door = door.restarted();
    asks(&door, 20);
    door.await_accounted("all", 40);
    let unsure = door.command(&["gate", "all"]);
    assert!(unsure.code == 3 && unsure.stdout.contains("Counts were lost until"), "{unsure}");
}

/// A door that cannot be asked is none that has nothing to say.
#[test]
fn who_cannot_ask_the_door_that_has_the_store_is_told_of_nothing_ready() {
    let site = site();
    let mut door = site.open(SOON_READY);
    asks(&door, 20);
    door.await_metric("readiness", &[("route", "all")], 1.0);
    assert_eq!(door.command(&["gate", "all"]).code, 0);
    // The window moves with the next start.
    let nowhere = format!("127.0.0.1:{}", free_port());
    door.edit_and_await(&door.admin.to_string(), &nowhere);
    let unsure = door.command(&["gate", "all"]);
    assert!(
        unsure.code == 3 && unsure.stdout.contains("cannot be asked") && unsure.stdout.contains(&nowhere),
        "{unsure}"
    );
    door.kill();
    assert_eq!(door.command(&["gate", "all"]).code, 0, "a door that is gone has said all that it will");
}

/// It moves with the next start, and until then the evidence is where it was.
#[test]
fn a_store_that_is_to_move_is_judged_where_it_is() {
    let site = site();
    let door = site.open(SOON_READY);
    asks(&door, 20);
    door.await_metric("readiness", &[("route", "all")], 1.0);
    let copied = Command::new("sqlite3")
        .arg(site.path("matapalo.db"))
        .arg(format!("VACUUM INTO '{}'", site.path("there.db").display()))
        .status()
        .unwrap();
    assert!(copied.success());
    door.edit_and_await("matapalo.db", "there.db");
    asks(&door, 5);
    await_that("the status to tell of the file that is written", || {
        let status = door.status();
        let path = status["store"]["path"].as_str().unwrap_or_default().to_owned();
        if path.ends_with("matapalo.db") { Ok(()) } else { Err(path) }
    });
    let unsure = door.command(&["gate", "all"]);
    assert!(unsure.code == 3 && unsure.stdout.contains("matapalo.db: store.path waits for a restart"), "{unsure}");
    let told = door.command(&["gate", "all", "--store", site.path("matapalo.db").to_str().unwrap()]);
    assert_eq!(told.code, 0, "{told}");
}

#[test]
fn a_disk_that_was_full_at_the_start_keeps_no_door_closed() {
    let Some((site, small)) = on_a_small_disk(site()) else { return };
    let config = site.config(SHADOW);
    fs::write(small.0.join("matapalo.yaml"), " ".repeat(2048)).unwrap();
    small.fill();
    let door = Door::open(&small.0.join("matapalo.yaml"), &config);
    asks(&door, 10);
    assert_eq!(door.metric("store_ok", &[]), 0.0);
    drop(door);
}

/// What found no room is counted; of what did, each line is whole.
#[test]
fn a_full_disk_tears_no_line_of_the_access_log() {
    const LEGACY: &str = "- {name: all, match: {path: {prefix: /}}, stage: legacy}";
    let Some((site, small)) = on_a_small_disk(site()) else { return };
    let log = small.0.join("access.log");
    let config = site.config(LEGACY).and(&format!("access_log: {{path: {log:?}}}"));
    let mut door = Door::open(&site.path("matapalo.yaml"), &config);
    let written = || fs::read_to_string(&log).unwrap();
    let await_lines = |wanted: usize| {
        await_that("the access log", || match written().lines().count() {
            found if found >= wanted => Ok(()),
            found => Err(format!("{found} lines")),
        });
    };
    asks(&door, 5);
    await_lines(5);
    // The rest of the page that the file ends in is its own: some lines fit in, and a part of one.
    small.fill();
    asks(&door, 100);
    door.await_log("the access log cannot be written");
    await_that("the lines to be lost", || match door.metric("access_log_dropped_total", &[]) {
        lost if lost > 50.0 => Ok(()),
        lost => Err(format!("{lost} are")),
    });
    small.empty();
    asks(&door, 5);
    door.await_log("the access log is written again");
    let lost = || door.metric("access_log_dropped_total", &[]) as usize;
    await_that("every request to be accounted for", || match written().lines().count() + lost() {
        110 => Ok(()),
        all => Err(format!("{all} are: {}", written())),
    });
    door.signal("TERM");
    door.await_exit();
    for line in written().lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
}
