//! Clients that abort, dawdle, pipeline, or come by the hundred: they get what they deserve, and others notice nothing.

use std::io::Read;
use std::time::{Duration, Instant};

use crate::harness::client::request;
use crate::harness::{Answer, Client, Config, Door, Load, Origin, Site, await_that};

const LEGACY: &str = "- {name: all, match: {path: {prefix: /}}, stage: legacy}";
/// What an idle connection may cost, bytes (numbers.md's bound, with the harness's own noise).
const IDLE_BYTES: u64 = 55 << 10;

fn site() -> Site {
    let legacy = Origin::at_head(|seen, wire| match seen.target().as_str() {
        "/large" => wire.ok(vec![b'x'; 3 << 20]),
        "/echo" => {
            let body = wire.body_of(seen);
            wire.ok(body);
        }
        target => wire.ok(target),
    });
    Site::of(legacy, Origin::dead())
}

fn open(site: &Site, limits: &str) -> Door {
    let config: Config = site.config(LEGACY).and(&format!("limits: {{{limits}}}"));
    site.open_with(&config)
}

fn well(answer: &Answer) -> bool {
    answer.status() == 200 && answer.text() == "/well"
}

/// Nobody is connected but who asks for the number.
fn await_all_gone(door: &Door) {
    door.await_metric("connections", &[], 0.0);
}

#[test]
fn aborted_uploads_leave_nothing_behind() {
    let site = site();
    let door = open(&site, "body_timeout: 5s");
    let load = Load::on(door.address, 2, "/well", well);
    load.let_run(10);
    let before = door.memory();
    for at in 0..150 {
        let mut client = Client::connect(door.address);
        match at % 3 {
            0 => client.send("POST /echo HTTP/1.1\r\nHost: site.test\r\nContent-Length: 1000000\r\n\r\n"),
            1 => client.send("POST /echo HTTP/1.1\r\nHost: site.test\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n"),
            _ => client.send("POST /echo HTTP/1.1\r\nHost: site.test\r\nContent-Le"),
        };
        client.try_send(vec![b'x'; 30_000]).ok();
        if at % 2 == 0 {
            socket2::SockRef::from(&client.reader.stream).set_linger(Some(Duration::ZERO)).unwrap();
        }
    }
    load.let_run(50);
    load.stop().assert_clean();
    await_all_gone(&door);
    let grown = door.memory().saturating_sub(before);
    assert!(grown < 32 << 20, "{grown} bytes more after 150 aborted uploads");
    let whole =
        site.legacy.seen().iter().filter(|seen| seen.target() == "/echo" && seen.body.len() == 1_000_000).count();
    assert_eq!(whole, 0);
}

#[test]
fn who_reads_a_byte_at_a_time_holds_nobody_up() {
    let site = site();
    let door = open(&site, "body_timeout: 30s");
    let before = door.memory();
    let mut readers: Vec<Client> = (0..40)
        .map(|_| {
            let client = door.client();
            // As little room as the system gives: what is not read waits in the door and behind it.
            socket2::SockRef::from(&client.reader.stream).set_recv_buffer_size(4096).ok();
            client
        })
        .collect();
    for client in &mut readers {
        client.send(request("GET", "/large", &[], b""));
    }
    let load = Load::on(door.address, 2, "/well", well);
    for _ in 0..3 {
        load.let_run(30);
        readers.iter_mut().for_each(|client| assert_eq!(client.reader.some(1).unwrap().len(), 1));
    }
    load.stop().assert_clean();
    let grown = door.memory().saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes for 40 slow readers of 3 MiB");
    drop(readers);
    await_all_gone(&door);
}

const HUGE_PIECES: usize = 320;

/// Twenty MiB, in pieces of 64 KiB that tell where they belong.
fn huge() -> Site {
    let legacy = Origin::at_head(|seen, wire| {
        if seen.target() != "/huge" {
            return wire.ok(seen.target());
        }
        wire.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", HUGE_PIECES << 16));
        (0..HUGE_PIECES).for_each(|piece| wire.send([b'a' + (piece % 26) as u8; 1 << 16]));
    });
    Site::of(legacy, Origin::dead())
}

