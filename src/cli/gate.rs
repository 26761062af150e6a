//! `matapalo gate`: the verdict as an exit code.

use std::path::Path;

use super::{Exit, Format};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The routes to judge
    #[arg(required = true, value_name = "ROUTE")]
    pub routes: Vec<String>,
    /// Compared requests a route must have at least
    #[arg(long, value_name = "N")]
    pub min_requests: Option<u64>,
    /// Per cent of mismatches that is borne
    #[arg(long, value_name = "PERCENT")]
    pub max_mismatch: Option<f64>,
    /// How sure the verdict must be, between 0 and 1
    #[arg(long, value_name = "C")]
    pub confidence: Option<f64>,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// # Errors
/// The store or the config cannot be read.
pub fn run(config: &Path, args: &Args) -> anyhow::Result<Exit> {
    let _ = (config, args);
    anyhow::bail!("`matapalo gate` is not in this version yet")
}
