//! An origin that keeps every byte and reads it as strictly as HTTP can be read (RFC 9112): what it cannot read so is unsound.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use crate::harness::wire::find;

/// A whole request, or what arrived in its place.
#[derive(Debug, Clone)]
pub struct Arrived {
    pub method: String,
    pub target: String,
    pub body: Vec<u8>,
    pub unsound: Option<String>,
}

#[derive(Default)]
struct Kept {
    arrived: Vec<Arrived>,
    bytes: Vec<u8>,
}

pub struct Recorder {
    pub address: SocketAddr,
    kept: Arc<(Mutex<Kept>, Condvar)>,
}

impl Recorder {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let kept: Arc<(Mutex<Kept>, Condvar)> = Arc::default();
        let shared = kept.clone();
        // Ends with the test's process: a thread that waits costs nothing.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = shared.clone();
                std::thread::spawn(move || serve(stream, &shared));
            }
        });
        Self { address, kept }
    }

    pub fn now(&self) -> Vec<Arrived> {
        self.kept.0.lock().unwrap().arrived.clone()
    }

    pub fn take(&self) -> Vec<Arrived> {
        let mut kept = self.kept.0.lock().unwrap();
        kept.bytes.clear();
        std::mem::take(&mut kept.arrived)
    }

    /// Waits until these bytes have come, on whatever connection.
    pub fn await_bytes(&self, bytes: &[u8], patience: Duration) {
        let kept = self.kept.0.lock().unwrap();
        let missing = |kept: &mut Kept| find(&kept.bytes, bytes).is_none();
        let (_kept, late) = self.kept.1.wait_timeout_while(kept, patience, missing).unwrap();
        assert!(!late.timed_out(), "{:?} never came", String::from_utf8_lossy(bytes));
    }
}

fn serve(mut stream: TcpStream, kept: &(Mutex<Kept>, Condvar)) {
    let mut ahead = Vec::new();
    let mut piece = [0; 65_536];
    loop {
        while let Some((arrived, length)) = parse(&ahead) {
            ahead.drain(..length);
            let unsound = arrived.unsound.is_some();
            let answer: &[u8] = match arrived.method.as_str() {
                "HEAD" => b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n",
                _ => b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            };
            kept.0.lock().unwrap().arrived.push(arrived);
            if stream.write_all(answer).is_err() || unsound {
                return;
            }
        }
        match stream.read(&mut piece) {
            Ok(length) if length > 0 => {
                ahead.extend_from_slice(&piece[..length]);
                kept.0.lock().unwrap().bytes.extend_from_slice(&piece[..length]);
                kept.1.notify_all();
            }
            _ => return,
        }
    }
}

/// The first request and its length; `None`: it is not whole yet.
fn parse(bytes: &[u8]) -> Option<(Arrived, usize)> {
    let head_length = find(bytes, b"\r\n\r\n")? + 4;
    let head = &bytes[..head_length];
    let mut lines = split_lines(&head[..head_length - 4]);
    let request_line = lines.remove(0);
    let words: Vec<&[u8]> = request_line.split(|byte| *byte == b' ').collect();
    let word =
        |at: usize| words.get(at).map_or(String::new(), |word| word.iter().map(|byte| char::from(*byte)).collect());
    let mut arrived =
        Arrived { method: word(0), target: word(1), body: Vec::new(), unsound: unsound_head(request_line, &lines) };
    if arrived.unsound.is_some() {
        return Some((arrived, bytes.len()));
    }
    let rest = &bytes[head_length..];
    if values(&lines, "transfer-encoding").is_empty() {
        let length = values(&lines, "content-length").first().map_or(0, |length| length.parse().unwrap());
        arrived.body = rest.get(..length)?.to_vec();
        return Some((arrived, head_length + length));
    }
    match chunks(rest) {
        Ok(None) => None,
        Ok(Some((body, length))) => {
            arrived.body = body;
            Some((arrived, head_length + length))
        }
        Err(why) => {
            arrived.unsound = Some(why);
            Some((arrived, bytes.len()))
        }
    }
}

