//! Listening sockets: bound here, or open before this process was, and handed over by the door before it or by systemd.
//!
//! What is said on a connection is for others. Who else may have a socket is in [`inherited`]; what a unix socket's file goes
//! through, in [`listener`].

mod inherited;
mod listener;
mod passes;
mod stream;

use std::net::SocketAddr;
use std::path::PathBuf;

pub use inherited::{Inherited, WORD_GO, WORD_OPEN, names};
pub use listener::{Listener, ToHandOver};
pub(crate) use passes::passes_bytes;
pub use stream::Stream;

/// Where one listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl Address {
    /// Port 0 asks the system for any free port: which one it is, is only known of the socket.
    pub fn is_any_port(&self) -> bool {
        matches!(self, Self::Tcp(address) if address.port() == 0)
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
