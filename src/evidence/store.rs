//! The embedded store: SQLite in WAL mode, written by a thread of its own.

use std::path::Path;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{0}")]
    Other(String),
}

/// The store, open for writing; one per door.
#[derive(Debug)]
pub struct Store {}

impl Store {
    /// # Errors
    /// Not a store, locked by another door, from a newer version, or not writable.
    pub fn open(path: &Path, max_size: u64) -> Result<Self, StoreError> {
        let _ = (path, max_size);
        Ok(Self {})
    }
}