fn split_lines(head: &[u8]) -> Vec<&[u8]> {
    let mut lines = Vec::new();
    let mut rest = head;
    while let Some(at) = find(rest, b"\r\n") {
        lines.push(&rest[..at]);
        rest = &rest[at + 2..];
    }
    lines.push(rest);
    lines
}

fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
}

fn is_text(text: &[u8]) -> bool {
    text.iter().all(|byte| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f))
}

fn values(lines: &[&[u8]], name: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        if line[..colon].eq_ignore_ascii_case(name.as_bytes()) {
            found.push(String::from_utf8_lossy(line.get(colon + 1..).unwrap_or_default()).trim().to_owned());
        }
    }
    found
}

fn unsound_head(request_line: &[u8], lines: &[&[u8]]) -> Option<String> {
    let words: Vec<&[u8]> = request_line.split(|byte| *byte == b' ').collect();
    let [method, target, version] = words.as_slice() else {
        return Some("the request line has no three words".to_owned());
    };
    if !is_token(method) || !is_text(target) || !(target.starts_with(b"/") || *target == b"*") {
        return Some(format!("request line {:?}", String::from_utf8_lossy(request_line)));
    }
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':');
        if !colon.is_some_and(|colon| is_token(&line[..colon]) && is_text(&line[colon + 1..])) {
            return Some(format!("header line {:?}", String::from_utf8_lossy(line)));
        }
    }
    let hosts = values(lines, "host").len();
    let at_least = usize::from(*version == b"HTTP/1.1");
    if ![&b"HTTP/1.1"[..], b"HTTP/1.0"].contains(version) || hosts < at_least || hosts > 1 {
        return Some(format!("{hosts} Host headers in {:?}", String::from_utf8_lossy(version)));
    }
    let (lengths, codings) = (values(lines, "content-length"), values(lines, "transfer-encoding"));
    let digits = |length: &String| {
        let octal = length.starts_with('0') && length.len() > 1;
        !length.is_empty() && !octal && length.bytes().all(|byte| byte.is_ascii_digit())
    };
    let framed = match (lengths.as_slice(), codings.as_slice()) {
        ([], []) => true,
        ([length], []) => digits(length),
        ([], [coding]) => coding == "chunked" && *version == b"HTTP/1.1",
        _ => false,
    };
    if !framed {
        return Some(format!("Content-Length {lengths:?}, Transfer-Encoding {codings:?}"));
    }
    // Names that CGI and its like take for others.
    let disguised = ["content_length", "transfer_encoding", "x_forwarded_for", "x_matapalo_mirror"];
    let told = disguised.iter().find(|name| !values(lines, name).is_empty());
    let upgraded = values(lines, "upgrade").iter().any(|to| to != "websocket");
    let nominated =
        values(lines, "connection").iter().any(|value| !["Upgrade", "keep-alive", "close"].contains(&value.as_str()));
    told.map(|name| format!("{name} passed"))
        .or_else(|| upgraded.then(|| "an upgrade to something passed".to_owned()))
        .or_else(|| nominated.then(|| "Connection was passed on".to_owned()))
}

/// The body and how many bytes it took.
fn chunks(bytes: &[u8]) -> Result<Option<(Vec<u8>, usize)>, String> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let Some(end) = find(&bytes[at..], b"\r\n") else { return Ok(None) };
        let size = &bytes[at..at + end];
        if size.is_empty() || !size.iter().all(u8::is_ascii_hexdigit) {
            return Err(format!("chunk size {:?}", String::from_utf8_lossy(size)));
        }
        let size = usize::from_str_radix(std::str::from_utf8(size).unwrap(), 16).map_err(|error| error.to_string())?;
        at += end + 2;
        let Some(data) = bytes.get(at..at + size + 2) else { return Ok(None) };
        if !data.ends_with(b"\r\n") {
            return Err("a chunk's data does not end where it should".to_owned());
        }
        body.extend_from_slice(&data[..size]);
        at += size + 2;
        if size == 0 {
            return Ok(Some((body, at)));
        }
    }
}
