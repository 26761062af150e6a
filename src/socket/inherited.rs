//! Listening sockets that were open before this process was.
//!
//! A door that hands over and systemd say so in the same words: `LISTEN_FDS` sockets, from descriptor 3 on, named in
//! `LISTEN_FDNAMES` (sd_listen_fds(3)). A socket is known by the address it is bound to. A door adds one that is no listener:
//! on it the successor says [`WORD_OPEN`] once it could serve, and does so only when it hears [`WORD_GO`]. So there is never
//! doubt about who serves: without the second word, the successor has done nothing yet and goes. The old door hangs up when it has
//! ended, and so lets go of what only one may have.

use std::fs::{self, Permissions};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub const WORD_OPEN: &[u8] = b"open\n";
pub const WORD_GO: &[u8] = b"go\n";
/// The old door answers at once; it may be very busy, or may have gone.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the sockets that a door hands over are called.
pub mod names {
    /// A unix socket whose file was made by a door, or any TCP socket.
    pub const OWN: &str = "matapalo-own";
    /// A unix socket whose file is somebody else's, such as systemd's.
    pub const LENT: &str = "matapalo-lent";
    /// The one to speak to the old door on.
    pub const SUCCESSION: &str = "matapalo-succession";
}

/// The sockets that nobody has asked for yet.
#[derive(Debug, Default)]
pub struct Inherited {
    tcp: Vec<TcpListener>,
    unix: Vec<(UnixListener, &'static str)>,
    predecessor: Option<UnixStream>,
    ours_then: Vec<File>,
}

/// Of a unix socket, which an earlier door made. It becomes ours with the place.
#[derive(Debug)]
struct File {
    is_ours: Arc<AtomicBool>,
    path: PathBuf,
    mode: u32,
}

impl File {
    /// Whoever may not set its mode, as a user without privileges, serves all the same.
    fn becomes_ours(&self) {
        let Self { is_ours, path, mode } = self;
        is_ours.store(true, Ordering::Release);
        let is = fs::metadata(path).map(|file| file.permissions().mode() & 0o7777);
        if is.is_ok_and(|is| is == *mode) {
            return;
        }
        if let Err(error) = fs::set_permissions(path, Permissions::from_mode(*mode)) {
            tracing::warn!("the mode of {} cannot be set to {mode:04o}: {error}", path.display());
        }
    }
}

impl Inherited {
    /// Takes the sockets that the environment speaks of. To be called once, before there is a second thread: the words are
    /// taken out of the environment.
    pub fn take() -> Self {
        let said = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut sockets = listenfd::ListenFd::from_env();
        let mut found = Self::default();
        for (index, name) in (0..sockets.len()).zip(said.split(':').chain(std::iter::repeat(""))) {
            if let Ok(Some(socket)) = sockets.take_unix_listener(index) {
                match name {
                    names::SUCCESSION => found.predecessor = Some(OwnedFd::from(socket).into()),
                    names::OWN => found.unix.push((socket, names::OWN)),
                    _ => found.unix.push((socket, names::LENT)),
                }
            } else if let Ok(Some(socket)) = sockets.take_tcp_listener(index) {
                found.tcp.push(socket);
            }
        }
        found
    }

    /// The line to the door that hands its place over, once more: it hangs up when it has ended. `None`: there is no such door.
    ///
    /// # Errors
    /// No file descriptor is left.
    pub fn predecessor(&self) -> io::Result<Option<OwnedFd>> {
        let line = self.predecessor.as_ref().map(UnixStream::try_clone).transpose()?;
        Ok(line.map(OwnedFd::from))
    }

    /// Tells the door before this one, if there is one, that this one could serve, and waits for its leave. Everything that can
    /// go wrong must have gone well before.
    ///
    /// # Errors
    /// The other door has gone or does not want any more: then it is not for this one to serve.
    pub fn take_over(&mut self) -> io::Result<()> {
        let Some(mut predecessor) = self.predecessor.take() else { return Ok(()) };
        predecessor.set_read_timeout(Some(PATIENCE))?;
        predecessor.write_all(WORD_OPEN)?;
        let mut heard = [0; WORD_GO.len()];
        predecessor.read_exact(&mut heard)?;
        if heard != WORD_GO {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it said something that is not known here"));
        }
        self.ours_then.iter().for_each(File::becomes_ours);
        Ok(())
    }

