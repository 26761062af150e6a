//! Request lines, headers and heads of answers, as they were sent.

use std::time::Duration;

use super::{LEGACY, before, before_bytes};
use crate::harness::client::request;
use crate::harness::wire::{find, header_lines};
use crate::harness::{Client, Origin, Site};

const FORWARDED: [&str; 5] = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-request-id", "connection"];

fn lines_of(head: &[u8], without: &[&str]) -> Vec<String> {
    header_lines(head)
        .into_iter()
        .map(|line| line.iter().map(|byte| char::from(*byte)).collect::<String>())
        .filter(|line| !without.iter().any(|name| line.to_ascii_lowercase().starts_with(&format!("{name}:"))))
        .collect()
}

/// In the order of names, those of one name as they came: between names the order means nothing (RFC 9110, 5.3).
fn by_name(lines: &[impl AsRef<str>]) -> Vec<String> {
    let name = |line: &String| line.split(':').next().unwrap_or_default().to_ascii_lowercase();
    let mut lines: Vec<String> = lines.iter().map(|line| line.as_ref().to_owned()).collect();
    lines.sort_by_key(name);
    lines
}

#[test]
fn path_and_query_reach_the_backend_byte_for_byte() {
    let (site, door) = before(Origin::saying("ok"));
    let targets = [
        "/",
        "/a//b///c",
        "/a/./b",
        "/packages/a%2Fb",
        "/%20+%2B/",
        "/%e3%81%82/%E3%81%82",
        "/~user/!$&'()*,;=:@",
        "/x?a=1&a=2&b[]=x&b%5B%5D=y&c",
        "/x?",
        "/x?q=a+b%20c&r=%ff%fe%00&s=%zz&t=100%",
        "/x?url=http://other.example/?a=b&c=d#",
        "/rpc/?v=5&type=info&arg[]=yay&arg[]=vim%2Fgtk",
    ];
    for target in targets {
        door.get(target.trim_end_matches('#'));
    }
    let seen = site.legacy.await_seen(targets.len());
    for (seen, target) in seen.iter().zip(targets) {
        assert_eq!(seen.target(), target.trim_end_matches('#'));
    }
    let long = format!("/?q={}", "x".repeat(16_000));
    assert_eq!(door.get(&long).status(), 200);
    assert_eq!(site.legacy.await_seen(targets.len() + 1).last().unwrap().target(), long);
}

