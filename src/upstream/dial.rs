//! Connections that are made here and not by the library, because there is something to say or to hold back on them.

use std::io;
use std::sync::Arc;

use pingora::protocols::l4::ext::{connect, connect_uds};
use pingora::protocols::l4::socket::SocketAddr as Place;
use pingora::protocols::l4::stream::Stream;
use pingora::protocols::l4::virt::{VirtualSockOpt, VirtualSocket, VirtualSocketStream};
use pingora::upstreams::peer::{HttpPeer, Scheme};
use pingora::{Error, ErrorType};
use tokio_rustls::client::TlsStream;

use super::announcement::Announcement;
use super::tls::Tls;
use crate::socket::{Stream as Socket, passes_bytes};

/// All that is done on a connection before its first request.
#[derive(Debug, Clone)]
pub struct Dial {
    /// To a backend that wants it.
    pub(super) announcement: Option<Announcement>,
    /// Of `https://` only.
    pub(super) tls: Option<Arc<Tls>>,
}

impl Dial {
    /// # Errors
    /// Nobody listens there, or whoever does is not the one who should.
    pub async fn open(&self, to: &Place) -> pingora::Result<Line> {
        let socket = open(to, self.announcement.as_ref()).await?;
        Ok(match &self.tls {
            None => Line::Bare(socket),
            Some(tls) => Line::Tls(Box::new(tls.secure(socket).await?)),
        })
    }

    /// The library is not to speak TLS on what is opened here.
    pub fn in_clear(peer: &mut HttpPeer) {
        peer.scheme = Scheme::HTTP;
    }
}

/// A connection to a backend, of which all that is read and written is HTTP.
#[derive(Debug)]
pub enum Line {
    Bare(Socket),
    Tls(Box<TlsStream<Socket>>),
}

passes_bytes! { Line { Bare(socket) => *socket, Tls(stream) => **stream } }

/// Connects as the library does by itself, and says first what is to be said.
///
/// # Errors
/// Nobody listens there.
pub(super) async fn open(to: &Place, announcement: Option<&Announcement>) -> pingora::Result<Socket> {
    let mut socket = match to {
        Place::Inet(to) => Socket::Tcp(connect(to, None).await?),
        Place::Unix(to) => {
            let nameless = || Error::explain(ErrorType::SocketError, "the unix socket has no path");
            Socket::Unix(connect_uds(to.as_pathname().ok_or_else(nameless)?).await?)
        }
    };
    if let Some(announcement) = announcement {
        announcement.say(&mut socket).await?;
    }
    Ok(socket)
}

/// As the library wants to have it. It tells kept connections apart by their descriptors, and sees none of this one: it must not be
/// kept.
pub fn as_stream(socket: impl VirtualSocket + 'static) -> Stream {
    VirtualSocketStream::new(Box::new(socket)).into()
}

impl VirtualSocket for Line {
    fn set_socket_option(&self, option: VirtualSockOpt) -> io::Result<()> {
        let socket = match self {
            Self::Bare(socket) => socket,
            Self::Tls(stream) => stream.get_ref().0,
        };
        match (option, socket) {
            (VirtualSockOpt::NoDelay, Socket::Tcp(socket)) => socket.set_nodelay(true),
            (VirtualSockOpt::NoDelay, Socket::Unix(_)) => Ok(()),
            (option, _) => Err(io::Error::new(io::ErrorKind::Unsupported, format!("{option:?}"))),
        }
    }
}
