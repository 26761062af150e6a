//! A TCP address or a unix socket that is listened on, and the file that a unix socket has.

use std::fs::{self, Permissions};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream as BlockingUnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::net::{TcpListener, TcpSocket, UnixListener, UnixSocket};

use super::inherited::names;
use super::{Address, Inherited, Stream};

/// Connections that the kernel may hold until they are accepted.
const BACKLOG: u32 = 4096;

#[derive(Debug)]
pub struct Listener {
    address: Address,
    socket: Socket,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Unix { listener: UnixListener, file: SocketFile },
}

impl Listener {
    /// Takes the address: from what was handed over, or anew. A unix socket can be opened by whom `mode` (as of chmod) lets.
    /// Needs a runtime around it.
    ///
    /// # Errors
    /// The system's: the address is taken, is no address of this machine, or is not for this user to take.
    pub fn bind(address: &Address, mode: u32, inherited: &mut Inherited) -> io::Result<Self> {
        match address {
            Address::Tcp(wanted) => {
                let listener = match inherited.tcp(*wanted) {
                    Some(listener) => TcpListener::from_std(listener)?,
                    None => bind_tcp(*wanted)?,
                };
                let address = Address::Tcp(listener.local_addr()?);
                Ok(Self { address, socket: Socket::Tcp(listener) })
            }
            Address::Unix(path) => {
                let (listener, is_ours) = match inherited.unix(path, mode) {
                    Some((listener, is_ours)) => (UnixListener::from_std(listener)?, is_ours),
                    None => (bind_unix(path, mode)?, Arc::new(AtomicBool::new(true))),
                };
                let file = SocketFile { path: path.clone(), is_ours };
                Ok(Self { address: address.clone(), socket: Socket::Unix { listener, file } })
            }
        }
    }

    /// Port 0 has become a real one.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// A connection, and the address of who made it: a process on this machine counts as loopback.
    ///
    /// # Errors
    /// The system's, such as too many open files.
    pub async fn accept(&self) -> io::Result<(Stream, SocketAddr)> {
        match &self.socket {
            Socket::Tcp(listener) => listener.accept().await.map(|(stream, peer)| (Stream::Tcp(stream), peer)),
            Socket::Unix { listener, .. } => {
                let (stream, _) = listener.accept().await?;
                Ok((Stream::Unix(stream), SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0)))
            }
        }
    }

    /// The same socket once more, for a successor.
    ///
    /// # Errors
    /// No file descriptor is left.
    pub fn to_hand_over(&self) -> io::Result<ToHandOver> {
        let (socket, is_ours) = match &self.socket {
            Socket::Tcp(listener) => (listener.as_fd(), Arc::default()),
            Socket::Unix { listener, file } => (listener.as_fd(), file.is_ours.clone()),
        };
        Ok(ToHandOver { socket: socket.try_clone_to_owned()?, is_ours })
    }
}

/// A listening socket, for a successor.
#[derive(Debug)]
pub struct ToHandOver {
    pub socket: OwnedFd,
    is_ours: Arc<AtomicBool>,
}

impl ToHandOver {
    /// By which the successor knows whose file it is.
    pub fn name(&self) -> &'static str {
        if self.is_ours.load(Ordering::Acquire) { names::OWN } else { names::LENT }
    }

    /// The successor has it: a unix socket's file stays when this process closes it.
    pub fn is_done(&self) {
        self.is_ours.store(false, Ordering::Release);
    }
}

/// It goes when its listener goes, if it was this door that made it, or a door before it.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    is_ours: Arc<AtomicBool>,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.is_ours.load(Ordering::Acquire) {
            // Somebody else may have removed it, which is just as well.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn bind_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A restarted door must not wait for the old one's connections to leave TIME_WAIT.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn bind_unix(path: &Path, mode: u32) -> io::Result<UnixListener> {
    remove_left_over(path)?;
    let socket = UnixSocket::new_stream()?;
    socket.bind(path)?;
    // Before it listens nobody can connect, so nobody slips in who may not.
    fs::set_permissions(path, Permissions::from_mode(mode))?;
    socket.listen(BACKLOG)
}

/// A door that was killed leaves its socket's file; one that lives answers on it. A file of another kind is not ours.
fn remove_left_over(path: &Path) -> io::Result<()> {
    let Ok(found) = fs::symlink_metadata(path) else { return Ok(()) };
    if !found.file_type().is_socket() {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is a file of this name that is not a socket"));
    }
    match BlockingUnixStream::connect(path) {
        // No room in its queue: somebody lives there, and is busy.
        Ok(_) => Err(io::ErrorKind::AddrInUse.into()),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(io::ErrorKind::AddrInUse.into()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(error),
        Err(_) => fs::remove_file(path),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn bind(path: &Path) -> io::Result<Listener> {
        Listener::bind(&Address::Unix(path.to_owned()), 0o640, &mut Inherited::default())
    }

    #[tokio::test]
    async fn a_file_that_a_killed_door_left_is_taken_and_one_in_use_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("door.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "std leaves it, as a killed process does");
        let listener = bind(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(bind(&path).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(listener);
        assert!(!path.exists(), "it goes with its listener");
    }

    #[tokio::test]
    async fn a_file_of_another_kind_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.txt");
        fs::write(&path, "mine").unwrap();
        assert_eq!(bind(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"mine");
    }

    #[tokio::test]
    async fn what_was_handed_over_is_not_ours_to_remove() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("door.sock");
        let listener = bind(&path).unwrap();
        let to_hand_over = listener.to_hand_over().unwrap();
        assert_eq!(to_hand_over.name(), names::OWN);
        to_hand_over.is_done();
        drop(listener);
        assert!(path.exists());
        assert_eq!(to_hand_over.name(), names::LENT);
    }
}
