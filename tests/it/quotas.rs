//! How much one client may have: requests of a route, connections, requests of a connection.

use crate::harness::{Client, Origin, Site, await_that};

fn site() -> Site {
    Site::of(Origin::saying("ok"), Origin::dead())
}

const LEGACY: &str = "- {name: all, match: {path: {prefix: /}}, stage: legacy}";

#[test]
fn a_client_that_asks_too_often_is_told_when_to_come_back_and_others_are_not() {
    let site = site();
    let routes = "- {name: login, match: {path: {exact: /login}}, limits: {rate: {requests: 3, per: 1h, burst: 3}}}\n\
                  - {name: all, match: {path: {prefix: /}}}";
    let more = "trusted_proxies: [127.0.0.1]\naccess_log: {path: access.log}";
    let door = site.open_with(&site.config(routes).and(more));
    let from = |client: &str, path: &str| door.ask("GET", path, &[&format!("X-Forwarded-For: {client}")], b"");
    for _ in 0..3 {
        assert_eq!(from("203.0.113.1", "/login").status(), 200);
    }
    let refused = from("203.0.113.1", "/login");
    assert_eq!((refused.status(), refused.text().as_str()), (429, "429 too many requests\n"));
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=1201).contains(&wait), "an hour has three: {wait} s");
    assert_eq!(from("203.0.113.2", "/login").status(), 200, "another client");
    assert_eq!(from("203.0.113.1", "/other").status(), 200, "another route");
    assert_eq!([from("2001:db8::1", "/login").status(), from("2001:db8::2", "/login").status()], [200, 200]);
    assert_eq!([from("2001:db8::3", "/login").status(), from("2001:db8::ffff:4", "/login").status()], [200, 429]);
    assert_eq!(door.metric("rate_limited_total", &[("route", "login")]), 2.0);
    assert_eq!(site.legacy.seen().len(), 8, "no backend is asked");
    await_that("the access log", || {
        let log = std::fs::read_to_string(site.path("access.log")).unwrap_or_default();
        let limited =
            log.lines().filter(|line| line.contains("\"origin\":\"door\",") && line.contains("\"limited\":\"rate\""));
        if limited.count() == 2 && log.lines().count() == 10 { Ok(()) } else { Err(log) }
    });
}

#[test]
fn accounts_last_as_long_as_their_rule() {
    let site = site();
    let routes = "- {name: login, match: {path: {exact: /login}}, limits: {rate: {requests: 3, per: 1h, burst: 3}}}\n\
                  - {name: all, match: {path: {prefix: /}}}";
    let door = site.open_with(&site.config(routes));
    let login = || door.get("/login").status();
    assert_eq!([login(), login(), login(), login()], [200, 200, 200, 429]);
    door.edit_and_await("name: all", "name: everything");
    assert_eq!(login(), 429, "another edit leaves the accounts as they are");
    door.edit_and_await("burst: 3", "burst: 4");
    assert_eq!(login(), 200, "another rule begins anew");
    door.edit_and_await("requests: 3", "requests: 0");
    assert!((0..10).all(|_| login() == 200), "0: none");
}

#[test]
fn a_rate_can_be_a_sessions_or_everybodys_and_be_laid_over_the_defaults() {
    let site = site();
    let routes = "- {name: mine, match: {path: {exact: /mine}}, limits: {rate: {requests: 1, by: session}}}\n\
                  - {name: ours, match: {path: {exact: /ours}}, limits: {rate: {requests: 2, by: route, status: 503}}}\n\
                  - {name: free, match: {path: {exact: /free}}, limits: {rate: {requests: 0}}}";
    let more = "session: {key: [{cookie: S}]}\ndefaults: {limits: {rate: {requests: 4, per: 1h}}}";
    let mut config = site.config(routes);
    config.noise = String::new();
    let door = site.open_with(&config.and(more));
    let of = |session: &str, path: &str| door.ask("GET", path, &[&format!("Cookie: S={session}")], b"").status();
    assert_eq!([of("a", "/mine"), of("b", "/mine"), of("a", "/mine")], [200, 200, 429]);
    assert_eq!([of("a", "/ours"), of("b", "/ours"), of("c", "/ours")], [200, 200, 503]);
    assert_eq!([(); 5].map(|()| of("a", "/elsewhere")), [200, 200, 200, 200, 429]);
    assert!((0..10).all(|_| of("a", "/free") == 200));
}

#[test]
fn tokens_come_back_with_time() {
    let site = site();
    let route = "- {name: all, match: {path: {prefix: /}}, limits: {rate: {requests: 4, per: 1s, burst: 2}}}";
    let door = site.open(route);
    let get = || door.get("/").status();
    let (mut good, start) = (0, std::time::Instant::now());
    while start.elapsed() < std::time::Duration::from_secs(3) {
        good += u32::from(get() == 200);
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    // Two at once, then four a second.
    let most = 2 + (start.elapsed().as_millis() / 250) as u32 + 1;
    assert!((10..=most).contains(&good), "{good} of at most {most}");
}

/// Neither what the body says nor the copy of it leaves the door.
#[test]
fn what_is_refused_is_neither_read_nor_copied() {
    let site = Site::of(Origin::saying("same"), Origin::saying("same"));
    let routes = "- {name: all, match: {path: {prefix: /}}, stage: shadow, mirror: {methods: [GET, POST]}, limits: {rate: {requests: 2, per: 1h}}}\n\
                  - {name: later, match: {path: {exact: /later}}, stage: shadow}";
    let door = site.open(routes);
    let mut client = door.client();
    assert_eq!([client.get("/", &[]).status(), client.get("/", &[]).status()], [200, 200]);
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(client.answer("POST").status(), 429, "no leave is given to send the body");
    // A copy of it would have been offered before this one, which has come.
    assert_eq!(door.get("/later").status(), 200);
    door.await_metric("mirror_total", &[("route", "later")], 1.0);
    door.await_metric("mirror_total", &[("route", "all")], 2.0);
    assert_eq!((site.legacy.seen().len(), site.new.seen().len()), (3, 3));
    assert_eq!(door.metric("mirror_total", &[("route", "all")]), 2.0, "what was refused was not chosen for a copy");
}

#[test]
fn one_client_has_so_many_connections_and_not_more() {
    let site = site();
    let door = site.open_with(&site.config(LEGACY).and("limits: {max_connections_per_client: 2}"));
    let mut first = door.client();
    let mut second = door.client();
    assert_eq!((first.get("/", &[]).status(), second.get("/", &[]).status()), (200, 200));
    assert!(door.client().is_closed(), "the third is closed unread");
    door.await_metric("connections_refused_total", &[("reason", "max_connections_per_client")], 1.0);
    drop(first);
    await_that("room for another one", || {
        let mut client = Client::connect(door.address);
        match client.try_send(crate::harness::client::request("GET", "/", &[], b"")).map(|()| client.try_answer("GET"))
        {
            Ok(Ok(_)) => Ok(()),
            other => Err(format!("{:?}", other.map(|answer| answer.is_ok()))),
        }
    });
    assert_eq!(second.get("/", &[]).status(), 200, "who is in stays in");
}

#[test]
fn a_connection_ends_with_its_last_request_and_says_so() {
    let site = site();
    let door = site.open_with(&site.config(LEGACY).and("limits: {max_requests: 3}"));
    let mut client = door.client();
    let closing: Vec<bool> =
        (0..3).map(|_| client.get("/", &[]).header("connection").as_deref() == Some("close")).collect();
    assert_eq!(closing, [false, false, true]);
    assert!(client.is_closed());
}
