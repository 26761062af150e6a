//! `matapalo discover`: what to port next.

use std::path::Path;

use super::{Exit, Format};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// # Errors
/// Not in this version yet.
pub fn run(config: &Path, args: &Args) -> anyhow::Result<Exit> {
    let _ = (config, args);
    anyhow::bail!("`matapalo discover` is not in this version yet")
}
