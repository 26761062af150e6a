//! What a request is called by: one id in both backends, the access log, the sample and, if wanted, the answer.

use std::collections::HashSet;

use crate::harness::http2::{Http2, story};
use crate::harness::{Door, Origin, Site, await_that, get};
use crate::http2::h2c;

const SHADOW: &str = "- {name: all, match: {path: {prefix: /}}, stage: shadow}";

/// The lines of the access log, once it has so many.
pub fn logged(site: &Site, count: usize) -> Vec<serde_json::Value> {
    let mut lines = Vec::new();
    await_that("the access log", || {
        let log = std::fs::read_to_string(site.path("access.log")).unwrap_or_default();
        lines = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        if lines.len() == count { Ok(()) } else { Err(log) }
    });
    lines
}

fn is_uuid(id: &str) -> bool {
    id.len() == 36 && id.as_bytes()[14] == b'7' && id.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

fn first_sample(door: &Door) -> serde_json::Value {
    let mut id = None;
    await_that("a sample", || {
        id = door.report_on("all").and_then(|line| line.0["differences"][0]["samples"][0].as_u64());
        id.map(|_| ()).ok_or_else(|| "no sample".to_owned())
    });
    get(door.admin, &format!("/api/v1/samples/{}", id.unwrap())).json()
}

#[test]
fn origin_copy_log_and_sample_have_the_same_id_and_no_client_chooses_it() {
    let site = Site::of(Origin::saying("the one"), Origin::saying("another"));
    let door = site.open_with(&site.config(SHADOW).and("access_log: {path: access.log}"));
    let answer = door.ask("GET", "/", &["X-Request-Id: chosen"], b"");
    assert_eq!(answer.header("x-request-id"), None, "nobody asked for it");
    let (own, copy) = (site.legacy.only().headers("x-request-id"), site.new.only().headers("x-request-id"));
    assert!(own.len() == 1 && is_uuid(&own[0]), "{own:?}");
    assert_eq!(own, copy);
    assert_eq!(logged(&site, 1)[0]["request_id"], own[0].as_str());
    let sample = first_sample(&door);
    let headers = sample["request"]["headers"].as_array().unwrap();
    assert!(headers.iter().any(|header| header[0] == "x-request-id" && header[1] == own[0].as_str()), "{sample}");
    door.get("/again");
    assert_ne!(site.legacy.await_seen(2)[1].headers("x-request-id"), own);
}

#[test]
fn a_trusted_proxys_id_is_kept_if_it_is_one() {
    let site = Site::of(Origin::saying("same"), Origin::dead());
    let routes = "- {name: all, match: {path: {prefix: /}}, stage: new, fallback: {on: {connect_error: true}}}";
    let door =
        site.open_with(&site.config(routes).and("trusted_proxies: [127.0.0.1]\nrequest_id: {header: X-Trace-Id}"));
    let sent = |lines: &[&str]| {
        let before = site.legacy.seen().len();
        door.ask("GET", "/", lines, b"");
        site.legacy.await_seen(before + 1)[before].headers("x-trace-id")
    };
    assert_eq!(sent(&["X-Trace-Id: 4bf92f35/77b3"]), ["4bf92f35/77b3"]);
    for bad in [&["X-Trace-Id: a b"][..], &["X-Trace-Id: a", "X-Trace-Id: b"], &["X-Trace-Id:"], &[]] {
        let ids = sent(bad);
        assert!(ids.len() == 1 && is_uuid(&ids[0]), "{bad:?} became {ids:?}");
    }
    assert_eq!(site.legacy.seen()[0].headers("x-request-id"), [""; 0]);
}

#[test]
fn answers_tell_it_where_the_config_says_so_the_doors_own_too() {
    let site = Site::of(Origin::saying("ok"), Origin::dead());
    let routes = "- {name: closed, match: {path: {exact: /closed}}, respond: {status: 404}}\n\
                  - {name: dead, match: {path: {exact: /dead}}, stage: new}\n\
                  - {name: all, match: {path: {prefix: /}}, limits: {rate: {requests: 2, per: 1h}}}";
    let door = site.open_with(&h2c(&site, routes).and("request_id: {answer: true}\naccess_log: {path: access.log}"));
    let mut client = door.client();
    let mut told = Vec::new();
    for (target, status) in [("/closed", 404), ("/", 200), ("/", 200), ("/", 429), ("/dead", 502)] {
        let answer = client.get(target, &[]);
        assert_eq!(answer.status(), status, "{target}");
        told.push(answer.header("x-request-id").unwrap_or_else(|| panic!("{target} has none")));
    }
    // Where nothing of the request can be believed, or none of it can be read.
    let long = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(70_000));
    for (head, status) in [
        ("get / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\nX-Request-Id: chosen\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\n b: c\r\n\r\n", 400),
        ("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        (&long, 414),
    ] {
        // On a connection whose first request has an id of its own.
        let mut client = door.client();
        told.push(client.get("/closed", &[]).header("x-request-id").unwrap());
        client.send(head);
        let answer = client.answer("GET");
        assert_eq!(answer.status(), status, "{head:.40}");
        told.push(answer.header("x-request-id").unwrap_or_else(|| panic!("{head:.40} has none")));
    }
    story(async {
        let client = Http2::connect(door.address).await;
        told.push(client.get("/closed").await.header("x-request-id").unwrap().to_owned());
        let refused = client.ask("GET", "/", &[("host", "another.test")], b"").await.unwrap();
        assert_eq!(refused.status, 400);
        told.push(refused.header("x-request-id").expect("a refused stream has one").to_owned());
    });
    assert!(told.iter().all(|id| is_uuid(id)), "{told:?}");
    let lines = logged(&site, told.len());
    let log: HashSet<&str> = lines.iter().map(|line| line["request_id"].as_str().unwrap()).collect();
    assert_eq!(log, told.iter().map(String::as_str).collect::<HashSet<&str>>());
    assert_eq!(log.len(), told.len(), "each has its own");
    assert_eq!(site.legacy.seen()[0].headers("x-request-id"), [told[1].as_str()]);
    door.edit_and_await("answer: true", "answer: false, send: false");
    let mut client = door.client();
    assert_eq!(client.get("/closed", &["X-Request-Id: mine"]).header("x-request-id"), None);
    client.send("GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n");
    let answer = client.answer("GET");
    assert_eq!((answer.status(), answer.header("x-request-id")), (400, None));
}

#[test]
fn what_is_not_sent_is_not_touched_and_traces_pass_to_both() {
    let site = Site::of(Origin::saying("same"), Origin::saying("same"));
    let door = site.open_with(&site.config(SHADOW).and("request_id: {send: false}"));
    let trace = [
        "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "tracestate: vendor=opaque,other=1",
        "baggage: user=1;p=2",
        "X-Request-Id: mine",
    ];
    door.ask("GET", "/", &trace, b"");
    let (own, copy) = (site.legacy.only(), site.new.only());
    for line in trace {
        let (name, value) = line.split_once(": ").unwrap();
        assert_eq!((own.headers(name), copy.headers(name)), (vec![value.to_owned()], vec![value.to_owned()]), "{name}");
    }
}
