//! The copy: what it carries, whom it is made of, and that the user never notices it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::harness::client::request;
use crate::harness::load::{median, timed};
use crate::harness::origin::Wire;
use crate::harness::site::await_that;
use crate::harness::wire::first_line;
use crate::harness::{Client, Door, Origin, Signal, Site};

const SHADOW: &str = "- {name: all, match: {path: {prefix: /}}, stage: shadow, mirror: {percent: 100}}";

fn shadow(mirror: &str) -> String {
    format!("- {{name: all, match: {{path: {{prefix: /}}}}, stage: shadow, mirror: {{{mirror}}}}}")
}

#[test]
fn a_copy_is_the_users_request_and_says_that_it_is_a_copy() {
    let site = Site::named();
    let door = site.open(&shadow("percent: 100, methods: [GET, POST]"));
    let lines = [
        "Host: aur.example:8080",
        "Cookie: AURSID=abc; b=\"c d\"",
        "Referer: https://aur.example/x?y",
        "Accept-Language: es",
    ];
    door.ask("POST", "/rpc//a%2Fb/?v=5&arg[]=x&arg[]=%ff", &lines, b"type=search");
    let (copy, own) = (site.new.only(), site.legacy.only());
    assert_eq!(first_line(&copy.head), b"POST /rpc//a%2Fb/?v=5&arg[]=x&arg[]=%ff HTTP/1.1");
    assert_eq!(copy.header("x-matapalo-mirror").as_deref(), Some("1"));
    assert_eq!(own.header("x-matapalo-mirror"), None);
    for name in [
        "host",
        "cookie",
        "referer",
        "accept-language",
        "content-length",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
    ] {
        assert_eq!(copy.headers(name), own.headers(name), "{name}");
        assert!(!own.headers(name).is_empty(), "{name} reached legacy");
    }
    assert_eq!(copy.body, b"type=search");
    assert_eq!(copy.header("x-forwarded-for").as_deref(), Some("127.0.0.1"));
}

#[test]
fn comparing_leaves_the_processors_to_users() {
    let site = Site::named();
    let door = site.open(SHADOW);
    door.get("/");
    site.new.only();
    let nice = |thread: &str| {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", door.pid())).unwrap();
        let stats: Vec<String> =
            tasks.filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("stat")).ok()).collect();
        let named = |stat: &&String| stat.contains(&format!("({thread})"));
        let stat = stats.iter().find(named).unwrap_or_else(|| panic!("no thread {thread}"));
        // The seventeenth behind the name: proc(5).
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        fields.split(' ').nth(16).unwrap().parse::<i32>().unwrap()
    };
    // As low as the system has it, if users' requests are served low themselves.
    assert_eq!(nice("compare"), (nice("door") + 10).min(19));
    assert_eq!(nice("mirror"), nice("door"));
}

#[test]
fn a_chunked_body_is_copied_whole() {
    let site = Site::named();
    let door = site.open(&shadow("percent: 100, methods: [POST]"));
    let mut client = door.client();
    client.send("POST / HTTP/1.1\r\nHost: site.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n");
    client.answer("POST");
    assert_eq!(site.new.only().body, b"hello world");
}

#[test]
fn the_share_is_of_sessions_and_sticky() {
    let site = Site::named();
    let door = site.open_with(&site.config(&shadow("percent: 25")).and("session: {key: [{cookie: AURSID}]}"));
    let mut client = door.client();
    for round in 0..2 {
        for user in 0..200 {
            client.get(&format!("/{user}"), &[&format!("Cookie: AURSID=session-{user}")]);
        }
        door.await_metric("requests_total", &[("route", "all")], f64::from((round + 1) * 200));
    }
    let sampled = |door: &Door| door.report_on("all").map_or(0, |line| line.count("compared") + line.unproven());
    crate::harness::await_that("both rounds' copies", || {
        let (copies, accounted) = (site.new.copies().len() as u64, sampled(&door));
        if copies > 0 && copies == accounted { Ok(()) } else { Err(format!("{copies} sent, {accounted} accounted")) }
    });
    let mut targets: Vec<String> = site.new.copies().iter().map(|seen| seen.target()).collect();
    targets.sort();
    let total = targets.len();
    targets.dedup();
    assert_eq!(total, targets.len() * 2, "a sampled session is sampled each time");
    // 200 sessions at 25 %: 50 expected, a standard deviation of 6.1; three of them either way.
    assert!((32..=68).contains(&targets.len()), "{} of 200 sessions at 25 %", targets.len());
}

