//! One HTTP/2 stream, as pingora wants to see a request: its head, its body as it is read, its answer as it is written.
//!
//! Pingora has such a type of its own, which writes over the origin's Date, swallows interim answers and waits for a body
//! for ever. This one keeps the deadlines of its [`Clock`] as an HTTP/1 connection does.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::header::{CONNECTION, CONTENT_LENGTH, DATE, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::protocols::Digest;
use pingora::protocols::http::HttpTask;
use pingora::protocols::http::body_buffer::FixedBuffer;
use pingora::protocols::http::custom::CustomMessageWrite;
use pingora::protocols::http::custom::server::Session;
use pingora::protocols::l4::socket::SocketAddr;
use pingora::{Error, ErrorType, OrErr, Result};

use super::refuse;
use super::room::Share;
use super::streams::Place;
use crate::proxy::client_side::ClientSide;
use crate::proxy::clock::Alarm;
use crate::proxy::fallback::REPLAYABLE;
use crate::proxy::pace::Pace;

/// Bytes of an answer that are handed to the connection at once.
const LARGEST_PIECE: usize = 64 << 10;

pub struct ClientRequest {
    head: RequestHeader,
    body: RecvStream,
    respond: SendResponse<Bytes>,
    answer: Option<SendStream<Bytes>>,
    written: Option<Box<ResponseHeader>>,
    /// Everything of the answer has been handed over, or it was given up.
    ended: bool,
    bytes_read: usize,
    bytes_sent: usize,
    /// What was read of the body, for another attempt.
    replay: Option<FixedBuffer>,
    digest: Digest,
    alarm: Alarm,
    write_timeout: Option<Duration>,
    drain_timeout: Option<Duration>,
    kept: Kept,
}

/// What keeps a stream within its bounds.
#[derive(Debug)]
pub struct Kept {
    pub side: Arc<ClientSide>,
    pub pace: Arc<Pace>,
    pub place: Place,
    /// Of the body, if there was any left.
    pub share: Option<Share>,
}

impl ClientRequest {
    pub fn new(
        head: RequestHeader,
        body: RecvStream,
        respond: SendResponse<Bytes>,
        digest: Digest,
        kept: Kept,
    ) -> Self {
        Self {
            head,
            body,
            respond,
            answer: None,
            written: None,
            ended: false,
            bytes_read: 0,
            bytes_sent: 0,
            replay: None,
            digest,
            alarm: Alarm::default(),
            write_timeout: None,
            drain_timeout: None,
            kept,
        }
    }

