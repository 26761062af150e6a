//! Who the client is where the connection cannot tell: PROXY headers of proxies in front, and unix sockets.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::harness::client::request;
use crate::harness::tls::Made;
use crate::harness::unix::ask_unix;
use crate::harness::wire::find;
use crate::harness::{Config, Door, Site, await_that};

/// Nothing is asked twice, so that each request is seen once.
const SHADOW: &str = "- {name: all, match: {path: {prefix: /}}, stage: shadow, noise: {settle: false, percent: 0}}";
const ASKED: &[u8] = b"GET /a HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n\r\n";

/// The second version's bytes: 203.0.113.9:4660 came to 10.0.0.1:443, over TLS.
const SECOND: &[u8] =
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x14\xcb\0\x71\x09\x0a\0\0\x01\x12\x34\x01\xbb\x20\0\x05\x01\0\0\0\0";

fn announced(site: &Site, trusted: &str) -> Config {
    let mut config =
        site.config(SHADOW).and(&format!("trusted_proxies: [{trusted}]\naccess_log: {{path: access.log}}"));
    config.listener = ", proxy_protocol: true".to_owned();
    config
}

/// What the origins and the log were told of the client of one request.
fn told(site: &Site, count: usize) -> (Vec<String>, Vec<String>) {
    let seen = site.legacy.await_seen(count).last().unwrap().headers("x-forwarded-for");
    let copied = site.new.await_seen(count).last().unwrap().headers("x-forwarded-for");
    (seen, copied)
}

#[test]
fn both_origins_the_mirror_and_the_log_are_told_who_the_proxy_says_it_is() {
    let site = Site::named();
    let door = site.open_with(&announced(&site, "127.0.0.1"));
    let mut client = door.client();
    client.send(b"PROXY TCP4 203.0.113.7 10.0.0.1 4660 80\r\n");
    assert_eq!(client.get("/a", &["X-Forwarded-For: 1.2.3.4"]).text(), "legacy");
    assert_eq!(told(&site, 1), (vec!["203.0.113.7".to_owned()], vec!["203.0.113.7".to_owned()]));
    assert_eq!(client.get("/a", &[]).text(), "legacy", "once for the connection, not for each request");
    assert_eq!(told(&site, 2).0, ["203.0.113.7"]);
    // In pieces of one byte, as a slow network may bring them.
    let mut client = door.client();
    for byte in SECOND {
        client.send([*byte]);
    }
    assert_eq!(client.get("/a", &[]).text(), "legacy");
    assert_eq!(told(&site, 3).1, ["203.0.113.9"]);
    assert_eq!(site.legacy.seen()[2].headers("x-forwarded-proto"), ["https"]);
    await_that("both in the log", || {
        let log = std::fs::read_to_string(site.path("access.log")).unwrap();
        let known =
            ["203.0.113.7", "203.0.113.9"].iter().all(|client| log.contains(&format!("\"client\":\"{client}\"")));
        if known { Ok(()) } else { Err(log) }
    });
}

