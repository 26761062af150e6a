//! A new binary takes the old one's place without a failed request: it gets the listening sockets, says when it could serve,
//! and only then the old door stops taking users in. If it does not say so in time, the old door goes on as if nothing was.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as BlockingUnixStream;
use std::process::{Child, Command};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use command_fds::{CommandFdExt, FdMapping};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::socket::{ToHandOver, WORD_GO, WORD_OPEN, names};

/// A door opens in well under a second; a big store may take some to be opened.
const PATIENCE: Duration = Duration::from_secs(30);
/// The first descriptor that is handed over: sd_listen_fds(3).
const FIRST: i32 = 3;
/// More listeners than anybody has, fewer than a process may have descriptors.
const MOST_SOCKETS: usize = 500;

/// The new binary's process. Until it has the place it is ended when this is dropped: it serves nobody yet.
#[derive(Debug)]
pub struct Successor {
    child: Option<Child>,
    line: UnixStream,
}

/// The new door, in its place: until this is dropped, it waits for what only one may have.
#[derive(Debug)]
pub struct NewDoor {
    pub pid: u32,
    _line: Successor,
}

impl Successor {
    /// Starts the binary that now has this one's name, with this one's arguments and these sockets. Needs a runtime around it.
    ///
    /// # Errors
    /// It could not be started.
    pub fn start(sockets: &[&ToHandOver]) -> anyhow::Result<Self> {
        let (ours, theirs) = BlockingUnixStream::pair().context("making the socket that it answers on")?;
        ours.set_nonblocking(true).context("making the socket that it answers on")?;
        let line = UnixStream::from_std(ours).context("making the socket that it answers on")?;
        Ok(Self { child: Some(spawn(sockets, theirs)?), line })
    }

    /// Waits until it could serve, and lets it.
    ///
    /// # Errors
    /// It ended, or was not open in time.
    pub async fn take_over(mut self) -> anyhow::Result<NewDoor> {
        let mut said = [0; WORD_OPEN.len()];
        match tokio::time::timeout(PATIENCE, self.line.read_exact(&mut said)).await {
            Err(_) => bail!("it was not open within {PATIENCE:?}"),
            Ok(Err(_)) => bail!("it ended before it was open (its own message stands above)"),
            Ok(Ok(_)) => ensure!(said == WORD_OPEN, "it does not know how to take over"),
        }
        self.line.write_all(WORD_GO).await.context("it was open and is gone")?;
        let child = self.child.take().context("it has taken over already")?;
        Ok(NewDoor { pid: child.id(), _line: self })
    }
}

impl Drop for Successor {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may have ended by itself; either way it is waited for, so that it leaves no trace.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn spawn(sockets: &[&ToHandOver], theirs: BlockingUnixStream) -> anyhow::Result<Child> {
    let mut arguments = std::env::args_os();
    // Not /proc/self/exe: that is the binary that was started, also when another one has its name by now.
    let name = arguments.next().filter(|name| !name.is_empty()).context("this process does not know its own name")?;
    ensure!(sockets.len() < MOST_SOCKETS, "{} sockets are too many to hand over", sockets.len());
    let copies: Result<Vec<OwnedFd>, _> = sockets.iter().map(|socket| socket.socket.try_clone()).collect();
    let handed = copies.context("copying a socket")?.into_iter().chain([theirs.into()]);
    let mappings: Vec<_> =
        (FIRST..).zip(handed).map(|(child_fd, parent_fd)| FdMapping { parent_fd, child_fd }).collect();
    let named: Vec<&str> = sockets.iter().map(|socket| socket.name()).chain([names::SUCCESSION]).collect();
    let mut command = Command::new(&name);
    command.args(arguments);
    command.env("LISTEN_FDS", mappings.len().to_string()).env("LISTEN_FDNAMES", named.join(":"));
    // They name this process.
    command.env_remove("LISTEN_PID").env_remove("WATCHDOG_PID");
    command.fd_mappings(mappings).context("numbering the sockets")?;
    command.spawn().with_context(|| format!("starting {}", name.display()))
}
