//! What some backends want to be told before all else on a connection: whom it is for, in a PROXY header.
//!
//! After HAProxy's proxy-protocol.txt (2020/03/05). It is said once and holds for all requests of the connection, which is
//! therefore never another client's: each client connection has a group of its own among those that are kept. What a proxy in
//! front said of the client goes on byte for byte, with fields that mean nothing to the door.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use pingora::connectors::l4::Connect;
use pingora::protocols::l4::socket::SocketAddr as Place;
use pingora::protocols::l4::stream::Stream;
use pingora::upstreams::peer::HttpPeer;
use pingora::{ErrorType, OrErr};
use tokio::io::AsyncWriteExt;

use super::dial::open;
use crate::socket::Stream as Socket;

/// The line of who speaks for nobody, or does not know for whom.
const UNKNOWN: &[u8] = b"PROXY UNKNOWN\r\n";
/// Groups with this bit are of announced connections; others have small numbers, or are made of hashes.
const ANNOUNCED: u64 = 1 << 62;

/// Of one client connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    header: Arc<[u8]>,
    group: u64,
}

impl Announcement {
    /// Passes on what was said of the client, on connection number `number` of this process.
    pub fn of_header(header: &[u8], number: u64) -> Self {
        Self { header: header.into(), group: ANNOUNCED | number }
    }

    /// Says who connected to what, in version 1, which everybody reads. `None`: there are no addresses to tell.
    pub fn of_client(addresses: Option<(SocketAddr, SocketAddr)>, number: u64) -> Self {
        match addresses.and_then(|(client, server)| line(client, server)) {
            Some(line) => Self::of_header(line.as_bytes(), number),
            None => Self::of_header(UNKNOWN, number),
        }
    }

    /// The door asks on its own account: a health check.
    pub fn of_nobody() -> Self {
        Self::of_header(UNKNOWN, 0)
    }

    /// Announces connections to this peer.
    pub(super) fn apply(&self, peer: &mut HttpPeer) {
        // The library keeps connections apart by group, and does not look at who made them.
        peer.group_key ^= self.group;
        peer.options.custom_l4 = Some(Arc::new(self.clone()));
    }

    /// # Errors
    /// The connection broke.
    pub(super) async fn say(&self, socket: &mut Socket) -> pingora::Result<()> {
        socket.write_all(&self.header).await.or_err(ErrorType::ConnectError, "when sending the PROXY header")
    }
}

fn line(client: SocketAddr, server: SocketAddr) -> Option<String> {
    let (from, to) = (client.ip().to_canonical(), server.ip().to_canonical());
    let family = match (from, to) {
        (IpAddr::V4(_), IpAddr::V4(_)) => "TCP4",
        (IpAddr::V6(_), IpAddr::V6(_)) => "TCP6",
        _ => return None,
    };
    Some(format!("PROXY {family} {from} {to} {} {}\r\n", client.port(), server.port()))
}

#[async_trait]
impl Connect for Announcement {
    async fn connect(&self, to: &Place) -> pingora::Result<Stream> {
        Ok(match open(to, Some(self)).await? {
            Socket::Tcp(socket) => socket.into(),
            Socket::Unix(socket) => socket.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn said(client: &str, server: &str) -> String {
        let addresses = (client.parse().unwrap(), server.parse().unwrap());
        String::from_utf8(Announcement::of_client(Some(addresses), 1).header.to_vec()).unwrap()
    }

    #[test]
    fn a_client_is_told_in_one_line() {
        assert_eq!(said("203.0.113.7:4660", "10.0.0.1:80"), "PROXY TCP4 203.0.113.7 10.0.0.1 4660 80\r\n");
        assert_eq!(said("[::ffff:203.0.113.7]:1", "[::ffff:10.0.0.1]:2"), "PROXY TCP4 203.0.113.7 10.0.0.1 1 2\r\n");
        assert_eq!(said("[2001:db8::1]:1", "[::1]:2"), "PROXY TCP6 2001:db8::1 ::1 1 2\r\n");
        assert_eq!(said("203.0.113.7:1", "[::1]:2"), "PROXY UNKNOWN\r\n");
    }

    #[test]
    fn two_clients_never_share_a_connection() {
        let group = |announcement: &Announcement| {
            let mut peer = HttpPeer::new("127.0.0.1:1", false, String::new());
            announcement.apply(&mut peer);
            peer.group_key
        };
        let (one, other) = (Announcement::of_header(b"x", 1), Announcement::of_header(b"x", 2));
        let others = [group(&other), group(&Announcement::of_nobody()), 0, 1];
        assert!(!others.contains(&group(&one)));
        assert_eq!(group(&one), group(&one.clone()));
    }
}
