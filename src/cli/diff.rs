//! `matapalo diff`: compares stored answers offline.

use std::path::Path;

use super::{Exit, Format};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Legacy's answer: a file
    #[arg(required_unless_present = "pairs", requires = "candidate", conflicts_with = "pairs")]
    pub control: Option<std::path::PathBuf>,
    /// New's answer: a file
    #[arg(conflicts_with = "pairs")]
    pub candidate: Option<std::path::PathBuf>,
    /// Pairs of answers, one JSON object per line; `-` reads stdin
    #[arg(long, value_name = "FILE")]
    pub pairs: Option<std::path::PathBuf>,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// # Errors
/// A file cannot be read, or is no pair.
pub fn run(config: &Path, args: &Args) -> anyhow::Result<Exit> {
    let _ = (config, args);
    anyhow::bail!("`matapalo diff` is not in this version yet")
}
