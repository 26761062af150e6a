//! Doors that count in memory because they have not got the store: each has a file beside it, empty, and locked for as long as it
//! lives. Who finds one knows that the store lacks something. Who finds it unlocked knows that the door has died meanwhile: what it had
//! counted is lost.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::place::beside;
use crate::evidence::time::millis;

const WAITING: &str = ".waiting-";
/// Of one that is not locked yet: nobody is to take it for a dead door's.
const BEGUN: &str = ".waits-";

/// This door's own. Let go without [`Waiting::end`], it says that counts are lost.
#[derive(Debug)]
pub struct Waiting {
    path: PathBuf,
    _locked: File,
}

impl Waiting {
    /// # Errors
    /// No file can be made beside the store.
    pub fn begin(store: &Path) -> io::Result<Self> {
        let own = format!("{}-{}", std::process::id(), millis(SystemTime::now()));
        let begun = beside(store, &format!("{BEGUN}{own}"));
        let file = File::create_new(&begun)?;
        let path = beside(store, &format!("{WAITING}{own}"));
        let ready = file.try_lock().map_err(io::Error::from).and_then(|()| fs::rename(&begun, &path));
        if let Err(error) = ready {
            let _ = fs::remove_file(&begun);
            return Err(error);
        }
        Ok(Self { path, _locked: file })
    }

    /// All that was counted is in the store, or nothing ever was.
    pub fn end(self) {
        // Who cannot remove it has told that counts are missing: too much, and on the safe side.
        let _ = fs::remove_file(&self.path);
    }
}

/// Since when (milliseconds since 1970) a door has counted, or had when it died, what is not in the store.
pub fn since(store: &Path) -> Option<u64> {
    files(store).filter_map(|path| fs::metadata(path).ok()?.modified().ok()).map(millis).min()
}

/// Those that doors have left behind when they died.
pub fn of_the_dead(store: &Path) -> Vec<PathBuf> {
    let is_dead =
        |path: &PathBuf| File::open(path).is_ok_and(|file| !matches!(file.try_lock(), Err(TryLockError::WouldBlock)));
    files(store).filter(is_dead).collect()
}

fn files(store: &Path) -> impl Iterator<Item = PathBuf> {
    let folder = store.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut begins = store.file_name().map(OsStr::to_owned).unwrap_or_default();
    begins.push(WAITING);
    let is_one = move |name: &OsString| name.as_encoded_bytes().starts_with(begins.as_encoded_bytes());
    let found = fs::read_dir(folder).into_iter().flatten().flatten();
    found.filter(move |entry| is_one(&entry.file_name())).map(|entry| entry.path())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn who_waits_is_seen_and_who_died_is_known_by_it() {
        let folder = tempfile::tempdir().unwrap();
        let (store, other) = (folder.path().join("a.db"), folder.path().join("b.db"));
        assert_eq!(since(&store), None);
        let (one, two) = (Waiting::begin(&store).unwrap(), Waiting::begin(&other).unwrap());
        assert!(since(&store).is_some_and(|at| at <= millis(SystemTime::now())));
        assert!(of_the_dead(&store).is_empty());
        drop(one);
        assert_eq!((of_the_dead(&store).len(), of_the_dead(&other).len()), (1, 0));
        two.end();
        assert_eq!(since(&other), None);
    }
}
