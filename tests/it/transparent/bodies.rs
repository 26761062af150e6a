//! Bodies: their framing, their bytes, and how they end.

use super::{before, before_last_bytes};
use crate::harness::client::request;
use crate::harness::wire::Broken;
use crate::harness::{Answer, Origin, Wire};

#[test]
fn head_204_304_and_ranges_keep_their_framing() {
    let legacy = Origin::answering(|seen, wire| match (seen.method().as_str(), seen.target().as_str()) {
        ("HEAD", _) => wire.send("HTTP/1.1 200 OK\r\nContent-Length: 12345\r\nETag: \"h\"\r\n\r\n"),
        (_, "/304") => wire.send("HTTP/1.1 304 Not Modified\r\nETag: \"e\"\r\nContent-Length: 777\r\n\r\n"),
        (_, "/204") => wire.send("HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n"),
        (_, "/206") => wire.answer("206 Partial Content", &["Content-Range: bytes 2-4/10"], "cde"),
        _ => {
            let body =
                "--b\r\nContent-Range: bytes 0-0/9\r\n\r\na\r\n--b\r\nContent-Range: bytes 8-8/9\r\n\r\ni\r\n--b--\r\n";
            wire.answer("206 Partial Content", &["Content-Type: multipart/byteranges; boundary=b"], body);
        }
    });
    let (_site, door) = before(legacy);
    let mut client = door.client();
    client.send(request("HEAD", "/", &[], b""));
    let head = client.answer("HEAD");
    assert_eq!(
        (head.header("content-length").as_deref(), head.header("etag").as_deref()),
        (Some("12345"), Some("\"h\""))
    );
    let not_modified = client.get("/304", &["If-None-Match: \"e\""]);
    assert_eq!((not_modified.status(), not_modified.header("etag").as_deref()), (304, Some("\"e\"")));
    let none = client.get("/204", &[]);
    assert_eq!((none.status(), none.header("content-length"), none.header("transfer-encoding")), (204, None, None));
    let part = client.get("/206", &["Range: bytes=2-4"]);
    assert_eq!(
        (part.status(), part.header("content-range").as_deref(), part.text().as_str()),
        (206, Some("bytes 2-4/10"), "cde")
    );
    let parts = client.get("/parts", &["Range: bytes=0-0,8-8"]);
    assert_eq!(parts.header("content-type").as_deref(), Some("multipart/byteranges; boundary=b"));
    assert!(parts.text().ends_with("\r\ni\r\n--b--\r\n"), "{:?}", parts.text());
}

#[test]
fn an_encoded_body_is_not_decoded() {
    let body: Vec<u8> = (0..=255).cycle().take(70_000).collect();
    let sent = body.clone();
    let (_site, door) = before(Origin::answering(move |_, wire| {
        wire.answer("200 OK", &["Content-Encoding: gzip", "Content-Type: text/html"], &sent);
    }));
    let answer = door.ask("GET", "/", &["Accept-Encoding: br"], b"");
    assert_eq!(answer.body, body);
    assert_eq!(answer.header("content-encoding").as_deref(), Some("gzip"));
}

#[test]
fn an_http_10_client_gets_an_answer_it_understands() {
    let (_site, door) = before(Origin::answering(|_, wire| {
        wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        wire.chunk("hello ");
        wire.chunk("world");
        wire.last_chunk();
    }));
    let mut client = door.client();
    client.send("GET / HTTP/1.0\r\nHost: site.test\r\n\r\n");
    let answer = client.answer("GET");
    assert_eq!((answer.status(), answer.text().as_str()), (200, "hello world"));
    assert_eq!(answer.header("transfer-encoding"), None, "an HTTP/1.0 client knows no chunks");
}

#[test]
fn a_body_that_ends_with_the_connection_is_whole() {
    for version in ["HTTP/1.0", "HTTP/1.1"] {
        let (_site, door) =
            before_last_bytes(format!("{version} 200 OK\r\nContent-Type: text/plain\r\n\r\nto the end"));
        let mut client = door.client();
        client.send(request("GET", "/", &[], b""));
        assert_eq!(client.answer("GET").text(), "to the end", "{version}");
    }
}

#[test]
fn an_http_10_backend_with_a_length_is_understood() {
    let (_site, door) = before_last_bytes("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    let mut client = door.client();
    for _ in 0..3 {
        assert_eq!(client.get("/", &[]).text(), "hello");
    }
}

/// What a client makes of an answer whose transfer ends like this.
fn broken_after(answer: &'static str, end: fn(&mut Wire)) -> Result<Answer, Broken> {
    let (_site, door) = before(Origin::answering(move |_, wire| {
        wire.send(answer);
        end(wire);
    }));
    let mut client = door.client();
    client.send(request("GET", "/", &[], b""));
    client.try_answer("GET")
}

#[test]
fn a_backend_that_dies_inside_of_a_body_is_seen_as_a_broken_transfer() {
    let by_length = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf";
    let by_chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n";
    let inside_chunk = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\nhalf";
    for answer in [by_length, by_chunks, inside_chunk] {
        for (how, end) in [("FIN", Wire::close as fn(&mut Wire)), ("RST", Wire::reset)] {
            if let Ok(answer) = broken_after(answer, end) {
                panic!("{how}: a cut answer looks complete: {answer:?}");
            }
        }
    }
}
