//! Who asks, and what passes on of it: the same to both origins and to the copy.

use crate::harness::{Config, Door, Seen, Site, await_that};

const SHADOW: &str = "- {name: all, match: {path: {prefix: /}}, stage: shadow, mirror: {percent: 100}}";

/// What legacy and the copy see of a request with these header lines.
fn seen(trusted: &str, lines: &[&str]) -> (std::sync::Arc<Seen>, std::sync::Arc<Seen>) {
    let site = Site::named();
    let config: Config = site.config(SHADOW).and(trusted);
    let door = site.open_with(&config);
    door.ask("GET", "/", lines, b"");
    (site.legacy.only(), site.new.only())
}

const NOBODY: &str = "trusted_proxies: []";
const LOOPBACK: &str = "trusted_proxies: [127.0.0.0/8]";

#[test]
fn what_only_proxies_may_say_is_taken_from_others() {
    let said = [
        "X-Real-IP: 6.6.6.6",
        "X-Client-IP: 6.6.6.6",
        "True-Client-IP: 6.6.6.6",
        "CF-Connecting-IP: 6.6.6.6",
        "Forwarded: for=6.6.6.6",
        "X-Forwarded-Port: 666",
        "X-Forwarded-Prefix: /evil",
        "X-Forwarded-User: root",
        "X-Original-URL: /admin",
        "X-Rewrite-URL: /admin",
        "Front-End-Https: on",
        "Remote-User: root",
        "Client-Cert: :MIIB:",
        "X-SSL-Client-Verify: SUCCESS",
        "X-Auth-Request-User: root",
        "Remote-Groups: admins",
        "X-WebAuth-Groups: admins",
        "X-Goog-Authenticated-User-Email: root@site.test",
        "X-Amzn-Oidc-Identity: root",
        "X-MS-Client-Principal-Name: root",
        "Cf-Access-Authenticated-User-Email: root@site.test",
    ];
    let names = said.iter().map(|line| line.split(':').next().unwrap());
    let (own, copy) = seen(NOBODY, &said);
    for name in names.clone() {
        assert!(own.headers(name).is_empty() && copy.headers(name).is_empty(), "{name} passed");
    }
    let (own, copy) = seen(LOOPBACK, &said);
    for name in names {
        assert_eq!(own.headers(name).len(), 1, "a trusted proxy's {name} is lost");
        assert_eq!(own.headers(name), copy.headers(name));
    }
}

#[test]
fn names_that_cgi_takes_for_others_are_taken_from_everybody() {
    let told = [
        "X_Forwarded_For: 6.6.6.6",
        "X_Real_IP: 6.6.6.6",
        "Content_Length: 6",
        "X_Matapalo_Mirror: 1",
        "Proxy: http://evil",
        "api_key: kept",
    ];
    for trusted in [NOBODY, LOOPBACK] {
        let (own, copy) = seen(trusted, &told);
        for seen in [&own, &copy] {
            for line in &told[..5] {
                assert!(seen.headers(line.split(':').next().unwrap()).is_empty(), "{line} passed");
            }
            assert_eq!(seen.header("api_key").as_deref(), Some("kept"));
        }
    }
}

/// What a stranger says of himself opens no route, and chooses no session.
#[test]
fn routes_do_not_hear_what_only_proxies_may_say() {
    let said = ["X-Real-IP: 10.0.0.5", "X-Remote-User: admin", "X-Forwarded-Proto: https", "X-Forwarded-For: 10.0.0.5"];
    let route = |line: &str| {
        let (name, value) = line.split_once(": ").unwrap();
        format!("- {{name: {name}, match: {{path: {{prefix: /}}, headers: {{{name}: \"{value}\"}}}}, stage: legacy}}\n")
    };
    let routes: String = said.iter().map(|line| route(line)).collect();
    let routes = routes.to_lowercase() + "- {name: all, match: {path: {prefix: /}}, respond: {status: 403}}";
    for (trusted, status) in [(NOBODY, 403), (LOOPBACK, 200)] {
        let site = Site::named();
        let door = site.open_with(&site.config(&routes).and(trusted));
        for line in said {
            assert_eq!(door.ask("GET", "/", &[line], b"").status(), status, "{line} of {trusted}");
        }
    }
}

