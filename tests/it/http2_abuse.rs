//! HTTP/2 as attackers speak it: nothing reaches a backend that it could read in another way, and nobody costs much.

use std::time::{Duration, Instant};

use crate::harness::frames::{
    self, CONTINUATION, DATA, END_HEADERS, END_STREAM, Frame, Frames, GOAWAY, HEADERS, PING, PRIORITY, RST_STREAM,
    SETTINGS, WINDOW_UPDATE, block, frame,
};
use crate::harness::{Origin, Site};
use crate::http2::h2c;

const LEGACY: &str = "- {name: all, match: {path: {prefix: /}}, stage: legacy}";
const ENHANCE_YOUR_CALM: u32 = 11;

fn fields<'a>(without: &[&str], with: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut fields: Vec<_> = frames::get("/").into_iter().filter(|(name, _)| !without.contains(name)).collect();
    fields.extend(with);
    fields
}

/// Refused: a reset, a goodbye, a closed connection or a 4xx; never a 200.
fn is_refused(seen: &[Frame]) -> bool {
    !seen.iter().any(|frame| frame.kind == HEADERS && frame.status() == 200)
}

#[test]
fn what_a_backend_could_read_otherwise_never_reaches_it() {
    let site = Site::of(Origin::saying("smuggled"), Origin::dead());
    let door = site.open_with(&h2c(&site, LEGACY));
    let none: &[&str] = &[];
    let bad: Vec<(&str, Vec<(&str, &str)>)> = vec![
        ("CR LF in a value", fields(none, &[("x-a", "b\r\nx-c: d")])),
        ("LF in a value", fields(none, &[("x-a", "b\nx-c: d")])),
        ("NUL in a value", fields(none, &[("x-a", "b\0c")])),
        ("a colon in a name", fields(none, &[("x-a: b\r\nx-c", "d")])),
        ("a colon alone in a name", fields(none, &[("x:a", "d")])),
        ("a space in a name", fields(none, &[("x a", "d")])),
        ("an empty name", fields(none, &[("", "d")])),
        ("upper case", fields(none, &[("X-A", "b")])),
        ("connection", fields(none, &[("connection", "close")])),
        ("keep-alive", fields(none, &[("keep-alive", "timeout=5")])),
        ("proxy-connection", fields(none, &[("proxy-connection", "close")])),
        ("transfer-encoding", fields(none, &[("transfer-encoding", "chunked")])),
        ("upgrade", fields(none, &[("upgrade", "h2c")])),
        ("TE other than trailers", fields(none, &[("te", "gzip")])),
        ("no method", fields(&[":method"], &[])),
        ("no scheme", fields(&[":scheme"], &[])),
        ("no path", fields(&[":path"], &[])),
        ("no authority and no host", fields(&[":authority"], &[])),
        ("an empty path", fields(&[":path"], &[(":path", "")])),
        ("two paths", fields(none, &[(":path", "/b")])),
        ("two methods", fields(none, &[(":method", "POST")])),
        ("a pseudo-header of an answer", fields(none, &[(":status", "200")])),
        ("an unknown pseudo-header", fields(none, &[(":x", "1")])),
        ("a pseudo-header behind a header", vec![("x-a", "b")].into_iter().chain(frames::get("/")).collect()),
        ("a method with a space", fields(&[":method"], &[(":method", "GET /x HTTP/1.1\r\nx:")])),
        ("a path with a space", fields(&[":path"], &[(":path", "/a HTTP/1.1")])),
        ("a path with CR LF", fields(&[":path"], &[(":path", "/a\r\nx: y")])),
        ("a path without a slash", fields(&[":path"], &[(":path", "a")])),
        ("a path with a server", fields(&[":path"], &[(":path", "http://evil.test/")])),
        ("an asterisk for GET", fields(&[":path"], &[(":path", "*")])),
        ("a scheme with CR LF", fields(&[":scheme"], &[(":scheme", "http\r\nx: y")])),
        ("an authority with CR LF", fields(&[":authority"], &[(":authority", "site.test\r\nx: y")])),
        ("an authority with a user", fields(&[":authority"], &[(":authority", "user@site.test")])),
        ("an authority with a path", fields(&[":authority"], &[(":authority", "site.test/x")])),
        ("another host", fields(none, &[("host", "evil.test")])),
        ("two hosts", fields(none, &[("host", "site.test"), ("host", "site.test")])),
        ("CONNECT", vec![(":method", "CONNECT"), (":authority", "site.test:80")]),
        ("a length without a body", fields(none, &[("content-length", "5")])),
        ("two lengths", fields(none, &[("content-length", "0"), ("content-length", "5")])),
        ("a length that is none", fields(none, &[("content-length", "+0")])),
        ("a list of lengths", fields(none, &[("content-length", "0, 5")])),
        ("a length beyond all numbers", fields(none, &[("content-length", "18446744073709551616")])),
        ("a CR at the end of a value", fields(none, &[("x-a", "b\r")])),
        ("an LF at the beginning of a value", fields(none, &[("x-a", "\nb")])),
        ("a control in a name", fields(none, &[("x-a\x01", "b")])),
        ("CR LF in the name of a length", fields(none, &[("content-length\r\nx", "5")])),
        ("a colon behind a name", fields(none, &[("transfer-encoding:", "chunked")])),
        ("TE of trailers and more", fields(none, &[("te", "trailers, chunked")])),
        ("no word for a method", fields(&[":method"], &[(":method", "")])),
        ("TRACE", fields(&[":method"], &[(":method", "TRACE")])),
        ("a path with a NUL", fields(&[":path"], &[(":path", "/a\0b")])),
        ("a path with a tab", fields(&[":path"], &[(":path", "/a\tb")])),
        ("a path that is a query", fields(&[":path"], &[(":path", "?a")])),
        ("two authorities", fields(none, &[(":authority", "evil.test")])),
        ("a list of authorities", fields(&[":authority"], &[(":authority", "site.test,evil.test")])),
        ("an authority with a space", fields(&[":authority"], &[(":authority", "site.test evil.test")])),
        ("an authority with a port that is none", fields(&[":authority"], &[(":authority", "site.test:8a")])),
        ("an empty authority", fields(&[":authority"], &[(":authority", "")])),
        ("another host in a list", fields(none, &[("host", "site.test, evil.test")])),
    ];
    for (what, fields) in &bad {
        let mut client = Frames::open(door.address);
        client.head(1, fields, true);
        let seen = client.until_over(1);
        assert!(is_refused(&seen), "{what}: {seen:?}");
    }
    assert_eq!(site.legacy.seen().len(), 0, "{:?}", site.legacy.seen());
    let mut client = Frames::open(door.address);
    for (index, (_, fields)) in
        bad.iter().filter(|(what, _)| what.ends_with("host") || what.ends_with("slash")).enumerate()
    {
        client.head(1 + 2 * index as u32, fields, true);
        client.until_over(1 + 2 * index as u32);
    }
    client.head(101, &frames::get("/good"), true);
    assert_eq!(client.until_over(101)[0].status(), 200, "one bad stream costs no other");
}