fn reader(door: &Door) -> Client {
    let mut client = door.client();
    client.send(request("GET", "/huge", &[], b""));
    client
}

fn slow_reader(door: &Door) -> Client {
    let client = reader(door);
    socket2::SockRef::from(&client.reader.stream).set_recv_buffer_size(4096).ok();
    client
}

/// Some 230 KiB each: a connection to the backend with its buffers, and one piece of the answer. Read ahead, it would be 900.
#[test]
fn a_hundred_slow_readers_of_large_answers_cost_little() {
    let site = huge();
    let door = open(&site, "body_timeout: 60s");
    let load = Load::on(door.address, 1, "/well", well);
    load.let_run(20);
    let before = door.memory();
    let mut readers: Vec<Client> = (0..100).map(|_| slow_reader(&door)).collect();
    for _ in 0..4 {
        load.let_run(30);
        std::thread::sleep(Duration::from_millis(500));
        for client in &mut readers {
            assert_eq!(client.reader.stream.read(&mut [0]).unwrap(), 1);
        }
    }
    load.stop().assert_clean();
    let each = door.memory().saturating_sub(before) / 100;
    println!("{} KiB for each of 100 slow readers of 20 MiB", each >> 10);
    assert!(each < 400 << 10, "{each} bytes for each slow reader");
    // Whoever hurries after all gets the whole answer.
    let mut client = reader(&door);
    std::thread::sleep(Duration::from_millis(300));
    client.reader.head().unwrap();
    let body = client.reader.exactly(HUGE_PIECES << 16).unwrap();
    let misplaced = (0..body.len()).find(|at| body[*at] != b'a' + ((at >> 16) % 26) as u8);
    assert_eq!(misplaced, None);
    drop(readers);
    drop(client);
    await_all_gone(&door);
}

#[test]
fn who_goes_on_reading_gets_everything_and_who_stops_is_given_up() {
    let site = huge();
    let door = open(&site, "body_timeout: 2s");
    let mut client = reader(&door);
    let start = Instant::now();
    client.reader.head().unwrap();
    // Longer as a whole than a client may take nothing.
    for _ in 0..10 {
        client.reader.exactly(1 << 20).unwrap();
        std::thread::sleep(Duration::from_millis(400));
    }
    assert!(start.elapsed() > Duration::from_secs(4));
    client.reader.exactly(10 << 20).unwrap();
    assert_eq!(client.get("/well", &[]).text(), "/well");
    drop(client);
    await_all_gone(&door);
    let (_stops, start) = (slow_reader(&door), Instant::now());
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(door.metric("connections", &[]), 1.0);
    await_all_gone(&door);
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
}

#[test]
fn a_pipeline_of_hundred_requests_with_and_without_bodies_is_answered_in_order() {
    let site = site();
    let door = open(&site, "");
    let mut all = Vec::new();
    for at in 0..100 {
        match at % 4 {
            0 => all.extend(request("POST", "/echo", &[], format!("body {at}").as_bytes())),
            1 => {
                let text = format!("body {at}");
                all.extend(request("POST", "/echo", &["Transfer-Encoding: chunked"], b""));
                all.extend(format!("{:x}\r\n{text}\r\n0\r\n\r\n", text.len()).into_bytes());
            }
            _ => all.extend(request("GET", &format!("/{at}"), &[], b"")),
        }
    }
    for piece in [all.len(), 777] {
        let mut client = door.client();
        for bytes in all.chunks(piece) {
            client.send(bytes);
        }
        for at in 0..100 {
            let wanted = if at % 4 < 2 { format!("body {at}") } else { format!("/{at}") };
            let answer = client.answer("GET");
            assert_eq!((answer.status(), answer.text()), (200, wanted), "in pieces of {piece}");
        }
    }
}

