//! HTTP/1.1 on the wire, read byte for byte: just enough to know where a message ends. Shared by client and origin.

use std::io::{self, Read};
use std::net::TcpStream;

/// Bytes of a socket, read ahead as little as possible.
pub struct Reader {
    pub stream: TcpStream,
    ahead: Vec<u8>,
}

/// A message that ended before its end.
#[derive(Debug)]
pub struct Broken {
    /// What of the body had come.
    pub got: Vec<u8>,
    pub why: io::Error,
}

impl Reader {
    pub fn new(stream: TcpStream) -> Self {
        Self { stream, ahead: Vec::new() }
    }

    /// Reads once; `Ok(0)` is the end of the connection.
    fn fill(&mut self) -> io::Result<usize> {
        let mut piece = [0; 65_536];
        let length = self.stream.read(&mut piece)?;
        self.ahead.extend_from_slice(&piece[..length]);
        Ok(length)
    }

    /// Everything up to and with `end`; `None` if the connection ended before the first byte.
    pub fn until(&mut self, end: &[u8]) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(at) = find(&self.ahead, end) {
                return Ok(Some(self.ahead.drain(..at + end.len()).collect()));
            }
            if self.fill()? == 0 {
                if self.ahead.is_empty() {
                    return Ok(None);
                }
                return Err(ended(format!("inside {:?}", String::from_utf8_lossy(&self.ahead))));
            }
        }
    }

    /// Some bytes, at most `most`; empty at the end of the connection.
    pub fn some(&mut self, most: usize) -> io::Result<Vec<u8>> {
        if self.ahead.is_empty() {
            self.fill()?;
        }
        let length = most.min(self.ahead.len());
        Ok(self.ahead.drain(..length).collect())
    }

    /// A head: start line and header lines, with the empty line.
    pub fn head(&mut self) -> io::Result<Option<Vec<u8>>> {
        self.until(b"\r\n\r\n")
    }

    pub fn exactly(&mut self, length: usize) -> Result<Vec<u8>, Broken> {
        let mut got = Vec::with_capacity(length.min(1 << 20));
        while got.len() < length {
            match self.some(length - got.len()) {
                Ok(piece) if piece.is_empty() => {
                    let why = ended(format!("after {} of {length} bytes", got.len()));
                    return Err(Broken { got, why });
                }
                Ok(piece) => got.extend(piece),
                Err(why) => return Err(Broken { got, why }),
            }
        }
        Ok(got)
    }

    /// One chunk's data; empty at the last one, whose trailers are read and dropped.
    pub fn chunk(&mut self) -> Result<Vec<u8>, Broken> {
        let broken = |why| Broken { got: Vec::new(), why };
        let line = self.until(b"\r\n").map_err(broken)?.ok_or_else(|| broken(ended("before a chunk".to_owned())))?;
        let text = String::from_utf8_lossy(&line);
        let size = text.trim_end().split(';').next().unwrap_or_default();
        let size = usize::from_str_radix(size, 16)
            .map_err(|_| broken(io::Error::new(io::ErrorKind::InvalidData, format!("chunk size {text:?}"))))?;
        if size == 0 {
            while self.until(b"\r\n").map_err(broken)?.is_some_and(|line| line != b"\r\n") {}
            return Ok(Vec::new());
        }
        let data = self.exactly(size)?;
        self.exactly(2)?;
        Ok(data)
    }

    pub fn chunks(&mut self) -> Result<Vec<u8>, Broken> {
        let mut got = Vec::new();
        loop {
            match self.chunk() {
                Ok(data) if data.is_empty() => return Ok(got),
                Ok(data) => got.extend(data),
                Err(broken) => {
                    got.extend(broken.got);
                    return Err(Broken { got, why: broken.why });
                }
            }
        }
    }

    pub fn rest(&mut self) -> Result<Vec<u8>, Broken> {
        let mut got = Vec::new();
        loop {
            match self.some(usize::MAX) {
                Ok(piece) if piece.is_empty() => return Ok(got),
                Ok(piece) => got.extend(piece),
                Err(why) => return Err(Broken { got, why }),
            }
        }
    }

    /// The body that a head announces: chunked, by length, or none.
    pub fn body_of(&mut self, head: &[u8]) -> Result<Vec<u8>, Broken> {
        if header(head, "transfer-encoding").is_some_and(|coding| coding.to_ascii_lowercase().contains("chunked")) {
            return self.chunks();
        }
        match header(head, "content-length") {
            Some(length) => self.exactly(length.parse().unwrap_or(0)),
            None => Ok(Vec::new()),
        }
    }
}

fn ended(when: String) -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, format!("the connection ended {when}"))
}

pub fn find(within: &[u8], what: &[u8]) -> Option<usize> {
    within.windows(what.len()).position(|window| window == what)
}

/// The first line of a head, as bytes.
pub fn first_line(head: &[u8]) -> &[u8] {
    &head[..find(head, b"\r\n").unwrap_or(head.len())]
}

/// All values of a header, in order, as they were sent but for the spaces around them.
pub fn headers(head: &[u8], name: &str) -> Vec<String> {
    header_lines(head)
        .into_iter()
        .filter_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let named = line[..colon].eq_ignore_ascii_case(name.as_bytes());
            // Bytes beyond ASCII are shown as Latin-1, so that every byte stays distinguishable.
            named.then(|| line[colon + 1..].iter().map(|byte| char::from(*byte)).collect::<String>().trim().to_owned())
        })
        .collect()
}

pub fn header(head: &[u8], name: &str) -> Option<String> {
    headers(head, name).into_iter().next()
}

pub fn header_lines(head: &[u8]) -> Vec<&[u8]> {
    let mut lines = Vec::new();
    let mut rest = head;
    while let Some(at) = find(rest, b"\r\n") {
        lines.push(&rest[..at]);
        rest = &rest[at + 2..];
    }
    lines.into_iter().skip(1).filter(|line| !line.is_empty()).collect()
}
