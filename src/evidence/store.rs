//! The embedded store: SQLite in WAL mode, one file, written by one door and read by anybody.
//!
//! [`batch`] is what has been counted and not yet written, [`write`] puts one into the file in one transaction, [`shrink`] keeps
//! the file within its bound, [`read`] reads it, also from another process. Who writes when: [`super::record`].
//!
//! A commit survives the end of the process in any way, `kill -9` included. It is not forced through the disk's cache: after a
//! power cut the store is sound, but may lack the last seconds.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::time::millis;

pub mod batch;
mod fields;
mod fold;
pub mod lock;
mod place;
pub mod read;
mod reserve;
mod schema;
mod shrink;
#[cfg(test)]
mod tests;
pub mod triage;
mod waiting;
mod write;

pub use batch::Batch;
pub use read::{Soundness, StoreReader};
pub use waiting::Waiting;

/// How long a statement waits for another process that holds the file. Readers do not hold it; a backup tool may.
const BUSY_TIMEOUT: Duration = Duration::from_millis(500);
/// Bytes. Below it the tables of a few routes would not fit.
pub const SMALLEST_SIZE: u64 = 1 << 20;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("store {path}: is a directory, want a file: name one in `store.path`")]
    Directory { path: PathBuf },
    #[error("store {path}: there is none; the door creates it, or name another with --store")]
    Missing { path: PathBuf },
    #[error(
        "store {path}: is not a store of matapalo ({found}); name another file in `store.path`, or move this one away"
    )]
    NotAStore { path: PathBuf, found: String },
    #[error(
        "store {path}: has format {found}, this matapalo knows up to {known}; use the newer matapalo, or another file in `store.path`"
    )]
    NewerVersion { path: PathBuf, found: i64, known: i64 },
    #[error(
        "store {path}: another door writes it ({holder}); give each door a `store.path` of its own, or stop the other one"
    )]
    LockedByDoor { path: PathBuf, holder: String },
    #[error("store {path}: another program holds it; stop that program, or wait for it")]
    Busy { path: PathBuf },
    #[error(
        "store {path}: cannot be written: {why}; give the door's user the right to write the file and its directory"
    )]
    Unwritable { path: PathBuf, why: String },
    #[error(
        "store {path}: cannot be read: {why}; beside a log that is not yet brought in, a reader needs the right to write the directory"
    )]
    Unreadable { path: PathBuf, why: String },
    #[error("store {path}: no room left, on the disk or within `store.max_size`")]
    Full { path: PathBuf },
    #[error("store {path}: its file was deleted or replaced while the door wrote to it; what was in it is gone")]
    Gone { path: PathBuf },
    #[error("store {path}: is damaged: {why}; move it away, and the door begins a new one")]
    Damaged { path: PathBuf, why: String },
    #[error("store {path}: {why}")]
    Other { path: PathBuf, why: String },
}

impl StoreError {
    /// What SQLite's error means for a store.
    fn of(path: &Path, error: &rusqlite::Error) -> Self {
        let (path, why) = (path.to_owned(), error.to_string());
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::NotAStore { path, found: "not an SQLite file".to_owned() },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy { path },
            Some(ErrorCode::DiskFull) => Self::Full { path },
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged { path, why },
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                Self::Unwritable { path, why }
            }
            _ => Self::Other { path, why },
        }
    }

    /// A store may be written while a file beside it may not.
    fn because_of(self, beside: Option<PathBuf>) -> Self {
        match (self, beside) {
            (Self::Unwritable { path, why }, Some(file)) => {
                Self::Unwritable { path, why: format!("{why} ({} is not writable)", file.display()) }
            }
            (error, _) => error,
        }
    }

    /// The file is not what a store is, whatever can be written to it.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged { .. } | Self::NotAStore { .. })
    }

    fn of_io(path: &Path, error: &io::Error) -> Self {
        let (path, why) = (path.to_owned(), error.to_string());
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path },
            _ => Self::Unwritable { path, why },
        }
    }
}

/// How `store.max_size` is divided.
#[derive(Debug, Clone, Copy)]
struct Budget {
    /// Bytes of the file itself.
    file: u64,
    /// Bytes by which it may outgrow that while it is made smaller, and in the last write of a door.
    reserve: u64,
    /// Bytes of the write-ahead log beside it.
    wal: u64,
    room: Room,
}

/// What a store of its size has room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Bytes of samples that may wait in memory for one transaction.
    pub samples: usize,
    /// Causes told apart, over all routes.
    pub causes: usize,
}

