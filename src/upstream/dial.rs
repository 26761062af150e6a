//! Connections that are made here and not by the library, because there is something to say or to hold back on them.

use std::io;

use pingora::protocols::l4::ext::{connect, connect_uds};
use pingora::protocols::l4::socket::SocketAddr as Place;
use pingora::protocols::l4::stream::Stream;
use pingora::protocols::l4::virt::{VirtualSockOpt, VirtualSocket, VirtualSocketStream};
use pingora::{Error, ErrorType};

use super::announcement::Announcement;
use crate::socket::Stream as Socket;

/// Connects as the library does by itself, and says first what is to be said.
///
/// # Errors
/// Nobody listens there.
pub async fn open(to: &Place, announcement: Option<&Announcement>) -> pingora::Result<Socket> {
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

impl VirtualSocket for Socket {
    fn set_socket_option(&self, option: VirtualSockOpt) -> io::Result<()> {
        match (option, self) {
            (VirtualSockOpt::NoDelay, Self::Tcp(socket)) => socket.set_nodelay(true),
            (VirtualSockOpt::NoDelay, Self::Unix(_)) => Ok(()),
            (option, _) => Err(io::Error::new(io::ErrorKind::Unsupported, format!("{option:?}"))),
        }
    }
}
