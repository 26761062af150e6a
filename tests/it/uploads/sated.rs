//! Backends of HTTP/2 that take no more of an upload: their users do not wait for what will not come.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use super::{LEGACY, uploads_are_given_up};
use crate::harness::http2::{Http2, story};
use crate::harness::tls::{Hello, Made, Secure};
use crate::harness::{Config, Door, Origin, PATIENCE, Signal, Site};

/// Bytes of each body that the backend has room for.
const ROOM: u32 = 1000;
/// More than it has room for, and more than anybody has who has said nothing yet (RFC 9113, section 6.5.2): the door may have to make a
/// connection of its own for this upload, and what the backend says there first may be heard after the body.
const BODY: usize = 70_000;
const HALF: &str = "POST /half HTTP/1.1\r\nHost: site.test\r\nContent-Length: 1000000\r\n\r\n";
const CHUNKS: &str = "POST /chunks HTTP/1.1\r\nHost: site.test\r\nTransfer-Encoding: chunked\r\n\r\n11170\r\n";
const WHOLE: &str = "POST /whole HTTP/1.1\r\nHost: site.test\r\nContent-Length: 70000\r\n\r\n";

/// Reads none of what it is sent, and answers only what has no body; at `/begins` it begins an answer.
pub struct Sated {
    pub address: SocketAddr,
    /// That it lives on.
    _runtime: Runtime,
}

impl Sated {
    pub fn open() -> Self {
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut options = h2::server::Builder::new();
                    let mut connection =
                        options.initial_window_size(ROOM).handshake::<_, bytes::Bytes>(stream).await.unwrap();
                    let mut never_read = Vec::new();
                    while let Some(Ok((request, mut respond))) = connection.accept().await {
                        let (whole, begins) = (request.body().is_end_stream(), request.uri().path() == "/begins");
                        let answer = (whole || begins).then(|| respond.send_response(http::Response::new(()), whole));
                        never_read.push((request, respond, answer));
                    }
                });
            }
        });
        Self { address, _runtime: runtime }
    }

    /// With a connection to it on which it has said how much it takes.
    fn open_door(&self, site: &Site, config: &Config) -> Door {
        let door = site.open_with(config);
        assert_eq!(door.get("/").status(), 200);
        door
    }

    fn config(&self, site: &Site, times: &str) -> Config {
        let mut config = site.config(LEGACY).and("access_log: {path: access.log}").and("request_id: {answer: true}");
        config.legacy = format!("endpoints: [\"http://{}\"], http2: true, timeouts: {{{times}}}", self.address);
        config.listener = ", h2c: true".to_owned();
        config
    }
}

/// Begins these uploads and awaits the end of their connections; what each is told.
fn told(begin: impl Fn() -> Box<dyn Wire>) -> Vec<String> {
    let upload = |head: &&str| {
        let mut client = begin();
        client.write_all(head.as_bytes()).unwrap();
        client.write_all(&[b'x'; BODY]).unwrap();
        client.flush().unwrap();
        client
    };
    // At once, for each of them takes its time.
    let clients: Vec<_> = [HALF, CHUNKS, WHOLE].iter().map(upload).collect();
    let listen = |mut client: Box<dyn Wire>| {
        let mut said = String::new();
        if let Err(error) = client.read_to_string(&mut said) {
            panic!("{error}, after {said:?}");
        }
        said
    };
    clients.into_iter().map(listen).collect()
}

pub trait Wire: Read + Write {}
impl<T: Read + Write> Wire for T {}

fn plain(door: &Door) -> Vec<String> {
    told(|| Box::new(door.client().reader.stream.try_clone().unwrap()))
}

fn secure(door: &Door) -> Vec<String> {
    told(|| {
        let client = Secure::connect(door.address, &Hello::to("site.test"));
        client.stream.sock.set_read_timeout(Some(PATIENCE)).unwrap();
        Box::new(client.stream)
    })
}

