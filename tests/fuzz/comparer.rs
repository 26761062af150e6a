//! The comparer alone, as the fuzz targets see it.

#[path = "../../src/diff/mod.rs"]
pub mod diff;