    /// Pieces are given back to the client's window as they are taken: whoever asks for one has room for it. Empty ones are passed
    /// over: in chunks, which is how pingora writes them to HTTP/1, an empty piece is the end of the body, and a second end the
    /// beginning of another request (<https://github.com/cloudflare/pingora/issues/935>).
    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        self.kept.side.clock.looks();
        loop {
            match self.body.poll_data(cx) {
                Poll::Ready(Some(Ok(piece))) if piece.is_empty() => {}
                Poll::Ready(Some(piece)) => return Poll::Ready(self.take(piece).map(Some)),
                Poll::Ready(None) => return Poll::Ready(Ok(None)),
                Poll::Pending => return self.poll_late(cx).map(Err),
            }
        }
    }

    fn take(&mut self, piece: std::result::Result<Bytes, h2::Error>) -> Result<Bytes> {
        let piece = piece.or_err(ErrorType::ReadError, "reading a request body").map_err(|error| error.into_down())?;
        self.bytes_read += piece.len();
        self.kept.place.moved(piece.len());
        if let Some(replay) = &mut self.replay {
            replay.write_to_buffer(&piece);
        }
        // The stream may have been reset meanwhile, which the next read tells.
        let _ = self.body.flow_control().release_capacity(piece.len());
        Ok(piece)
    }

    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<Box<Error>> {
        self.kept.side.clock.looks();
        let reset = match &mut self.answer {
            Some(answer) => answer.poll_reset(cx),
            None => self.respond.poll_reset(cx),
        };
        match reset {
            Poll::Ready(how) => {
                let how = how.map_or_else(|error| error.to_string(), |reason| reason.to_string());
                Poll::Ready(Error::explain(ErrorType::ConnectionClosed, format!("the client left: {how}")).into_down())
            }
            Poll::Pending => self.poll_late(cx),
        }
    }

    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<Box<Error>> {
        if self.alarm.poll(&self.kept.side.clock, cx).is_pending() {
            return Poll::Pending;
        }
        let phase = self.kept.side.clock.miss();
        Poll::Ready(Error::explain(ErrorType::ReadTimedout, format!("{phase:?} took too long")).into_down())
    }

    fn begin_answer(&mut self, mut head: Box<ResponseHeader>, mut end: bool) -> Result<()> {
        if self.ended || self.written.is_some() {
            return Ok(());
        }
        without_connection_fields(&mut head);
        if head.status.is_informational() {
            return self.inform(&head);
        }
        if !head.headers.contains_key(DATE) {
            let now = httpdate::fmt_http_date(SystemTime::now());
            head.insert_header(DATE, HeaderValue::try_from(now).or_err(ErrorType::InternalError, "writing a date")?)?;
        }
        // What has no body ends here, whether or not somebody says so later.
        end |= self.head.method == Method::HEAD
            || matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        let answer = Response::from_parts(head.as_owned_parts(), ());
        self.answer = Some(self.respond.send_response(answer, end).map_err(lost)?);
        self.written = Some(head);
        self.kept.place.answered();
        if end {
            self.end();
        }
        Ok(())
    }

    /// 100 and 103 are passed on; 101 has no meaning here.
    fn inform(&mut self, head: &ResponseHeader) -> Result<()> {
        if head.status == StatusCode::SWITCHING_PROTOCOLS {
            return Ok(());
        }
        self.respond.send_informational(Response::from_parts(head.as_owned_parts(), ())).map_err(lost)
    }

    async fn write(&mut self, mut data: Bytes, end: bool) -> Result<()> {
        if self.ended {
            return Ok(());
        }
        let patience = self.write_timeout;
        let Some(answer) = &mut self.answer else {
            return Error::e_explain(ErrorType::InternalError, "a body before its head");
        };
        while !data.is_empty() {
            answer.reserve_capacity(data.len().min(LARGEST_PIECE));
            let clock = &self.kept.side.clock;
            let room = poll_fn(|cx| match answer.poll_capacity(cx) {
                Poll::Pending if clock.is_cut() => Poll::Ready(None),
                room => room,
            });
            let room = self.kept.pace.wait(within(patience, room)).await?;
            let room = room.ok_or_else(|| Error::explain(ErrorType::WriteError, "the client left").into_down())?;
            let piece = data.split_to(room.map_err(lost)?.min(data.len()));
            self.bytes_sent += piece.len();
            self.kept.place.moved(piece.len());
            answer.send_data(piece, end && data.is_empty()).map_err(lost)?;
            self.kept.side.clock.moved();
            if end && data.is_empty() {
                self.end();
                return Ok(());
            }
        }
        if end { self.close() } else { Ok(()) }
    }

    /// The last frame of the answer, if it has not left with the last piece.
    fn close(&mut self) -> Result<()> {
        if self.ended {
            return Ok(());
        }
        // Without a head there is nothing to end: the stream is reset when it is dropped.
        let Some(answer) = &mut self.answer else { return Ok(()) };
        answer.send_data(Bytes::new(), true).map_err(lost)?;
        self.end();
        Ok(())
    }

    fn end(&mut self) {
        self.ended = true;
        self.kept.place.finished();
    }

    /// So that nobody takes what was sent for the whole.
    fn give_up(&mut self, reason: Reason) {
        if self.ended {
            return;
        }
        match &mut self.answer {
            Some(answer) => answer.send_reset(reason),
            None => self.respond.send_reset(reason),
        }
        self.ended = true;
    }

    async fn write_all(&mut self, tasks: Vec<HttpTask>) -> Result<bool> {
        let mut over = false;
        for task in tasks {
            over |= match task {
                HttpTask::Header(head, end) => {
                    self.begin_answer(head, end)?;
                    end
                }
                HttpTask::Body(data, end) => {
                    self.write(data.unwrap_or_default(), end).await?;
                    end
                }
                HttpTask::Trailer(Some(trailers)) => {
                    self.write_trailers(*trailers).await?;
                    true
                }
                HttpTask::Trailer(None) | HttpTask::Done => true,
                HttpTask::UpgradedBody(..) => {
                    return Error::e_explain(ErrorType::InternalError, "a tunnel inside of HTTP/2");
                }
                HttpTask::Failed(error) => return Err(error),
            };
        }
        if over {
            self.close()?;
        }
        Ok(over)
    }

    async fn drain(&mut self) -> Result<()> {
        while !self.is_body_done() && poll_fn(|cx| self.poll_body(cx)).await?.is_some() {}
        Ok(())
    }
}