/// What no URI has, but clients send, and servers take.
#[test]
fn bytes_that_no_uri_has_reach_both_backends_and_the_routes() {
    let site = Site::named();
    let routes = "
        - {name: found, match: {path: {prefix: /caf}}, stage: shadow}
        - {name: hidden, match: {path: {prefix: \"/a<b\"}}, respond: {status: 404}}
        - {name: rest, match: {path: {prefix: /}}, stage: shadow}";
    let door = site.open(routes);
    let cases: [&[u8]; 6] =
        [b"/caf\xe9/\xc3\xa9?n=\xff", b"/s?q=\"<a>\"&r=`", b"/p\"<`>", b"/plain", b"/{a}|^\\", b"/<\xe9>?<\xc3\xa9>"];
    let mut client = door.client();
    // All at once: each gets its own target back.
    for sent in cases {
        client.send([b"GET ".as_slice(), sent, b" HTTP/1.1\r\nHost: site.test\r\n\r\n"].concat());
    }
    for sent in cases {
        assert_eq!(client.answer("GET").status(), 200, "{}", String::from_utf8_lossy(sent));
    }
    let target = |head: &[u8]| head.split(|byte| *byte == b' ').nth(1).unwrap().to_vec();
    let mut expected: Vec<Vec<u8>> = cases.iter().map(|sent| sent.to_vec()).collect();
    let told: Vec<Vec<u8>> = site.legacy.await_seen(6).iter().map(|seen| target(&seen.head)).collect();
    assert_eq!(told, expected);
    let mut copied: Vec<Vec<u8>> = site.new.await_seen(6).iter().map(|seen| target(&seen.head)).collect();
    copied.sort();
    expected.sort();
    assert_eq!(copied, expected);
    client.send("GET /a<b HTTP/1.1\r\nHost: site.test\r\n\r\n");
    assert_eq!(client.answer("GET").status(), 404);
    // The door answered that one itself: what was kept of it is not the next one's.
    client.send("GET /after HTTP/1.1\r\nHost: site.test\r\n\r\n");
    assert_eq!(client.answer("GET").status(), 200);
    assert_eq!(site.legacy.await_seen(7)[6].target(), "/after");
    for line in
        ["G\"T / HTTP/1.1", "GET / HTTP/1.1\"", "GET http://a<b/ HTTP/1.1", "GET <a> HTTP/1.1", "GET \u{e9} HTTP/1.1"]
    {
        let mut client = door.client();
        client.send(format!("{line}\r\nHost: site.test\r\n\r\n"));
        assert_eq!(client.answer("GET").status(), 400, "{line}");
    }
}

#[test]
fn request_headers_reach_the_backend_as_they_were_sent() {
    let (site, door) = before(Origin::saying("ok"));
    let lines = [
        "Host: Aur.Example:8443",
        "Referer: https://aur.example/packages/?K=a%20b&x=<y>",
        "Origin: https://aur.example",
        "Cookie: AURSID=abc%2Fd; b=\"quoted, value\"; c=d=e; f",
        "Cookie: second=header",
        "Accept: text/html;q=0.9",
        "Accept: */*",
        "X-Repeated: one",
        "X-Between: 1",
        "X-Repeated: two, three",
        "x-oDD-caSe: Kept",
        "User-Agent: Mozilla/5.0 (x; y) \"z\"",
        "If-None-Match: W/\"a\", \"b\"",
        "Range: bytes=0-1,5-",
        "Authorization: Basic Zm9vOmJhcg==",
    ];
    door.ask("GET", "/", &lines, b"");
    let seen = lines_of(&site.legacy.only().head, &FORWARDED);
    assert_eq!(by_name(&seen), by_name(&lines));
}

#[test]
fn bytes_beyond_ascii_in_a_header_pass_both_ways() {
    let (site, door) =
        before_bytes(b"HTTP/1.1 200 OK\r\nX-Name: caf\xe9 \xc3\xa9\r\nContent-Length: 0\r\n\r\n".to_vec());
    let mut client = door.client();
    client.send(b"GET / HTTP/1.1\r\nHost: site.test\r\nX-Name: caf\xe9 \xc3\xa9\r\n\r\n");
    assert_eq!(client.answer("GET").header("x-name").unwrap(), "caf\u{e9} \u{c3}\u{a9}");
    assert_eq!(site.legacy.only().header("x-name").unwrap(), "caf\u{e9} \u{c3}\u{a9}");
}

#[test]
fn eighteen_cookies_and_other_answer_headers_come_in_order() {
    let cookies: Vec<String> = (0..18)
        .map(|n| format!("Set-Cookie: c{n}=v%2F{n}; path=/; expires=Thu, 01-Jan-1970 00:00:01 GMT; HttpOnly"))
        .collect();
    let odd = "ETag: W/\"weak\"\r\nLast-Modified: Thu, 19 Nov 1981 08:52:00 GMT\r\nLink: </a>; rel=x\r\nLink: </b>\r\nX-oDD: Kept\r\n\
               Content-type: text/html;charset=utf-8\r\nVary: Cookie\r\nServer: nginx\r\nX-Powered-By: PHP/5.6\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\n";
    let head = format!("HTTP/1.1 200 OK\r\n{odd}{}\r\nContent-Length: 2\r\n\r\nok", cookies.join("\r\n"));
    let (_site, door) = before_bytes(head.clone());
    let answer = door.get("/");
    assert_eq!(by_name(&lines_of(&answer.head, &["connection"])), by_name(&lines_of(head.as_bytes(), &[])));
}

#[test]
fn a_date_passes_in_whatever_form() {
    for date in ["Mon, 01 Jan 2024 00:00:00 GMT", "Monday, 01-Jan-24 00:00:00 GMT", "Mon Jan  1 00:00:00 2024", "soon"]
    {
        let answer = format!("HTTP/1.1 200 OK\r\nX: 1\r\nDate: {date}\r\nY: 2\r\nContent-Length: 2\r\n\r\nok");
        let (_site, door) = before_bytes(answer);
        let mut client = door.client();
        for _ in 0..2 {
            let answer = client.get("/", &[]);
            assert_eq!(lines_of(&answer.head, &["connection"])[..3], ["X: 1", &format!("Date: {date}"), "Y: 2"]);
            assert_eq!(answer.text(), "ok");
        }
    }
}

/// The end of the connection ends the body, so nothing says how it is framed; what else is said stays in its order.
#[test]
fn an_old_client_gets_the_headers_in_their_order() {
    let lines =
        ["Server: x", "X-First: 1", "X-Second: 2", "Set-Cookie: a=b", "X-Third: 3", "Set-Cookie: c=d", "ETag: \"e\""];
    let (_site, door) = before_bytes(format!(
        "HTTP/1.1 200 Fine\r\nTransfer-Encoding: chunked\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\n{}\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        lines.join("\r\n")
    ));
    let mut client = door.client();
    client.send("GET / HTTP/1.0\r\nHost: site.test\r\n\r\n");
    let answer = client.answer("GET");
    assert!(answer.head.starts_with(b"HTTP/1.1 200 Fine\r\n"));
    assert_eq!(answer.text(), "ok");
    let expected =
        ["Server: x", "X-First: 1", "X-Second: 2", "Set-Cookie: a=b", "Set-Cookie: c=d", "X-Third: 3", "ETag: \"e\""];
    assert_eq!(lines_of(&answer.head, &["date", "connection"]), expected);
}

#[test]
fn early_hints_pass() {
    let (_site, door) = before_bytes(
        "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    );
    let mut client = door.client();
    client.send(request("GET", "/", &[], b""));
    let hints = client.head();
    assert!(hints.starts_with(b"HTTP/1.1 103 ") && find(&hints, b"</a.css>; rel=preload").is_some());
    assert_eq!(client.answer("GET").text(), "ok");
}

#[test]
fn the_backend_learns_who_asks() {
    let (site, door) = before(Origin::saying("ok"));
    let spoofed = [
        "Host: site.test:81",
        "X-Forwarded-For: 203.0.113.9",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Host: evil.example",
    ];
    door.ask("GET", "/", &spoofed, b"");
    let seen = site.legacy.only();
    assert_eq!(seen.headers("x-forwarded-for"), ["127.0.0.1"], "an untrusted peer's word is not passed on");
    assert_eq!(seen.headers("x-forwarded-proto"), ["http"]);
    assert_eq!(seen.headers("x-forwarded-host"), ["site.test:81"]);
}

/// RFC 9112, section 3.2.2. HTTP/1.0 need not send a Host.
#[test]
fn a_host_that_stands_in_the_target_is_the_one_that_counts() {
    let site = Site::named();
    let door = site.open(
        "- {name: other, match: {hosts: [other.test], path: {prefix: /}}, stage: new, mirror: {percent: 100}}\n\
         - {name: all, match: {path: {prefix: /}}, stage: legacy}",
    );
    let mut client = door.client();
    // All at once: each keeps its own.
    for head in [
        "GET http://other.test:8080/a?b HTTP/1.1\r\nHost: site.test\r\n",
        "GET /here HTTP/1.1\r\nHost: site.test\r\n",
        "GET HTTP://Other.test HTTP/1.1\r\nX-First: 1\r\nhost: \r\n",
        "GET http://site.test/caf\u{e9} HTTP/1.1\r\nHost: other.test\r\n",
        "GET http://other.test/old HTTP/1.0\r\n",
    ] {
        client.send(format!("{head}\r\n"));
    }
    for text in ["new", "legacy", "new", "legacy", "new"] {
        assert_eq!(client.answer("GET").text(), text);
    }
    let told = |origin: &Origin, count: usize| {
        let mut told: Vec<(String, Vec<String>, Vec<String>)> = origin
            .await_seen(count)
            .iter()
            .map(|seen| (seen.target(), seen.headers("host"), seen.headers("x-forwarded-host")))
            .collect();
        told.sort();
        told
    };
    let one = |target: &str, host: &str| (target.to_owned(), vec![host.to_owned()], vec![host.to_owned()]);
    let other = [one("/", "Other.test"), one("/a?b", "other.test:8080"), one("/old", "other.test")];
    assert_eq!(told(&site.new, 3), other);
    // Those that legacy answers, and the copies of the others.
    let [root, a, old] = other;
    assert_eq!(told(&site.legacy, 5), [root, a, one("/caf\u{c3}\u{a9}", "site.test"), one("/here", "site.test"), old]);
}

#[test]
fn a_trusted_proxy_is_believed() {
    let site = Site::of(Origin::saying("ok"), Origin::dead());
    let door = site.open_with(&site.config(LEGACY).and("trusted_proxies: [127.0.0.0/8]"));
    let told = [
        "Host: site.test",
        "X-Forwarded-For: 203.0.113.9",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Host: www.site.test",
    ];
    door.ask("GET", "/", &told, b"");
    let seen = site.legacy.only();
    assert_eq!(seen.header("x-forwarded-for").as_deref(), Some("203.0.113.9, 127.0.0.1"));
    assert_eq!(seen.headers("x-forwarded-proto"), ["https"]);
    assert_eq!(seen.headers("x-forwarded-host"), ["www.site.test"]);
    assert_eq!(seen.headers("host"), ["site.test"]);
}

#[test]
fn a_slow_request_head_arrives_in_pieces() {
    let (site, door) = before(Origin::saying("ok"));
    let mut client = door.client();
    for piece in ["GE", "T /slow HT", "TP/1.1\r\nHo", "st: site.test\r", "\n\r", "\n"] {
        client.send(piece);
    }
    assert_eq!(client.answer("GET").text(), "ok");
    assert_eq!(site.legacy.only().target(), "/slow");
}

#[test]
fn garbage_before_the_door_is_refused_and_others_are_served() {
    let (site, door) = before(Origin::saying("ok"));
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n"[..],
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
    ] {
        let mut client = Client::connect(door.address).patient_for(Duration::from_secs(5));
        client.send(garbage);
        client.finish_sending();
        if let Ok(answer) = client.try_answer("GET") {
            assert!((400..=505).contains(&answer.status()), "{garbage:?}: {}", answer.status());
        }
    }
    assert_eq!(site.legacy.seen().len(), 0);
    assert_eq!(door.get("/").text(), "ok");
}
