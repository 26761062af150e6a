//! Puts new content in a file's place: whole or not at all, wherever the file system allows that.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::config::sources::folder_of;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Written,
    /// The file is not what it was read as; nothing was written.
    ChangedMeanwhile,
}

/// Replaces `was` by `is`: by a rename, so that no reader sees half of it; in place where a rename is not possible, as on a
/// file that is mounted alone into a container. Behind a symlink the target is replaced, not the link.
pub fn replace(file: &Path, was: &[u8], is: &[u8]) -> io::Result<Outcome> {
    let target = file.canonicalize()?;
    if fs::read(&target)? != was {
        return Ok(Outcome::ChangedMeanwhile);
    }
    match by_rename(&target, is) {
        Ok(()) => Ok(Outcome::Written),
        Err(error) if needs_writing_in_place(&error) => in_place(&target, is).map(|()| Outcome::Written),
        Err(error) => Err(error),
    }
}

/// A mount point cannot be renamed over; a folder may be closed while the file is open.
fn needs_writing_in_place(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ResourceBusy
            | io::ErrorKind::CrossesDevices
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::ReadOnlyFilesystem
    )
}

fn by_rename(target: &Path, content: &[u8]) -> io::Result<()> {
    let folder = folder_of(target);
    let new = beside(target, &folder);
    let written = write_new(&new, target, content).and_then(|()| fs::rename(&new, target));
    if written.is_err() {
        // What it would have been is of no use; that it cannot be removed is told by the error itself.
        let _ = fs::remove_file(&new);
        return written;
    }
    // Without this a power cut could bring the old file back.
    File::open(&folder)?.sync_all()
}

/// A name that no `include` pattern matches, because it begins with a dot.
fn beside(target: &Path, folder: &Path) -> PathBuf {
    let name = target.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    folder.join(format!(".{name}.{}.new", std::process::id()))
}

fn write_new(new: &Path, target: &Path, content: &[u8]) -> io::Result<()> {
    let metadata = fs::metadata(target)?;
    let mut file = OpenOptions::new().write(true).create_new(true).open(new)?;
    file.set_permissions(metadata.permissions())?;
    keep_owner(new, &metadata);
    file.write_all(content)?;
    file.sync_all()
}

/// Only root may give a file away; who may not keeps it, which is what a rename by hand would do too.
fn keep_owner(new: &Path, of: &fs::Metadata) {
    use std::os::unix::fs::{MetadataExt, chown};
    let _ = chown(new, Some(of.uid()), Some(of.gid()));
}

fn in_place(target: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(target)?;
    file.write_all(content)?;
    file.set_len(content.len() as u64)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn mode_and_symlink_stay() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("real.yaml"), folder.path().join("link.yaml"));
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        symlink("real.yaml", &link).unwrap();
        assert_eq!(replace(&link, b"old", b"new").unwrap(), Outcome::Written);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left behind");
    }

    #[test]
    fn what_somebody_else_wrote_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.yaml");
        fs::write(&file, "theirs").unwrap();
        assert_eq!(replace(&file, b"old", b"new").unwrap(), Outcome::ChangedMeanwhile);
        assert_eq!(fs::read(&file).unwrap(), b"theirs");
    }

    #[test]
    fn a_shorter_content_in_place_leaves_no_rest() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.yaml");
        fs::write(&file, "a longer text").unwrap();
        in_place(&file, b"short").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"short");
    }

    #[test]
    fn a_busy_mount_is_written_in_place() {
        assert!(needs_writing_in_place(&io::Error::from(io::ErrorKind::ResourceBusy)));
        assert!(!needs_writing_in_place(&io::Error::from(io::ErrorKind::StorageFull)));
    }
}
