//! One accepted connection, of either family.

use std::os::fd::{AsRawFd, RawFd};

use tokio::net::{TcpStream, UnixStream};

use super::passes::passes_bytes;

#[derive(Debug)]
pub enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl AsRawFd for Stream {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Self::Tcp(stream) => stream.as_raw_fd(),
            Self::Unix(stream) => stream.as_raw_fd(),
        }
    }
}

passes_bytes! { Stream { Tcp(stream) => *stream, Unix(stream) => *stream } }
