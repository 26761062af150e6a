//! Who waits before a backend that has as much to do as it may have: as many as it may have, for as long as a connection may take.

use std::io::Write;
use std::time::Duration;

use h2::Reason;

use crate::harness::client::request;
use crate::harness::http2::{Http2, meanwhile, story};
use crate::harness::{Client, Config, Door, Origin, Signal, Site, await_that};

const LEGACY: &str = "- {name: all, match: {path: {prefix: /}}, stage: legacy}";
const HALF: &str = "POST /left HTTP/1.1\r\nHost: site.test\r\nContent-Length: 10\r\n\r\nhalf";

/// One request at a time, and one that is under way until the signal.
fn busy() -> (Site, Signal) {
    let go = Signal::new();
    let seen = go.clone();
    let origin = Origin::answering(move |asked, wire| {
        if asked.target() == "/held" {
            seen.wait();
        }
        wire.ok(if asked.body.is_empty() { asked.target().into_bytes() } else { asked.body.clone() });
    });
    (Site::of(origin, Origin::dead()), go)
}

fn one_at_a_time(site: &Site) -> Config {
    let mut config = site.config(LEGACY).and("access_log: {path: access.log}\nlimits: {body_timeout: 20s}");
    config.listener = ", h2c: true".to_owned();
    config.legacy = format!("{}, max_in_flight: 1, timeouts: {{connect: 50s}}", config.legacy);
    config
}

fn held(site: &Site, door: &Door) -> Client {
    let mut first = door.client();
    first.send(request("GET", "/held", &[], b""));
    site.legacy.await_seen(1);
    first
}

fn left(site: &Site) -> usize {
    let log = std::fs::read_to_string(site.path("access.log")).unwrap_or_default();
    let is_left = |line: &&str| {
        ["\"path\":\"/left\"", "\"status\":499", "\"error\":\"client_left\""].iter().all(|told| line.contains(told))
    };
    log.lines().filter(is_left).count()
}

fn await_left(site: &Site, count: usize) {
    await_that("a line of who left", || if left(site) == count { Ok(()) } else { Err(format!("{}", left(site))) });
}

/// Waits in the queue: there is neither an answer nor an end.
fn waits(client: Client) -> Client {
    let mut client = client.patient_for(Duration::from_millis(300));
    assert!(client.reader.some(1).is_err(), "it is answered, or sent away");
    client.patient_for(crate::harness::PATIENCE)
}

#[test]
fn who_leaves_the_queue_gives_his_place_back_and_nobody_is_asked_for_him() {
    let (site, go) = busy();
    let door = site.open_with(&one_at_a_time(&site));
    let mut first = held(&site, &door);
    let post = request("POST", "/left", &[], b"whole");
    let two = [request("GET", "/left", &[], b""), request("GET", "/behind", &[], b"")].concat();
    let ways = [request("GET", "/left", &[], b""), post, HALF.into(), two];
    for (at, way) in ways.iter().enumerate() {
        let mut client = door.client();
        client.send(way);
        drop(waits(client));
        await_left(&site, at + 1);
    }
    story(async {
        let client = Http2::connect(door.address).await;
        for (at, method) in ["GET", "POST"].into_iter().enumerate() {
            let request = http::Request::builder().method(method).uri("http://site.test/left").body(()).unwrap();
            let mut send = client.send.clone().ready().await.unwrap();
            let (mut answer, mut upload) = send.send_request(request, method == "GET").unwrap();
            if method == "POST" {
                upload.send_data("half".into(), false).unwrap();
            }
            let waits = tokio::time::timeout(Duration::from_millis(300), &mut answer).await;
            assert!(waits.is_err(), "{waits:?}");
            upload.send_reset(Reason::CANCEL);
            meanwhile(|| left(&site) == ways.len() + at + 1).await;
        }
    });
    let mut next = door.client();
    next.send(request("GET", "/next", &[], b""));
    let mut next = waits(next);
    assert_eq!(door.get("/too-many").status(), 503, "one waits already");
    go.give();
    assert_eq!((first.answer("GET").text(), next.answer("GET").text()), ("/held".into(), "/next".into()));
    let seen: Vec<String> = site.legacy.seen().iter().map(|seen| seen.target()).collect();
    assert_eq!(seen, ["/held", "/next"]);
    door.await_metric("backend_in_flight", &[("backend", "legacy")], 0.0);
}

