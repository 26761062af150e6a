//! A client's connection: pingora's stream, with the deadlines of the connection's [`Clock`] kept while nothing can be read.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use pingora::protocols::l4::stream::Stream;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::{
    GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, TimingDigest, UniqueID,
    UniqueIDType,
};
use tokio::io::{AsyncRead, AsyncWrite, BufWriter, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::clock::{Clock, Phase};

/// Bytes gathered before a write: a usual head and a small body leave in one system call.
const WRITE_BUFFER: usize = 4 * 1024;

#[derive(Debug)]
pub struct ClientStream {
    inner: BufWriter<Stream>,
    clock: Arc<Clock>,
    /// How long a head may take from its first byte.
    header_timeout: Duration,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl ClientStream {
    pub fn new(inner: Stream, clock: Arc<Clock>, header_timeout: Duration) -> Self {
        Self { inner: BufWriter::with_capacity(WRITE_BUFFER, inner), clock, header_timeout, alarm: None }
    }

    fn has_read(&self) {
        if self.clock.phase() == Phase::Idle {
            self.clock.enter(Phase::Head, Some(self.header_timeout));
        }
    }

    /// Ready once the phase's deadline has passed; otherwise the task is woken when it does.
    ///
    /// Deadlines move with every phase of every request, nearly always further away. Setting the alarm each time would
    /// cost more than a phase lasts, so it is moved only when it would ring too late, and looks again when it rings too early.
    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.clock.deadline().map(Instant::from_std) else { return Poll::Pending };
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if alarm.deadline() > deadline {
            alarm.as_mut().reset(deadline);
        }
        while alarm.as_mut().poll(cx).is_ready() {
            if Instant::now() >= deadline {
                return Poll::Ready(());
            }
            alarm.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if let Poll::Ready(result) = Pin::new(&mut self.inner).poll_read(cx, buf) {
            self.has_read();
            return Poll::Ready(result);
        }
        if self.poll_deadline(cx).is_pending() {
            return Poll::Pending;
        }
        match self.clock.miss() {
            // To pingora a client that sends nothing has gone, which it has seen before and says nothing about.
            Phase::Idle => Poll::Ready(Ok(())),
            phase => Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, format!("{phase:?} took too long")))),
        }
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, buf);
        if written.is_ready() {
            self.clock.moved();
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(cx);
        if flushed.is_ready() {
            self.clock.moved();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

// What pingora wants to know of a connection is the inner stream's to tell.

#[async_trait]
impl Shutdown for ClientStream {
    async fn shutdown(&mut self) {
        // What was written must leave before the end does; a client that is gone cannot be told either.
        let _ = tokio::io::AsyncWriteExt::flush(&mut self.inner).await;
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
