//! A WebSocket's connection to its backend: one of its own, of which nothing is read before the request is over, and which the
//! library can be told the end of while it goes on: see [`let_go`].
//!
//! The library takes the end of the request, which has no body, for the end of the tunnel when the backend's agreement is read
//! first (<https://github.com/cloudflare/pingora/issues/946>): the user gets the 101 and then the end of the connection. A fast
//! backend or a busy machine is enough. Here the answer waits behind a [`Gate`] until the end of the request has been noted.
//! Once the library tells the two ends apart, the gate can stay open.

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
use pingora::upstreams::peer::HttpPeer;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::upstream::{Dial, Line, RawTarget, as_stream};

pub mod let_go;
mod relay;

/// Lets the answer through once the end of the request has been noted. Open until it is closed.
#[derive(Debug, Default)]
pub struct Gate(Mutex<Held>);

/// Only the connection's own task takes this lock.
#[derive(Debug, Default)]
struct Held {
    /// Until the answer may be read.
    flushes: u8,
    reader: Option<Waker>,
    /// The library has had all that is for it,
    leaves: bool,
    /// and has been told so.
    left: Option<Line>,
}

/// What a reader finds.
enum Found {
    Held,
    Open,
    /// The end of what is for the library.
    End,
}

/// The library flushes a request without a body twice: behind its head, and where it notes its end.
const FLUSHES: u8 = 2;

impl Gate {
    /// The next that is sent is the head of a request without a body.
    pub fn close(&self) {
        self.0.lock().flushes = FLUSHES;
    }

    /// Nothing more of the socket is for the library: to it, the connection has ended.
    pub fn let_go(&self) {
        let mut held = self.0.lock();
        held.leaves = true;
        if let Some(reader) = held.reader.take() {
            reader.wake();
        }
    }

    /// The socket, once the library has seen the end.
    pub fn take_left(&self) -> Option<Line> {
        self.0.lock().left.take()
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

    /// A reader that has to wait is woken; so is one that waits for more, if there is to be no more.
    fn find(&self, reader: &Waker) -> Found {
        let mut held = self.0.lock();
        if held.leaves {
            return Found::End;
        }
        let holds = held.flushes > 0;
        held.reader.get_or_insert_with(|| reader.clone()).clone_from(reader);
        if holds { Found::Held } else { Found::Open }
    }
}

/// Connects as the library does by itself, with a gate on the way back.
#[derive(Debug)]
pub struct Tunnel {
    pub gate: Arc<Gate>,
    pub dial: Dial,
    /// Of a request whose target the library cannot hold.
    pub target: Option<RawTarget>,
}

impl Tunnel {
    pub fn apply(self, peer: &mut HttpPeer) {
        Dial::in_clear(peer);
        peer.options.custom_l4 = Some(Arc::new(self));
    }
}

#[async_trait]
impl Connect for Tunnel {
    async fn connect(&self, to: &SocketAddr) -> pingora::Result<Stream> {
        let socket = self.dial.open(to).await?;
        let gated = Gated { socket: Some(socket), gate: self.gate.clone() };
        Ok(match &self.target {
            Some(target) => as_stream(target.on(gated)),
            None => as_stream(gated),
        })
    }
}

#[derive(Debug)]
struct Gated {
    /// `None`: the library has seen the end.
    socket: Option<Line>,
    gate: Arc<Gate>,
}

impl VirtualSocket for Gated {
    fn set_socket_option(&self, option: VirtualSockOpt) -> io::Result<()> {
        self.socket.as_ref().map_or(Ok(()), |socket| socket.set_socket_option(option))
    }
}

impl AsyncRead for Gated {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match (self.gate.find(cx.waker()), &mut self.socket) {
            (Found::Held, _) => Poll::Pending,
            (Found::Open, Some(socket)) => Pin::new(socket).poll_read(cx, buf),
            (Found::Open, None) => Poll::Ready(Ok(())),
            (Found::End, _) => {
                if let Some(socket) = self.socket.take() {
                    self.gate.0.lock().left = Some(socket);
                }
                Poll::Ready(Ok(()))
            }
        }
    }
}

impl AsyncWrite for Gated {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.socket {
            Some(socket) => Pin::new(socket).poll_write(cx, buf),
            // Whatever this is, it would be lost, and nobody knew.
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(socket) = &mut self.socket else { return Poll::Ready(Ok(())) };
        let flushed = Pin::new(socket).poll_flush(cx);
        if flushed.is_ready() {
            self.gate.flushed();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.as_mut().map_or(Poll::Ready(Ok(())), |socket| Pin::new(socket).poll_shutdown(cx))
    }
}
