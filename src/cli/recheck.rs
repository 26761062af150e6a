//! `matapalo recheck`: asks the stored requests of a cause again.

use std::path::Path;

use super::{Exit, Format};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only this cause
    pub fingerprint: Option<String>,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// # Errors
/// Not in this version yet.
pub fn run(config: &Path, args: &Args) -> anyhow::Result<Exit> {
    let _ = (config, args);
    anyhow::bail!("`matapalo recheck` is not in this version yet")
}
