//! Where the lines go: a file that may be rotated away, a disk that may be full.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use prometheus::IntCounter;

/// A file, opened anew when it was rotated away; or standard output.
#[derive(Debug)]
pub struct Sink {
    pub(super) path: Option<PathBuf>,
    pub(super) file: Option<File>,
    /// The rest of a line whose beginning was written.
    pub(super) owed: Vec<u8>,
    pub(super) failing: bool,
    pub(super) lost: IntCounter,
}

impl Sink {
    pub fn open(path: Option<PathBuf>, lost: IntCounter) -> io::Result<Self> {
        let mut sink = Self { path, file: None, owed: Vec::new(), failing: false, lost };
        let file = sink.reopened()?;
        if sink.path.is_some() && ends_within_a_line(&file) {
            sink.owed = END_OF_LINE.to_vec();
        }
        sink.file = Some(file);
        Ok(sink)
    }

    fn reopened(&self) -> io::Result<File> {
        match &self.path {
            Some(path) => append_to(path),
            // Not by the library's own handle: its lock would be held for as long as nobody reads.
            None => Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?)),
        }
    }

    pub fn reopen(&mut self) {
        let opened = self.find_file();
        // Until something is written, nobody knows whether what was wrong is over.
        if opened.is_err() {
            self.tell(opened);
        }
    }

    pub fn write(&mut self, text: &[u8]) {
        if text.is_empty() && self.owed.is_empty() {
            return;
        }
        let written = match self.find_file() {
            Ok(()) => self.append(text),
            Err(error) => {
                self.lose(lines(text));
                Err(error)
            }
        };
        self.tell(written);
    }

    /// Trouble is told once, and again when it is over.
    fn tell(&mut self, written: io::Result<()>) {
        match (written, self.failing) {
            (Err(error), false) => tracing::error!("the access log cannot be written, lines are lost: {error}"),
            (Ok(()), true) => tracing::info!("the access log is written again"),
            _ => return,
        }
        self.failing = !self.failing;
    }

    /// Opens the file that has the name, if it is not the one that is open.
    fn find_file(&mut self) -> io::Result<()> {
        let rotated = |file: &File| self.path.as_deref().is_some_and(|path| was_rotated(file, path));
        if self.file.as_ref().is_none_or(rotated) {
            self.file = Some(self.reopened()?);
            self.forget_owed();
        } else if !self.owed.is_empty() && self.file.as_ref().is_some_and(is_emptied) {
            self.forget_owed();
        }
        Ok(())
    }

    /// The beginning of the line is elsewhere, or gone: what is left of it means nothing.
    fn forget_owed(&mut self) {
        self.lose(u64::from(!self.owed.is_empty() && self.owed != END_OF_LINE));
        self.owed.clear();
    }

    fn append(&mut self, text: &[u8]) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let (taken, finished) = write_what_fits(file, &self.owed);
        self.owed.drain(..taken);
        if finished.is_err() {
            self.lose(lines(text));
            return finished;
        }
        let (taken, written) = write_what_fits(file, text);
        let (begun, left) = (&text[..taken], &text[taken..]);
        let is_torn = begun.last().is_some_and(|last| *last != b'\n');
        let end = memchr::memchr(b'\n', left).map_or(left.len(), |end| end + 1);
        let (owed, lost) = left.split_at(if is_torn { end } else { 0 });
        self.owed = owed.to_vec();
        self.lose(lines(lost));
        written
    }

    fn lose(&self, lines: u64) {
        self.lost.inc_by(lines);
    }
}

/// What is owed to a line of which the rest is lost: the door that wrote it has ended.
const END_OF_LINE: &[u8] = b"\n";

fn ends_within_a_line(file: &File) -> bool {
    let length = file.metadata().ok().filter(std::fs::Metadata::is_file).map_or(0, |metadata| metadata.len());
    let mut last = [b'\n'];
    length > 0 && file.read_exact_at(&mut last, length - 1).is_ok() && last != END_OF_LINE
}

fn lines(text: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', text).count() as u64
}

/// How many bytes were taken, and why not all of them.
fn write_what_fits(file: &mut File, text: &[u8]) -> (usize, io::Result<()>) {
    let mut taken = 0;
    while taken < text.len() {
        match file.write(&text[taken..]) {
            Ok(0) => return (taken, Err(io::ErrorKind::WriteZero.into())),
            Ok(more) => taken += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (taken, Err(error)),
        }
    }
    (taken, Ok(()))
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).read(true).open(path)
}

/// Another file, or none, has the name: whoever rotates need not tell us.
fn was_rotated(file: &File, path: &Path) -> bool {
    match (file.metadata(), path.metadata()) {
        (Ok(open), Ok(named)) => (open.dev(), open.ino()) != (named.dev(), named.ino()),
        _ => true,
    }
}

/// Whoever rotates by copying empties the file that stays.
fn is_emptied(file: &File) -> bool {
    file.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() == 0)
}