#[test]
fn a_body_must_have_the_length_it_says() {
    let site = Site::of(Origin::saying("smuggled"), Origin::dead());
    let door = site.open_with(&h2c(&site, LEGACY));
    for (said, sent) in [("3", "12345"), ("8", "12345"), ("0", "12345"), ("05, 6", "12345"), ("5;", "12345")] {
        let mut client = Frames::open(door.address);
        client.head(1, &fields(&[":method"], &[(":method", "POST"), ("content-length", said)]), false);
        client.send(DATA, END_STREAM, 1, sent.as_bytes());
        let seen = client.until_over(1);
        assert!(is_refused(&seen), "{said} for {sent}: {seen:?}");
    }
    let whole = site.legacy.seen().iter().filter(|seen| seen.body.len() == 5).count();
    assert_eq!(whole, 0, "no body that is not what its head says");
}

/// What stands behind a body cannot change what stood before it.
#[test]
fn trailers_of_a_request_frame_nothing() {
    let site = Site::of(Origin::saying("ok"), Origin::dead());
    let door = site.open_with(&h2c(&site, LEGACY));
    let tricks = [("content-length", "0"), ("transfer-encoding", "chunked"), ("host", "evil.test"), ("x-t", "v")];
    for trick in tricks {
        let mut client = Frames::open(door.address);
        client.head(1, &fields(&[":method"], &[(":method", "POST")]), false);
        client.send(DATA, 0, 1, b"hello");
        client.send(HEADERS, END_HEADERS | END_STREAM, 1, &block(&[trick]));
        client.until_over(1);
    }
    assert_eq!(door.get("/last").status(), 200);
    for seen in site.legacy.seen().iter().filter(|seen| seen.method() == "POST") {
        assert_eq!((seen.body.as_slice(), seen.headers("host").len()), (&b"hello"[..], 1));
        assert!(seen.headers("content-length").len() + seen.headers("transfer-encoding").len() == 1);
        assert_ne!(seen.header("host").as_deref(), Some("evil.test"));
    }
    assert!(site.legacy.seen().iter().all(|seen| ["/", "/last"].contains(&seen.target().as_str())));
}

