//! The bytes of a client connection, with or without TLS around them.

use std::io;
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_trait::async_trait;
use pingora::protocols::l4::stream::Stream;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::{
    GetProxyDigest, GetSocketDigest, GetTimingDigest, Shutdown, SocketDigest, TimingDigest, UniqueID, UniqueIDType,
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio_rustls::server::TlsStream;

use crate::socket::Stream as Socket;

// A plain connection is as it was before there were others: no box, no way round.
#[allow(clippy::large_enum_variant)]
#[derive(Debug)]
pub enum Wire {
    Plain(Stream),
    Tls(Box<Secured>),
}

#[derive(Debug)]
pub struct Secured {
    pub stream: TlsStream<Socket>,
    pub digest: Arc<SocketDigest>,
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(secured) => Pin::new(&mut secured.stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(secured) => Pin::new(&mut secured.stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(secured) => Pin::new(&mut secured.stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(secured) => Pin::new(&mut secured.stream).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Tls(secured) => Pin::new(&mut secured.stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(secured) => secured.stream.is_write_vectored(),
        }
    }
}

// What pingora wants to know of a connection.

#[async_trait]
impl Shutdown for Wire {
    async fn shutdown(&mut self) {
        match self {
            Self::Plain(stream) => Shutdown::shutdown(stream).await,
            // Says goodbye in TLS as well: without it, an answer that ends with the connection looks cut.
            Self::Tls(secured) => drop(secured.stream.shutdown().await),
        }
    }
}

impl UniqueID for Wire {
    fn id(&self) -> UniqueIDType {
        match self {
            Self::Plain(stream) => stream.id(),
            Self::Tls(secured) => secured.stream.get_ref().0.as_raw_fd(),
        }
    }
}

impl GetTimingDigest for Wire {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        match self {
            Self::Plain(stream) => stream.get_timing_digest(),
            Self::Tls(_) => Vec::new(),
        }
    }
}

impl GetProxyDigest for Wire {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        match self {
            Self::Plain(stream) => stream.get_proxy_digest(),
            Self::Tls(_) => None,
        }
    }
}

impl GetSocketDigest for Wire {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        match self {
            Self::Plain(stream) => stream.get_socket_digest(),
            Self::Tls(secured) => Some(secured.digest.clone()),
        }
    }
}
