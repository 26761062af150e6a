//! Tells the service manager how the door is: sd_notify(3), a datagram to the socket that `$NOTIFY_SOCKET` names. Without
//! one, nobody wants to know.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// One word to the service manager.
#[derive(Debug, Clone, Copy)]
pub enum Word<'a> {
    Ready(&'a str),
    Reloading,
    Stopping,
    /// Another process is the door now.
    Successor(u32),
    Alive,
}

/// A manager that cannot be told is no reason not to serve.
pub fn tell(word: Word<'_>) {
    let Some(socket) = std::env::var_os("NOTIFY_SOCKET") else { return };
    let said = say(&socket.to_string_lossy(), &text(word));
    if let Err(error) = said {
        tracing::debug!("the service manager cannot be told {word:?}: {error}");
    }
}

fn text(word: Word<'_>) -> String {
    match word {
        Word::Ready(status) => format!("READY=1\nSTATUS={status}"),
        Word::Reloading => "RELOADING=1".to_owned(),
        Word::Stopping => "STOPPING=1\nSTATUS=answering the last requests".to_owned(),
        Word::Successor(pid) => format!("MAINPID={pid}\nREADY=1"),
        Word::Alive => "WATCHDOG=1".to_owned(),
    }
}

/// A name that begins with @ is in the abstract name space of Linux, and no file.
fn say(socket: &str, text: &str) -> std::io::Result<()> {
    let address = match socket.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    UnixDatagram::unbound()?.send_to_addr(text.as_bytes(), &address).map(drop)
}

/// How often the manager wants a sign of life, if it does: half of what it waits for.
pub fn watchdog() -> Option<Duration> {
    let meant = std::env::var("WATCHDOG_PID").map_or(true, |pid| pid == std::process::id().to_string());
    let micros: u64 = std::env::var("WATCHDOG_USEC").ok()?.parse().ok()?;
    (meant && micros > 0).then(|| Duration::from_micros(micros / 2).max(Duration::from_millis(1)))
}