#[test]
fn streams_that_are_opened_and_thrown_away_end_the_connection() {
    let site = Site::of(Origin::hanging(), Origin::dead());
    let door = site.open_with(&h2c(&site, LEGACY));
    let mut client = Frames::open(door.address);
    let mut sent = 0;
    for index in 0..20_000_u32 {
        let stream = 1 + 2 * index;
        let mut both = frame(HEADERS, END_HEADERS | END_STREAM, stream, &block(&frames::get("/")));
        both.extend(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
        if !client.raw(&both) {
            break;
        }
        sent += 1;
    }
    let told = client.until_closed();
    println!("{sent} sent, {} reached the backend", site.legacy.connections());
    assert!(sent < 20_000 || told.iter().any(|frame| frame.reason() == Some(ENHANCE_YOUR_CALM)), "{told:?}");
    assert!(site.legacy.connections() < 500, "{}", site.legacy.connections());
    // Slow enough that each one is begun.
    let mut patient = Frames::open(door.address);
    let mut taken = 0;
    for index in 0..1_000_u32 {
        let stream = 1 + 2 * index;
        if !patient.head(stream, &frames::get("/"), true) {
            break;
        }
        std::thread::sleep(Duration::from_millis(2));
        patient.send(RST_STREAM, 0, stream, &8_u32.to_be_bytes());
        taken += 1;
    }
    assert!(taken < 1_000 || patient.until_closed().iter().any(|frame| frame.kind == GOAWAY), "{taken} were taken");
    assert_eq!(door.metric("connections", &[]) as u32 / 10, 0, "nobody is left");
}

/// Who is answered before he has said all goes on for a moment, and an empty body has an end of its own: no number of those is one too
/// many, or what else is under way would be lost with the connection.
#[test]
fn what_comes_behind_an_answer_ends_no_connection() {
    let site = Site::of(Origin::saying("ok"), Origin::dead());
    let door = site.open_with(&h2c(&site, LEGACY));
    let mut client = Frames::open(door.address);
    let empty = fields(&[":method"], &[("content-length", "0")]);
    let post: Vec<_> = [(":method", "POST")].into_iter().chain(empty).collect();
    for stream in (1..=801).step_by(2) {
        client.head(stream, &post, false);
        let seen = client.until_over(stream);
        assert!(seen.iter().any(|frame| frame.kind == HEADERS && frame.status() == 200), "{stream}: {seen:?}");
        assert!(client.send(DATA, END_STREAM, stream, &[]), "{stream}");
    }
}

#[test]
fn a_head_without_end_is_cut_in_little_memory() {
    let site = Site::of(Origin::saying("ok"), Origin::dead());
    let door = site.open_with(&h2c(&site, LEGACY));
    let before = door.memory();
    let mut client = Frames::open(door.address);
    client.send(HEADERS, END_STREAM, 1, &block(&frames::get("/")));
    let crumbs = vec![("cookie", "a"); 1_000];
    let piece = frame(CONTINUATION, 0, 1, &block(&crumbs));
    let mut sent = 0;
    while sent < (256 << 20) / piece.len() && client.raw(&piece) {
        sent += 1;
    }
    let bytes = sent * piece.len();
    println!("{} KiB were taken", bytes >> 10);
    assert!(bytes < 64 << 20, "{bytes} bytes of one head");
    // Indexed crumbs: one byte each on the wire, dozens in memory.
    let mut bomb = Frames::open(door.address);
    let mut head = block(&frames::get("/"));
    head.push(0x40);
    head.extend([6]);
    head.extend(b"cookie");
    head.push(100);
    head.extend([b'x'; 100]);
    head.extend([0xbe; 12_000]);
    bomb.send(HEADERS, END_HEADERS | END_STREAM, 1, &head);
    assert!(is_refused(&bomb.until_over(1)));
    let grown = door.memory().saturating_sub(before) >> 20;
    assert!(grown < 24, "{grown} MiB more");
    assert_eq!(site.legacy.seen().len(), 0);
    let mut good = Frames::open(door.address);
    good.head(1, &frames::get("/"), true);
    assert_eq!(good.until_over(1)[0].status(), 200);
}

#[test]
fn more_streams_than_agreed_are_refused() {
    let site = Site::of(Origin::hanging(), Origin::dead());
    let door = site.open_with(&h2c(&site, LEGACY).and("limits: {max_streams: 3}"));
    let mut client = Frames::open(door.address);
    for stream in [1, 3, 5, 7] {
        client.head(stream, &frames::get("/"), true);
    }
    let seen = client.until_over(7);
    assert_eq!(seen.last().map(|frame| (frame.kind, frame.reason())), Some((RST_STREAM, Some(7))), "{seen:?}");
    assert!(site.legacy.await_seen(3).len() == 3);
}

#[test]
fn pings_keep_no_idle_connection() {
    let site = Site::of(Origin::saying("ok"), Origin::dead());
    let door = site.open_with(&h2c(&site, LEGACY).and("limits: {keep_alive: 600ms}"));
    let mut client = Frames::open(door.address);
    client.head(1, &frames::get("/"), true);
    assert_eq!(client.until_over(1)[0].status(), 200);
    let start = Instant::now();
    while client.send(PING, 0, 0, &[0; 8]) && start.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(start.elapsed() < Duration::from_secs(8), "still there");
}

/// One connection error each, by the section of RFC 9113 that asks for it. The library often says PROTOCOL_ERROR where the
/// section has a code of its own; the end is what counts.
#[test]
fn who_breaks_the_protocol_is_told_and_let_go() {
    let site = Site::of(Origin::saying("ok"), Origin::dead());
    let door = site.open_with(&h2c(&site, LEGACY));
    let head = || block(&frames::get("/"));
    let wrong: Vec<(&str, Vec<u8>)> = vec![
        ("4.1: a frame larger than agreed", frame(DATA, 0, 1, &[0; 16_385])),
        ("4.3: a head that cannot be decoded", frame(HEADERS, END_HEADERS | END_STREAM, 1, &[0xff; 40])),
        ("4.3: another frame within a head", [frame(HEADERS, 0, 1, &head()), frame(PING, 0, 0, &[0; 8])].concat()),
        ("5.1: DATA on an idle stream", frame(DATA, END_STREAM, 1, b"x")),
        ("5.1: a reset of an idle stream", frame(RST_STREAM, 0, 1, &[0, 0, 0, 8])),
        ("5.1.1: an even stream", frame(HEADERS, END_HEADERS | END_STREAM, 2, &head())),
        (
            "5.1.1: a stream older than the last",
            [frame(HEADERS, END_HEADERS, 5, &head()), frame(HEADERS, END_HEADERS, 3, &head())].concat(),
        ),
        ("6.1: DATA on the connection", frame(DATA, 0, 0, b"x")),
        ("6.1: more padding than frame", frame(DATA, 8, 1, &[200, 1])),
        ("6.2: HEADERS on the connection", frame(HEADERS, END_HEADERS, 0, &head())),
        ("6.4: a reset of the connection", frame(RST_STREAM, 0, 0, &[0; 4])),
        ("6.5: SETTINGS on a stream", frame(SETTINGS, 0, 1, &[])),
        ("6.5: SETTINGS of odd size", frame(SETTINGS, 0, 0, &[0; 5])),
        ("6.5: an answer to SETTINGS with something in it", frame(SETTINGS, 1, 0, &[0; 6])),
        ("6.5.2: push is no number", frame(SETTINGS, 0, 0, &[0, 2, 0, 0, 0, 2])),
        ("6.5.2: a window too large", frame(SETTINGS, 0, 0, &[0, 4, 0x80, 0, 0, 0])),
        ("6.5.2: a frame size too small", frame(SETTINGS, 0, 0, &[0, 5, 0, 0, 0, 1])),
        ("6.6: a push from a client", frame(5, END_HEADERS, 1, &[0, 0, 0, 2])),
        ("6.7: PING on a stream", frame(PING, 0, 1, &[0; 8])),
        ("6.7: PING of odd size", frame(PING, 0, 0, &[0; 7])),
        ("6.9: no window at all", frame(WINDOW_UPDATE, 0, 0, &[0; 4])),
        ("6.9: WINDOW_UPDATE of odd size", frame(WINDOW_UPDATE, 0, 0, &[0; 3])),
        ("6.9.1: a window that overflows", frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff])),
        ("6.10: CONTINUATION of nothing", frame(CONTINUATION, END_HEADERS, 1, &head())),
    ];
    for (what, bytes) in wrong {
        let mut client = Frames::open(door.address);
        client.raw(&bytes);
        let seen = client.until_closed();
        let told = seen.iter().find(|frame| frame.kind == GOAWAY).and_then(Frame::reason);
        assert!(told.is_some_and(|code| code != 0), "{what}: {told:?}");
        assert!(is_refused(&seen), "{what}: {seen:?}");
    }
    assert_eq!(site.legacy.seen().len(), 0, "nothing of it reaches a backend whole: {:?}", site.legacy.seen());
    let log = door.log();
    assert!(!log.contains("h2::"), "clients cannot fill the log: {log}");
}