/// PHP reads `X_Api` as `X-Api`, and the door does not: who passes a route by that spelling would pass it in the backend's name.
#[test]
fn a_header_that_routes_are_told_by_has_one_spelling() {
    let site = Site::named();
    let routes = "- {name: inside, match: {path: {prefix: /}, headers: {X-Api: inside}}, respond: {status: 403}}\n\
                  - {name: all, match: {path: {prefix: /}}, stage: shadow, mirror: {percent: 100}}";
    let door = site.open(routes);
    assert_eq!(door.ask("GET", "/", &["X-Api: inside"], b"").status(), 403);
    for line in ["X_Api: inside", "x_api: inside", "X.Api: inside"] {
        assert_eq!(door.ask("GET", "/", &[line, "X_Apis: kept"], b"").status(), 200);
    }
    for seen in site.legacy.await_seen(3).into_iter().chain(site.new.await_seen(3)) {
        assert_eq!(seen.header("X_Apis").as_deref(), Some("kept"));
        assert!(["X_Api", "X.Api", "X-Api"].iter().all(|name| seen.headers(name).is_empty()), "{seen:?}");
    }
}

#[test]
fn addresses_are_believed_from_right_to_left() {
    let site = Site::named();
    let routes = "- {name: all, match: {path: {prefix: /}}, stage: canary, canary: {weight: 0, override: {header: X-Stage, from: [198.51.100.7]}}}";
    let door = site.open_with(&site.config(routes).and("trusted_proxies: [127.0.0.0/8, 10.0.0.0/8]"));
    let answered_by = |forwarded: &str| door.ask("GET", "/", &["X-Stage: new", forwarded], b"").text();
    assert_eq!(answered_by("X-Forwarded-For: 198.51.100.7"), "new");
    assert_eq!(answered_by("X-Forwarded-For: 198.51.100.7, 10.1.1.1"), "new");
    assert_eq!(answered_by("X-Forwarded-For: 198.51.100.7, 203.0.113.1"), "legacy");
    assert_eq!(answered_by("Forwarded: for=203.0.113.1, for=\"198.51.100.7:4711\";proto=https, for=10.1.1.1"), "new");
    assert_eq!(answered_by("Forwarded: for=198.51.100.7, for=203.0.113.1"), "legacy");
    assert_eq!(answered_by("Forwarded: for=198.51.100.7, for=unknown"), "legacy");
}

/// Servers that leave out what is no address would believe what stands left of it.
#[test]
fn backends_are_told_of_nobody_whom_the_door_does_not_believe() {
    for (said, told) in [
        ("Forwarded: for=192.0.2.7, proto=http;host=\"t.example\"", "unknown, 127.0.0.1"),
        ("Forwarded: for=192.0.2.7, x=\", for=198.18.0.1", "unknown, 127.0.0.1"),
        ("X-Forwarded-For: 192.0.2.7, unknown", "unknown, 127.0.0.1"),
        ("X-Forwarded-For: 192.0.2.7,198.18.0.1:4711", "192.0.2.7, 198.18.0.1:4711, 127.0.0.1"),
    ] {
        let (own, copy) = seen(LOOPBACK, &[said]);
        for seen in [own, copy] {
            assert_eq!(seen.headers("x-forwarded-for"), [told], "{said}");
        }
    }
}

/// Who sends an open quote through a proxy that appends to the line is nobody, not the proxy.
#[test]
fn whom_a_trusted_proxy_does_not_name_has_not_its_privileges() {
    let site = Site::named();
    let routes =
        "- {name: all, match: {path: {prefix: /}}, stage: canary, canary: {weight: 0, override: {header: X-Stage}}}";
    let door = site.open_with(&site.config(routes).and(LOOPBACK).and("access_log: {path: access.log}"));
    let answered_by = |lines: &[&str]| door.ask("GET", "/", &[&["X-Stage: new"], lines].concat(), b"").text();
    for said in [
        "Forwarded: x=\", for=198.18.0.1",
        "Forwarded: for=unknown",
        "Forwarded: for=_hidden",
        "Forwarded: proto=https",
        "Forwarded: ",
        "X-Forwarded-For: unknown",
        "X-Forwarded-For: ,",
    ] {
        assert_eq!(answered_by(&[said]), "legacy", "{said}");
    }
    assert_eq!(answered_by(&[]), "new", "a trusted proxy that says nothing of anybody");
    await_that("all in the log under the proxy's address", || {
        let log = std::fs::read_to_string(site.path("access.log")).unwrap();
        if log.matches("\"client\":\"127.0.0.1\"").count() == 8 { Ok(()) } else { Err(log) }
    });
}

