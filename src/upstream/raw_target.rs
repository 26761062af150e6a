//! A request's target that the library cannot hold, and that a backend is sent byte for byte all the same.
//!
//! There are bytes that no URI has, and that clients send and servers take: `<`, `?q="a"`, raw Latin-1. The library writes another
//! spelling of such a target, and here the line that it stands in is written anew. That takes a connection of its own, one that
//! speaks HTTP/1, in TLS of our own where there is any: what goes through HTTP/2 is out of reach, and stays spelled out.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use async_trait::async_trait;
use bytes::{Buf, BytesMut};
use memchr::{memchr, memrchr};
use pingora::connectors::l4::Connect;
use pingora::protocols::l4::socket::SocketAddr as Place;
use pingora::protocols::l4::stream::Stream;
use pingora::protocols::l4::virt::{VirtualSockOpt, VirtualSocket};
use pingora::upstreams::peer::HttpPeer;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::dial::{Dial, as_stream};

/// Path and query as they came, without a fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawTarget(Arc<[u8]>);

impl RawTarget {
    pub fn new(target: &[u8]) -> Self {
        let end = memchr(b'#', target).unwrap_or(target.len());
        Self(target[..end].into())
    }

    /// As the library can hold it: what it cannot is spelled out as browsers do it, which every backend decodes to the same.
    /// HTTP/2 wants text, so there bytes that are none are spelled out, too.
    pub fn spelled(&self, http2: bool) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.0.len());
        let is_text = !http2 || std::str::from_utf8(&self.0).is_ok();
        let mut in_query = false;
        for &byte in &*self.0 {
            in_query |= byte == b'?';
            match (byte, in_query) {
                (b'<' | b'>', _) | (b'`', false) | (b'"', true) => spell(byte, &mut out),
                (0x80.., _) if !is_text => spell(byte, &mut out),
                _ => out.push(byte),
            }
        }
        out
    }

    /// Whether the library can hold it as it is.
    pub fn is_held(&self, http2: bool) -> bool {
        self.spelled(http2) == *self.0
    }

    /// Has it sent to this peer, on a connection that is not kept.
    pub fn apply(&self, peer: &mut HttpPeer, dial: Dial) {
        Dial::in_clear(peer);
        peer.options.custom_l4 = Some(Arc::new(Rewriting { target: self.clone(), dial }));
    }

    /// The first request that is written there has this target.
    pub fn on<S>(&self, socket: S) -> Rewritten<S> {
        Rewritten { socket, target: self.clone(), state: State::Line(Vec::new()) }
    }
}

fn spell(byte: u8, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("%{byte:02X}").as_bytes());
}

#[derive(Debug)]
struct Rewriting {
    target: RawTarget,
    dial: Dial,
}

#[async_trait]
impl Connect for Rewriting {
    async fn connect(&self, to: &Place) -> pingora::Result<Stream> {
        Ok(as_stream(self.target.on(self.dial.open(to).await?)))
    }
}

/// A socket whose first line gets another target.
#[derive(Debug)]
pub struct Rewritten<S> {
    socket: S,
    target: RawTarget,
    state: State,
}

#[derive(Debug)]
enum State {
    /// So much of the first line was written.
    Line(Vec<u8>),
    /// The line as it is to be, and what was written behind it, as far as it is not yet.
    Due(BytesMut),
    Done,
}

impl<S: AsyncWrite + Unpin> Rewritten<S> {
    /// Takes what is written up to the end of the first line.
    fn take(&mut self, bytes: &[u8]) {
        let State::Line(begun) = &mut self.state else { return };
        begun.extend_from_slice(bytes);
        let Some(end) = memchr(b'\n', begun) else { return };
        let (line, rest) = begun.split_at(end);
        let (method, version) = (memchr(b' ', line).unwrap_or(end), memrchr(b' ', line).unwrap_or(end));
        let mut due = BytesMut::with_capacity(begun.len() + self.target.0.len());
        for part in [&line[..method], b" ", &self.target.0, &line[version..], rest] {
            due.extend_from_slice(part);
        }
        self.state = State::Due(due);
    }

    fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let State::Due(due) = &mut self.state {
            if due.is_empty() {
                self.state = State::Done;
                break;
            }
            match ready!(Pin::new(&mut self.socket).poll_write(cx, due))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => due.advance(written),
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Rewritten<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Rewritten<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if matches!(self.state, State::Line(_)) {
            self.take(buf);
            return Poll::Ready(Ok(buf.len()));
        }
        ready!(self.poll_due(cx))?;
        Pin::new(&mut self.socket).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_due(cx))?;
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_due(cx))?;
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

impl<S: VirtualSocket> VirtualSocket for Rewritten<S> {
    fn set_socket_option(&self, option: VirtualSockOpt) -> io::Result<()> {
        self.socket.set_socket_option(option)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[test]
    fn what_no_uri_has_is_spelled_out() {
        let odd = RawTarget::new(b"/\xe9\"`<>?\"`<>\xff#fragment");
        assert_eq!(odd.spelled(false), b"/\xe9\"%60%3C%3E?%22`%3C%3E\xff");
        assert_eq!(odd.spelled(true), b"/%E9\"%60%3C%3E?%22`%3C%3E%FF");
        assert_eq!(RawTarget::new("/\u{e9}?<".as_bytes()).spelled(true), "/\u{e9}?%3C".as_bytes());
        let held = |target: &[u8]| [false, true].map(|http2| RawTarget::new(target).is_held(http2));
        assert_eq!(
            [held(b"/\xe9"), held(b"/<"), held("/\u{e9}\"?`%3C".as_bytes())],
            [[true, false], [false; 2], [true; 2]]
        );
    }

    #[tokio::test]
    async fn the_first_line_is_written_anew_and_nothing_else_is_touched() {
        let sent = b"POST /%3C HTTP/1.1\r\nHost: a b\r\n\r\nGET /%3C HTTP/1.1\n";
        for piece in [1, 3, 18, 19, 20, sent.len()] {
            let (near, mut far) = tokio::io::duplex(8);
            let mut near = RawTarget::new(b"/<?\"").on(near);
            let writer = tokio::spawn(async move {
                for bytes in sent.chunks(piece) {
                    near.write_all(bytes).await.unwrap();
                }
                near.flush().await.unwrap();
                near.shutdown().await.unwrap();
            });
            let mut seen = Vec::new();
            far.read_to_end(&mut seen).await.unwrap();
            writer.await.unwrap();
            let wanted = "POST /<?\" HTTP/1.1\r\nHost: a b\r\n\r\nGET /%3C HTTP/1.1\n";
            assert_eq!(String::from_utf8(seen).unwrap(), wanted, "in {piece}s");
        }
    }
}
