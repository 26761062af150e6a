//! A raw HTTP/1.1 client: sends bytes verbatim, reads answers byte for byte.

use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use super::PATIENCE;
use super::wire::{Broken, Reader, first_line, header};

/// An answer as it came.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The exact bytes of the head, with its empty line.
    pub head: Vec<u8>,
    /// Decoded from chunks.
    pub body: Vec<u8>,
}

impl Answer {
    pub fn status(&self) -> u16 {
        let line = String::from_utf8_lossy(first_line(&self.head)).into_owned();
        line.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_else(|| panic!("no status in {line:?}"))
    }

    pub fn header(&self, name: &str) -> Option<String> {
        header(&self.head, name)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("not JSON ({error}): {}", self.text()))
    }
}

/// One connection.
pub struct Client {
    pub reader: Reader,
}

impl Client {
    pub fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address).unwrap_or_else(|error| panic!("cannot connect to {address}: {error}"))
    }

    pub fn try_connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { reader: Reader::new(stream) })
    }

    /// Waits this long for bytes, instead of the usual patience.
    pub fn patient_for(self, time: Duration) -> Self {
        self.reader.stream.set_read_timeout(Some(time)).unwrap();
        self
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.reader.stream.write_all(bytes.as_ref()).expect("the door takes the bytes");
        self
    }

    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.reader.stream.write_all(bytes.as_ref())
    }

    /// Half-closes: no more bytes come from this side.
    pub fn finish_sending(&mut self) {
        self.reader.stream.shutdown(Shutdown::Write).ok();
    }

    /// `GET` on a kept connection, with further header lines.
    pub fn get(&mut self, target: &str, lines: &[&str]) -> Answer {
        self.send(request("GET", target, lines, b""));
        self.answer("GET")
    }

    pub fn head(&mut self) -> Vec<u8> {
        self.reader.head().expect("a head comes").expect("a head comes before the connection ends")
    }

    /// The answer to a request of this method; fails the test if it is broken.
    pub fn answer(&mut self, method: &str) -> Answer {
        self.try_answer(method).unwrap_or_else(|broken| {
            panic!("broken answer: {} (body so far: {:?})", broken.why, String::from_utf8_lossy(&broken.got))
        })
    }

    /// The answer, or how it broke. Informational answers are passed over.
    pub fn try_answer(&mut self, method: &str) -> Result<Answer, Broken> {
        let broken = |why| Broken { got: Vec::new(), why };
        loop {
            let none = || broken(io::Error::new(io::ErrorKind::UnexpectedEof, "the connection ended before an answer"));
            let head = self.reader.head().map_err(broken)?.ok_or_else(none)?;
            let answer = Answer { head, body: Vec::new() };
            let status = answer.status();
            if (100..200).contains(&status) && status != 101 {
                continue;
            }
            let bodiless = method == "HEAD" || [101, 204, 304].contains(&status);
            let body = if bodiless { Vec::new() } else { self.body(&answer.head)? };
            return Ok(Answer { body, ..answer });
        }
    }

    fn body(&mut self, head: &[u8]) -> Result<Vec<u8>, Broken> {
        let framed = header(head, "transfer-encoding").is_some() || header(head, "content-length").is_some();
        if framed { self.reader.body_of(head) } else { self.reader.rest() }
    }

    /// Whether the other side has said goodbye; waits for it.
    pub fn is_closed(&mut self) -> bool {
        self.reader.some(1).is_ok_and(|bytes| bytes.is_empty())
    }
}

/// A request to `site.test` with these header lines.
pub fn request(method: &str, target: &str, lines: &[&str], body: &[u8]) -> Vec<u8> {
    let mut whole = format!("{method} {target} HTTP/1.1\r\n");
    if !lines.iter().any(|line| line.to_ascii_lowercase().starts_with("host:")) {
        whole.push_str("Host: site.test\r\n");
    }
    for line in lines {
        whole.push_str(line);
        whole.push_str("\r\n");
    }
    if !body.is_empty() {
        whole.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    whole.push_str("\r\n");
    let mut whole = whole.into_bytes();
    whole.extend_from_slice(body);
    whole
}

/// One request on a connection of its own.
pub fn one(address: SocketAddr, method: &str, target: &str, lines: &[&str], body: &[u8]) -> Answer {
    let mut client = Client::connect(address);
    let host = format!("Host: {address}");
    let named = lines.iter().any(|line| line.to_ascii_lowercase().starts_with("host:"));
    let lines: Vec<&str> = lines.iter().copied().chain((!named).then_some(host.as_str())).collect();
    client.send(request(method, target, &lines, body));
    client.answer(method)
}

/// `GET` on a connection of its own.
pub fn get(address: SocketAddr, target: &str) -> Answer {
    one(address, "GET", target, &[], b"")
}
