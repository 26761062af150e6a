//! What many requests of HTTP/2 share, and who waits for whom: nobody for a stranger.

use std::future::poll_fn;
use std::net::SocketAddr;

use bytes::Bytes;
use h2::SendStream;
use h2::client::{ResponseFuture, SendRequest};
use http::Request;
use tokio::net::TcpStream;

use crate::harness::http2::{Http2, story};
use crate::harness::origin2::{Origin2, Reply};
use crate::harness::{Origin, Site};
use crate::uploads::sated::Sated;

const LEGACY: &str = "- {name: all, match: {path: {prefix: /}}, stage: legacy}";
/// More than servers commonly give one connection's streams together, in pieces of what they give each.
const STREAMS: usize = 60;

/// A client that takes so many bytes of an answer, and never more.
async fn taking(window: u32, door: SocketAddr) -> SendRequest<Bytes> {
    let stream = TcpStream::connect(door).await.unwrap();
    let mut options = h2::client::Builder::new();
    let (send, connection) = options.initial_window_size(window).handshake(stream).await.unwrap();
    tokio::spawn(async move { connection.await.ok() });
    send
}

async fn begin(client: &SendRequest<Bytes>, method: &str, target: &str) -> (ResponseFuture, SendStream<Bytes>) {
    let request = Request::builder().method(method).uri(format!("http://site.test{target}"));
    let mut ready = client.clone().ready().await.unwrap();
    ready.send_request(request.body(()).unwrap(), method == "GET").unwrap()
}

/// Readers so slow that they do not read at all share a connection to the backend with everybody else.
#[test]
fn who_does_not_read_his_answer_keeps_nobody_from_his() {
    let origin = Origin2::answering(|asked| match asked.uri.path() {
        "/big" => Reply::Whole(vec![b'x'; 1 << 20], &[]),
        _ => Reply::Whole(b"tiny".to_vec(), &[]),
    });
    let site = Site::of(Origin::dead(), Origin::dead());
    let mut config = site.config(LEGACY).and("limits: {body_timeout: 10m}");
    config.listener = ", h2c: true".to_owned();
    config.legacy = format!("endpoints: [\"http://{}\"], http2: true", origin.address);
    let door = site.open_with(&config);
    story(async {
        let slow = taking(0, door.address).await;
        let mut never_read = Vec::new();
        for _ in 0..STREAMS {
            let (answer, _) = begin(&slow, "GET", "/big").await;
            never_read.push(answer.await.unwrap());
        }
        // As much as the backend may send of each, it has sent when the next ones are answered, or never will be.
        let other = Http2::connect(door.address).await;
        for _ in 0..50 {
            assert_eq!(other.get("/tiny").await.text(), "tiny");
        }
    });
}

/// What one backend does not take of its uploads is no other upload's affair, though one client sends them all.
#[test]
fn uploads_that_are_not_taken_hold_up_no_other_one() {
    let stuck = "- {name: stuck, match: {path: {exact: /stuck}}, stage: new, timeouts: {idle: 10m}}";
    let (sated, site) = (Sated::open(), Site::of(Origin::answering(|_, wire| wire.ok("taken")), Origin::dead()));
    let mut config = site.config(&format!("{stuck}\n{LEGACY}"));
    config.listener = ", h2c: true".to_owned();
    config.new = format!("endpoints: [\"http://{}\"], http2: true", sated.address);
    let door = site.open_with(&config);
    assert_eq!(door.get("/stuck").status(), 200, "by now it has said how much it takes");
    story(async {
        let client = taking(1 << 20, door.address).await;
        let mut never_taken = Vec::new();
        for _ in 0..STREAMS {
            let (answer, mut upload) = begin(&client, "POST", "/stuck").await;
            // What the door has room for goes out.
            upload.send_data(Bytes::from(vec![b'x'; 1 << 20]), true).unwrap();
            never_taken.push((answer, upload));
        }
        for _ in 0..3 {
            let (answer, mut upload) = begin(&client, "POST", "/taken").await;
            for _ in 0..20 {
                upload.reserve_capacity(1000);
                poll_fn(|cx| upload.poll_capacity(cx)).await.unwrap().unwrap();
                upload.send_data(Bytes::from(vec![b'x'; 1000]), false).unwrap();
            }
            upload.send_data(Bytes::new(), true).unwrap();
            let mut body = answer.await.unwrap().into_body();
            assert_eq!(body.data().await.unwrap().unwrap(), "taken");
        }
    });
}
