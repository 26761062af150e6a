//! Room on the disk that nobody else gets: a file beside the store, given up for the last write of a door whose disk is full.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::place::beside;

/// Bytes: what was counted in a bad hour, told shortly, in SQLite's log.
const MOST: u64 = 1 << 20;

/// The file, which may not be there: a disk that is full already has no room to set aside.
#[derive(Debug)]
pub struct Reserve {
    path: PathBuf,
    bytes: u64,
}

impl Reserve {
    /// Sets the room aside: up to so many bytes.
    pub fn hold(store: &Path, bytes: u64) -> Self {
        let reserve = Self { path: name(store), bytes: bytes.min(MOST) };
        reserve.renew();
        reserve
    }

    /// Once more, if it was not possible or is gone.
    pub fn renew(&self) {
        if fs::metadata(&self.path).is_ok_and(|file| file.len() == self.bytes) {
            return;
        }
        // A part of it is better than nothing.
        for part in [1, 2, 4, 8] {
            if self.fill(self.bytes / part).is_ok() {
                return;
            }
            self.release();
        }
    }

    /// Only what is written has its place on the disk; a length alone has none.
    fn fill(&self, bytes: u64) -> io::Result<()> {
        let mut file = File::create(&self.path)?;
        let zeros = [0; 1 << 16];
        let mut left = bytes;
        while left > 0 {
            let piece = zeros.get(..usize::try_from(left).unwrap_or(zeros.len())).unwrap_or(&zeros);
            file.write_all(piece)?;
            left -= piece.len() as u64;
        }
        Ok(())
    }

    pub fn release(&self) {
        remove(&self.path);
    }

    /// That of a store which is not open.
    pub fn give_up(store: &Path) {
        remove(&name(store));
    }
}

fn name(store: &Path) -> PathBuf {
    beside(store, ".reserve")
}

fn remove(reserve: &Path) {
    // If it cannot be, there is no room to be had by it.
    let _ = fs::remove_file(reserve);
}
