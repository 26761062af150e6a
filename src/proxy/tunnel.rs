//! A WebSocket's connection to its backend: one of its own, of which nothing is read before the request is over.
//!
//! The library takes the end of the request, which has no body, for the end of the tunnel when the backend's agreement is read
//! first (<https://github.com/cloudflare/pingora/issues/946>): the user gets the 101 and then the end of the connection. A fast
//! backend or a busy machine is enough. Here the answer waits behind a [`Gate`] until the end of the request has been noted.
//! Once the library tells the two ends apart, this file can go.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use parking_lot::Mutex;
use pingora::connectors::l4::Connect;
use pingora::protocols::l4::socket::SocketAddr;
use pingora::protocols::l4::stream::Stream;
use pingora::protocols::l4::virt::{VirtualSockOpt, VirtualSocket};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::socket::Stream as Socket;
use crate::upstream::{Announcement, RawTarget, as_stream, open};

/// Lets the answer through once the end of the request has been noted. Open until it is closed, for a handshake of TLS.
#[derive(Debug, Default)]
pub struct Gate(Mutex<Held>);

/// Only the connection's own task takes this lock.
#[derive(Debug, Default)]
struct Held {
    /// Until the answer may be read.
    flushes: u8,
    reader: Option<Waker>,
}

/// The library flushes a request without a body twice: behind its head, and where it notes its end.
const FLUSHES: u8 = 2;

impl Gate {
    /// The next that is sent is the head of a request without a body.
    pub fn close(&self) {
        self.0.lock().flushes = FLUSHES;
    }

    fn flushed(&self) {
        let mut held = self.0.lock();
        held.flushes = held.flushes.saturating_sub(1);
        if held.flushes == 0
            && let Some(reader) = held.reader.take()
        {
            reader.wake();
        }
    }

    /// Whether the reader has to wait; it is woken.
    fn holds(&self, reader: &Waker) -> bool {
        let mut held = self.0.lock();
        let holds = held.flushes > 0;
        if holds {
            held.reader = Some(reader.clone());
        }
        holds
    }
}

/// Connects as the library does by itself, with a gate on the way back.
#[derive(Debug)]
pub struct Tunnel {
    pub gate: Arc<Gate>,
    /// To a backend that wants it.
    pub announcement: Option<Announcement>,
    /// Of a request whose target the library cannot hold.
    pub target: Option<RawTarget>,
}

#[async_trait]
impl Connect for Tunnel {
    async fn connect(&self, to: &SocketAddr) -> pingora::Result<Stream> {
        let socket = open(to, self.announcement.as_ref()).await?;
        let gated = Gated { socket, gate: self.gate.clone() };
        Ok(match &self.target {
            Some(target) => as_stream(target.on(gated)),
            None => as_stream(gated),
        })
    }
}

#[derive(Debug)]
struct Gated {
    socket: Socket,
    gate: Arc<Gate>,
}

impl VirtualSocket for Gated {
    fn set_socket_option(&self, option: VirtualSockOpt) -> io::Result<()> {
        self.socket.set_socket_option(option)
    }
}

impl AsyncRead for Gated {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.gate.holds(cx.waker()) {
            return Poll::Pending;
        }
        Pin::new(&mut self.socket).poll_read(cx, buf)
    }
}

impl AsyncWrite for Gated {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.socket).poll_flush(cx);
        if flushed.is_ready() {
            self.gate.flushed();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
