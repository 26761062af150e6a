//! The window: health, metrics, status, report, and the calls that change what is in force.
//!
//! It has a small runtime of its own on one thread, so that a busy door does not keep an operator out, nor a curious
//! operator a user. Who may ask for what is [`guard`]'s business; what is answered is [`api`]'s. Nothing here decides who
//! answers a request: it asks [`crate::live`].

pub mod answer;
pub mod api;
pub mod dashboard;
mod evidence;
pub mod guard;
mod readiness;
mod serve;
pub mod status;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Instant;

use tokio::sync::oneshot;

use crate::config::settings::{Address, AdminSettings};
use crate::live::{Live, Reloader};
use crate::socket::{Inherited, Listener, ToHandOver};

/// Only the door's own user may open its unix socket.
const UNIX_MODE: u32 = 0o600;

/// What the window shows and changes.
#[derive(Debug, Clone)]
pub struct Shown {
    pub live: Arc<Live>,
    pub reloader: Reloader,
    pub readiness: Readiness,
    /// When the door started.
    pub since: Instant,
}

/// Whether the door takes requests. Set by whoever opens and closes the listeners, told by `/readyz`.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<AtomicU8>);

impl Readiness {
    // 0, the default: the door is starting.
    const OPEN: u8 = 1;
    const DRAINING: u8 = 2;

    /// The listeners are open.
    pub fn open(&self) {
        self.0.store(Self::OPEN, Ordering::Release);
    }

    /// The listeners are about to close: send no more requests.
    pub fn drain(&self) {
        self.0.store(Self::DRAINING, Ordering::Release);
    }

    pub fn is_open(&self) -> bool {
        self.0.load(Ordering::Acquire) == Self::OPEN
    }

    pub fn word(&self) -> &'static str {
        match self.0.load(Ordering::Acquire) {
            Self::OPEN => "ready",
            Self::DRAINING => "draining",
            _ => "starting",
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("cannot listen on {address} (admin.address): {source}{hint}", hint = hint(.source))]
    Listen { address: String, source: io::Error },
    #[error("admin.address is {address}, which others can reach: want a loopback address, unix:PATH, or a token_file")]
    NeedsToken { address: String },
    #[error("admin.token_file {path}: {reason}", path = .path.display())]
    Token { path: PathBuf, reason: String },
    #[error("no runtime for the admin window: {0}")]
    Runtime(io::Error),
}

fn hint(error: &io::Error) -> &'static str {
    if error.kind() == io::ErrorKind::AddrInUse { "; is another door running?" } else { "" }
}

/// The open window; it closes when this is dropped.
#[derive(Debug)]
pub struct Window {
    address: Address,
    to_hand_over: ToHandOver,
    /// Dropped: begin, and end.
    begin: Option<oneshot::Sender<()>>,
    stop: Option<oneshot::Sender<()>>,
}

impl Window {
    /// Listens; what is asked is answered, on a thread of its own, once [`begin`](Self::begin) is called.
    ///
    /// # Errors
    /// The address is taken or open to others without a token; the token cannot be read; the system gives no thread.
    pub fn open(settings: &AdminSettings, shown: Shown, inherited: &mut Inherited) -> Result<Self, OpenError> {
        let guard = guard::Guard::new(settings)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(OpenError::Runtime)?;
        let listener = {
            let _entered = runtime.enter();
            Listener::bind(&settings.address, UNIX_MODE, inherited)
                .map_err(|source| OpenError::Listen { address: settings.address.to_string(), source })?
        };
        let address = listener.address().clone();
        let to_hand_over = listener.to_hand_over().map_err(OpenError::Runtime)?;
        let (begin, begun) = oneshot::channel::<()>();
        let (stop, stopped) = oneshot::channel();
        let serve = serve::until(stopped, listener, Arc::new(api::Api::new(guard, shown)));
        let serve = async {
            // An error is the sender's end: it is dropped to begin.
            let _ = begun.await;
            serve.await;
        };
        std::thread::Builder::new()
            .name("admin".into())
            .spawn(move || runtime.block_on(serve))
            .map_err(OpenError::Runtime)?;
        Ok(Self { address, to_hand_over, begin: Some(begin), stop: Some(stop) })
    }

    /// Answers from now on.
    pub fn begin(&mut self) {
        self.begin = None;
    }

    /// Answers nobody any more; what is asked already is answered.
    pub fn close(&mut self) {
        self.stop = None;
    }

    /// Its socket, for a successor.
    pub fn to_hand_over(&self) -> &ToHandOver {
        &self.to_hand_over
    }

    /// Where it listens: the port is a real one even if the config asked for port 0.
    pub fn address(&self) -> &Address {
        &self.address
    }
}
