//! What does it prove? Tallies and readiness (pure), the store, the recorder, the report.

pub mod pair;
pub mod readiness;
pub mod record;
pub mod report;
pub mod store;
pub mod tally;
pub mod time;

pub use pair::{Pair, Unproven};
pub use readiness::{Gate, GateSpec, Verdict};
pub use record::Recorder;
