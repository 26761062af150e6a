//! Mergeable counts. Pure.