#[test]
fn percent_zero_copies_nothing() {
    let site = Site::named();
    let door = site.open(&shadow("percent: 0"));
    let mut client = door.client();
    for at in 0..100 {
        client.get("/", &[&format!("Cookie: AURSID={at}")]);
    }
    door.await_metric("requests_total", &[("route", "all")], 100.0);
    assert_eq!(site.new.seen().len(), 0);
}

#[test]
fn writes_are_copied_only_where_their_method_is_named() {
    let site = Site::named();
    let door = site.open(SHADOW);
    for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        door.ask(method, "/write", &[], b"x");
    }
    door.get("/read");
    assert_eq!(site.new.only().target(), "/read");
    drop(door);

    let site = Site::named();
    let door = site.open(&shadow("percent: 100, methods: [POST]"));
    door.get("/read");
    door.ask("POST", "/write", &[], b"x");
    assert_eq!(site.new.only().target(), "/write");
}

#[test]
fn a_get_can_be_declared_unsafe() {
    let site = Site::named();
    let routes = "- {name: logout, match: {path: {exact: /logout}}, stage: shadow, mirror: {percent: 100, methods: []}}\n\
                  - {name: all, match: {path: {prefix: /}}, stage: shadow, mirror: {percent: 100}}";
    let door = site.open(routes);
    assert_eq!(door.get("/logout").text(), "legacy");
    door.get("/read");
    assert_eq!(site.new.only().target(), "/read");
}

#[test]
fn a_copy_is_never_copied_again() {
    let site = Site::named();
    let door = site.open(SHADOW);
    assert_eq!(door.ask("GET", "/from-another-door", &["X-Matapalo-Mirror: 1"], b"").text(), "legacy");
    door.get("/from-a-user");
    assert_eq!(site.new.only().target(), "/from-a-user");
}

#[test]
fn a_loop_of_doors_ends_after_one_copy() {
    // New's address is the door itself: what comes back is marked and goes to legacy only.
    let site = Site::named();
    let door = site.open(SHADOW);
    let own = format!("http://{}", door.address);
    door.edit_and_await(&format!("http://{}", site.new.address), &own);
    assert_eq!(door.get("/").text(), "legacy");
    let seen = site.legacy.await_seen(2);
    door.await_accounted("all", 1);
    assert_eq!(seen.len(), 2, "one request of the user's, one copy");
    assert_eq!(site.legacy.seen().len(), 2);
}

/// Ways in which the mirror's side can be bad.
fn bad_mirrors() -> Vec<(&'static str, Origin)> {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n";
    vec![
        ("dead", Origin::dead()),
        ("hanging", Origin::hanging()),
        ("resetting at once", Origin::at_head(|_, wire| wire.reset())),
        ("closing at once", Origin::at_head(|_, wire| wire.close())),
        (
            "answering garbage",
            Origin::at_head(|_, wire| {
                wire.send([0xff, 0x00, 0x16, 0x03, 0x01, b'\r', b'\n', b'\r', b'\n', b'?']);
                wire.close();
            }),
        ),
        (
            "cut inside of its head",
            Origin::at_head(|_, wire| {
                wire.send("HTTP/1.1 200 OK\r\nContent-Ty");
                wire.close();
            }),
        ),
        (
            "cut inside of its body",
            Origin::at_head(move |_, wire| {
                wire.send(format!("{head}Content-Length: 1000\r\n\r\nhalf"));
                wire.reset();
            }),
        ),
        (
            "stuck inside of its body",
            Origin::at_head(move |_, wire| {
                wire.send(format!("{head}Content-Length: 1000\r\n\r\nhalf"));
                wire.hang();
            }),
        ),
        ("far too large", Origin::answering(|_, wire| wire.ok("x".repeat(3_000_000)))),
        (
            "endless",
            Origin::at_head(move |_, wire| {
                wire.send(format!("{head}Transfer-Encoding: chunked\r\n\r\n"));
                for _ in 0..200 {
                    wire.chunk("x".repeat(65_536));
                }
                wire.close();
            }),
        ),
        (
            "lying about gzip",
            Origin::answering(|_, wire| {
                wire.answer("200 OK", &["Content-Type: text/plain", "Content-Encoding: gzip"], "not gzip at all");
            }),
        ),
        ("failing", Origin::answering(|_, wire| wire.answer("500 Internal Server Error", &[], "Traceback"))),
    ]
}

