//! One door per store: an advisory lock on a file beside it, freed by the system however the door ends.
//!
//! Not on the store's own file: SQLite locks that one with POSIX locks, which a process loses as soon as it closes *any* handle
//! on the file. In the file stand the holder's process id and, while what he has seen is not in the store, since when: written in
//! place, for which a full disk has room. So whoever dies meanwhile leaves word that counts are missing.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::StoreError;

/// Bytes for the process id, which has at most seven digits on Linux.
const HOLDER: usize = 16;
/// Bytes for the mark behind it.
const MARK: usize = 48;
const UNWRITTEN: &str = "unwritten since ";

/// The lock, as long as it lives.
#[derive(Debug)]
pub struct DoorLock {
    file: File,
    marked: Option<u64>,
}

impl DoorLock {
    /// # Errors
    /// Another door holds it, or the file beside the store cannot be made.
    pub fn take(store: &Path) -> Result<Self, StoreError> {
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(beside(store));
        let file = open.map_err(|error| StoreError::of_io(store, &error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::LockedByDoor { path: store.to_owned(), holder: Said::of(&file).holder });
            }
            Err(TryLockError::Error(error)) => return Err(StoreError::of_io(store, &error)),
        }
        let mut lock = Self { marked: Said::of(&file).unwritten, file };
        // Only for who comes second; the lock holds without it.
        let _ = lock.file.write_all_at(padded(&std::process::id().to_string(), HOLDER).as_bytes(), 0);
        lock.mark(lock.marked);
        Ok(lock)
    }

    /// Since when (milliseconds since 1970) what the door has seen is not in the store; `None`: all of it is.
    pub fn unwritten(&self) -> Option<u64> {
        self.marked
    }

    /// Says so to who reads the store without asking the door, and to the next door.
    pub fn mark(&mut self, unwritten: Option<u64>) {
        let told = unwritten.map_or_else(String::new, |since| format!("{UNWRITTEN}{since}"));
        // Where even that cannot be written, the log has told.
        let _ = self.file.write_all_at(padded(&told, MARK).as_bytes(), HOLDER as u64);
        self.marked = unwritten;
    }
}

/// What stands in the file.
#[derive(Debug)]
pub struct Said {
    /// `process 4711`.
    pub holder: String,
    pub unwritten: Option<u64>,
}

impl Said {
    /// Of a store's lock; `None`: there is none, or it cannot be read.
    pub fn beside(store: &Path) -> Option<Self> {
        File::open(beside(store)).ok().map(|file| Self::of(&file))
    }

    fn of(file: &File) -> Self {
        let mut said = [0; HOLDER + MARK];
        let length = file.read_at(&mut said, 0).unwrap_or_default();
        let said = String::from_utf8_lossy(&said[..length]).into_owned();
        let (pid, mark) = said.split_at_checked(HOLDER).unwrap_or((&said, ""));
        let pid = pid.trim();
        let is_pid = !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit());
        let holder = if is_pid { format!("process {pid}") } else { "process unknown".to_owned() };
        Self { holder, unwritten: mark.trim().strip_prefix(UNWRITTEN).and_then(|since| since.parse().ok()) }
    }
}

/// The door that has the store open; `None`: none has, or it cannot be told.
pub fn holder(store: &Path) -> Option<String> {
    let file = File::open(beside(store)).ok()?;
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)).then(|| Said::of(&file).holder)
}

fn padded(text: &str, width: usize) -> String {
    format!("{text:<width$}")
}

/// `matapalo.db` → `matapalo.db.lock`. The file stays when the door goes: removing it would let two doors lock two files.
fn beside(store: &Path) -> PathBuf {
    let mut name = OsString::from(store);
    name.push(".lock");
    PathBuf::from(name)
}
