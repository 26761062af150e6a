//! What a story is told with: a [`Site`] of two scripted origins, a [`Door`] in front of it, a [`Client`] before the door.
//!
//! Everything is bytes on real sockets and the built binary; nothing of the crate is linked in. No test knows a port:
//! each door takes free ones, and each site has a folder of its own.

pub mod client;
pub mod door;
pub mod frames;
pub mod front;
pub mod http2;
pub mod load;
pub mod metrics;
pub mod origin;
pub mod origin2;
pub mod report;
pub mod signal;
pub mod site;
pub mod tls;
pub mod unix;
pub mod wire;

pub use client::{Answer, Client, get, one};
pub use door::{Door, Run, matapalo};
pub use load::Load;
pub use origin::{Origin, Seen, Wire};
pub use signal::Signal;
pub use site::{Config, Site, await_that};

use std::time::Duration;

/// Longest wait for anything that should happen at once: far beyond what a busy machine needs, short of a hung run.
pub const PATIENCE: Duration = Duration::from_secs(60);