#[test]
fn no_mirror_changes_a_status_or_a_byte_and_each_copy_is_accounted_for() {
    const ASKED: u64 = 30;
    for (kind, new) in bad_mirrors() {
        let legacy =
            Origin::answering(|seen, wire| wire.answer("200 OK", &["X-From: legacy", "ETag: \"7\""], seen.target()));
        let site = Site::of(legacy, new);
        let door = site.open(&shadow("percent: 100, timeout: 300ms, max_in_flight: 4"));
        let mut client = door.client();
        for at in 0..ASKED {
            let answer = client.get(&format!("/page/{at}"), &[]);
            assert_eq!((answer.status(), answer.text()), (200, format!("/page/{at}")), "{kind}");
            assert_eq!(answer.header("x-from").as_deref(), Some("legacy"), "{kind}");
        }
        let line = door.await_accounted("all", ASKED);
        assert_eq!(
            line.count("matched") + line.count("ignored"),
            0,
            "{kind}: a bad answer was taken for a match: {}",
            line.0
        );
        door.await_metric("mirror_total", &[("route", "all")], ASKED as f64);
        let dropped = door.metric("mirror_dropped_total", &[("route", "all")]);
        assert_eq!(dropped as u64, line.unproven(), "{kind}: {}", line.0);
    }
}

#[test]
fn copies_of_which_nothing_comes_are_held_back_until_one_is_answered() {
    const ENOUGH: u64 = 100;
    let too_large = |wire: &mut Wire| wire.ok("x".repeat(1_000_000));
    for (reason, fail) in [("broken_response", Wire::reset as fn(&mut Wire)), ("response_too_large", too_large)] {
        let well = Arc::new(AtomicBool::new(false));
        let is_well = well.clone();
        let new = Origin::at_head(move |_, wire| match is_well.load(Ordering::Relaxed) {
            true => wire.ok("legacy"),
            false => fail(wire),
        });
        let site = Site::of(Origin::saying("legacy"), new);
        let door = site.open(&shadow("percent: 100, timeout: 5s, max_in_flight: 4"));
        let mut client = door.client();
        let mut ask = |times| {
            (0..times).for_each(|_| assert_eq!(client.get("/", &[]).text(), "legacy"));
        };
        ask(ENOUGH);
        assert_eq!(door.await_accounted("all", ENOUGH).unproven_by(reason), ENOUGH);
        ask(ENOUGH);
        let line = door.await_accounted("all", 2 * ENOUGH);
        let (tried, held_back) = (line.unproven_by(reason) - ENOUGH, line.unproven_by("held_back"));
        assert!(
            tried + held_back == ENOUGH && held_back > ENOUGH / 2,
            "{reason}: {tried} tried, {held_back} held back"
        );
        well.store(true, Ordering::Relaxed);
        let mut asked = 2 * ENOUGH;
        await_that("copies to be compared", || {
            ask(1);
            asked += 1;
            if door.await_accounted("all", asked).count("matched") > 0 { Ok(()) } else { Err(reason.to_owned()) }
        });
        let before = door.await_accounted("all", asked).count("matched");
        ask(10);
        assert_eq!(
            door.await_accounted("all", asked + 10).count("matched"),
            before + 10,
            "{reason}: all are sent again"
        );
    }
}

#[test]
fn a_hanging_mirror_does_not_slow_the_user() {
    let site = Site::of(Origin::saying("legacy"), Origin::hanging());
    let door = site.open(
        "
        - {name: off, match: {path: {prefix: /off}}, stage: legacy}
        - {name: on, match: {path: {prefix: /on}}, stage: shadow, mirror: {percent: 100, timeout: 30s, max_in_flight: 8}}",
    );
    let (mut one, mut other) = (door.client(), door.client());
    let (mut off, mut on) = (Vec::new(), Vec::new());
    for _ in 0..200 {
        off.push(timed(&mut one, "/off").0);
        on.push(timed(&mut other, "/on").0);
    }
    let (off, on) = (median(off), median(on));
    println!("median with the mirror off {off:?}, with a hanging mirror {on:?}");
    assert!(on <= off * 2 + Duration::from_millis(5), "off {off:?}, on {on:?}");
}

/// A new origin that holds its answers back until the signal is given, and the signal.
fn held() -> (Origin, Signal) {
    let release = Signal::new();
    let held = release.clone();
    let origin = Origin::answering(move |_, wire| {
        held.wait();
        wire.ok("legacy");
    });
    (origin, release)
}