#[test]
fn a_health_check_of_the_proxy_is_the_proxys_own() {
    let site = Site::named();
    let door = site.open_with(&announced(&site, "127.0.0.1"));
    let mut client = door.client();
    client.send(b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0");
    assert_eq!(client.get("/a", &[]).text(), "legacy");
    assert_eq!(told(&site, 1).0, ["127.0.0.1"]);
}

fn closed_without_answer(door: &Door, bytes: &[u8]) {
    let before = door.metric("connections_refused_total", &[("reason", "proxy_protocol")]);
    let mut client = door.client();
    let begun = Instant::now();
    // The door may have closed before all of it is sent.
    client.try_send(bytes).ok();
    assert!(client.try_answer("GET").is_err(), "{:?} is answered", String::from_utf8_lossy(bytes));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    door.await_metric("connections_refused_total", &[("reason", "proxy_protocol")], before + 1.0);
}

#[test]
fn what_is_malformed_or_missing_ends_the_connection() {
    let site = Site::named();
    let config = announced(&site, "127.0.0.1").and("limits: {header_timeout: 1s}");
    let door = site.open_with(&config);
    for first in [
        b"".as_slice(),
        b"PROXY TCP4 203.0.113.7 10.0.0.1 4660\r\n",
        b"PROXY TCP4 203.0.113.7 10.0.0.1 4660 80",
        b"PROXY TCP4 a b 1 2\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\x0c\xcb\0\x71\x09\x0a\0\0\x01\x12\x34\x01\xbb",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff",
    ] {
        closed_without_answer(&door, &[first, &request("GET", "/", &[], b"")].concat());
    }
    assert_eq!(site.legacy.seen().len(), 0, "no backend heard of it");
}

#[test]
fn only_trusted_proxies_may_speak_for_others() {
    let site = Site::named();
    let door = site.open_with(&announced(&site, "10.0.0.0/8"));
    closed_without_answer(&door, &[b"PROXY TCP4 203.0.113.7 10.0.0.1 4660 80\r\n", ASKED].concat());
    assert_eq!(site.legacy.seen().len(), 0);
}

#[test]
fn a_unix_socket_is_a_listener_like_others() {
    let site = Site::named();
    let mut config = site.config(SHADOW).and("trusted_proxies: [127.0.0.1]");
    config.listener =
        "}\n  - {address: \"unix:door.sock\", mode: \"0620\"}\n  - {address: \"unix:said.sock\", proxy_protocol: true"
            .to_owned();
    // Left by a door that was killed.
    drop(std::os::unix::net::UnixListener::bind(site.path("door.sock")).unwrap());
    let mut door = site.open_with(&config);
    let mode = std::fs::metadata(site.path("door.sock")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o620);
    assert!(ask_unix(&site.path("door.sock"), ASKED).unwrap().ends_with("legacy"));
    assert_eq!(told(&site, 1).0, ["127.0.0.1"]);
    let forwarded =
        [b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.5\r\nConnection: close\r\n\r\n".as_slice()].concat();
    assert!(ask_unix(&site.path("door.sock"), &forwarded).unwrap().ends_with("legacy"));
    assert_eq!(told(&site, 2).0, ["203.0.113.5, 127.0.0.1"]);
    let said = [b"PROXY TCP6 2001:db8::7 ::1 4660 80\r\n", ASKED].concat();
    assert!(ask_unix(&site.path("said.sock"), &said).unwrap().ends_with("legacy"));
    assert_eq!(told(&site, 3), (vec!["2001:db8::7".to_owned()], vec!["2001:db8::7".to_owned()]));
    door.signal("TERM");
    assert_eq!(door.await_exit().code(), Some(0));
    assert!(!site.path("door.sock").exists() && !site.path("said.sock").exists(), "the files go with the door");
}

#[test]
fn the_header_comes_before_tls() {
    let site = Site::named();
    let pair = Made::new(site.folder.path(), "site", "DNS:site.test", 90);
    let mut config = announced(&site, "127.0.0.1");
    config.listener = format!(", proxy_protocol: true, tls: {{certificates: [{}]}}", pair.entry());
    let door = site.open_with(&config);
    let curl = std::process::Command::new("curl")
        .args(["-sk", "--haproxy-protocol", "--max-time", "20"])
        .arg(format!("https://{}/a", door.address))
        .output()
        .expect("curl is installed");
    assert_eq!(String::from_utf8_lossy(&curl.stdout), "legacy", "{}", String::from_utf8_lossy(&curl.stderr));
    let seen = site.legacy.await_seen(1);
    assert_eq!(seen[0].headers("x-forwarded-proto"), ["https"]);
    assert_eq!(seen[0].headers("x-forwarded-for"), ["127.0.0.1"]);
}

/// A backend that is told whom each connection is for: what was said first on each, and the requests that followed.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<Connection>>>);

struct Connection {
    /// The PROXY header.
    first: Vec<u8>,
    request_lines: Vec<String>,
}

impl Told {
    fn start() -> (SocketAddr, Self) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, told) = (listener.local_addr().unwrap(), Self::default());
        let shared = told.clone();
        // Ends with the test's process: a thread that waits costs nothing.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = shared.clone();
                std::thread::spawn(move || shared.serve(stream));
            }
        });
        (address, told)
    }

    fn serve(&self, mut stream: TcpStream) -> Option<()> {
        let mut ahead = Vec::new();
        let header = loop {
            read_more(&mut stream, &mut ahead)?;
            let length = match ahead.starts_with(b"\r\n\r\n\0\r\nQUIT\n") {
                true => ahead.get(14..16).map(|length| 16 + usize::from(u16::from_be_bytes([length[0], length[1]]))),
                false => find(&ahead, b"\r\n").map(|end| end + 2),
            };
            if let Some(length) = length.filter(|length| ahead.len() >= *length) {
                break ahead.drain(..length).collect::<Vec<u8>>();
            }
        };
        let at = {
            let mut all = self.0.lock().unwrap();
            all.push(Connection { first: header, request_lines: Vec::new() });
            all.len() - 1
        };
        loop {
            while let Some(end) = find(&ahead, b"\r\n\r\n") {
                let head: Vec<u8> = ahead.drain(..end + 4).collect();
                let line = String::from_utf8_lossy(head.split(|byte| *byte == b'\r').next().unwrap()).into_owned();
                let answer: &[u8] = match find(&head, b"websocket").is_some() {
                    true => b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
                    false => b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
                };
                self.0.lock().unwrap()[at].request_lines.push(line);
                stream.write_all(answer).ok()?;
            }
            read_more(&mut stream, &mut ahead)?;
        }
    }

    /// What was said first on connections with requests for this path, and how many of those, in order.
    fn of(&self, path: &str) -> Vec<(String, usize)> {
        let all = self.0.lock().unwrap();
        let mut of: Vec<(String, usize)> = all
            .iter()
            .map(|one| {
                let asked = one.request_lines.iter().filter(|line| line.contains(path));
                (one.first.escape_ascii().to_string(), asked.count())
            })
            .filter(|(_, count)| *count > 0)
            .collect();
        of.sort();
        of
    }

    fn await_of(&self, path: &str, expected: &[(&str, usize)]) {
        let expected: Vec<(String, usize)> =
            expected.iter().map(|(header, count)| (header.as_bytes().escape_ascii().to_string(), *count)).collect();
        await_that("what was said first", || {
            let of = self.of(path);
            if of == expected { Ok(()) } else { Err(format!("{of:?}, want {expected:?}")) }
        });
    }
}

