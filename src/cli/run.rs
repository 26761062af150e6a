//! `matapalo run`: the door, in the foreground.

use std::path::Path;

use super::Exit;

#[derive(Debug, clap::Args)]
pub struct Args {}

/// # Errors
/// The config does not compile, or an address cannot be listened on.
pub fn run(config: &Path, args: &Args) -> anyhow::Result<Exit> {
    let _ = (config, args);
    anyhow::bail!("`matapalo run` is not in this version yet")
}
