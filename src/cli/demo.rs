//! `matapalo demo`: the whole thing on two small built-in origins.

use std::path::Path;

use super::Exit;

#[derive(Debug, clap::Args)]
pub struct Args {}

/// # Errors
/// The demo's ports cannot be listened on.
pub fn run(config: &Path, args: &Args) -> anyhow::Result<Exit> {
    let _ = (config, args);
    anyhow::bail!("`matapalo demo` is not in this version yet")
}