fn read_more(stream: &mut TcpStream, ahead: &mut Vec<u8>) -> Option<()> {
    let mut piece = [0; 4096];
    let length = stream.read(&mut piece).ok().filter(|length| *length > 0)?;
    ahead.extend_from_slice(&piece[..length]);
    Some(())
}

/// Both backends want to be told; the door stands behind a proxy, or in front of all.
fn before_told(listener: &str, routes: &str) -> (Door, Told, Told, tempfile::TempDir) {
    let ((legacy, old), (new, other)) = (Told::start(), Told::start());
    let folder = tempfile::TempDir::new().unwrap();
    let wants = |address: SocketAddr| {
        format!(
            "endpoints: [\"http://{address}\"], proxy_protocol: true, health_check: {{path: /healthz, interval: 1s}}"
        )
    };
    let config = Config {
        listener: listener.to_owned(),
        legacy: wants(legacy),
        new: wants(new),
        noise: "settle: false, percent: 0".to_owned(),
        top: "trusted_proxies: [127.0.0.1]\n".to_owned(),
        routes: routes.to_owned(),
    };
    (Door::open(&folder.path().join("matapalo.yaml"), &config), old, other, folder)
}

const ALL: &str = "- {name: all, match: {path: {prefix: /}}, stage: shadow, mirror: {methods: [GET, POST]}}";

#[test]
fn backends_that_want_it_are_told_byte_for_byte_what_the_proxy_said() {
    let (door, legacy, new, _folder) = before_told(", proxy_protocol: true", ALL);
    let said = "PROXY TCP6 2001:Db8::7 2001:db8::1 4660 80\r\n";
    let (mut one, mut other, mut unknown) = (door.client(), door.client(), door.client());
    one.send(said);
    other.send(said);
    unknown.send("PROXY UNKNOWN what ever\r\n");
    for _ in 0..3 {
        assert_eq!(one.get("/a", &[]).text(), "ok");
        assert_eq!(other.get("/a", &[]).text(), "ok");
    }
    assert_eq!(unknown.get("/a", &[]).text(), "ok");
    // One connection for each client, kept, and nobody else's, even if the same was said of both.
    legacy.await_of("/a", &[(said, 3), (said, 3), ("PROXY UNKNOWN what ever\r\n", 1)]);
    let copied = || new.of("/a").iter().map(|(_, count)| count).sum::<usize>();
    await_that("the copies", || if copied() == 7 { Ok(()) } else { Err(format!("{:?}", new.of("/a"))) });
    assert!(new.of("/a").iter().filter(|(header, _)| header.starts_with("PROXY TCP6 2001:Db8::7 ")).count() >= 2);
    let mut binary = door.client();
    binary.send(SECOND);
    assert_eq!(binary.get("/b", &[]).text(), "ok");
    let first = |told: &Told| told.of("/b").first().map(|(header, _)| header.clone());
    assert_eq!(first(&legacy), Some(SECOND.escape_ascii().to_string()));
    await_that("the copy", || if first(&new) == first(&legacy) { Ok(()) } else { Err(format!("{:?}", first(&new))) });
    // Writes and WebSockets have connections of their own.
    one.send(request("POST", "/c", &["Host: site.test"], b""));
    assert_eq!(one.answer("POST").text(), "ok");
    legacy.await_of("/c", &[(said, 1)]);
    new.await_of("/c", &[(said, 1)]);
    one.send("GET /d HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    assert!(one.head().starts_with(b"HTTP/1.1 101 "));
    legacy.await_of("/d", &[(said, 1)]);
}

#[test]
fn backends_that_want_it_are_told_who_connected_to_the_door() {
    let (door, legacy, new, _folder) = before_told("", ALL);
    let mut client = door.client();
    assert_eq!(client.get("/a", &["X-Forwarded-For: 203.0.113.7"]).text(), "ok");
    let from = client.reader.stream.local_addr().unwrap().port();
    let line = format!("PROXY TCP4 127.0.0.1 127.0.0.1 {from} {}\r\n", door.address.port());
    legacy.await_of("/a", &[(&line, 1)]);
    new.await_of("/a", &[(&line, 1)]);
    await_that("a health check", || {
        let checks = legacy.of("/healthz");
        let own = checks.iter().all(|(header, _)| header == "PROXY UNKNOWN\\r\\n");
        if own && !checks.is_empty() { Ok(()) } else { Err(format!("{checks:?}")) }
    });
}
