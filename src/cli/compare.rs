//! `matapalo compare`: asks both backends the same questions.

use std::path::Path;

use super::{Exit, Format};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Base URL of the legacy backend
    #[arg(long, value_name = "URL")]
    pub legacy: String,
    /// Base URL of the new backend
    #[arg(long, value_name = "URL")]
    pub new: String,
    /// A list of URLs, a HAR file or an access log
    #[arg(long, value_name = "FILE")]
    pub requests: std::path::PathBuf,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// # Errors
/// Not in this version yet.
pub fn run(config: &Path, args: &Args) -> anyhow::Result<Exit> {
    let _ = (config, args);
    anyhow::bail!("`matapalo compare` is not in this version yet")
}