/// The library has not looked at the request for too long.
impl Drop for ClientRequest {
    fn drop(&mut self) {
        let Some(refused) = self.kept.side.given_up() else { return };
        if self.written.is_some() {
            self.give_up(Reason::INTERNAL_ERROR);
        } else {
            let text = refused.status.to_string();
            refuse(&mut self.respond, &text, &refused, &self.kept.side.entrance().listener);
        }
    }
}

fn lost(error: h2::Error) -> Box<Error> {
    Error::because(ErrorType::WriteError, "writing an answer", error).into_down()
}

async fn within<T>(patience: Option<Duration>, act: impl Future<Output = T>) -> Result<T> {
    let Some(patience) = patience else { return Ok(act.await) };
    let late = |_| Error::explain(ErrorType::WriteTimedout, "the client takes no more of its answer").into_down();
    tokio::time::timeout(patience, act).await.map_err(late)
}

/// RFC 9113, section 8.2.2: they speak of an HTTP/1 connection, as does what Connection names.
fn without_connection_fields(head: &mut ResponseHeader) {
    let named: Vec<HeaderName> = head
        .headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .collect();
    for name in named {
        head.remove_header(&name);
    }
    for name in [CONNECTION, TRANSFER_ENCODING, UPGRADE] {
        head.remove_header(&name);
    }
    for name in ["keep-alive", "proxy-connection"] {
        head.remove_header(name);
    }
}

#[async_trait]
impl Session for ClientRequest {
    fn req_header(&self) -> &RequestHeader {
        &self.head
    }

    fn req_header_mut(&mut self) -> &mut RequestHeader {
        &mut self.head
    }

    /// What the door refuses is read so, and is taken as it comes: it needs no room.
    async fn read_body_bytes(&mut self) -> Result<Option<Bytes>> {
        self.kept.share = None;
        poll_fn(|cx| self.poll_body(cx)).await
    }

    async fn drain_request_body(&mut self) -> Result<()> {
        let patience = self.drain_timeout;
        within(patience, self.drain()).await?
    }

    async fn write_response_header(&mut self, head: Box<ResponseHeader>, end: bool) -> Result<()> {
        self.begin_answer(head, end)
    }

    async fn write_response_header_ref(&mut self, head: &ResponseHeader, end: bool) -> Result<()> {
        self.begin_answer(Box::new(head.clone()), end)
    }

    async fn write_body(&mut self, data: Bytes, end: bool) -> Result<()> {
        self.write(data, end).await
    }

    async fn write_trailers(&mut self, trailers: HeaderMap) -> Result<()> {
        if self.ended {
            return Ok(());
        }
        let Some(answer) = &mut self.answer else {
            return Error::e_explain(ErrorType::InternalError, "trailers before their head");
        };
        answer.send_trailers(trailers).map_err(lost)?;
        self.end();
        Ok(())
    }

    /// A head leaves together with what is at hand behind it. A client that has read that of a refusal may end its upload before its
    /// length, which is an error of the stream (RFC 9113, section 8.1.1), and what waits of the answer would be lost with it.
    async fn response_duplex_vec(&mut self, tasks: Vec<HttpTask>) -> Result<bool> {
        let begins = matches!(tasks.first(), Some(HttpTask::Header(..)));
        let mut together = begins.then(|| self.kept.place.together());
        let mut writing = pin!(self.write_all(tasks));
        poll_fn(|cx| {
            let written = writing.as_mut().poll(cx);
            together = None;
            written
        })
        .await
    }