#[test]
fn the_next_request_on_a_connection_does_not_wait_for_the_copy() {
    let (new, release) = held();
    let site = Site::of(Origin::saying("legacy"), new);
    let door = site.open(&shadow("percent: 100, timeout: 30s, max_in_flight: 64"));
    let mut client = door.client();
    for _ in 0..20 {
        assert_eq!(client.get("/", &[]).text(), "legacy", "answered while the copies are held");
    }
    site.new.await_seen(20);
    release.give();
    let line = door.await_accounted("all", 20);
    assert_eq!(line.count("matched"), 20, "{}", line.0);
}

#[test]
fn copies_beyond_the_limit_are_dropped_and_counted() {
    let (new, release) = held();
    let site = Site::of(Origin::saying("legacy"), new);
    let door = site.open(&shadow("percent: 100, timeout: 30s, max_in_flight: 3"));
    let mut client = door.client();
    for _ in 0..50 {
        client.get("/", &[]);
    }
    door.await_metric("requests_total", &[("route", "all")], 50.0);
    site.new.await_seen(3);
    assert!(site.new.seen().len() <= 3, "{} copies under way, 3 allowed", site.new.seen().len());
    release.give();
    let line = door.await_accounted("all", 50);
    assert!(line.count("matched") >= 3, "{}", line.0);
    assert_eq!(line.count("matched") + line.unproven(), 50, "{}", line.0);
    let dropped = door.metric("mirror_dropped_total", &[("route", "all")]);
    assert_eq!(dropped as u64, line.unproven(), "{}\n{}", line.0, door.metrics());
}

#[test]
fn a_request_too_large_to_keep_is_unproven_and_reaches_its_own_backend_whole() {
    let legacy = Origin::answering(|seen, wire| wire.ok(seen.body.len().to_string()));
    let site = Site::of(legacy, Origin::saying("x"));
    let door = site.open(&shadow("percent: 100, methods: [POST], max_body: 1KiB"));
    assert_eq!(door.ask("POST", "/", &[], &vec![b'x'; 500_000]).text(), "500000");
    let line = door.await_accounted("all", 1);
    assert_eq!(line.unproven_by("request_too_large"), 1, "{}", line.0);
    assert_eq!(site.new.seen().len(), 0, "half a body is no copy");
}

#[test]
fn an_answer_too_large_to_keep_is_unproven_and_reaches_the_user_whole() {
    let large = || Origin::answering(|_, wire| wire.ok("x".repeat(500_000)));
    let site = Site::of(large(), large());
    let door = site.open(&shadow("percent: 100, max_body: 1KiB"));
    assert_eq!(door.get("/").body.len(), 500_000);
    let line = door.await_accounted("all", 1);
    assert_eq!(line.unproven_by("response_too_large"), 1, "{}", line.0);
}

#[test]
fn a_user_who_leaves_early_is_not_a_match() {
    let gone = Signal::new();
    let seen_gone = gone.clone();
    let legacy = Origin::at_head(move |_, wire| {
        wire.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nhalf");
        seen_gone.wait();
        wire.send(vec![b'x'; 999_996]);
    });
    let site = Site::of(legacy, Origin::saying("half"));
    let door = site.open(SHADOW);
    let mut client = Client::connect(door.address);
    client.send(request("GET", "/", &[], b""));
    client.head();
    drop(client);
    gone.give();
    let line = door.await_accounted("all", 1);
    assert_eq!(line.count("compared"), 0, "{}", line.0);
    assert_eq!(line.unproven(), 1, "{}", line.0);
}

#[test]
fn a_websocket_is_never_copied() {
    let upgrade = |seen: &crate::harness::Seen, wire: &mut crate::harness::Wire| {
        if seen.header("upgrade").is_none() {
            return wire.ok("legacy");
        }
        wire.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
        wire.hang();
    };
    let site = Site::of(Origin::at_head(upgrade), Origin::saying("new"));
    let door = site.open(SHADOW);
    let mut client = door.client();
    client.send(request("GET", "/ws", &["Connection: Upgrade", "Upgrade: websocket"], b""));
    assert_eq!(client.answer("GET").status(), 101);
    drop(client);
    door.get("/after");
    let first = site.new.await_seen(1);
    assert_eq!(first[0].target(), "/after", "the upgrade was copied");
}
