//! The table against a slow oracle, against cases in files, and against what it promises about size.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cases;
mod oracle;
mod unreachable;

use http::header::HOST;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::*;
use crate::routing::{HostPattern, PathPattern};

/// An owned request, to be asked as [`Parts`].
#[derive(Debug, Clone)]
struct Request {
    method: Method,
    host: String,
    path: Vec<u8>,
    query: Option<String>,
    headers: HeaderMap,
}

impl Request {
    fn get(path: impl AsRef<[u8]>) -> Self {
        Self {
            method: Method::GET,
            host: String::new(),
            path: path.as_ref().to_vec(),
            query: None,
            headers: HeaderMap::new(),
        }
    }

    fn on(self, host: &str) -> Self {
        Self { host: host.to_owned(), ..self }
    }

    fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
        self
    }

    fn query(self, query: &str) -> Self {
        Self { query: Some(query.to_owned()), ..self }
    }

    fn parts(&self) -> Parts<'_> {
        Parts {
            method: &self.method,
            host: &self.host,
            path: &self.path,
            query: self.query.as_deref().map(str::as_bytes),
            headers: &self.headers,
        }
    }
}

fn prefix(path: &str) -> Matcher {
    Matcher::of(PathPattern::prefix(path).unwrap())
}

fn exact(path: &str) -> Matcher {
    Matcher::of(PathPattern::exact(path).unwrap())
}

fn template(path: &str) -> Matcher {
    Matcher::of(PathPattern::template(path).unwrap())
}

fn regex(source: &str) -> Matcher {
    Matcher::of(PathPattern::regex(source).unwrap())
}

fn at(matcher: Matcher, hosts: &[&str]) -> Matcher {
    Matcher { hosts: hosts.iter().map(|host| HostPattern::parse(host).unwrap()).collect(), ..matcher }
}

fn by(matcher: Matcher, methods: &[Method]) -> Matcher {
    Matcher { methods: methods.iter().cloned().collect(), ..matcher }
}

/// The winner's place, which must be the explained one too.
fn winner(table: &RouteTable, request: &Request) -> Option<usize> {
    let found = table.find(&request.parts());
    assert_eq!(table.explain(&request.parts()).outcome(), found, "{request:?}");
    found.unwrap().map(RouteId::index)
}

#[test]
fn an_empty_table_has_no_routes() {
    let table = RouteTable::build(Vec::new());
    assert_eq!(winner(&table, &Request::get("/a")), None);
    assert_eq!(table.explain(&Request::get("/%61").parts()).readings.len(), 2);
    assert_eq!(table.unreachable(), []);
}

#[test]
fn a_path_that_is_no_path_goes_to_the_catch_all_only() {
    let table = RouteTable::build(vec![template("/{x}"), exact("/"), prefix("/")]);
    assert_eq!(winner(&table, &Request::get("*")), Some(2));
    assert_eq!(winner(&table, &Request::get("")), Some(1));
    assert_eq!(winner(&table, &Request::get("/*")), Some(0));
}

#[test]
fn a_path_that_is_not_utf8_has_a_route_too() {
    let table = RouteTable::build(vec![prefix("/wiki"), template("/p/{name}"), regex("/r/.+"), exact("/caf%E9")]);
    for (path, route) in [
        (&b"/wiki/\xff\xfe"[..], 0),
        (b"/wiki/%FF", 0),
        (b"/p/\xe9", 1),
        (b"/p/%e9", 1),
        (b"/r/\xe9%e9", 2),
        (b"/caf\xe9", 3),
        (b"/caf%e9", 3),
    ] {
        assert_eq!(winner(&table, &Request::get(path)), Some(route), "{path:?}");
    }
}

/// Short segments are padded with zeros inside the tree.
#[test]
fn a_nul_byte_is_not_padding() {
    let table = RouteTable::build(vec![prefix("/a"), prefix("/")]);
    let cut = Ambiguous::TwoRoutes { raw: Some(RouteId(1)), other: Some(RouteId(0)) };
    assert_eq!(table.find(&Request::get(b"/a\0").parts()), Err(cut));
}

#[test]
fn regexes_of_several_routes_keep_the_file_order() {
    let version = |matcher: Matcher, value| Matcher {
        headers: vec![(HeaderName::from_static("x-v"), HeaderValue::from_static(value))],
        ..matcher
    };
    let (first, second) = (regex("/a.*"), regex("/.*b"));
    let table = RouteTable::build(vec![version(first.clone(), "1"), version(second, "2"), version(first, "2")]);
    assert_eq!(winner(&table, &Request::get("/ab").header("x-v", "2")), Some(1));
}

#[test]
fn the_last_route_of_ten_thousand_hosts_on_one_path_is_found() {
    let routes = (0..10_000).map(|n| at(prefix("/"), &[&format!("h{n}.example.org")])).chain([prefix("/")]);
    let table = RouteTable::build(routes.collect());
    assert_eq!(winner(&table, &Request::get("/").on("H9999.Example.org.:8080")), Some(9_999));
    assert_eq!(winner(&table, &Request::get("/").on("h10000.example.org")), Some(10_000));
    assert_eq!(table.explain(&Request::get("/").parts()).losers.len(), 10_000);
}

