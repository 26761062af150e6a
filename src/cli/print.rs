//! How the commands print: results on stdout, trouble on stderr.

use std::io::{self, Write};

use serde::Serialize;

/// Prints on stdout and ends the line if the text does not. A reader that has gone away (`| head`) is no trouble.
///
/// # Errors
/// Stdout cannot be written to, for example because the disk is full.
pub fn say(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    match write!(stdout, "{text}{end}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Prints a value as indented JSON on stdout.
///
/// # Errors
/// As [`say`].
pub fn json(value: &impl Serialize) -> anyhow::Result<()> {
    say(&serde_json::to_string_pretty(value)?)?;
    Ok(())
}

/// Prints an error and what led to it on stderr.
pub fn trouble(error: &anyhow::Error) {
    // Nobody is left to be told that stderr is closed.
    let _ = write!(io::stderr(), "{}", told(error));
}

/// An error and what led to it, as a line.
pub fn told(error: &anyhow::Error) -> String {
    format!("matapalo: {error:#}\n")
}

/// Prints lines on stderr as they are: errors of a file, each with its place.
pub fn complain(text: &str) {
    if !text.is_empty() {
        let _ = writeln!(io::stderr(), "{text}");
    }
}
