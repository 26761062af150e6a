//! What is wrong with a config: every mistake at once, each with what was wanted, what was found and where.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

/// Something to tell the operator about one place in the config: an error or a warning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConfigError {
    /// What was wanted and what was found, with the keys: `routes[3] "packages": canary.weight is 130, want 0 to 100`.
    pub message: String,
    pub file: PathBuf,
    /// From 1; `None`: it concerns the file as a whole.
    pub line: Option<usize>,
    /// From 1, in characters.
    pub column: Option<usize>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}", self.message, self.file.display())?;
        for number in [self.line, self.column].into_iter().flatten() {
            write!(f, ":{number}")?;
        }
        f.write_str(")")
    }
}

/// Why a config does not take effect: all its mistakes, in the order of the files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConfigErrors {
    /// Never empty.
    pub errors: Vec<ConfigError>,
    /// There were more than could be told apart in one go.
    pub truncated: bool,
}

impl ConfigErrors {
    /// One mistake that concerns a file as a whole.
    pub fn of_file(file: impl Into<PathBuf>, message: impl Into<String>) -> Self {
        let error = ConfigError { message: message.into(), file: file.into(), line: None, column: None };
        Self { errors: vec![error], truncated: false }
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.errors.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{error}")?;
        }
        if self.truncated { f.write_str("\nand more: mend these first") } else { Ok(()) }
    }
}

impl std::error::Error for ConfigErrors {}
