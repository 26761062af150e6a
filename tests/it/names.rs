//! Endpoints that have names, and names that move. The door asks the system, and the system is made to say what a story needs.

use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::harness::door::BINARY;
use crate::harness::site::{await_that, program, replace};
use crate::harness::wire::Reader;
use crate::harness::{Door, Origin, Site};

const LEGACY: &str = "- {name: all, match: {path: {prefix: /}}, stage: legacy}";

/// A door for which `legacy.moving` is where a file says.
struct Moving {
    site: Site,
    file: PathBuf,
    asked: PathBuf,
    binary: PathBuf,
}

impl Moving {
    fn new(legacy: Origin) -> Self {
        let site = Site::of(legacy, Origin::dead());
        let (file, asked, binary) = (site.path("address"), site.path("asked"), site.path("door"));
        fs::write(&asked, "").unwrap();
        let library = site.path("names.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/names.c");
        let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).args([source, "-ldl"]).status();
        assert!(built.unwrap().success(), "cc {source}");
        let [library, file_said, asked_said] = [&library, &file, &asked].map(|path| path.display());
        let said = format!("LD_PRELOAD={library} NAMES_FILE={file_said} NAMES_ASKED={asked_said}");
        program(&binary, &format!("#!/bin/sh\nexec env {said} {BINARY} \"$@\"\n"));
        Self { site, file, asked, binary }
    }

    fn is_at(&self, address: &str) {
        replace(&self.file, address);
    }

    fn open(&self, keys: &str) -> Door {
        let mut config = self.site.config(LEGACY);
        config.legacy = format!("endpoints: [\"http://legacy.moving:{}\"]{keys}", self.site.legacy.address.port());
        Door::open_as(&self.binary, &self.site.path("matapalo.yaml"), &config)
    }

    /// The name was asked for so many times more.
    fn await_questions(&self, more: usize) {
        let asked = || fs::read(&self.asked).unwrap().len();
        let before = asked();
        await_that("the name to be asked for again", || {
            if asked() >= before + more { Ok(()) } else { Err(format!("{} questions", asked() - before)) }
        });
    }
}

/// Says that it is the other one.
fn other_at(address: SocketAddr) {
    let listener = TcpListener::bind(address).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map(Result::unwrap) {
            std::thread::spawn(move || {
                let mut reader = Reader::new(stream);
                while let Ok(Some(_)) = reader.head() {
                    reader.stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nother").unwrap();
                }
            });
        }
    });
}

fn await_answer(door: &Door, wanted: &str) {
    await_that(&format!("an answer of {wanted}"), || {
        let answer = door.get("/").text();
        if answer == wanted { Ok(()) } else { Err(answer) }
    });
}

/// The old address goes on answering: only asking again tells.
#[test]
fn a_name_that_moves_is_followed_without_a_reload() {
    let moving = Moving::new(Origin::saying("one"));
    other_at(SocketAddr::from(([127, 0, 0, 2], moving.site.legacy.address.port())));
    moving.is_at("127.0.0.1");
    let door = moving.open(", resolve: 100ms");
    let generation = door.generation();
    let mut client = door.client();
    assert_eq!(client.get("/", &[]).text(), "one");
    let at = |address: &str| format!("legacy.moving:{0} ({address}:{0}) up", moving.site.legacy.address.port());
    let told = |door: &Door| door.command(&["status"]).stdout;
    assert!(told(&door).contains(&at("127.0.0.1")), "{}", told(&door));
    moving.is_at("127.0.0.2");
    await_answer(&door, "other");
    assert!(told(&door).contains(&at("127.0.0.2")), "{}", told(&door));
    // Nor do kept connections lead to the old place.
    let before = moving.site.legacy.seen().len();
    for _ in 0..5 {
        assert_eq!(client.get("/", &[]).text(), "other");
    }
    // A name that is lost is where it was.
    moving.is_at("");
    moving.await_questions(5);
    for _ in 0..5 {
        assert_eq!(door.get("/").text(), "other");
    }
    moving.is_at("127.0.0.1");
    await_answer(&door, "one");
    assert_eq!((moving.site.legacy.seen().len() - before, door.generation()), (1, generation));
}

/// As it is by default: a name is asked for twice a minute, but at once where nobody can connect.
#[test]
fn a_name_that_leads_nowhere_is_asked_for_soon() {
    let moving = Moving::new(Origin::saying("one"));
    moving.is_at("");
    let door = moving.open("");
    assert_eq!(door.get("/").status(), 502);
    moving.is_at("127.0.0.2");
    moving.await_questions(1);
    assert_eq!(door.get("/").status(), 502, "nobody listens there");
    moving.is_at("127.0.0.1");
    await_answer(&door, "one");
}

