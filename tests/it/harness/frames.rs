//! HTTP/2 frame by frame, also such as no good client sends.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread::JoinHandle;

use super::PATIENCE;

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;
pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

#[derive(Debug, Clone)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

impl Frame {
    pub fn ends(&self) -> bool {
        matches!(self.kind, DATA | HEADERS) && self.flags & END_STREAM != 0
    }

    /// The code of a GOAWAY or a reset.
    pub fn reason(&self) -> Option<u32> {
        let at = match self.kind {
            RST_STREAM => 0,
            GOAWAY => 4,
            _ => return None,
        };
        Some(u32::from_be_bytes(self.payload.get(at..at + 4)?.try_into().ok()?))
    }

    /// Of a head. Common statuses are one byte; others are spelled out, in plain text or Huffman's.
    pub fn status(&self) -> u16 {
        match self.payload.iter().find(|byte| **byte & 0xe0 != 0x20) {
            Some(0x88) => 200,
            Some(0x8c) => 400,
            Some(0x8d) => 404,
            _ => 0,
        }
    }
}

pub struct Frames {
    stream: TcpStream,
}

impl Frames {
    /// Connects and opens the conversation, with an empty SETTINGS.
    pub fn open(address: SocketAddr) -> Self {
        let mut frames = Self::connect(address);
        frames.raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        frames.send(SETTINGS, 0, 0, &[]);
        frames
    }

    pub fn connect(address: SocketAddr) -> Self {
        Self::on(TcpStream::connect_timeout(&address, PATIENCE).unwrap())
    }

    /// The other side: takes what a client opens with, and says an empty SETTINGS.
    pub fn accept(stream: TcpStream) -> Self {
        let mut frames = Self::on(stream);
        let mut preface = [0; 24];
        frames.stream.read_exact(&mut preface).unwrap();
        assert_eq!(&preface, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        frames.send(SETTINGS, 0, 0, &[]);
        frames
    }

    fn on(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self { stream }
    }

    pub fn raw(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Whether the door still takes it.
    pub fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> bool {
        self.raw(&frame(kind, flags, stream, payload))
    }

    /// A head, whole.
    pub fn head(&mut self, stream: u32, fields: &[(&str, &str)], end: bool) -> bool {
        let flags = END_HEADERS | if end { END_STREAM } else { 0 };
        self.send(HEADERS, flags, stream, &block(fields))
    }

    pub fn read(&mut self) -> io::Result<Frame> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head)?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let mut payload = vec![0; length];
        self.stream.read_exact(&mut payload)?;
        let stream = u32::from_be_bytes([head[5] & 0x7f, head[6], head[7], head[8]]);
        Ok(Frame { kind: head[3], flags: head[4], stream, payload })
    }

    /// Frames of this stream, and GOAWAY, until either of them ends; empty if the connection did without a word.
    pub fn until_over(&mut self, stream: u32) -> Vec<Frame> {
        let mut seen = Vec::new();
        while let Ok(frame) = self.read() {
            let over = frame.kind == GOAWAY || (frame.stream == stream && (frame.kind == RST_STREAM || frame.ends()));
            if frame.kind == GOAWAY || frame.stream == stream {
                seen.push(frame);
            }
            if over {
                break;
            }
        }
        seen
    }

    /// Reads on while this thread goes on sending; what was read comes when the door closes the connection.
    pub fn in_background(&self) -> JoinHandle<Vec<Frame>> {
        let mut reader = Self { stream: self.stream.try_clone().unwrap() };
        std::thread::spawn(move || reader.until_closed())
    }

    /// Everything until the door closes the connection.
    pub fn until_closed(&mut self) -> Vec<Frame> {
        std::iter::from_fn(|| self.read().ok()).collect()
    }
}

pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// Fields as literals that are not indexed, whatever they hold.
pub fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            assert!(text.len() < 127, "longer texts take another form");
            block.push(text.len() as u8);
            block.extend(text.bytes());
        }
    }
    block
}

/// What every request has.
pub fn get(target: &str) -> Vec<(&str, &str)> {
    vec![(":method", "GET"), (":scheme", "http"), (":authority", "site.test"), (":path", target)]
}
