//! What did the operator say? [`spec`] is the YAML as written, [`settings`] what the door runs on; [`mod@compile`] turns the one
//! into the other, [`mod@load`] reads the files and locates every mistake, [`edit`] changes one word and keeps the rest,
//! [`session`] tells one visitor from another.

pub mod at;
pub mod changes;
pub mod compile;
pub mod edit;
pub mod error;
pub mod load;
pub mod mistake;
pub mod outline;
pub mod session;
pub mod settings;
pub mod sources;
pub mod spec;
mod suggest;
pub mod token;

#[cfg(test)]
mod tests;

pub use error::{ConfigError, ConfigErrors};
pub use load::{Loaded, consult, examine, load, rehearse, reload};
pub use session::{Decision, Placed, SessionKey};
pub use settings::{BackendId, Settings};
pub use sources::{Fingerprint, fingerprint};
