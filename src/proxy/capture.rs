//! The bounded tee: what is kept of a request and its authoritative answer for the copy and the comparison.
//!
//! Bodies are reference-counted pieces, never copied here. One piece too many and the capture gives up, frees what it holds and
//! remembers why; the user's bytes go on untouched.

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

/// A body in pieces, up to a bound.
#[derive(Debug)]
struct Pieces {
    pieces: Vec<Bytes>,
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
        Self { pieces: Vec::new(), len: 0, max, overflown: false }
    }

    fn push(&mut self, piece: &Bytes) {
        if self.overflown || piece.is_empty() {
            return;
        }
        if self.len + piece.len() > self.max {
            self.overflown = true;
            self.pieces = Vec::new();
            return;
        }
        self.len += piece.len();
        self.pieces.push(piece.clone());
    }

    /// `None`: there was more than the bound.
    fn join(mut self) -> Option<Bytes> {
        if self.overflown {
            return None;
        }
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
    fn an_answer_that_never_came_is_no_answer() {
        let mut capture = Capture::new(4);
        capture.sent(&RequestHeader::build("GET", b"/", None).unwrap());
        assert_eq!(capture.finish().unwrap_err(), Unproven::Aborted);
    }
}
