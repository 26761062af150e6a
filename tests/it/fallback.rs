//! New first; what it does not answer, legacy does, and the user sees one answer.

use std::time::{Duration, Instant};

use crate::harness::client::request;
use crate::harness::{Origin, Site};

fn new_with_fallback(on: &str, rest: &str) -> String {
    format!("- {{name: all, match: {{path: {{prefix: /}}}}, stage: new, fallback: {{on: {{{on}}}{rest}}}}}")
}

/// New answers everything with this status and its own name.
fn failing(status: &'static str) -> Origin {
    Origin::answering(move |_, wire| wire.answer(status, &["X-From: new"], "new"))
}

/// Legacy says what body it got.
fn echo() -> Origin {
    Origin::answering(|seen, wire| wire.ok(format!("legacy {} {}", seen.method(), String::from_utf8_lossy(&seen.body))))
}

#[test]
fn a_status_that_is_named_goes_to_legacy() {
    let site = Site::of(Origin::saying("legacy"), failing("404 Not Found"));
    let door = site.open(&new_with_fallback("status: [404, 501]", ""));
    let answer = door.ask("GET", "/a%20b?x=1&x=2", &["Cookie: a=b"], b"");
    assert_eq!((answer.status(), answer.text().as_str()), (200, "legacy"));
    assert_eq!(answer.header("x-from"), None, "nothing of new's answer is left");
    assert_eq!(site.new.only().target(), "/a%20b?x=1&x=2");
    let at_legacy = site.legacy.only();
    assert_eq!((at_legacy.target(), at_legacy.header("cookie")), ("/a%20b?x=1&x=2".to_owned(), Some("a=b".to_owned())));
    door.await_metric("fallback_total", &[("route", "all"), ("reason", "status")], 1.0);
}

#[test]
fn a_status_that_is_not_named_is_the_answer() {
    let site = Site::of(Origin::saying("legacy"), failing("410 Gone"));
    let door = site.open(&new_with_fallback("status: [404]", ""));
    let answer = door.get("/");
    assert_eq!((answer.status(), answer.text().as_str()), (410, "new"));
    assert_eq!(site.legacy.seen().len(), 0);
}

#[test]
fn new_can_say_not_mine_by_a_header() {
    let new = Origin::answering(|seen, wire| {
        let ported = seen.target() == "/ported";
        wire.answer("200 OK", if ported { &[] } else { &["X-Not-Ported: 1"] }, "new");
    });
    let site = Site::of(Origin::saying("legacy"), new);
    let door = site.open(&new_with_fallback("header: X-Not-Ported", ""));
    assert_eq!(door.get("/ported").text(), "new");
    assert_eq!(door.get("/other").text(), "legacy");
    door.await_metric("fallback_total", &[("reason", "header")], 1.0);
}

#[test]
fn a_dead_new_falls_to_legacy_where_asked_and_is_a_502_where_not() {
    let site = Site::of(Origin::saying("legacy"), Origin::dead());
    let door = site.open(&new_with_fallback("connect_error: true", ""));
    assert_eq!(door.get("/").text(), "legacy");
    door.await_metric("fallback_total", &[("reason", "connect_error")], 1.0);
    drop(door);

    let door = site.open(&new_with_fallback("status: [404]", ""));
    assert_eq!(door.get("/").status(), 502);
    assert_eq!(site.legacy.seen().len(), 1, "only the first door's request");
}

#[test]
fn a_silent_new_falls_to_legacy_where_asked_and_is_a_504_where_not() {
    let site = Site::of(Origin::saying("legacy"), Origin::hanging());
    let impatient = |on: &str| site.config(&new_with_fallback(on, "")).new_with("timeouts: {first_byte: 300ms}");
    let door = site.open_with(&impatient("timeout: true"));
    let start = Instant::now();
    assert_eq!(door.get("/").text(), "legacy");
    assert!(start.elapsed() >= Duration::from_millis(290), "new had its time");
    door.await_metric("fallback_total", &[("reason", "timeout")], 1.0);
    drop(door);

    let door = site.open_with(&impatient("status: [404]"));
    assert_eq!(door.get("/").status(), 504);
}

#[test]
fn a_bounded_body_is_replayed_whole() {
    let site = Site::of(echo(), failing("404 Not Found"));
    let door = site.open(&new_with_fallback("status: [404]", ", methods: [GET, POST], max_body: 64KiB"));
    for length in [1, 1_000, 60_000, 65_536] {
        let body = "x".repeat(length);
        let answer = door.ask("POST", "/form", &[], body.as_bytes());
        assert_eq!(answer.text(), format!("legacy POST {body}"), "a body of {length} bytes");
    }
    let mut client = door.client();
    client.send("POST /c HTTP/1.1\r\nHost: site.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n");
    assert_eq!(client.answer("POST").text(), "legacy POST hello world");
}

#[test]
fn a_larger_body_is_not_replayed_and_news_answer_passes() {
    let site = Site::of(echo(), failing("404 Not Found"));
    let door = site.open(&new_with_fallback("status: [404]", ", methods: [POST], max_body: 1KiB"));
    let answer = door.ask("POST", "/form", &[], &[b'x'; 1_025]);
    assert_eq!(
        (answer.status(), answer.text().as_str()),
        (404, "new"),
        "an answer of new's, not an error of the door's"
    );
    let answer = door.ask("POST", "/form", &[], &[b'x'; 300_000]);
    assert_eq!((answer.status(), answer.text().as_str()), (404, "new"));
    assert_eq!(site.legacy.seen().len(), 0);
}

