//! `matapalo report`: what was compared, what differs, and why.

use std::path::Path;

use super::Exit;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ReportFormat {
    #[default]
    Text,
    Json,
    Markdown,
    Html,
    Junit,
}

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only this route
    pub route: Option<String>,
    #[arg(long, value_enum, default_value_t)]
    pub format: ReportFormat,
}

/// # Errors
/// The store cannot be read, or knows no such route.
pub fn run(config: &Path, args: &Args) -> anyhow::Result<Exit> {
    let _ = (config, args);
    anyhow::bail!("`matapalo report` is not in this version yet")
}