#[test]
fn who_sends_only_what_means_nothing_is_let_go() {
    let site = Site::of(Origin::saying("ok"), Origin::dead());
    let door = site.open_with(&h2c(&site, LEGACY));
    let nothing: [(&str, Vec<u8>); 5] = [
        ("SETTINGS", frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0xff, 0xff])),
        ("PING", frame(PING, 0, 0, &[0; 8])),
        ("PRIORITY", frame(PRIORITY, 0, 3, &[0, 0, 0, 0, 16])),
        ("WINDOW_UPDATE", frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1])),
        ("a kind that nobody knows", frame(0x77, 0, 0, &[0; 100])),
    ];
    for (what, one) in nothing {
        let mut client = Frames::open(door.address);
        let reading = client.in_background();
        let many = one.repeat(65_536 / one.len());
        let sent = (0..1_024).take_while(|_| client.raw(&many)).count();
        assert!(sent < 1_024, "{what}: 64 MiB were taken");
        let told = reading.join().unwrap().iter().find(|frame| frame.kind == GOAWAY).and_then(Frame::reason);
        println!("{what}: {} KiB were taken, told {told:?}", sent * 64);
    }
    let mut good = Frames::open(door.address);
    good.head(1, &frames::get("/"), true);
    assert_eq!(good.until_over(1)[0].status(), 200);
}