/// An endpoint breaks off while others wait: the request has its place already, and is not the last in the queue again.
#[test]
fn who_is_asked_for_elsewhere_keeps_his_place() {
    let go = Signal::new();
    let (told, site) = (go.clone(), Site::of(Origin::saying("good"), Origin::dead()));
    let bad = Origin::at_head(move |_, wire| {
        told.wait();
        wire.close();
    });
    let mut config = one_at_a_time(&site);
    let endpoints = [&site.legacy, &bad].map(|endpoint| format!("\"http://{}\"", endpoint.address)).join(", ");
    config.legacy = format!("endpoints: [{endpoints}], max_in_flight: 1, timeouts: {{connect: 50s}}");
    let door = site.open_with(&config);
    // In turn: one of the first two is asked for at the bad endpoint, and holds the only place.
    let mut first = door.client();
    for asked in 1..=2 {
        first.send(request("GET", "/first", &[], b""));
        let seen = || bad.seen().len() + site.legacy.seen().len();
        await_that("an endpoint is asked", || if seen() == asked { Ok(()) } else { Err(format!("{}", seen())) });
        if !bad.seen().is_empty() {
            break;
        }
        first.answer("GET");
    }
    assert_eq!(bad.seen().len(), 1);
    let mut second = door.client();
    second.send(request("GET", "/second", &[], b""));
    let mut second = waits(second);
    assert_eq!(door.get("/too-many").status(), 503, "one waits already");
    go.give();
    assert_eq!(first.answer("GET").text(), "good");
    assert_eq!(second.answer("GET").text(), "good");
}

/// What a client goes on saying while it waits is not lost, and is not taken for its leaving.
#[test]
fn who_goes_on_speaking_in_the_queue_is_heard_from_the_beginning() {
    const MUCH: usize = 3 << 20;
    let body: Vec<u8> = (0..MUCH / 4).flat_map(|at| (at as u32).to_le_bytes()).collect();
    for way in ["at once", "in pieces", "one byte short", "behind another"] {
        let (site, go) = busy();
        let door = site.open_with(&one_at_a_time(&site));
        let mut first = held(&site, &door);
        let mut client = door.client();
        let head = format!("POST /up HTTP/1.1\r\nHost: site.test\r\nContent-Length: {MUCH}\r\n\r\n");
        let next = request("GET", "/behind", &[], b"");
        let sending = match way {
            "behind another" => {
                client.send(request("GET", "/before", &[], b""));
                client = waits(client);
                [head.as_bytes(), &body, &next].concat()
            }
            "at once" => [head.as_bytes(), &body, &next].concat(),
            "in pieces" => {
                client.send(&head);
                client = waits(client);
                client.send(&body[..10_000]);
                client = waits(client);
                [&body[10_000..], &next].concat()
            }
            _ => {
                let mut client_sends = client.reader.stream.try_clone().unwrap();
                let short = [head.as_bytes(), &body[..MUCH - 1]].concat();
                let sending = std::thread::spawn(move || client_sends.write_all(&short).unwrap());
                client = waits(client);
                go.give();
                sending.join().unwrap();
                [&body[MUCH - 1..], &next].concat()
            }
        };
        let mut client_sends = client.reader.stream.try_clone().unwrap();
        let sending = std::thread::spawn(move || client_sends.write_all(&sending).unwrap());
        if way != "one byte short" {
            client = waits(client);
        }
        go.give();
        assert_eq!(first.answer("GET").text(), "/held");
        if way == "behind another" {
            assert_eq!(client.answer("GET").text(), "/before");
        }
        let answer = client.answer("POST");
        assert!(answer.status() == 200 && answer.body == body, "{way}: {} bytes", answer.body.len());
        assert_eq!(client.answer("GET").text(), "/behind", "{way}");
        sending.join().unwrap();
    }
}
