//! A door that has not got its store counts in memory. As long as that is so, and if it dies so, nobody is told that anything is ready.

use crate::harness::site::await_that;
use crate::harness::{Door, Origin, Site};

/// Ready after ten comparisons of which nearly all are equal.
const STRICT: &str = "- {name: all, match: {path: {prefix: /}}, stage: shadow, mirror: {percent: 100}, \
                      readiness: {min_requests: 10, max_mismatch: 5}}";

/// New answers all but `/bad` as legacy does.
fn site() -> Site {
    let new = Origin::answering(|asked, wire| wire.ok(if asked.target() == "/bad" { "bad" } else { "good" }));
    Site::of(Origin::saying("good"), new)
}

fn asks(door: &Door, target: &str, times: usize) {
    let mut client = door.client();
    for _ in 0..times {
        assert_eq!(client.get(target, &[]).text(), "good");
    }
    door.await_metric("comparisons_total", &[("route", "all")], times as f64);
}

/// A store on which `all` is ready.
fn ready(site: &Site) -> Door {
    let door = site.open(STRICT);
    asks(&door, "/", 40);
    door.await_metric("readiness", &[("route", "all")], 1.0);
    assert_eq!(gate(&door), 0);
    door
}

fn gate(door: &Door) -> i32 {
    door.command(&["gate", "all"]).code
}

fn second_of(site: &Site) -> Door {
    let second = Door::open(&site.path("second.yaml"), &site.config(STRICT));
    assert!(second.log().contains("another door writes it"), "{}", second.log());
    second
}

#[test]
fn nothing_is_ready_before_what_waited_is_written() {
    let site = site();
    let mut first = ready(&site);
    let second = second_of(&site);
    asks(&second, "/bad", 20);
    await_that("the first door's gate to know", || if gate(&first) == 3 { Ok(()) } else { Err(first.log()) });
    first.signal("TERM");
    first.await_exit();
    // Between the door's hold on the store and its first write there is a moment.
    await_that("the verdict on all of it", || match gate(&second) {
        1 => Ok(()),
        0 => panic!("ready over 20 mismatches that were seen"),
        code => Err(format!("{code}")),
    });
    let left = std::fs::read_dir(site.folder.path()).unwrap();
    let left = left.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains(".waiting-"));
    assert_eq!(left.count(), 0, "nobody waits any more");
}

/// However it dies, and with the store in use by another door.
#[test]
fn what_a_door_counted_that_never_got_the_store_is_missed() {
    for end in ["KILL", "TERM"] {
        let site = site();
        let first = ready(&site);
        let mut second = second_of(&site);
        asks(&second, "/bad", 20);
        await_that("the first door's gate to know", || if gate(&first) == 3 { Ok(()) } else { Err(first.log()) });
        second.signal(end);
        second.await_exit();
        first.await_log("a door died while it waited for the store");
        let told = first.command(&["gate", "all"]);
        assert!(told.code == 3 && told.stdout.contains("Counts were lost until"), "{end}: {told}");
        first.await_metric("readiness", &[("route", "all")], -1.0);
    }
}

#[test]
fn what_a_door_counted_over_a_store_that_somebody_held_is_missed() {
    let site = site();
    drop(ready(&site));
    let holder = rusqlite::Connection::open(site.path("matapalo.db")).unwrap();
    holder.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;").unwrap();
    let mut door = site.open(STRICT);
    asks(&door, "/bad", 20);
    let is_noted = || {
        let mut names = std::fs::read_dir(site.folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        names.any(|name| name.to_string_lossy().contains(".waiting-"))
    };
    await_that("the note that it waits", || if is_noted() { Ok(()) } else { Err(door.log()) });
    door.kill();
    drop(holder);
    let told = door.command(&["gate", "all"]);
    assert!(told.code == 3 && told.stdout.contains("not in it"), "{told}");
    let door = door.restarted();
    door.await_log("a door died while it waited for the store");
    let told = door.command(&["gate", "all"]);
    assert!(told.code == 3 && told.stdout.contains("Counts were lost until"), "{told}");
}