#[test]
fn who_pipelines_and_never_reads_is_held_back() {
    let site = site();
    let door = open(&site, "body_timeout: 1s");
    let before = door.memory();
    let mut client = door.client();
    socket2::SockRef::from(&client.reader.stream).set_recv_buffer_size(4096).ok();
    client.reader.stream.set_write_timeout(Some(Duration::from_secs(2))).unwrap();
    let one = request("GET", "/large", &[], b"");
    // Either the door takes no more, or it has closed the connection.
    let sent = (0..200_000).take_while(|_| client.try_send(&one).is_ok()).count();
    assert!(sent < 200_000);
    let grown = door.memory().saturating_sub(before);
    assert!(grown < 32 << 20, "{grown} bytes for one client that never reads");
    assert_eq!(door.get("/well").text(), "/well");
    drop(client);
    await_all_gone(&door);
}

#[test]
fn five_hundred_idle_connections_cost_little_and_go_when_their_time_is_over() {
    let site = site();
    let door = open(&site, "header_timeout: 4s, keep_alive: 4s");
    door.get("/well");
    let before = door.memory();
    let kept: Vec<Client> = (0..500)
        .map(|at| {
            let mut client = Client::connect(door.address);
            // Half of them have asked something before.
            if at % 2 == 0 {
                assert_eq!(client.get("/well", &[]).status(), 200);
            }
            client
        })
        .collect();
    let each = door.memory().saturating_sub(before) / 500;
    println!("{each} bytes for each of 500 idle connections");
    assert!(each < IDLE_BYTES, "{each} bytes for each idle connection");
    let start = Instant::now();
    assert_eq!(door.get("/well").text(), "/well");
    assert!(start.elapsed() < Duration::from_secs(2));
    await_all_gone(&door);
    for mut client in kept {
        assert!(client.is_closed());
    }
}

#[test]
fn slow_heads_and_bodies_by_the_hundred_are_cut_and_others_notice_nothing() {
    let site = site();
    let door = open(&site, "header_timeout: 1s, body_timeout: 1s");
    let load = Load::on(door.address, 3, "/well", well);
    let mut slow: Vec<Client> = (0..300)
        .map(|at| {
            let mut client = Client::connect(door.address);
            let begun = match at % 3 {
                0 => "GET / HTTP/1.1\r\nHost: site.test\r\nX: ",
                1 => "POST /echo HTTP/1.1\r\nHost: site.test\r\nContent-Length: 1000\r\n\r\nx",
                _ => "POST /echo HTTP/1.1\r\nHost: site.test\r\nTransfer-Encoding: chunked\r\n\r\n100\r\nx",
            };
            client.send(begun);
            client
        })
        .collect();
    // Heads go on coming, byte by byte, and are cut all the same; bodies have stopped.
    for _ in 0..4 {
        std::thread::sleep(Duration::from_millis(300));
        slow.iter_mut().step_by(3).for_each(|client| drop(client.try_send("x")));
    }
    load.let_run(50);
    load.stop().assert_clean();
    await_that("all slow clients are cut", || {
        let open = door.metric("connections", &[]);
        if open == 0.0 { Ok(()) } else { Err(format!("{open} are open")) }
    });
    for (at, client) in slow.iter_mut().enumerate() {
        let told = client.try_answer("POST").map(|answer| answer.status());
        assert!(at % 3 == 0 || told.is_err() || told.as_ref().is_ok_and(|status| *status == 408), "{told:?}");
    }
}

#[test]
fn who_leaves_before_the_answer_frees_the_backend() {
    let site = Site::of(
        Origin::at_head(|seen, wire| if seen.target() == "/slow" { wire.hang() } else { wire.ok("/well") }),
        Origin::dead(),
    );
    let mut config = site.config(LEGACY);
    config.legacy = format!("{}, max_in_flight: 5, timeouts: {{first_byte: 60s}}", config.legacy);
    let door = site.open_with(&config);
    for _ in 0..20 {
        let mut client = door.client();
        client.send(request("GET", "/slow", &[], b""));
    }
    await_that("a free place at the backend", || {
        let answer = door.get("/well");
        if answer.status() == 200 { Ok(()) } else { Err(answer.status().to_string()) }
    });
    await_all_gone(&door);
}