impl Room {
    /// Of a store that is not open yet.
    pub fn within(max_size: u64) -> Self {
        Budget::of(max_size).room
    }
}

/// Causes told apart at most: some megabytes in memory.
const MAX_CAUSES: u64 = 20_000;
/// Bytes of the file for each cause told apart: its row, its counts by time and session, its examples' numbers.
const PER_CAUSE: u64 = 2048;

impl Budget {
    fn of(max_size: u64) -> Self {
        let max_size = max_size.max(SMALLEST_SIZE);
        // SQLite's own default of 4 MiB is plenty; a small store gives a quarter.
        let wal = (max_size / 4).min(4 << 20);
        let reserve = (max_size / 8).min(4 << 20);
        let file = max_size - wal - reserve;
        let whole = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let room = Room { samples: whole(wal / 4), causes: whole((file / PER_CAUSE).min(MAX_CAUSES)) };
        Self { file, reserve, wal, room }
    }
}

fn connect(path: &Path, budget: &Budget) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)
        .map_err(|error| StoreError::Unwritable { path: path.to_owned(), why: error.to_string() })?;
    schema::prepare(&connection, path, budget)?;
    Ok(connection)
}

/// The store, open for writing; one per door.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    connection: Connection,
    budget: Budget,
    place: place::Place,
    reserve: reserve::Reserve,
    /// Held as long as the store is open.
    lock: lock::DoorLock,
    /// A door before this one has left counts unwritten, which is yet to be noted in the file.
    loss: bool,
}

impl Store {
    /// Opens the store, and creates it where there is none.
    ///
    /// # Errors
    /// Not a store, locked by another door, from a newer version, or not writable.
    pub fn open(path: &Path, max_size: u64) -> Result<Self, StoreError> {
        if path.is_dir() {
            return Err(StoreError::Directory { path: path.to_owned() });
        }
        let lock = lock::DoorLock::take(path)?;
        let budget = Budget::of(max_size);
        let held_up_by = place::share_rights(path);
        let connection = match connect(path, &budget) {
            // SQLite's own files beside the store need room as well.
            Err(StoreError::Full { .. } | StoreError::Other { .. }) => {
                reserve::Reserve::give_up(path);
                connect(path, &budget)?
            }
            connected => connected.map_err(|error| error.because_of(held_up_by))?,
        };
        let place = place::Place::of(path);
        let reserve = reserve::Reserve::hold(path, budget.reserve);
        let loss = lock.unwritten().is_some();
        let mut store = Self { path: path.to_owned(), connection, budget, place, reserve, lock, loss };
        store.fit()?;
        store.look_after_the_dead();
        Ok(store)
    }

    /// Notes beside the file that what was seen since (milliseconds since 1970) is not in it, for who finds it after `kill -9`;
    /// `None`: all of it is.
    pub fn mark_unwritten(&mut self, since: Option<u64>) {
        if !self.loss && self.lock.unwritten().is_some() != since.is_some() {
            self.lock.mark(since);
        }
    }

    /// Takes over what doors that never got the store have left when they died: the word that counts are lost.
    pub fn look_after_the_dead(&mut self) {
        let dead = waiting::of_the_dead(&self.path);
        if dead.is_empty() {
            return;
        }
        tracing::warn!("a door died while it waited for the store: what it had counted is lost");
        self.lock.mark(Some(self.lock.unwritten().unwrap_or_else(|| millis(SystemTime::now()))));
        self.loss = true;
        for path in dead {
            let _ = fs::remove_file(path);
        }
        self.note_loss();
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes on disk, as it was opened.
    pub fn max_size(&self) -> u64 {
        self.budget.file + self.budget.reserve + self.budget.wal
    }

    /// Whether the file that was opened still has its name. If not, what is written goes nowhere, and SQLite says nothing.
    pub fn is_in_place(&mut self) -> bool {
        self.place.holds(&self.path)
    }

    /// Gives up a file that has not its name any more. Its log must not be taken for that of the file which comes in its place.
    pub fn abandon(self) {
        // Whoever moved the file away has everything in it.
        self.checkpoint();
        let Self { path, connection, place, reserve, lock: _lock, .. } = self;
        drop(connection);
        reserve.release();
        place.clear(&path);
    }

    pub fn room(&self) -> Room {
        self.budget.room
    }

    fn error(&self, error: &rusqlite::Error) -> StoreError {
        StoreError::of(&self.path, error)
    }

    /// Bytes of the write-ahead log.
    fn wal_size(&self) -> u64 {
        fs::metadata(place::beside(&self.path, "-wal")).map_or(0, |metadata| metadata.len())
    }
}