/// CVE-2025-8671: the client makes the door reset its streams, so that they no longer count, while backends still work.
#[test]
fn streams_that_the_door_is_made_to_reset_end_the_connection() {
    let site = Site::of(Origin::hanging(), Origin::dead());
    let door = site.open_with(&h2c(&site, LEGACY));
    type Vector = fn(u32) -> Vec<u8>;
    let vectors: [(&str, Vector); 5] = [
        ("less than said", |stream| [promise(stream), frame(DATA, END_STREAM, stream, b"xyz")].concat()),
        ("more than said", |stream| [promise(stream), frame(DATA, 0, stream, b"0123456789")].concat()),
        ("no window", |stream| [question(stream), frame(WINDOW_UPDATE, 0, stream, &[0; 4])].concat()),
        ("a window that overflows", |stream| {
            [question(stream), frame(WINDOW_UPDATE, 0, stream, &[0x7f, 0xff, 0xff, 0xff])].concat()
        }),
        ("a body behind the end", |stream| [question(stream), frame(DATA, 0, stream, b"x")].concat()),
    ];
    for (what, vector) in vectors {
        // One after the other, and many at once, of which no backend need hear.
        for (at_once, most_reached) in [(1, 500), (1_000, 20)] {
            let before = site.legacy.connections();
            let mut client = Frames::open(door.address);
            let reading = client.in_background();
            let mut sent = 0;
            while sent < 20_000 {
                let streams = sent..sent + at_once;
                if !client.raw(&streams.flat_map(|index| vector(1 + 2 * index)).collect::<Vec<_>>()) {
                    break;
                }
                sent += at_once;
            }
            let told = reading.join().unwrap().iter().find(|frame| frame.kind == GOAWAY).and_then(Frame::reason);
            let reached = site.legacy.connections() - before;
            // How much a client may have said by then is the kernel's affair; the connection is over, and backends had little of it.
            let had = format!("{what}, {at_once}: {sent} sent, {reached} reached the backend, told {told:?}");
            assert!(told.is_some() && reached < most_reached, "{had}");
        }
    }
}

