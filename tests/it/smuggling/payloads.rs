//! What is sent, and what it means.

mod chunks;
mod combined;
mod connections;
mod lengths;
mod lines;
mod targets;

/// Raw bytes of one connection.
pub struct Payload {
    pub name: String,
    pub bytes: Vec<u8>,
    /// Of the requests, to know which answers have a body.
    pub method: &'static str,
    pub meant: Meant,
    /// Its method is none that the mirror copies, or it is an upgrade.
    pub is_not_copied: bool,
}

pub enum Meant {
    /// Nothing whole arrives; 400, 405 or 501, and the connection is closed.
    Refused,
    /// Exactly these arrive, target and body, and each is answered with 200.
    These(Vec<(&'static str, &'static [u8])>),
    /// These arrive, the next one is refused.
    RefusedAfter(Vec<(&'static str, &'static [u8])>),
}

use Meant::These;

const HOST: &[u8] = b"Host: site.test\r\n";
const HELLO: &[u8] = b"5\r\nhello\r\n0\r\n\r\n";
/// What may stand behind a request, and is one of its own.
const NEXT: &[u8] = b"GET /next HTTP/1.1\r\nHost: site.test\r\n\r\n";
const CHUNKED: &[u8] = b"Transfer-Encoding: chunked";
/// What must never arrive on its own where it is part of something else.
const SMUGGLED: &[u8] = b"GET /smuggled HTTP/1.1\r\nHost: site.test\r\n\r\n";

/// All payloads of the matrix.
pub fn all() -> Vec<Payload> {
    let mut all = Vec::new();
    lengths::all(&mut all);
    chunks::all(&mut all);
    lines::all(&mut all);
    targets::all(&mut all);
    connections::all(&mut all);
    combined::all(&mut all);
    all
}

fn add(all: &mut Vec<Payload>, name: impl Into<String>, bytes: impl Into<Vec<u8>>, meant: Meant) {
    all.push(Payload { name: name.into(), bytes: bytes.into(), method: "GET", meant, is_not_copied: false });
}

/// A request of which the mirror sends no copy.
fn not_copied(all: &mut Vec<Payload>, name: impl Into<String>, bytes: Vec<u8>, meant: Meant) {
    all.push(Payload { name: name.into(), bytes, method: "GET", meant, is_not_copied: true });
}

fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// `POST /p` with these header lines and this body.
fn post(lines: &[&[u8]], body: &[u8]) -> Vec<u8> {
    whole(b"POST /p HTTP/1.1", lines, body)
}

fn get(lines: &[&[u8]]) -> Vec<u8> {
    whole(b"GET /p HTTP/1.1", lines, b"")
}

fn whole(request_line: &[u8], lines: &[&[u8]], body: &[u8]) -> Vec<u8> {
    let mut bytes = [request_line, b"\r\n", HOST].concat();
    for line in lines {
        bytes.extend_from_slice(line);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    bytes
}

fn hello() -> Meant {
    These(vec![("/p", b"hello")])
}

fn empty() -> Meant {
    These(vec![("/p", b"")])
}

/// A body, and `/next` behind it.
fn and_next(body: &'static [u8]) -> Meant {
    These(vec![("/p", body), ("/next", b"")])
}
