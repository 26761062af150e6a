//! The report, read from the store only.
