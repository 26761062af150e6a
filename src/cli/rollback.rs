//! `matapalo rollback` and `matapalo resume`: override the config file at once, and end that.

use std::path::Path;

use super::{AdminTarget, Exit, Format};

/// One route or all of them; exactly one of both must be said.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub struct Which {
    /// The route's name
    pub route: Option<String>,
    /// Every route
    #[arg(long)]
    pub all: bool,
}

#[derive(Debug, clap::Args)]
pub struct RollbackArgs {
    #[command(flatten)]
    pub which: Which,
    #[command(flatten)]
    pub target: AdminTarget,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

#[derive(Debug, clap::Args)]
pub struct ResumeArgs {
    #[command(flatten)]
    pub which: Which,
    #[command(flatten)]
    pub target: AdminTarget,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// # Errors
/// No door answers, or it knows no such route.
pub fn rollback(config: &Path, args: &RollbackArgs) -> anyhow::Result<Exit> {
    let _ = (config, args);
    anyhow::bail!("`matapalo rollback` is not in this version yet")
}

/// # Errors
/// No door answers, or it knows no such route.
pub fn resume(config: &Path, args: &ResumeArgs) -> anyhow::Result<Exit> {
    let _ = (config, args);
    anyhow::bail!("`matapalo resume` is not in this version yet")
}