/// A proxy that passes Connection on would have what it wrote of its client taken out by him.
#[test]
fn nobody_takes_out_what_a_proxy_says_of_him() {
    let site = Site::named();
    let door = site.open_with(&site.config(SHADOW).and(LOOPBACK));
    for name in
        ["Forwarded", "X-Real-IP", "X-SSL-Client-Verify", "X-Remote-User", "X-Forwarded-Port", "X-Forwarded-For"]
    {
        for line in [format!("Connection: {name}"), format!("Connection: keep-alive, {}", name.to_lowercase())] {
            let said = format!("{name}: for=198.18.0.1");
            assert_eq!(door.ask("GET", "/", &[&line, &said], b"").status(), 400, "{line}");
        }
    }
    assert_eq!(site.legacy.seen().len(), 0, "no backend heard of it");
}

#[test]
fn what_belongs_to_the_connection_ends_with_it() {
    let hop = [
        "Connection: keep-alive, X-Hop",
        "X-Hop: 1",
        "Keep-Alive: timeout=5",
        "Proxy-Connection: keep-alive",
        "TE: trailers",
        "Trailer: X-T",
        "Upgrade: h2c",
        "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
        "Proxy-Authorization: Basic eDp5",
    ];
    let (own, copy) = seen(NOBODY, &hop);
    for line in hop {
        let name = line.split(':').next().unwrap();
        assert!(own.headers(name).is_empty() && copy.headers(name).is_empty(), "{name} passed");
    }
}

#[test]
fn traces_pass_on_and_request_ids_of_proxies() {
    let trace = [
        "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "tracestate: a=1,b=2",
        "baggage: user=7",
        "X-Correlation-Id: 4567",
    ];
    for (trusted, ids) in [(NOBODY, &[][..]), (LOOPBACK, &["X-Request-Id: 0123"])] {
        let lines = [&trace, ids].concat();
        let (own, copy) = seen(trusted, &lines);
        for line in lines {
            let (name, value) = line.split_once(": ").unwrap();
            assert_eq!(own.headers(name), [value]);
            assert_eq!(copy.headers(name), [value]);
        }
    }
}

#[test]
fn an_answers_own_connection_ends_at_the_door() {
    let legacy = crate::harness::Origin::answering(|_, wire| {
        let lines = [
            "Connection: keep-alive, X-Hop",
            "Keep-Alive: timeout=5",
            "X-Hop: 1",
            "Proxy-Connection: close",
            "X-Kept: 1",
        ];
        wire.answer("200 OK", &lines, "ok");
    });
    let site = Site::of(legacy, crate::harness::Origin::dead());
    let door = site.open("- {name: all, match: {path: {prefix: /}}, stage: legacy}");
    let answer = door.get("/");
    for name in ["keep-alive", "x-hop", "proxy-connection"] {
        assert_eq!(answer.header(name), None, "{name}");
    }
    assert_eq!((answer.header("x-kept").as_deref(), answer.text().as_str()), (Some("1"), "ok"));
}

#[test]
fn a_get_that_is_meant_as_a_write_is_not_copied() {
    let site = Site::named();
    let door = site.open(SHADOW);
    for name in ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"] {
        assert_eq!(door.ask("GET", "/write", &[&format!("{name}: DELETE")], b"").text(), "legacy");
    }
    door.get("/read");
    assert_eq!(site.new.only().target(), "/read");
}

/// Two doors, each the other's new backend: the loop ends although neither trusts the other's word.
#[test]
fn a_loop_of_two_doors_ends() {
    let (here, there) = (Site::named(), Site::named());
    let one = here.open(SHADOW);
    let other: Door = there.open(SHADOW);
    one.edit_and_await(&format!("http://{}", here.new.address), &format!("http://{}", other.address));
    other.edit_and_await(&format!("http://{}", there.new.address), &format!("http://{}", one.address));
    assert_eq!(one.get("/").text(), "legacy");
    one.await_accounted("all", 1);
    assert_eq!(here.legacy.seen().len(), 1, "the user's own request and no copy of a copy");
    assert_eq!(there.legacy.seen().len(), 1, "one copy");
    let copy = there.legacy.only();
    assert!(copy.is_copy() && copy.header("x-matapalo-loop").is_some());
}