/// Nobody waits long for names that nobody answers for: not who opens, nor an edit, nor a new binary's users.
#[test]
fn a_server_of_names_that_says_nothing_holds_no_door_up() {
    let moving = Moving::new(Origin::saying("one"));
    let silent = |names: &[&str]| {
        let endpoints: Vec<String> = names.iter().map(|name| format!("\"http://{name}.silent:1\"")).collect();
        format!("endpoints: [{}]", endpoints.join(", "))
    };
    let mut config = moving.site.config(LEGACY);
    config.new = silent(&["a", "b", "c", "d"]);
    let began = Instant::now();
    let door = Door::open_as(&moving.binary, &moving.site.path("matapalo.yaml"), &config);
    assert_eq!(door.get("/").text(), "one");
    door.edit_and_await(&config.new, &silent(&["a", "b", "c", "d", "e", "f"]));
    assert_eq!(door.get("/").text(), "one");
    // One question alone takes longer.
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}: {}", began.elapsed(), door.log());
}

/// How many addresses were, once the log tells of so many.
fn passed_over(door: &Door, at_least: usize) -> usize {
    let told = || door.log().matches("cannot connect to one of the name's addresses").count();
    await_that("the log", || if told() >= at_least { Ok(()) } else { Err(door.log()) });
    told()
}

/// As most machines have `localhost`: `::1` first, and the origin on the other address only.
#[test]
fn of_several_addresses_the_next_is_taken_where_nobody_listens() {
    let moving = Moving::new(Origin::saying("one"));
    for first in ["::1", "127.0.0.3 ::1", "127.0.0.3"] {
        moving.is_at(&format!("{first} 127.0.0.1"));
        let door = moving.open(", resolve: 100ms");
        for _ in 0..5 {
            assert_eq!(door.ask("POST", "/", &[], b"body").text(), "one", "{first}");
        }
        moving.await_questions(3);
        assert_eq!(door.get("/").text(), "one");
        assert_eq!(passed_over(&door, first.split(' ').count()), first.split(' ').count(), "each once: {}", door.log());
        assert!(!door.log().contains("cannot connect to the endpoint"), "{}", door.log());
    }
}

#[test]
fn the_address_in_use_may_die_and_stay_in_dns() {
    let moving = Moving::new(Origin::saying("one"));
    let port = moving.site.legacy.address.port();
    moving.is_at("127.0.0.1 127.0.0.2");
    other_at(SocketAddr::from(([127, 0, 0, 2], port)));
    let door = moving.open(", resolve: 100ms");
    assert_eq!(door.get("/").text(), "one");
    let Moving { site, file, asked, .. } = moving;
    let Site { legacy, folder, .. } = site;
    let first = legacy.address;
    drop(legacy);
    await_that("nobody to listen at the first", || match TcpStream::connect(first) {
        Ok(_) => Err("somebody does".to_owned()),
        Err(_) => Ok(()),
    });
    for _ in 0..5 {
        assert_eq!(door.ask("POST", "/", &[], b"body").text(), "other");
    }
    drop((folder, file, asked));
}

#[test]
fn health_checks_and_copies_pass_over_addresses_too() {
    let moving = Moving::new(Origin::saying("same"));
    moving.is_at("::1 127.0.0.1");
    let port = moving.site.legacy.address.port();
    let mut config = moving.site.config("- {name: all, match: {path: {prefix: /}}, stage: shadow}");
    config.new = format!("endpoints: [\"http://legacy.moving:{port}\"], health_check: {{path: /up, interval: 100ms}}");
    let door = Door::open_as(&moving.binary, &moving.site.path("matapalo.yaml"), &config);
    await_that("health checks", || {
        let checks = moving.site.legacy.seen().iter().filter(|seen| seen.target() == "/up").count();
        if checks >= 5 { Ok(()) } else { Err(format!("{checks} checks")) }
    });
    assert_eq!(door.get("/").text(), "same");
    door.await_metric("mirror_total", &[("result", "answered")], 1.0);
    assert!(!door.log().contains("endpoint is down"), "{}", door.log());
    door.edit_and_await(", health_check: {path: /up, interval: 100ms}", "");
    assert_eq!(passed_over(&door, 1), 1, "{}", door.log());
}