#[test]
fn a_host_is_read_without_port_dot_and_case() {
    for (host, expected) in [
        ("example.org", Some("example.org")),
        ("Example.ORG.", Some("example.org")),
        ("example.org:8080", Some("example.org")),
        ("example.org.:", Some("example.org")),
        ("[2001:DB8::1]:80", Some("[2001:db8::1]")),
        ("[::1]", Some("[::1]")),
        ("[::1", Some("[::1")),
        ("", None),
        (".", None),
        (":80", None),
    ] {
        assert_eq!(group::normal_host(host).as_deref(), expected, "{host:?}");
    }
    assert_eq!(group::normal_host(&"a".repeat(254)), None);
}

#[test]
fn a_long_query_and_many_routes_do_not_multiply() {
    let routes = (0..2_000).map(|n| Matcher { query: vec![("v".to_owned(), n.to_string())], ..prefix("/") });
    let table = RouteTable::build(routes.collect());
    let long = "v=x&".repeat(16_000) + "v=1999";
    let start = std::time::Instant::now();
    assert_eq!(winner(&table, &Request::get("/").query(&long)), Some(1_999));
    // Pair by pair it would be 64 million comparisons; read once it is 18,000 steps.
    assert!(start.elapsed().as_millis() < 500, "{:?}", start.elapsed());
}

#[test]
fn losers_are_told_in_order_with_their_reasons() {
    let asks = |matcher: Matcher| Matcher {
        headers: vec![(HeaderName::from_static("x-api"), HeaderValue::from_static("5"))],
        ..matcher
    };
    let table = RouteTable::build(vec![
        prefix("/"),
        regex("/packages/.*"),
        template("/packages/{name}"),
        template("/{kind}/six"),
        prefix("/packages/six"),
        at(exact("/packages/six"), &["b.example", "*.c.example"]),
        by(exact("/packages/six"), &[Method::POST, Method::PUT]),
        asks(exact("/packages/six")),
        Matcher { query: vec![("v".to_owned(), "1 2".to_owned())], ..exact("/packages/six") },
        Matcher { cookies: vec![("beta".to_owned(), "1".to_owned())], ..exact("/packages/six") },
        prefix("/packages"),
        prefix("/packages/six/"),
        by(prefix("/packages"), &[Method::GET]),
        exact("/elsewhere"),
    ]);
    let request = Request::get("/packages/six").on("a.example").header(HOST.as_str(), "a.example");
    let explanation = table.explain(&request.parts());
    assert_eq!(explanation.winner, Some(RouteId(4)));
    assert_eq!(table.find(&request.parts()), Ok(Some(RouteId(4))));
    let told: Vec<String> =
        explanation.losers.iter().map(|Loser { route, lost, why }| format!("{} {lost:?}: {why}", route.0)).collect();
    assert_eq!(
        told,
        [
            "6 Method: the method is GET, want POST or PUT",
            "7 Header: no header x-api is \"5\"",
            "8 Query: no query key v is \"1 2\"",
            "9 Cookie: no cookie beta is \"1\"",
            "5 Host: the host is \"a.example\", want b.example or *.c.example",
            "11 Order: declared later",
            "2 Specificity: template /packages/{name} has a parameter where prefix /packages/six has a literal",
            "3 Specificity: template /{kind}/six has a parameter where prefix /packages/six has a literal",
            "12 Specificity: prefix /packages is shorter",
            "10 Specificity: prefix /packages is shorter",
            "0 Specificity: prefix / is shorter",
            "1 Specificity: regex /packages/.* comes after prefix /packages/six: a regex is tried last",
        ]
    );
    let json = serde_json::to_value(&explanation).unwrap();
    assert_eq!(json["winner"], 4);
    assert_eq!(json["losers"][5]["lost"], "order");
    assert_eq!(json["readings"][0]["path"], "/packages/six");
}

#[test]
fn an_ambiguous_request_is_told_with_the_readings_that_led_apart() {
    let table = RouteTable::build(vec![prefix("/open"), prefix("/internal")]);
    let request = Request::get("/open/..%2Finternal");
    let ambiguous = Ambiguous::TwoRoutes { raw: Some(RouteId(0)), other: Some(RouteId(1)) };
    assert_eq!(table.find(&request.parts()), Err(ambiguous.clone()));
    let explanation = table.explain(&request.parts());
    assert_eq!(explanation.outcome(), Err(ambiguous));
    let readings: Vec<(&str, Option<RouteId>)> =
        explanation.readings.iter().map(|reading| (reading.path.as_str(), reading.route)).collect();
    assert_eq!(
        readings,
        [
            ("/open/..%2Finternal", Some(RouteId(0))),
            ("/open/../internal", Some(RouteId(0))),
            ("/internal", Some(RouteId(1))),
        ]
    );
}
