//! `matapalo status`: what the running door has in force.

use std::path::Path;

use super::{AdminTarget, Exit, Format};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub target: AdminTarget,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// # Errors
/// No door answers.
pub fn run(config: &Path, args: &Args) -> anyhow::Result<Exit> {
    let _ = (config, args);
    anyhow::bail!("`matapalo status` is not in this version yet")
}