    /// The listener at this address, if there is one. Port 0, any port, is content with any.
    pub fn tcp(&mut self, address: SocketAddr) -> Option<TcpListener> {
        let at = self.tcp.iter().position(|socket| socket.local_addr().is_ok_and(|bound| serves(bound, address)))?;
        let socket = self.tcp.remove(at);
        socket.set_nonblocking(true).ok()?;
        Some(socket)
    }

    /// The listener at this path, and whether its file is this door's to remove; then it has this mode, too.
    pub fn unix(&mut self, path: &Path, mode: u32) -> Option<(UnixListener, Arc<AtomicBool>)> {
        let bound_here =
            |socket: &UnixListener| socket.local_addr().is_ok_and(|bound| bound.as_pathname() == Some(path));
        let at = self.unix.iter().position(|(socket, _)| bound_here(socket))?;
        let (socket, name) = self.unix.remove(at);
        socket.set_nonblocking(true).ok()?;
        let is_ours = Arc::new(AtomicBool::new(false));
        if name == names::OWN {
            self.ours_then.push(File { is_ours: is_ours.clone(), path: path.to_owned(), mode });
        }
        Some((socket, is_ours))
    }

    /// Addresses that nobody asked for; they close when this is dropped.
    pub fn left_over(&self) -> Vec<String> {
        let tcp = self.tcp.iter().filter_map(|socket| Some(socket.local_addr().ok()?.to_string()));
        let unix = self
            .unix
            .iter()
            .filter_map(|(socket, _)| Some(format!("unix:{}", socket.local_addr().ok()?.as_pathname()?.display())));
        tcp.chain(unix).collect()
    }
}

/// systemd's `ListenStream=80` is `[::]:80`, and takes IPv4 as well.
fn serves(bound: SocketAddr, wanted: SocketAddr) -> bool {
    let same_port = wanted.port() == 0 || bound.port() == wanted.port();
    let all_of_both = bound.ip().is_unspecified() && bound.is_ipv6() && wanted.ip().is_unspecified();
    same_port && (bound.ip() == wanted.ip() || all_of_both)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_socket_is_known_by_its_address() {
        let serves = |bound: &str, wanted: &str| serves(bound.parse().unwrap(), wanted.parse().unwrap());
        assert!(serves("127.0.0.1:80", "127.0.0.1:80"));
        assert!(serves("127.0.0.1:4711", "127.0.0.1:0"));
        assert!(serves("[::]:80", "0.0.0.0:80"));
        assert!(!serves("0.0.0.0:80", "[::]:80"), "IPv6 would be shut out");
        assert!(!serves("127.0.0.1:80", "127.0.0.1:81"));
        assert!(!serves("127.0.0.1:80", "0.0.0.0:80"));
    }

    #[test]
    fn each_socket_is_given_once_and_the_others_are_told() {
        let (first, second) = (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
        let (at, other) = (first.local_addr().unwrap(), second.local_addr().unwrap());
        let mut inherited = Inherited { tcp: vec![first, second], ..Inherited::default() };
        assert_eq!(inherited.tcp(at).unwrap().local_addr().unwrap(), at);
        assert!(inherited.tcp(at).is_none());
        assert_eq!(inherited.left_over(), [other.to_string()]);
    }

    #[test]
    fn a_file_is_ours_once_the_place_is() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["own.sock", "lent.sock"].map(|name| folder.path().join(name));
        let unix = paths.iter().zip([names::OWN, names::LENT]);
        let unix = unix.map(|(path, name)| (UnixListener::bind(path).unwrap(), name)).collect();
        let (mut old, new) = UnixStream::pair().unwrap();
        let mut inherited = Inherited { unix, predecessor: Some(new), ..Inherited::default() };
        let [own, lent] = paths.map(|path| inherited.unix(&path, 0o600).unwrap().1);
        assert!(!own.load(Ordering::Relaxed));
        old.write_all(WORD_GO).unwrap();
        inherited.take_over().unwrap();
        assert!(own.load(Ordering::Relaxed) && !lent.load(Ordering::Relaxed));
    }

    #[test]
    fn without_leave_the_place_is_not_taken() {
        let (old, new) = UnixStream::pair().unwrap();
        drop(old);
        let mut inherited = Inherited { predecessor: Some(new), ..Inherited::default() };
        assert!(inherited.take_over().is_err());
    }
}
