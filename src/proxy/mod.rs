//! The door. [`listen`] accepts connections, pingora reads requests from them and calls the hooks in [`hooks`], each a few
//! lines that do what the [`Plan`](crate::routing::Plan) says. What a request has become so far is its [`exchange`].
//!
//! Whatever fails behind the door, the user gets the authoritative answer, unchanged and on time: nothing here waits for the
//! mirror, the store or a lock.

mod access_log;
mod announced;
mod answer;
mod capture;
mod client;
mod client_side;
mod clock;
mod door;
mod exchange;
mod fallback;
mod forward;
mod forwarded;
mod framing;
mod h2;
mod hearsay;
mod hooks;
mod hygiene;
mod listen;
mod over;
mod pace;
mod request_id;
mod returned;
mod said_empty;
mod secure;
mod serve;
mod stream;
mod told;
mod traced;
mod trouble;
mod tunnel;
mod until_close;
mod wire;

pub use access_log::AccessLog;
pub use answer::Refusal;
pub use door::Door;
pub use hearsay::hear;
pub use hygiene::inspect;
pub use listen::{Front, ListenError};