    fn set_read_timeout(&mut self, _: Option<Duration>) {}

    /// The clock keeps them.
    fn get_read_timeout(&self) -> Option<Duration> {
        None
    }

    fn set_write_timeout(&mut self, timeout: Option<Duration>) {
        self.write_timeout = timeout;
    }

    fn get_write_timeout(&self) -> Option<Duration> {
        self.write_timeout
    }

    fn set_total_drain_timeout(&mut self, timeout: Option<Duration>) {
        self.drain_timeout = timeout;
    }

    fn get_total_drain_timeout(&self) -> Option<Duration> {
        self.drain_timeout
    }

    fn request_summary(&self) -> String {
        format!("{} {}", self.head.method, String::from_utf8_lossy(self.head.raw_path()))
    }

    fn response_written(&self) -> Option<&ResponseHeader> {
        self.written.as_deref()
    }

    async fn shutdown(&mut self, _: u32, _: &str) {
        self.kept.place.finished();
        self.give_up(Reason::INTERNAL_ERROR);
    }

    fn is_body_done(&mut self) -> bool {
        self.is_body_empty() || self.body.is_end_stream()
    }

    async fn finish(&mut self) -> Result<()> {
        self.close()
    }

    fn is_body_empty(&mut self) -> bool {
        let said_so = || self.head.headers.get(CONTENT_LENGTH).is_some_and(|length| length.as_bytes() == b"0");
        self.bytes_read == 0 && (self.body.is_end_stream() || said_so())
    }

    async fn read_body_or_idle(&mut self, no_body_expected: bool) -> Result<Option<Bytes>> {
        if no_body_expected || self.is_body_done() {
            return Err(poll_fn(|cx| self.poll_gone(cx)).await);
        }
        poll_fn(|cx| self.poll_body(cx)).await
    }

    fn body_bytes_sent(&self) -> usize {
        self.bytes_sent
    }

    fn body_bytes_read(&self) -> usize {
        self.bytes_read
    }

    fn digest(&self) -> Option<&Digest> {
        Some(&self.digest)
    }

    fn digest_mut(&mut self) -> Option<&mut Digest> {
        Some(&mut self.digest)
    }

    fn client_addr(&self) -> Option<&SocketAddr> {
        self.digest.socket_digest.as_ref()?.peer_addr()
    }

    fn server_addr(&self) -> Option<&SocketAddr> {
        self.digest.socket_digest.as_ref()?.local_addr()
    }

    fn pseudo_raw_h1_request_header(&self) -> Bytes {
        Bytes::new()
    }

    fn enable_retry_buffering(&mut self) {
        if self.replay.is_none() {
            self.replay = Some(FixedBuffer::new(REPLAYABLE));
        }
    }

    fn retry_buffer_truncated(&self) -> bool {
        self.replay.as_ref().is_some_and(FixedBuffer::is_truncated)
    }

    fn get_retry_buffer(&self) -> Option<Bytes> {
        self.replay.as_ref().filter(|replay| !replay.is_truncated())?.get_buffer()
    }

    // Nothing of pingora's own custom protocols.

    async fn finish_custom(&mut self) -> Result<()> {
        Ok(())
    }

    fn take_custom_message_reader(
        &mut self,
    ) -> Option<Box<dyn futures_core::Stream<Item = Result<Bytes>> + Unpin + Send + Sync + 'static>> {
        None
    }

    fn restore_custom_message_reader(
        &mut self,
        _: Box<dyn futures_core::Stream<Item = Result<Bytes>> + Unpin + Send + Sync + 'static>,
    ) -> Result<()> {
        Ok(())
    }

    fn take_custom_message_writer(&mut self) -> Option<Box<dyn CustomMessageWrite>> {
        None
    }

    fn restore_custom_message_writer(&mut self, _: Box<dyn CustomMessageWrite>) -> Result<()> {
        Ok(())
    }
}
