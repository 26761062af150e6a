//! `matapalo report`: what was compared, what differs, and why. Reads the store only, so it works with the door closed.

use std::io::IsTerminal;
use std::path::Path;
use std::time::Duration;

use anyhow::bail;

use super::evidence::StoreTarget;
use super::{Exit, print};
use crate::evidence::readiness::parse_window;
use crate::evidence::report::{Filter, Paint, Report, text};
use crate::evidence::store::StoreReader;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ReportFormat {
    #[default]
    Text,
    Json,
    // Not in this version yet, and so not offered.
    #[value(hide = true)]
    Markdown,
    #[value(hide = true)]
    Html,
    #[value(hide = true)]
    Junit,
}

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only this route
    pub route: Option<String>,
    #[arg(long, value_enum, default_value_t)]
    pub format: ReportFormat,
    /// Only what was seen in the last stretch of time, such as 1h [default: the window of each route's gate, 24h]
    #[arg(long, value_name = "DURATION", value_parser = parse_window)]
    pub since: Option<Duration>,
    #[command(flatten)]
    pub store: StoreTarget,
}

/// # Errors
/// The store cannot be read, or knows no such route.
pub fn run(config: &Path, args: &Args) -> anyhow::Result<Exit> {
    let evidence = args.store.evidence(config)?;
    let filter = Filter { route: args.route.clone(), since: args.since, ..evidence.filter() };
    let report = Report::read(&StoreReader::open(&evidence.store)?, &filter)?;
    match args.format {
        ReportFormat::Text => {
            let paint = if std::io::stdout().is_terminal() { Paint::Coloured } else { Paint::Plain };
            print::say(&text(&report, paint))?;
        }
        ReportFormat::Json => print::json(&report)?,
        ReportFormat::Markdown | ReportFormat::Html | ReportFormat::Junit => {
            bail!(
                "this version reports as `--format text` and `--format json`; markdown, html and junit are not in it yet"
            );
        }
    }
    Ok(Exit::Good)
}
