//! A client's HTTP/1 connection: its [`Wire`], with the deadlines of the connection's [`Clock`] kept while nothing can be read.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::{Buf, BytesMut};
use http::StatusCode;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::{
    GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, TimingDigest, UniqueID,
    UniqueIDType,
};
use tokio::io::{AsyncRead, AsyncWrite, BufWriter, ReadBuf, empty};

use super::answer;
use super::client_side::{ClientSide, Refused};
use super::clock::{Alarm, Phase};
use super::framing::Framing;
use super::listen::Names;
use super::pace::Pace;
use super::wire::Wire;
use crate::config::settings::Limits;

/// Bytes gathered before a write: a usual head and a small body leave in one system call.
const WRITE_BUFFER: usize = 4 * 1024;

/// Bytes that a client may say behind a request for another protocol before that is agreed to. They are read although nobody may
/// have them yet: behind them may be the end of a client who has left.
const MOST_BEYOND: usize = 64 * 1024;

/// Bytes that are read ahead of the library, which looks whether the client is still there: as above.
const MOST_AHEAD: usize = 64 * 1024;
/// Of them, read at once.
const PIECE_AHEAD: usize = 4 * 1024;

#[derive(Debug)]
pub struct ClientStream {
    inner: BufWriter<Wire>,
    side: Arc<ClientSide>,
    framing: Framing,
    /// What came and was not looked at yet.
    ahead: BytesMut,
    /// How long a head may take from its first byte.
    header_timeout: Duration,
    alarm: Alarm,
    pace: Arc<Pace>,
    /// Since when the client takes nothing.
    untaken: Option<Instant>,
    /// Of the client that takes nothing. An alarm of its own: the other one may wait for something else at the same time.
    untaken_alarm: Alarm,
    /// What is written in the place of a head, as far as it is not yet.
    dated: BytesMut,
    names: Arc<Names>,
    /// The connection has ended in order, as far as the door speaks on it.
    ended: bool,
    /// The head of an answer that ends with the connection is written, and not flushed yet.
    head_waits: bool,
    /// The request that it is of.
    head_of: u32,
}

impl ClientStream {
    /// `ahead` is what the client has said already.
    pub fn new(
        (inner, ahead): (Wire, BytesMut),
        side: Arc<ClientSide>,
        pace: Arc<Pace>,
        limits: &Limits,
        names: Arc<Names>,
    ) -> Self {
        Self {
            inner: BufWriter::with_capacity(WRITE_BUFFER, inner),
            side,
            framing: Framing::new(limits.head.bytes),
            ahead,
            header_timeout: limits.header_timeout,
            alarm: Alarm::default(),
            pace,
            untaken: None,
            untaken_alarm: Alarm::default(),
            dated: BytesMut::new(),
            names,
            ended: false,
            head_waits: false,
            head_of: 0,
        }
    }

    /// To a client that only the end of the connection tells that it has the whole answer it is told at once: it may not have said all of
    /// its request, and waits. The library flushes the head of such an answer by itself, then what follows it.
    fn poll_end_of_answer(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.side.is_the_answers_end() || std::mem::take(&mut self.head_waits) {
            return Poll::Ready(Ok(()));
        }
        if self.side.is_the_answer_whole() && !self.ended {
            ready!(self.poll_send(cx, |to, cx| to.poll_shutdown(cx)))?;
            self.ended = true;
        }
        Poll::Ready(Ok(()))
    }

    fn note_head(&mut self, written: &[u8]) {
        let request = self.side.request();
        if self.side.is_the_answers_end() && self.head_of != request && final_status(written).is_some() {
            (self.head_of, self.head_waits) = (request, true);
        }
    }

    /// Whether what comes now is not to be read yet, or by others.
    fn is_held(&self) -> bool {
        self.framing.is_beyond() && (self.framing.beyond().len() >= MOST_BEYOND || self.side.passage.is_ours())
    }

    /// Whether the library does not want to read, but to know whether the client has gone: it gives a byte of room for that, and whoever
    /// fills it is not asked again, nor are the deadlines looked at. So the byte waits for the request that it is of.
    fn is_looked_after(&self, room: &ReadBuf<'_>) -> bool {
        room.remaining() == 1
            && match self.side.clock.phase() {
                Phase::Queue => !self.framing.is_beyond(),
                Phase::FirstByte | Phase::Answer => self.framing.has_whole(self.side.request()),
                _ => false,
            }
    }

