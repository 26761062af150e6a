//! What did the operator say? [`spec`] is the YAML as written, [`settings`] what the door runs on; `compile` turns the one into
//! the other and reports every mistake at once, each with file, line and column.

pub mod session;
pub mod settings;

pub use settings::{BackendId, Settings};
