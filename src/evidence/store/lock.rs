//! One door per store: an advisory lock on a file beside it, freed by the system however the door ends.
//!
//! Not on the store's own file: SQLite locks that one with POSIX locks, which a process loses as soon as it closes *any* handle
//! on the file.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use super::StoreError;

/// The lock, as long as it lives.
#[derive(Debug)]
pub struct DoorLock {
    _file: File,
}

impl DoorLock {
    /// # Errors
    /// Another door holds it, or the file beside the store cannot be made.
    pub fn take(store: &Path) -> Result<Self, StoreError> {
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(beside(store));
        let mut file = open.map_err(|error| StoreError::of_io(store, &error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::LockedByDoor { path: store.to_owned(), holder: holder(&mut file) });
            }
            Err(TryLockError::Error(error)) => return Err(StoreError::of_io(store, &error)),
        }
        // Only for the message of a door that comes second; the lock holds without it.
        let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| write!(file, "{}", std::process::id()));
        Ok(Self { _file: file })
    }
}

/// `matapalo.db` → `matapalo.db.lock`. The file stays when the door goes: removing it would let two doors lock two files.
fn beside(store: &Path) -> PathBuf {
    let mut name = OsString::from(store);
    name.push(".lock");
    PathBuf::from(name)
}

fn holder(file: &mut File) -> String {
    /// A process id has at most seven digits on Linux.
    const LONGEST: u64 = 16;
    let mut pid = String::new();
    match file.take(LONGEST).read_to_string(&mut pid) {
        Ok(_) if !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit()) => format!("process {pid}"),
        _ => "process unknown".to_owned(),
    }
}