    /// Ready when the client has gone. What it says meanwhile is kept.
    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.ahead.len() < MOST_AHEAD {
            let mut piece = [const { MaybeUninit::uninit() }; PIECE_AHEAD];
            let mut piece = ReadBuf::uninit(&mut piece);
            ready!(Pin::new(&mut self.inner).poll_read(cx, &mut piece))?;
            if piece.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            self.ahead.extend_from_slice(piece.filled());
        }
        Poll::Pending
    }

    /// Reads what was read ahead, and then on.
    fn poll_bytes(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.ahead.is_empty() {
            return Pin::new(&mut self.inner).poll_read(cx, buf);
        }
        let fits = self.ahead.len().min(buf.remaining());
        buf.put_slice(&self.ahead[..fits]);
        self.ahead.advance(fits);
        if self.ahead.is_empty() {
            self.ahead = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }

    fn has_read(&self) {
        if self.side.clock.phase() == Phase::Idle {
            self.side.clock.enter(Phase::Head, Some(self.header_timeout));
        }
        if self.framing.is_within_a_head() {
            self.side.asks();
        }
    }

    /// Writes, or waits until the client takes something: nothing more of the answer is read meanwhile.
    fn poll_send<T>(
        &mut self,
        cx: &mut Context<'_>,
        mut write: impl FnMut(Pin<&mut BufWriter<Wire>>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let mut sent = write(Pin::new(&mut self.inner), cx);
        if sent.is_pending() {
            let paced = self.side.clock.phase() == Phase::Answer;
            let pace = self.pace.clone();
            let mut wait = |cx: &mut Context<'_>| match write(Pin::new(&mut self.inner), cx) {
                Poll::Pending => {
                    let since = *self.untaken.get_or_insert_with(Instant::now);
                    let over = self.untaken_alarm.poll_until(self.side.clock.untaken_until(since), cx);
                    over.map(|()| {
                        Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes no more of its answer"))
                    })
                }
                written => written,
            };
            sent = if paced { pace.poll_wait(wait) } else { wait(cx) };
        }
        if sent.is_ready() {
            self.untaken = None;
            self.side.clock.moved();
        }
        sent
    }

    /// Pingora flushes an answer of known length only at its end. But while there is nothing to read there is nothing more to
    /// write at this moment either, so what was gathered goes out: a slow answer reaches the client as it comes.
    fn send_what_waits(&mut self, cx: &mut Context<'_>) {
        if !self.inner.buffer().is_empty() {
            // Trouble shows at the next write; a full socket wakes the task when it takes more.
            let _ = Pin::new(&mut self.inner).poll_flush(cx);
        }
    }
}

/// Of bytes that begin the head of an answer.
fn final_status(head: &[u8]) -> Option<StatusCode> {
    let status = StatusCode::from_bytes(head.strip_prefix(b"HTTP/1.1 ")?.get(..3)?).ok()?;
    Some(status).filter(|status| !status.is_informational())
}

/// An answer's head with the origin's own Date, whatever it looks like, in the place of the one that pingora writes over it.
/// `None`: these bytes are no final head, or have no Date.
fn with_date(head: &[u8], date: &[u8]) -> Option<BytesMut> {
    let status = head.strip_prefix(b"HTTP/1.")?.get(2)?;
    if *status == b'1' {
        return None;
    }
    let at = memchr::memmem::find_iter(head, b"\r\n")
        .map(|line_end| line_end + 2)
        .find(|start| head.get(*start..*start + 6).is_some_and(|name| name.eq_ignore_ascii_case(b"date: ")))?;
    let (before, rest) = head.split_at_checked(at + 6)?;
    let after = &rest[memchr::memmem::find(rest, b"\r\n")?..];
    let mut dated = BytesMut::with_capacity(before.len() + date.len() + after.len());
    [before, date, after].iter().for_each(|part| dated.extend_from_slice(part));
    Some(dated)
}

