//! The bytes of a client connection, with or without TLS around them.

use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::{
    GetProxyDigest, GetSocketDigest, GetTimingDigest, Shutdown, SocketDigest, TimingDigest, UniqueID, UniqueIDType,
};
use tokio::io::{AsyncWriteExt, Empty};
use tokio_rustls::server::TlsStream;

use crate::socket::{Stream, passes_bytes};

/// How long the last bytes of TLS may take to leave.
const GOODBYE: Duration = Duration::from_secs(5);

const NO_DESCRIPTOR: UniqueIDType = -1;

#[derive(Debug)]
pub enum Wire {
    Plain(Plain),
    Tls(Box<Secured>),
    /// Somebody else has it by now.
    Gone(Empty),
}

#[derive(Debug)]
pub struct Plain {
    pub stream: Stream,
    pub digest: Arc<SocketDigest>,
}

#[derive(Debug)]
pub struct Secured {
    pub stream: TlsStream<Stream>,
    pub digest: Arc<SocketDigest>,
}

impl Wire {
    /// Closed from now on, it is reset: to this client, an end in order would say that it has all there is. TLS says so itself, and
    /// a unix socket cannot.
    pub fn resets(&self) {
        if let Self::Plain(Plain { stream: Stream::Tcp(stream), .. }) = self {
            // A socket that refuses the option is closed all the same.
            let _ = stream.set_zero_linger();
        }
    }
}

passes_bytes! { Wire { Plain(plain) => plain.stream, Tls(secured) => secured.stream, Gone(empty) => *empty } }

// What pingora wants to know of a connection.

#[async_trait]
impl Shutdown for Wire {
    async fn shutdown(&mut self) {
        match self {
            Self::Plain(plain) => drop(plain.stream.shutdown().await),
            // Says goodbye in TLS as well: without it, an answer that ends with the connection looks cut. Who took nothing
            // of the answer for long does not take that either.
            Self::Tls(secured) => drop(tokio::time::timeout(GOODBYE, secured.stream.shutdown()).await),
            Self::Gone(_) => {}
        }
    }
}

impl UniqueID for Wire {
    fn id(&self) -> UniqueIDType {
        match self {
            Self::Plain(plain) => plain.stream.as_raw_fd(),
            Self::Tls(secured) => secured.stream.get_ref().0.as_raw_fd(),
            Self::Gone(_) => NO_DESCRIPTOR,
        }
    }
}

impl GetTimingDigest for Wire {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}

impl GetProxyDigest for Wire {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        None
    }
}

impl GetSocketDigest for Wire {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        match self {
            Self::Plain(plain) => Some(plain.digest.clone()),
            Self::Tls(secured) => Some(secured.digest.clone()),
            Self::Gone(_) => None,
        }
    }
}
