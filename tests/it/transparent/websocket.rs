//! WebSockets: another protocol on the same two connections, from the moment at which the backend agrees.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::{LEGACY, before};
use crate::drain::SOON;
use crate::harness::client::request;
use crate::harness::front::{Front, Pair};
use crate::harness::site::{Config, await_that};
use crate::harness::tls::{Hello, Made, Secure};
use crate::harness::wire::Reader;
use crate::harness::{Client, Door, Origin, Seen, Signal, Site, Wire};

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

#[test]
fn how_a_websocket_ended_is_written_down() {
    let ends = Origin::at_head(|seen, wire| {
        wire.send(SWITCHES);
        match seen.target().as_str() {
            "/silent" => wire.hang(),
            "/reset" => {
                wire.reader.exactly(1).unwrap();
                wire.reset();
            }
            "/closed" => wire.close(),
            _ => while wire.reader.stream.write_all(&[b'x'; 1 << 16]).is_ok() {},
        }
    });
    let site = Site::of(ends, Origin::dead());
    let mut config = site.config(LEGACY).and("limits: {body_timeout: 1s}\naccess_log: {path: access.log}");
    config.legacy += ", timeouts: {first_byte: 1s, idle: 1s}";
    let door = site.open_with(&config);
    let cases = [
        ("/silent", "\"error\":\"timeout\""),
        ("/reset", "\"error\":\"broken_response\""),
        ("/closed", "\"error\":null"),
        ("/untaken", "\"error\":\"client_left\""),
    ];
    for (path, error) in cases {
        let mut client = door.client();
        client.send(request("GET", path, &ASKED, b""));
        let head = client.head();
        assert!(head.starts_with(b"HTTP/1.1 101 "), "{path}: {:?}", String::from_utf8_lossy(&head));
        client.send("x");
        let of_path = format!("\"path\":\"{path}\"");
        await_that("its line", || {
            let log = std::fs::read_to_string(site.path("access.log")).unwrap_or_default();
            let line = log.lines().find(|line| line.contains(&of_path)).ok_or("there is none")?;
            let is_told = line.contains(error) || error.ends_with("null") && !line.contains("\"error\":\"");
            assert!(is_told, "wanted {error}: {line}");
            Ok(())
        });
    }
    let log = door.log();
    let told: Vec<&str> = log.lines().filter(|line| line.contains("a backend failed a request")).collect();
    assert!(told.len() == 1 && told[0].contains("it tore its tunnel") && told[0].contains("/reset"), "{log}");
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

/// Agrees, and passes back what comes.
fn echo(wire: &mut Wire) {
    wire.send(SWITCHES);
    while let Ok(bytes) = wire.reader.some(1 << 16)
        && !bytes.is_empty()
    {
        wire.send(bytes);
    }
    wire.close();
}

/// Who says something at once has not waited for the agreement; it is passed on, behind the head and nowhere else.
#[test]
fn what_a_client_says_before_the_backend_agrees_is_the_tunnels() {
    early_words_pass(|site| site.config(LEGACY));
    let mut front = None;
    early_words_pass(|site| {
        let (own, config) = behind_tls(site, site.config(LEGACY));
        front = Some(own);
        config
    });
}

fn early_words_pass(config: impl FnOnce(&Site) -> Config) {
    let agreed = Signal::new();
    let agrees = agreed.clone();
    let legacy = Origin::at_head(move |_, wire| {
        agrees.wait();
        echo(wire);
    });
    let site = Site::of(legacy, Origin::dead());
    let door = site.open_with(&config(&site));
    let mut client = door.client();
    let mut asked = request("GET", "/ws", &ASKED, b"");
    asked.extend_from_slice(b"early");
    client.send(asked);
    site.legacy.await_seen(1);
    client.send(" and more");
    agreed.give();
    assert_eq!(client.answer("GET").status(), 101);
    client.send(" and the rest");
    assert_eq!(String::from_utf8(client.reader.exactly(27).unwrap()).unwrap(), "early and more and the rest");
}

#[test]
fn a_websocket_over_tls_passes_every_byte_and_says_goodbye() {
    const PIECE: usize = 100_000;
    const TURNS: u8 = 64;
    let legacy = Origin::at_head(|_, wire| {
        wire.send(SWITCHES);
        for _ in 0..TURNS {
            let piece = wire.reader.exactly(PIECE).unwrap();
            wire.send(piece);
        }
        wire.close();
    });
    let site = Site::of(legacy, Origin::dead());
    let pair = Made::new(site.folder.path(), "site", "DNS:site.test", 90);
    let mut config = site.config(LEGACY);
    config.listener = format!(", tls: {{certificates: [{}]}}", pair.entry());
    let door = site.open_with(&config);
    let mut client = Secure::connect(door.address, &Hello::to("site.test").speaking(&["http/1.1"]));
    assert_eq!(client.get("/ws", &ASKED).status(), 101);
    for turn in 0..TURNS {
        let piece: Vec<u8> = (0..PIECE).map(|at| (at % 251) as u8 ^ turn).collect();
        client.stream.write_all(&piece).unwrap();
        let mut echo = vec![0; PIECE];
        client.stream.read_exact(&mut echo).unwrap();
        assert!(echo == piece, "turn {turn}");
    }
    // Without a goodbye in TLS this were an error.
    assert_eq!(client.stream.read(&mut [0]).unwrap(), 0);
}

/// Or their places would be taken for as long as the backend thinks.
#[test]
fn who_says_something_and_leaves_before_the_backend_agrees_has_left() {
    let (_site, mut door) = before(Origin::at_head(|_, wire| wire.hang()));
    let clients = (0..5).map(|at| {
        let mut client = door.client();
        let mut asked = request("GET", "/ws", &ASKED, b"");
        asked.extend_from_slice(&vec![b'x'; 1 + at * 1_000]);
        client.send(asked);
        client
    });
    let clients: Vec<Client> = clients.collect();
    door.await_metric("backend_in_flight", &[("backend", "legacy")], 5.0);
    drop(clients);
    door.await_metric("backend_in_flight", &[("backend", "legacy")], 0.0);
    door.await_metric("connections", &[], 0.0);
    door.await_metric("requests_total", &[("code", "499")], 5.0);
    door.signal("TERM");
    assert_eq!(door.await_exit().code(), Some(0));
}

/// nginx counts the client's words, too: a heartbeat need not be answered.
#[test]
fn a_websocket_whose_client_goes_on_speaking_goes_on() {
    const SILENCE: Duration = Duration::from_millis(400);
    let site = Site::of(
        Origin::at_head(|_, wire| {
            wire.send(SWITCHES);
            let heard = wire.reader.exactly(20).unwrap();
            wire.send(heard);
            wire.close();
        }),
        Origin::dead(),
    );
    let mut config = site.config(LEGACY);
    config.legacy += ", timeouts: {first_byte: 400ms, idle: 400ms}";
    let door = site.open_with(&config);
    let mut client = door.client();
    client.send(request("GET", "/ws", &ASKED, b""));
    assert_eq!(client.answer("GET").status(), 101);
    for _ in 0..20 {
        std::thread::sleep(SILENCE / 4);
        client.send("x");
    }
    assert_eq!(client.reader.exactly(20).unwrap(), [b'x'; 20]);
}

/// Both directions at once, each side waiting for the other now and then, and every byte in its place.
#[test]
fn a_busy_websocket_passes_every_byte() {
    const BYTES: usize = 24 << 20;
    let (_site, door) = before(Origin::at_head(|_, wire| echo(wire)));
    let mut client = door.client();
    client.send(request("GET", "/ws", &ASKED, b""));
    assert_eq!(client.answer("GET").status(), 101);
    let all: Vec<u8> = (0..BYTES / 4).flat_map(|at| (at as u32).to_le_bytes()).collect();
    let (mut sender, said) = (client.reader.stream.try_clone().unwrap(), all.clone());
    let sent = Arc::new(AtomicUsize::new(0));
    let sending = std::thread::spawn({
        let sent = sent.clone();
        move || {
            for piece in said.chunks(100_000) {
                sender.write_all(piece).unwrap();
                sent.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let mut before = 0;
    await_that("nobody on the way to take any more", || {
        let now = sent.load(Ordering::Relaxed);
        if now > 0 && std::mem::replace(&mut before, now) == now { Ok(()) } else { Err(format!("{now} pieces")) }
    });
    assert!(client.reader.exactly(BYTES).unwrap() == all, "some bytes are not those that were sent");
    sending.join().unwrap();
}

/// A site may have ten thousand of them, and nobody says a word.
#[test]
fn an_idle_websocket_takes_little_memory_and_one_place_at_its_backend() {
    // Measured: 12 KiB; with what the library keeps, 180 KiB.
    idle_websockets_take_little(24 << 10, |site| site.config(ROUTES));
}

#[test]
fn an_idle_websocket_takes_little_memory_before_a_backend_with_tls() {
    let mut front = None;
    // Measured: MEASURED KiB; with what the library keeps, 210 KiB.
    idle_websockets_take_little(64 << 10, |site| {
        let (own, config) = behind_tls(site, site.config(ROUTES));
        front = Some(own);
        config
    });
}

const ROUTES: &str = "
 - {name: own, match: {path: {exact: /own}}, respond: {status: 404}}
 - {name: all, match: {path: {prefix: /}}, stage: legacy}";

/// The legacy backend, with TLS before it.
fn behind_tls(site: &Site, mut config: Config) -> (Front, Config) {
    let own = Pair::authority(site.folder.path(), "ca").signs(site.folder.path(), "legacy", "IP:127.0.0.1");
    let front = Front::tls(&own, None, site.legacy.address);
    config.legacy = format!("endpoints: [\"https://{}\"], tls: {{ca: ca.pem}}", front.address);
    (front, config)
}

/// Not more than `little` bytes each.
fn idle_websockets_take_little(little: u64, config: impl FnOnce(&Site) -> Config) {
    const FIRST: usize = 50;
    const MORE: usize = 400;
    let site = Site::of(Origin::at_head(|_, wire| echo(wire)), Origin::dead());
    let mut door = site.open_with(&config(&site).and("access_log: {path: access.log}"));
    let open = |at| {
        let mut client = door.client();
        if at % 2 == 1 {
            // A connection may have been of use before.
            assert_eq!(client.get("/own", &[]).status(), 404);
        }
        client.send(request("GET", "/ws", &ASKED, b""));
        assert_eq!(client.answer("GET").status(), 101);
        client.send("ping");
        assert_eq!(client.reader.exactly(4).unwrap(), b"ping");
        client
    };
    let first: Vec<Client> = (0..FIRST).map(open).collect();
    let before = door.memory();
    let more: Vec<Client> = (0..MORE).map(open).collect();
    let each = door.memory().saturating_sub(before) / MORE as u64;
    println!("{each} bytes for an idle WebSocket");
    assert!(each < little, "{each} bytes each");
    let all = (FIRST + MORE) as f64;
    assert_eq!(door.metric("backend_in_flight", &[("backend", "legacy")]), all);
    assert_eq!(door.metric("connections", &[]), all);
    assert_eq!(door.metric("requests_total", &[("code", "101")]), 0.0, "they are not over");
    drop((first, more));
    door.await_metric("requests_total", &[("code", "101")], all);
    door.await_metric("backend_in_flight", &[("backend", "legacy")], 0.0);
    door.await_metric("connections", &[], 0.0);
    door.signal("TERM");
    door.await_exit();
    let log = std::fs::read_to_string(site.path("access.log")).unwrap();
    let lines = log.lines().filter(|line| line.contains("\"status\":101,\"bytes\":4,"));
    assert_eq!(lines.count(), FIRST + MORE, "{log}");
}

#[test]
fn a_websocket_whose_client_takes_nothing_ends() {
    let site = Site::of(
        Origin::at_head(|_, wire| {
            wire.send(SWITCHES);
            while wire.reader.stream.write_all(&[b'x'; 1 << 16]).is_ok() {}
        }),
        Origin::dead(),
    );
    let door = site.open_with(&site.config(LEGACY).and("limits: {body_timeout: 300ms}"));
    let mut client = door.client();
    client.send(request("GET", "/ws", &ASKED, b""));
    door.await_metric("requests_total", &[("code", "101")], 1.0);
    drop(client);
}

#[test]
fn a_websocket_keeps_a_door_that_drains_until_it_ends() {
    let site = Site::of(Origin::at_head(|_, wire| echo(wire)), Origin::dead());
    let mut door = site.open(LEGACY);
    let mut client = door.client();
    client.send(request("GET", "/ws", &ASKED, b""));
    assert_eq!(client.answer("GET").status(), 101);
    door.signal("TERM");
    await_that("the listener to close", || match Client::try_connect(door.address) {
        Err(_) => Ok(()),
        Ok(_) => Err("it is open".to_owned()),
    });
    client.send("still there?");
    assert_eq!(client.reader.exactly(12).unwrap(), b"still there?");
    drop(client);
    let ended = Instant::now();
    assert_eq!(door.await_exit().code(), Some(0));
    assert!(ended.elapsed() < SOON, "{:?}", ended.elapsed());
}
