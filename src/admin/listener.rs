//! Where the window listens: a TCP address or a unix socket that only its owner may open.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream as BlockingUnixStream;
use std::path::{Path, PathBuf};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};

use super::guard::Peer;
use crate::config::settings::AdminAddress;

/// One connection, TCP or unix.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

#[derive(Debug)]
pub struct Listener {
    address: AdminAddress,
    socket: Socket,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Unix { listener: UnixListener, _file: SocketFile },
}

impl Listener {
    /// Needs a runtime around it.
    pub fn bind(address: &AdminAddress) -> io::Result<Self> {
        match address {
            AdminAddress::Tcp(wanted) => {
                let listener = std::net::TcpListener::bind(wanted)?;
                listener.set_nonblocking(true)?;
                let address = AdminAddress::Tcp(listener.local_addr()?);
                Ok(Self { address, socket: Socket::Tcp(TcpListener::from_std(listener)?) })
            }
            AdminAddress::Unix(path) => {
                remove_left_over(path)?;
                let listener = UnixListener::bind(path)?;
                let file = SocketFile { path: path.clone() };
                fs::set_permissions(path, Permissions::from_mode(0o600))?;
                Ok(Self { address: address.clone(), socket: Socket::Unix { listener, _file: file } })
            }
        }
    }

    pub fn address(&self) -> &AdminAddress {
        &self.address
    }

    pub async fn accept(&self) -> io::Result<(Box<dyn Stream>, Peer)> {
        match &self.socket {
            Socket::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                Ok((Box::new(stream), Peer::of(peer.ip())))
            }
            Socket::Unix { listener, .. } => {
                let (stream, _) = listener.accept().await?;
                Ok((Box::new(stream), Peer::Unix))
            }
        }
    }
}

/// A socket's file goes when its listener goes.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Somebody else may have removed it, which is just as well.
        let _ = fs::remove_file(&self.path);
    }
}

/// A door that was killed leaves its socket's file; one that lives answers on it. A file of another kind is not ours.
fn remove_left_over(path: &Path) -> io::Result<()> {
    let Ok(found) = fs::symlink_metadata(path) else { return Ok(()) };
    if !found.file_type().is_socket() {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is a file of this name that is not a socket"));
    }
    if BlockingUnixStream::connect(path).is_ok() {
        return Err(io::ErrorKind::AddrInUse.into());
    }
    fs::remove_file(path)
}