#[test]
fn a_method_that_is_not_named_is_never_sent_twice() {
    let site = Site::of(echo(), failing("503 Service Unavailable"));
    let door = site.open(&new_with_fallback("status: [503], connect_error: true, timeout: true", ""));
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
        let answer = door.ask(method, "/", &[], b"pay=1");
        assert_eq!((answer.status(), answer.text().as_str()), (503, "new"), "{method}");
    }
    assert_eq!(site.legacy.seen().len(), 0, "a write was executed twice");
    assert_eq!(site.new.seen().len(), 4, "a write was repeated");
    assert_eq!(door.ask("HEAD", "/", &[], b"").status(), 200, "HEAD falls back by default, as GET does");
}

#[test]
fn if_both_fail_the_user_sees_the_original_failure() {
    let site = Site::of(Origin::dead(), failing("404 Not Found"));
    let door = site.open(&new_with_fallback("status: [404]", ""));
    assert_eq!(door.get("/").status(), 404, "new's own 404, not an error about legacy");
    drop(door);

    let site = Site::of(Origin::dead(), Origin::dead());
    let door = site.open(&new_with_fallback("connect_error: true", ""));
    assert_eq!(door.get("/").status(), 502);
}

#[test]
fn the_connection_lives_on_through_fallbacks() {
    let new = Origin::answering(|seen, wire| match seen.target().as_str() {
        "/known" => wire.ok("new"),
        _ => wire.answer("404 Not Found", &[], "unknown"),
    });
    let site = Site::of(Origin::saying("legacy"), new);
    let door = site.open(&new_with_fallback("status: [404]", ""));
    let mut client = door.client();
    for _ in 0..10 {
        assert_eq!(client.get("/known", &[]).text(), "new");
        assert_eq!(client.get("/unknown", &[]).text(), "legacy");
    }
}

#[test]
fn a_whole_site_can_be_new_first_and_legacy_where_new_knows_nothing() {
    let new = Origin::answering(|seen, wire| match seen.target().as_str() {
        "/packages" => wire.ok("new"),
        "/broken" => wire.answer("500 Internal Server Error", &[], "new is broken"),
        "/half" => wire.answer("501 Not Implemented", &[], ""),
        "/header" => wire.answer("200 OK", &["x-not-ported: yes"], "?"),
        _ => wire.answer("404 Not Found", &[], "new knows nothing"),
    });
    let legacy = Origin::answering(|seen, wire| match seen.target().as_str() {
        "/nowhere" => wire.answer("404 Not Found", &[], "legacy knows nothing either"),
        _ => wire.ok("legacy"),
    });
    let site = Site::of(legacy, new);
    let door = site.open(
        "
        - name: everything-else
          match: {path: {prefix: /}}
          stage: new
          fallback: {on: {status: [404, 501], header: X-Not-Ported, connect_error: true}}",
    );
    let asked = |target: &str| {
        let answer = door.get(target);
        format!("{} {}", answer.status(), answer.text())
    };
    assert_eq!(asked("/packages"), "200 new");
    assert_eq!(asked("/rpc"), "200 legacy");
    assert_eq!(asked("/half"), "200 legacy");
    assert_eq!(asked("/header"), "200 legacy");
    assert_eq!(asked("/broken"), "500 new is broken");
    assert_eq!(asked("/nowhere"), "404 legacy knows nothing either");
}

#[test]
fn a_fallback_answer_proves_nothing_about_new() {
    let site = Site::of(Origin::saying("legacy"), failing("404 Not Found"));
    let routes = "- {name: all, match: {path: {prefix: /}}, stage: new, mirror: {percent: 100}, \
                  fallback: {on: {status: [404]}}}";
    let door = site.open(routes);
    for _ in 0..3 {
        assert_eq!(door.get("/").text(), "legacy");
    }
    let line = door.await_accounted("all", 3);
    assert_eq!(line.count("matched"), 0, "legacy compared with itself: {}", line.0);
}

#[test]
fn a_client_whose_body_comes_late_falls_back_too() {
    let new = Origin::at_head(|_, wire| {
        wire.answer("404 Not Found", &["Connection: close"], "");
        wire.close();
    });
    let site = Site::of(echo(), new);
    let door = site.open(&new_with_fallback("status: [404]", ", methods: [GET, POST]"));
    let mut client = door.client();
    client.send("POST / HTTP/1.1\r\nHost: site.test\r\nContent-Length: 5\r\n\r\n").send("hello");
    assert_eq!(client.answer("POST").text(), "legacy POST hello");
    client.send(request("GET", "/", &[], b""));
    assert_eq!(client.answer("GET").text(), "legacy GET ");
}

#[test]
fn a_write_whose_connection_breaks_is_sent_once() {
    // Answers reads and keeps the connection; takes a write and breaks off.
    let legacy = Origin::answering(|asked, wire| match asked.method().as_str() {
        "GET" => wire.ok("read"),
        _ => wire.close(),
    });
    let site = Site::of(legacy, Origin::dead());
    let door = site.open("- {name: all, match: {path: {prefix: /}}, stage: legacy}");
    for method in ["PUT", "DELETE", "POST"] {
        assert_eq!(door.get("/warm").text(), "read", "a connection is kept that the write could have taken");
        assert_eq!(door.ask(method, "/write", &[], b"body").status(), 502);
        let writes = site.legacy.seen().iter().filter(|seen| seen.method() == method).count();
        assert_eq!(writes, 1, "{method} was sent {writes} times");
    }
}