fn are_told(said: &[String], status: &str) {
    for said in said {
        assert!(said.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{said}");
        assert!(said.ends_with(&format!("\r\n\r\n{status}\n")), "{said}");
        for line in ["connection: close", "cache-control: no-store", "x-request-id: "] {
            assert!(said.to_ascii_lowercase().contains(&format!("\r\n{line}")), "{line}: {said}");
        }
    }
}

#[test]
fn a_backend_of_http2_that_takes_no_more_of_the_body_does_not_last() {
    let (sated, site) = (Sated::open(), Site::of(Origin::dead(), Origin::dead()));
    let mut config = sated.config(&site, "first_byte: 400ms, idle: 300ms");
    let mut door = sated.open_door(&site, &config);
    are_told(&plain(&door), "504 Gateway Timeout");
    story(async {
        let client = Http2::connect(door.address).await;
        for _ in 0..2 {
            let answer = client.ask("POST", "/", &[], &[b'x'; 2000]).await.unwrap();
            assert_eq!((answer.status.as_u16(), answer.text().as_str()), (504, "504 Gateway Timeout\n"));
            assert!(answer.header("x-request-id").is_some());
            // It is the upload that is given up, and nothing else of the connection.
            assert_eq!(client.get("/").await.status, 200);
        }
    });
    door.await_log("takes no more of the body within timeouts.idle");
    door.await_metric("requests_total", &[("code", "504")], 5.0);
    door.await_metric("backend_in_flight", &[("backend", "legacy")], 0.0);
    assert_eq!(door.get("/").status(), 200);
    door.signal("TERM");
    assert!(door.await_exit().success());
    let log = std::fs::read_to_string(site.path("access.log")).unwrap();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("\"method\":\"POST\"")).collect();
    assert_eq!(lines.len(), 5, "{log}");
    for line in lines {
        assert!(line.contains("\"status\":504") && line.contains("\"error\":\"timeout\""), "{line}");
    }

    let pair = Made::new(site.folder.path(), "site", "DNS:site.test", 90);
    config.listener = format!(", tls: {{certificates: [{}]}}", pair.entry());
    let door = site.open_with(&config);
    Secure::connect(door.address, &Hello::to("site.test")).get("/", &[]);
    are_told(&secure(&door), "504 Gateway Timeout");
}

/// Nor where it has begun to answer: what there is of that is torn.
#[test]
fn nor_does_one_that_has_begun_to_answer() {
    let (sated, site) = (Sated::open(), Site::of(Origin::dead(), Origin::dead()));
    let config = sated.config(&site, "first_byte: 10s, idle: 300ms").and("limits: {body_timeout: 300ms}");
    let door = sated.open_door(&site, &config);
    let mut client = door.client();
    client.send("POST /begins HTTP/1.1\r\nHost: site.test\r\nTransfer-Encoding: chunked\r\n\r\n11170\r\n");
    client.send([b'x'; BODY]);
    let answer = client.try_answer("POST").unwrap_err();
    assert!(answer.got.is_empty(), "{answer:?}");
    door.await_log("takes no more of the body within timeouts.idle");
    door.await_metric("backend_in_flight", &[("backend", "legacy")], 0.0);
    door.await_metric("requests_total", &[("code", "200"), ("origin", "legacy")], 2.0);
}

/// Before one of HTTP/1, which neither reads nor leaves, the library does not look either.
#[test]
fn nor_does_one_of_http1() {
    const TOO_MUCH: usize = 64 << 20;
    let over = Signal::new();
    let told = over.clone();
    let site = Site::of(Origin::at_head(move |_, _| told.wait()), Origin::dead());
    let config = site.config(LEGACY).and("access_log: {path: access.log}").and("drain_timeout: 500ms");
    let mut config = Config { listener: ", h2c: true".to_owned(), ..config };
    let legacy = config.legacy.clone();
    config.legacy = format!("{legacy}, timeouts: {{total: 1s}}");
    uploads_are_given_up(&site.open_with(&config), TOO_MUCH);

    config.legacy = format!("{legacy}, timeouts: {{idle: 10m}}");
    let mut door = site.open_with(&config);
    let mut client = door.client();
    client.send(format!("POST / HTTP/1.1\r\nHost: site.test\r\nContent-Length: {TOO_MUCH}\r\n\r\n"));
    let socket = client.reader.stream.try_clone().unwrap();
    socket.set_write_timeout(Some(Duration::from_secs(2))).unwrap();
    client.try_send(vec![b'x'; TOO_MUCH]).unwrap_err();
    door.signal("TERM");
    assert!(door.await_exit().success());
    let log = std::fs::read_to_string(site.path("access.log")).unwrap();
    assert_eq!(log.matches("\"error\":\"drain_timeout\"").count(), 1, "{log}");
    over.give();
}

/// The door's end does not wait for it either.
#[test]
fn an_upload_that_nobody_takes_is_cut_with_the_rest() {
    let (sated, site) = (Sated::open(), Site::of(Origin::dead(), Origin::dead()));
    let config = sated.config(&site, "idle: 10m").and("drain_timeout: 500ms");
    let mut door = sated.open_door(&site, &config);
    std::thread::scope(|scope| {
        let told = scope.spawn(|| plain(&door));
        door.await_metric("backend_in_flight", &[("backend", "legacy")], 3.0);
        door.signal("TERM");
        are_told(&told.join().unwrap(), "503 Service Unavailable");
    });
    let told = Instant::now();
    assert!(door.await_exit().success());
    assert!(told.elapsed() < Duration::from_secs(5), "{:?}", told.elapsed());
    let log = std::fs::read_to_string(site.path("access.log")).unwrap();
    assert_eq!(log.matches("\"error\":\"drain_timeout\"").count(), 3, "{log}");
}
