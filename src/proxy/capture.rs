//! The bounded tee: what is kept of a request and its authoritative answer for the copy and the comparison.
//!
//! Bodies are kept in the pieces in which they came, which are counted references and no copies; only small ones are put together,
//! because each piece costs room of its own. One piece too many and the capture gives up, frees what it holds and remembers why;
//! the user's bytes go on untouched.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode};
use pingora::http::{RequestHeader, ResponseHeader};

use crate::diff::Observation;
use crate::evidence::Unproven;
use crate::upstream::append_trailers;

#[derive(Debug)]
pub struct Capture {
    head: Option<Box<RequestHeader>>,
    request: Pieces,
    answer: Option<(StatusCode, HeaderMap)>,
    body: Pieces,
}

/// Bytes of a piece that is worth its own room.
const LARGE: usize = 1024;

/// A body in pieces, up to a bound.
#[derive(Debug)]
struct Pieces {
    pieces: Vec<Bytes>,
    /// Small pieces behind those, put together.
    small: BytesMut,
    len: usize,
    max: usize,
    overflown: bool,
}

/// A whole exchange, captured.
#[derive(Debug)]
pub struct Captured {
    pub head: Box<RequestHeader>,
    pub body: Bytes,
    pub answer: Observation,
}

impl Capture {
    pub fn new(max_body: usize) -> Self {
        Self { head: None, request: Pieces::new(max_body), answer: None, body: Pieces::new(max_body) }
    }

    /// A new attempt begins: what was seen of the last one is not its answer.
    pub fn reset(&mut self) {
        *self = Self::new(self.request.max);
    }

    pub fn sent(&mut self, head: &RequestHeader) {
        self.head = Some(Box::new(head.clone()));
    }

    pub fn request_piece(&mut self, piece: &Bytes) {
        self.request.push(piece);
    }

    pub fn answered(&mut self, head: &ResponseHeader) {
        self.answer = Some((head.status, head.headers.clone()));
    }

    pub fn answer_trailers(&mut self, trailers: &HeaderMap) {
        if let Some((_, headers)) = &mut self.answer {
            append_trailers(headers, trailers);
        }
    }

    pub fn answer_piece(&mut self, piece: &Bytes) {
        self.body.push(piece);
    }

    /// # Errors
    /// Why there is nothing to compare.
    pub fn finish(self) -> Result<Captured, Unproven> {
        let body = self.request.join().ok_or(Unproven::RequestTooLarge)?;
        let answer_body = self.body.join().ok_or(Unproven::ResponseTooLarge)?;
        let (Some(head), Some((status, headers))) = (self.head, self.answer) else { return Err(Unproven::Aborted) };
        Ok(Captured { head, body, answer: Observation { status, headers, body: answer_body } })
    }
}

impl Pieces {
    fn new(max: usize) -> Self {
        Self { pieces: Vec::new(), small: BytesMut::new(), len: 0, max, overflown: false }
    }

    fn push(&mut self, piece: &Bytes) {
        if self.overflown || piece.is_empty() {
            return;
        }
        if self.len + piece.len() > self.max {
            *self = Self { overflown: true, ..Self::new(self.max) };
            return;
        }
        self.len += piece.len();
        // Most bodies are one piece: it is kept as it came, whatever its size.
        if piece.len() < LARGE && !self.pieces.is_empty() {
            return self.small.extend_from_slice(piece);
        }
        self.put_small_away();
        self.pieces.push(piece.clone());
    }

    fn put_small_away(&mut self) {
        if !self.small.is_empty() {
            self.pieces.push(self.small.split().freeze());
        }
    }

    /// `None`: it was too large.
    fn join(mut self) -> Option<Bytes> {
        if self.overflown {
            return None;
        }
        self.put_small_away();
        if self.pieces.len() <= 1 {
            return Some(self.pieces.pop().unwrap_or_default());
        }
        let mut whole = BytesMut::with_capacity(self.len);
        self.pieces.iter().for_each(|piece| whole.extend_from_slice(piece));
        Some(whole.freeze())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn captured(max: usize, request: &[&'static [u8]], answer: &[&'static [u8]]) -> Result<Captured, Unproven> {
        let mut capture = Capture::new(max);
        capture.sent(&RequestHeader::build("POST", b"/", None).unwrap());
        request.iter().for_each(|piece| capture.request_piece(&Bytes::from_static(piece)));
        capture.answered(&ResponseHeader::build(200, None).unwrap());
        answer.iter().for_each(|piece| capture.answer_piece(&Bytes::from_static(piece)));
        capture.finish()
    }

    #[test]
    fn pieces_become_a_body_up_to_the_bound_and_not_a_byte_more() {
        let whole = captured(4, &[b"ab", b"", b"cd"], &[b"wxyz"]).unwrap();
        assert_eq!((&whole.body[..], &whole.answer.body[..]), (&b"abcd"[..], &b"wxyz"[..]));
        assert_eq!(captured(4, &[b"ab", b"cde"], &[]).unwrap_err(), Unproven::RequestTooLarge);
        assert_eq!(captured(4, &[], &[b"12345"]).unwrap_err(), Unproven::ResponseTooLarge);
    }

    #[test]
    fn a_body_that_comes_byte_by_byte_takes_little_room() {
        let mut pieces = Pieces::new(1 << 20);
        let sent: Vec<u8> = (0..100_000_u32).map(|at| at as u8).collect();
        sent.iter().for_each(|byte| pieces.push(&Bytes::copy_from_slice(&[*byte])));
        assert!(pieces.pieces.len() < 10, "{}", pieces.pieces.len());
        pieces.push(&Bytes::from(vec![b'x'; LARGE]));
        pieces.push(&Bytes::from_static(b"end"));
        assert_eq!(pieces.join().unwrap(), [&sent[..], &[b'x'; LARGE], b"end"].concat());
    }

    #[test]
    fn an_answer_that_never_came_is_no_answer() {
        let mut capture = Capture::new(4);
        capture.sent(&RequestHeader::build("GET", b"/", None).unwrap());
        assert_eq!(capture.finish().unwrap_err(), Unproven::Aborted);
    }
}
