//! `matapalo store`: looks after the store.

use std::path::Path;

use super::{Exit, Format};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Is the store sound? Counts samples and comparisons
    Check {
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

/// # Errors
/// There is no store, or it cannot be opened.
pub fn run(config: &Path, args: &Args) -> anyhow::Result<Exit> {
    let _ = (config, args);
    anyhow::bail!("`matapalo store` is not in this version yet")
}