fn question(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &block(&frames::get("/")))
}

/// The head of a request whose body is to have nine bytes.
fn promise(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS, stream, &block(&fields(&[":method"], &[(":method", "POST"), ("content-length", "9")])))
}

/// As a gateway that cancels: good requests are no licence for as many that nobody wants.
#[test]
fn answers_that_are_taken_are_no_licence() {
    let site = Site::of(Origin::hanging(), Origin::dead());
    let routes = format!("- {{name: no, match: {{path: {{exact: /no}}}}, respond: {{status: 404}}}}\n{LEGACY}");
    let door = site.open_with(&h2c(&site, &routes));
    let mut client = Frames::open(door.address);
    let mut stream = 1;
    let told = loop {
        let asked: Vec<u32> = (0..20).map(|index| stream + 2 * index).collect();
        let thrown: Vec<u32> = (20..40).map(|index| stream + 2 * index).collect();
        stream += 80;
        let both = |stream| [question(stream), frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())].concat();
        let ask = |stream| frame(HEADERS, END_HEADERS | END_STREAM, stream, &block(&frames::get("/no")));
        let wire = asked.iter().copied().flat_map(ask).chain(thrown.into_iter().flat_map(both)).collect::<Vec<_>>();
        if !client.raw(&wire) || stream > 100_000 {
            break client.until_closed();
        }
        let seen = client.until_over(asked[19]);
        if seen.iter().any(|frame| frame.kind == GOAWAY) {
            break seen;
        }
    };
    assert!(told.iter().any(|frame| frame.reason() == Some(ENHANCE_YOUR_CALM)), "{stream} streams: {told:?}");
    assert!(site.legacy.connections() < 500, "{}", site.legacy.connections());
}

