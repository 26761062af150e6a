//! Whether a name still leads to the file that was opened by it, and what lies beside it.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Device and inode.
type Identity = (u64, u64);

/// The store's file and its log, as they were found under their names.
#[derive(Debug)]
pub struct Place {
    file: Option<Identity>,
    log: Option<Identity>,
}

impl Place {
    pub fn of(store: &Path) -> Self {
        Self { file: identity(store).ok(), log: identity(&beside(store, "-wal")).ok() }
    }

    /// Whether the store has its name still. A folder that cannot be looked into now says nothing.
    pub fn holds(&mut self, store: &Path) -> bool {
        let now = match identity(store) {
            Ok(now) => Some(now),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(_) => return true,
        };
        let holds = now == self.file;
        if holds {
            self.log = identity(&beside(store, "-wal")).ok();
        }
        holds
    }

    /// Removes the log if it is the one that belonged to the file.
    pub fn clear(&self, store: &Path) {
        let log = beside(store, "-wal");
        if self.log.is_some() && identity(&log).ok() == self.log {
            // Without them the next one to open the store begins anew; with them it would, too, where the log is empty.
            let _ = fs::remove_file(log);
            let _ = fs::remove_file(beside(store, "-shm"));
        }
    }
}

/// Gives SQLite's own files beside the store the rights that the store has: it made them with those of that moment, and a store that
/// may be written again would be held up by what it left when it might not. Returns one that is not ours to change.
///
/// By name: a handle on them, closed, would let go of SQLite's locks. Nor are they removed: somebody may be reading by them.
pub fn share_rights(store: &Path) -> Option<PathBuf> {
    const WRITE: u32 = 0o222;
    let rights = fs::metadata(store).ok()?.permissions();
    let lacks =
        |file: &PathBuf| fs::metadata(file).is_ok_and(|found| rights.mode() & !found.permissions().mode() & WRITE != 0);
    let lacking = ["-wal", "-shm"].map(|ending| beside(store, ending)).into_iter().filter(lacks);
    // Each of them, whatever becomes of the other.
    lacking.fold(None, |held, file| if fs::set_permissions(&file, rights.clone()).is_err() { Some(file) } else { held })
}

fn identity(path: &Path) -> io::Result<Identity> {
    let found = fs::metadata(path)?;
    Ok((found.dev(), found.ino()))
}

pub fn beside(store: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(store);
    name.push(ending);
    PathBuf::from(name)
}
