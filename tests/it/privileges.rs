//! A door that root starts binds the ports that only root may, and is nobody from then on.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

use crate::harness::door::free_port;
use crate::harness::{Door, Origin, Site, get};

const SHADOW: &str = "- {name: all, match: {path: {prefix: /}}, stage: shadow}";

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// Numbers of the user and his group.
fn nobody() -> (u32, u32) {
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let line = users.lines().find(|line| line.starts_with("nobody:")).expect("nobody is everywhere");
    let fields: Vec<&str> = line.split(':').collect();
    (fields[2].parse().unwrap(), fields[3].parse().unwrap())
}

/// One that only root may bind, unless the system says otherwise.
fn low_port() -> u16 {
    (600..1024).rev().find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("a low port is free")
}

/// Every number in these lines of every thread's status.
fn of_threads(door: &Door, key: &str) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{}/task", door.pid())).unwrap();
    let statuses = tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("status")).ok());
    let lines = statuses.map(|status| {
        let line =
            status.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_else(|| panic!("no {key}")).to_owned();
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    });
    lines.flatten().collect()
}

#[test]
fn root_binds_and_nobody_serves() {
    if !is_root() {
        return println!("skipped: only root can drop privileges");
    }
    let site = Site::of(Origin::saying("the one"), Origin::saying("another"));
    let (uid, gid) = nobody();
    chown(site.folder.path(), Some(uid), Some(gid)).unwrap();
    let low = low_port();
    let mut config = site.config(SHADOW);
    config.listener = format!("}}\n  - {{address: \"127.0.0.1:{low}\"");
    let door = site.open_with(&config.and("user: nobody\naccess_log: {path: access.log}"));
    assert_eq!(get(SocketAddr::from(([127, 0, 0, 1], low)), "/").text(), "the one");
    assert!(of_threads(&door, "Uid:").len() >= 4 * 4, "it has threads");
    assert!(of_threads(&door, "Uid:").iter().all(|found| *found == uid.to_string()), "{:?}", of_threads(&door, "Uid:"));
    assert!(of_threads(&door, "Gid:").iter().all(|found| *found == gid.to_string()), "{:?}", of_threads(&door, "Gid:"));
    assert!(!of_threads(&door, "Groups:").contains(&"0".to_owned()), "root's groups are gone");
    for capabilities in ["CapPrm:", "CapEff:"] {
        assert!(of_threads(&door, capabilities).iter().all(|bits| bits.bytes().all(|bit| bit == b'0')));
    }
    // What it does later works without privileges: evidence, reloads, rollbacks, the log.
    door.await_accounted("all", 1);
    door.edit_and_await("percent: 0", "percent: 0, budget: 9");
    assert_eq!(door.post("/api/v1/rollback", "{\"route\": \"all\"}").status(), 200);
    assert!(!door.log().contains("root, which it does not need"), "{}", door.log());
    for name in ["matapalo.db", "access.log"] {
        assert_eq!(fs::metadata(site.path(name)).unwrap().uid(), uid, "{name}");
    }
}

/// What SQLite makes beside a store that may not be written may not be written either.
#[test]
fn a_store_that_may_be_written_again_is_written() {
    if !is_root() {
        return println!("skipped: root may write everything, and only root can be somebody else");
    }
    let site = Site::named();
    let (uid, gid) = nobody();
    chown(site.folder.path(), Some(uid), Some(gid)).unwrap();
    let mut door = site.open_with(&site.config(SHADOW).and("user: nobody"));
    door.get("/");
    door.await_accounted("all", 1);
    door.signal("TERM");
    door.await_exit();
    let store = site.path("matapalo.db");
    let give = |mode| fs::set_permissions(&store, fs::Permissions::from_mode(mode)).unwrap();
    give(0o444);
    let door = door.restarted();
    door.get("/");
    assert_eq!(door.metric("store_ok", &[]), 0.0);
    door.await_log("cannot be written");
    let left = fs::metadata(site.path("matapalo.db-shm")).unwrap();
    assert_eq!(left.mode() & 0o777, 0o444, "what it would stumble over");
    give(0o644);
    door.await_metric("store_ok", &[], 1.0);
    door.await_accounted("all", 2);
}

#[test]
fn a_user_that_cannot_be_taken_on_opens_no_door() {
    let site = Site::named();
    let file = site.path("matapalo.yaml");
    let refusals =
        [("user: no-such-user-here", "no-such-user-here"), ("user: nobody\ngroup: no-such-group", "no-such-group")];
    for (who, told) in refusals {
        let (door, admin) = (free_port(), free_port());
        fs::write(&file, site.config(SHADOW).and(who).text(door, admin, site.folder.path())).unwrap();
        let log = Door::start(&file, door, admin).err().expect("the door does not open");
        assert!(log.contains(told) && log.contains("does not know"), "{log}");
        assert!(!log.contains("the door is open"), "{log}");
    }
    if !is_root() {
        let (door, admin) = (free_port(), free_port());
        fs::write(&file, site.config(SHADOW).and("user: root").text(door, admin, site.folder.path())).unwrap();
        assert!(Door::start(&file, door, admin).err().expect("no door").contains("only root"));
    }
}