/// Who types, moves a map, seeks in a video, or asks with deadlines: what is under way beside it is not lost with the connection.
#[test]
fn who_cancels_as_people_and_deadlines_do_is_served() {
    let origin = Origin::answering(|asked, wire| match asked.target().as_str() {
        "/late" => wire.hang(),
        "/film" => wire.ok(vec![b'x'; 1 << 20]),
        _ => wire.ok("ok"),
    });
    let site = Site::of(origin, Origin::dead());
    let door = site.open_with(&h2c(&site, LEGACY));
    let mut client = Frames::open(door.address);
    client.send(WINDOW_UPDATE, 0, 0, &(1_u32 << 30).to_be_bytes());
    let mut stream = 1;
    for target in ["/late", "/film"] {
        for _ in 0..300 {
            client.head(stream, &frames::get(target), true);
            if target == "/film" {
                let begun = |frame: Frame| frame.kind == DATA && frame.stream == stream;
                while !begun(client.read().unwrap()) {}
            } else {
                std::thread::sleep(Duration::from_millis(8));
            }
            assert!(client.send(RST_STREAM, 0, stream, &8_u32.to_be_bytes()), "{target}, {stream}");
            stream += 2;
        }
        client.head(stream, &frames::get("/"), true);
        let seen = client.until_over(stream);
        assert!(seen.iter().any(|frame| frame.kind == HEADERS && frame.status() == 200), "{target}: {seen:?}");
        stream += 2;
    }
    // A page is left: all at once, before anybody looked.
    let streams: Vec<u32> = (0..90).map(|index| stream + 2 * index).collect();
    let reset = |stream: &u32| frame(RST_STREAM, 0, *stream, &8_u32.to_be_bytes());
    let asked = streams.iter().flat_map(|stream| question(*stream));
    assert!(client.raw(&asked.chain(streams.iter().flat_map(reset)).collect::<Vec<_>>()));
    stream += 180;
    client.head(stream, &frames::get("/"), true);
    let seen = client.until_over(stream);
    assert!(seen.iter().any(|frame| frame.kind == HEADERS && frame.status() == 200), "{seen:?}");
}

#[test]
fn who_takes_nothing_of_its_answer_is_let_go_and_costs_little() {
    let origin = Origin::answering(|asked, wire| {
        if asked.target() == "/small" {
            return wire.ok("small");
        }
        wire.send("HTTP/1.1 200 OK\r\nContent-Length: 4194304\r\n\r\n");
        wire.send(vec![b'x'; 4 << 20]);
    });
    let site = Site::of(origin, Origin::dead());
    let door = site.open_with(&h2c(&site, LEGACY).and("limits: {body_timeout: 1500ms}"));
    let before = door.memory();
    let mut stalled: Vec<_> = (0..2)
        .map(|_| {
            let mut client = Frames::open(door.address);
            client.send(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]);
            for index in 0..50 {
                client.head(1 + 2 * index, &frames::get("/"), true);
            }
            client
        })
        .collect();
    site.legacy.await_seen(100);
    let grown = door.memory().saturating_sub(before) >> 20;
    println!("{grown} MiB for 100 answers that nobody takes");
    assert!(grown < 48, "{grown} MiB");
    let over = stalled[0].until_over(99);
    assert_eq!(over.last().map(|frame| frame.kind), Some(RST_STREAM), "{over:?}");
    let mut good = Frames::open(door.address);
    good.head(1, &frames::get("/small"), true);
    assert_eq!(good.until_over(1)[0].status(), 200);
}