impl AsyncRead for ClientStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.side.clock.looks();
        if self.framing.is_beyond() && self.side.passage.is_the_librarys() {
            self.framing.show_beyond();
        }
        if self.framing.has_to_show() {
            self.framing.show(buf);
            return Poll::Ready(Ok(()));
        }
        let looked_after = self.is_looked_after(buf);
        if looked_after && let Poll::Ready(gone) = self.poll_gone(cx) {
            return Poll::Ready(gone);
        }
        let before = buf.filled().len();
        while !looked_after
            && !self.is_held()
            && let Poll::Ready(result) = self.poll_bytes(cx, buf)
        {
            let came = buf.filled().len() > before;
            let shown = self.framing.check(&mut buf.filled_mut()[before..]);
            buf.set_filled(before + shown);
            self.framing.show(buf);
            if self.framing.is_beyond() {
                self.side.passage.is_asked_for();
            }
            for withheld in self.framing.take_withheld() {
                self.side.keep_withheld(withheld);
            }
            self.has_read();
            // To show nothing would be to say that the client has gone.
            if came && result.is_ok() && buf.filled().len() == before {
                continue;
            }
            return Poll::Ready(result);
        }
        self.send_what_waits(cx);
        let this = &mut *self;
        if this.alarm.poll(&this.side.clock, cx).is_pending() {
            return Poll::Pending;
        }
        match self.side.clock.miss() {
            // To pingora a client that sends nothing has gone, which it has seen before and says nothing about.
            Phase::Idle => {
                // TLS has a word for that; a client that takes nothing does not hear it.
                let _ = Pin::new(&mut self.inner).poll_shutdown(cx);
                Poll::Ready(Ok(()))
            }
            phase => Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, format!("{phase:?} took too long")))),
        }
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.note_head(buf);
        if self.dated.is_empty()
            && matches!(self.side.clock.phase(), Phase::Idle | Phase::Head)
            && let Some(status) = final_status(buf)
        {
            let status = if self.framing.is_target_too_long() { StatusCode::URI_TOO_LONG } else { status };
            let refused = Refused { status, name: self.names.of_unread() };
            self.dated = answer::unread(&refused, &self.side.entrance().listener);
            self.side.refuse(refused);
        }
        if self.dated.is_empty() {
            let Some(dated) = self.side.date().and_then(|date| with_date(buf, date.as_bytes())) else {
                return self.poll_send(cx, |to, cx| to.poll_write(cx, buf));
            };
            self.side.set_date(None);
            self.dated = dated;
        }
        // As a whole, because a part of it is no part of what it stands for.
        while !self.dated.is_empty() {
            let dated = std::mem::take(&mut self.dated);
            let written = self.poll_send(cx, |to, cx| to.poll_write(cx, &dated));
            self.dated = dated;
            match ready!(written)? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.dated.advance(written),
            }
        }
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(cx, |to, cx| to.poll_flush(cx)))?;
        self.poll_end_of_answer(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.side.passage.is_ours() {
            return self.poll_flush(cx);
        }
        self.ended = true;
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_send(cx, |to, cx| to.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

/// The library is done with a request for another protocol, and what follows is ours; or we are done with the library.
impl Drop for ClientStream {
    fn drop(&mut self) {
        if self.side.is_the_answers_end() && !self.ended {
            self.inner.get_ref().resets();
        }
        if !self.inner.buffer().is_empty() {
            return;
        }
        if self.side.passage.is_ours() {
            let wire = std::mem::replace(self.inner.get_mut(), Wire::Gone(empty()));
            let mut early = self.framing.take_beyond();
            early.extend_from_slice(&self.ahead);
            self.side.passage.leave_client(wire, early);
        } else if self.side.clock.phase() != Phase::Answer && self.side.clock.is_given_up() {
            self.side.leave(std::mem::replace(self.inner.get_mut(), Wire::Gone(empty())));
        }
    }
}

// What pingora wants to know of a connection is the inner stream's to tell.

#[async_trait]
impl Shutdown for ClientStream {
    async fn shutdown(&mut self) {
        // What was written must leave before the end does; a client that is gone cannot be told either.
        let _ = tokio::io::AsyncWriteExt::flush(&mut self.inner).await;
        if self.side.passage.is_ours() {
            return;
        }
        self.ended = true;
        Shutdown::shutdown(self.inner.get_mut()).await;
    }
}

impl UniqueID for ClientStream {
    fn id(&self) -> UniqueIDType {
        self.inner.get_ref().id()
    }
}

impl Ssl for ClientStream {}

impl Peek for ClientStream {}

impl GetTimingDigest for ClientStream {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        self.inner.get_ref().get_timing_digest()
    }
}

impl GetProxyDigest for ClientStream {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        self.inner.get_ref().get_proxy_digest()
    }
}

impl GetSocketDigest for ClientStream {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        self.inner.get_ref().get_socket_digest()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::with_date;

    const OLD: &[u8] = b"Mon, 01 Jan 2024 00:00:00 GMT";

    #[test]
    fn the_origins_date_is_put_back_and_nothing_else_is_touched() {
        let head = |date: &[u8]| {
            [b"HTTP/1.1 200 OK\r\nX-Date: keep me\r\ndate: ".as_slice(), date, b"\r\nA: b\r\n\r\n"].concat()
        };
        // The forms that are still written, those that were, and none at all (RFC 9110, section 5.6.7).
        for date in [OLD, b"Monday, 01-Jan-24 00:00:00 GMT", b"Mon Jan  1 00:00:00 2024", b"yesterday", b""] {
            let dated = with_date(&head(b"Sat, 21 Nov 2026 04:50:51 GMT"), date).unwrap();
            assert_eq!(String::from_utf8(dated.to_vec()), String::from_utf8(head(date)));
        }
    }

    #[test]
    fn bodies_and_interim_answers_are_left_alone() {
        assert_eq!(with_date(b"x\r\nDate: Sat, 21 Nov 2026 04:50:51 GMT\r\n", OLD), None);
        assert_eq!(with_date(b"HTTP/1.1 103 Early Hints\r\nDate: Sat, 21 Nov 2026 04:50:51 GMT\r\n\r\n", OLD), None);
        assert_eq!(with_date(b"HTTP/1.1 200 OK\r\nDate: Sat", OLD), None);
    }
}
