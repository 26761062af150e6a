//! `matapalo stage`: moves a route by editing the config file.

use std::path::Path;

use super::{Exit, Format};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The route's name
    pub route: String,
    /// legacy, shadow, canary or new
    pub stage: String,
    /// Per cent of the sessions that new answers, for stage canary
    #[arg(long, value_name = "PERCENT")]
    pub weight: Option<String>,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// # Errors
/// No such route, or the edited config would not compile.
pub fn run(config: &Path, args: &Args) -> anyhow::Result<Exit> {
    let _ = (config, args);
    anyhow::bail!("`matapalo stage` is not in this version yet")
}
