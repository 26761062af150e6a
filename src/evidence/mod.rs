//! What does it prove? Tallies and readiness (pure), the store, the recorder, the report.

pub mod fact;
pub mod noise;
pub mod pair;
pub mod readiness;
pub mod record;
pub mod redact;
pub mod report;
pub mod sample;
pub mod store;
pub mod tally;
pub mod time;

pub use pair::{Pair, Unproven};
pub use readiness::{Gate, GateSpec, Verdict};
pub use record::Recorder;
