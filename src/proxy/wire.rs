//! The bytes of a client connection, with or without TLS around them.

use std::os::fd::AsRawFd;
use std::sync::Arc;

use async_trait::async_trait;
use pingora::protocols::l4::stream::Stream;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::{
    GetProxyDigest, GetSocketDigest, GetTimingDigest, Shutdown, SocketDigest, TimingDigest, UniqueID, UniqueIDType,
};
use tokio::io::{AsyncWriteExt, Empty};
use tokio_rustls::server::TlsStream;

use crate::socket::{Stream as Socket, passes_bytes};

const NO_DESCRIPTOR: UniqueIDType = -1;

// A plain connection is as it was before there were others: no box, no way round.
#[allow(clippy::large_enum_variant)]
#[derive(Debug)]
pub enum Wire {
    Plain(Stream),
    Tls(Box<Secured>),
    /// Somebody else has it by now.
    Gone(Empty),
}

#[derive(Debug)]
pub struct Secured {
    pub stream: TlsStream<Socket>,
    pub digest: Arc<SocketDigest>,
}

passes_bytes! { Wire { Plain(stream) => *stream, Tls(secured) => secured.stream, Gone(empty) => *empty } }

// What pingora wants to know of a connection.

#[async_trait]
impl Shutdown for Wire {
    async fn shutdown(&mut self) {
        match self {
            Self::Plain(stream) => Shutdown::shutdown(stream).await,
            // Says goodbye in TLS as well: without it, an answer that ends with the connection looks cut.
            Self::Tls(secured) => drop(secured.stream.shutdown().await),
            Self::Gone(_) => {}
        }
    }
}

impl UniqueID for Wire {
    fn id(&self) -> UniqueIDType {
        match self {
            Self::Plain(stream) => stream.id(),
            Self::Tls(secured) => secured.stream.get_ref().0.as_raw_fd(),
            Self::Gone(_) => NO_DESCRIPTOR,
        }
    }
}

impl GetTimingDigest for Wire {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        match self {
            Self::Plain(stream) => stream.get_timing_digest(),
            Self::Tls(_) | Self::Gone(_) => Vec::new(),
        }
    }
}

impl GetProxyDigest for Wire {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        match self {
            Self::Plain(stream) => stream.get_proxy_digest(),
            Self::Tls(_) | Self::Gone(_) => None,
        }
    }
}

impl GetSocketDigest for Wire {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        match self {
            Self::Plain(stream) => stream.get_socket_digest(),
            Self::Tls(secured) => Some(secured.digest.clone()),
            Self::Gone(_) => None,
        }
    }
}
