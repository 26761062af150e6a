//! WebSockets: another protocol on the same two connections, from the moment at which the backend agrees.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use super::{LEGACY, before};
use crate::harness::client::request;
use crate::harness::front::{Front, Pair};
use crate::harness::wire::Reader;
use crate::harness::{Door, Origin, Seen, Site, Wire};

const SWITCHES: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const ASKED: [&str; 2] = ["Connection: Upgrade", "Upgrade: websocket"];

#[test]
fn a_websocket_passes_bytes_both_ways_until_one_side_closes() {
    let (site, door) = before(Origin::at_head(|_, wire| {
        wire.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\nhello");
        while let Ok(bytes) = wire.reader.some(1 << 16) {
            if bytes.is_empty() || bytes == b"bye" {
                break;
            }
            wire.send(bytes.iter().rev().copied().collect::<Vec<u8>>());
        }
        wire.close();
    }));
    let mut client = door.client();
    client.send(request(
        "GET",
        "/chat?<\"a\">",
        &["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: k"],
        b"",
    ));
    let answer = client.answer("GET");
    assert_eq!((answer.status(), answer.header("sec-websocket-accept").as_deref()), (101, Some("x")));
    assert_eq!(client.reader.exactly(5).unwrap(), b"hello");
    client.send([0x81, 0x00, 0xff]);
    assert_eq!(client.reader.exactly(3).unwrap(), [0xff, 0x00, 0x81]);
    client.send("bye");
    assert!(client.is_closed());
    let seen = site.legacy.only();
    assert_eq!(seen.target(), "/chat?<\"a\">");
    assert_eq!(seen.header("upgrade").as_deref(), Some("websocket"));
    assert_eq!(seen.header("sec-websocket-key").as_deref(), Some("k"));
}

/// Passes back what comes, and has said so before it has read who asks for what: to the door that looks like a backend which
/// answers while the door itself waits for a processor.
fn hasty_echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map(Result::unwrap) {
            std::thread::spawn(move || {
                let mut reader = Reader::new(stream);
                reader.stream.write_all(SWITCHES.as_bytes()).unwrap();
                reader.head().unwrap();
                while let Ok(bytes) = reader.some(1 << 16)
                    && !bytes.is_empty()
                {
                    reader.stream.write_all(&bytes).unwrap();
                }
            });
        }
    });
    address
}

/// A door that confuses the two ends does so in about half of all handshakes.
const HANDSHAKES: usize = 20;

fn stays_open(door: &Door, way: &str) {
    for handshake in 0..HANDSHAKES {
        let mut client = door.client();
        client.send(request("GET", "/ws", &ASKED, b""));
        assert_eq!(client.answer("GET").status(), 101, "{way}: {}", door.log());
        client.send("ping");
        let echo = client.reader.exactly(4).map_err(|broken| broken.why.to_string());
        assert_eq!(echo, Ok(b"ping".to_vec()), "handshake {handshake}, {way}");
    }
}

#[test]
fn a_websocket_stays_open_when_its_backend_answers_at_once() {
    let site = Site::of(Origin::dead(), Origin::dead());
    let opened = |legacy: String| {
        let mut config = site.config(LEGACY);
        config.legacy = legacy;
        site.open_with(&config)
    };
    let echo = hasty_echo();
    stays_open(&opened(format!("endpoints: [\"http://{echo}\"]")), "plain");

    let own = Pair::authority(site.folder.path(), "ca").signs(site.folder.path(), "legacy", "IP:127.0.0.1");
    let front = Front::tls(&own, None, echo);
    stays_open(&opened(format!("endpoints: [\"https://{}\"], tls: {{ca: ca.pem}}", front.address)), "TLS");

    let path = site.path("legacy.sock");
    let _front = Front::unix(&path, echo);
    stays_open(&opened(format!("endpoints: [\"unix:{}\"]", path.display())), "unix socket");
}

#[test]
fn a_websocket_that_is_declined_is_a_request_like_others() {
    let (site, door) = before(Origin::saying("no sockets here"));
    for _ in 0..3 {
        let mut client = door.client();
        let answer = client.get("/ws", &ASKED);
        assert_eq!((answer.status(), answer.text().as_str()), (200, "no sockets here"));
        assert!(client.is_closed(), "what follows such a request is looked at by nobody");
    }
    assert_eq!(site.legacy.seen().len(), 3);
}

#[test]
fn a_websocket_whose_backend_is_away_is_told_so() {
    let (_site, door) = before(Origin::dead());
    let mut client = door.client();
    assert_eq!(client.get("/ws", &ASKED).status(), 502);
}

/// Opens a WebSocket at stage new, behind which legacy would stand in for a request.
fn ends_without_a_word(new: impl Fn(&Seen, &mut Wire) + Send + Sync + 'static) {
    let site = Site::of(Origin::saying("legacy"), Origin::at_head(new));
    let timeouts = "timeouts: {first_byte: 300ms, idle: 200ms}";
    let fallback = "fallback: {on: {connect_error: true, timeout: true}}";
    let config = site.config(&format!("- {{name: all, match: {{path: {{prefix: /}}}}, stage: new, {fallback}}}"));
    let door = site.open_with(&config.new_with(timeouts));
    let mut client = door.client();
    client.send(request("GET", "/ws", &ASKED, b""));
    assert_eq!(client.answer("GET").status(), 101);
    client.send("hello");
    let after = client.reader.rest().unwrap_or_else(|broken| broken.got);
    assert_eq!(String::from_utf8_lossy(&after), "", "the tunnel's own bytes, and there were none");
    assert_eq!(site.legacy.seen().len(), 0);
}

#[test]
fn a_websocket_ends_when_its_backend_is_silent_for_too_long() {
    ends_without_a_word(|_, wire| {
        wire.send(SWITCHES);
        wire.hang();
    });
}

#[test]
fn a_websocket_ends_when_its_backend_breaks_off() {
    ends_without_a_word(|_, wire| {
        wire.send(SWITCHES);
        wire.reader.exactly(5).unwrap();
        wire.reset();
    });
}

/// A chat that is open all day would make nonsense of what the others waited.
#[test]
fn how_long_a_websocket_lasts_is_no_latency() {
    let (_site, door) = before(Origin::at_head(|seen, wire| {
        if seen.target() == "/plain" {
            return wire.ok("plain");
        }
        wire.send(SWITCHES);
        while wire.reader.some(1 << 16).is_ok_and(|bytes| !bytes.is_empty()) {}
        wire.close();
    }));
    let mut clients: Vec<_> = (0..3).map(|_| door.client()).collect();
    for client in &mut clients {
        client.send(request("GET", "/ws", &ASKED, b""));
        assert_eq!(client.answer("GET").status(), 101);
    }
    std::thread::sleep(Duration::from_millis(1500));
    drop(clients);
    door.await_metric("requests_total", &[("code", "101")], 3.0);
    assert_eq!(door.metric("request_duration_seconds_count", &[]), 3.0);
    let waited = door.metric("request_duration_seconds_sum", &[]);
    assert!(waited < 1.0, "{waited} s for three handshakes");
    assert_eq!(door.metric("overhead_seconds_count", &[]), 0.0, "what of a tunnel is the backend's, nobody knows");
    assert_eq!(door.get("/plain").status(), 200);
    door.await_metric("request_duration_seconds_count", &[], 4.0);
}
