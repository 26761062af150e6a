//! `matapalo check`: all errors and warnings of a config.

use std::path::Path;

use super::{Exit, Format};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// An older config: print which routes change
    #[arg(long, value_name = "OLD")]
    pub against: Option<std::path::PathBuf>,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// # Errors
/// The file cannot be read.
pub fn run(config: &Path, args: &Args) -> anyhow::Result<Exit> {
    let _ = (config, args);
    anyhow::bail!("`matapalo check` is not in this version yet")
}
