//! `matapalo report`: what was compared, what differs, and why. Reads the store only, so it works with the door closed.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};

use super::{Exit, print};
use crate::config;
use crate::evidence::fact::RouteFact;
use crate::evidence::readiness::parse_window;
use crate::evidence::report::{Filter, Paint, Report, text};
use crate::evidence::store::StoreReader;
use crate::live;

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

/// Which store is read.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct StoreTarget {
    /// The store to read [default: the config's `store.path`]
    #[arg(long = "store", value_name = "PATH")]
    pub path: Option<PathBuf>,
}

/// The store to read, and what the config says of the routes in it.
#[derive(Debug)]
pub struct Evidence {
    pub store: PathBuf,
    /// `None`: the config cannot be read, and what the door said last holds.
    pub facts: Option<Vec<RouteFact>>,
}

impl StoreTarget {
    /// # Errors
    /// The config, which names the store, cannot be read, and no other was named.
    pub fn evidence(&self, config: &Path) -> anyhow::Result<Evidence> {
        match (config::load(config), &self.path) {
            (Ok(settings), path) => {
                let kept = live::Rollbacks::beside(&settings.store.path);
                let (rollbacks, _) = live::Rollbacks::open(kept);
                let store = path.clone().unwrap_or_else(|| settings.store.path.clone());
                Ok(Evidence { store, facts: Some(live::facts(&settings, rollbacks.now())) })
            }
            (Err(_), Some(path)) => Ok(Evidence { store: path.clone(), facts: None }),
            (Err(errors), None) => {
                Err(errors).context("the config says where the store is; --store PATH reads one without it")
            }
        }
    }
}

/// # Errors
/// The store cannot be read, or knows no such route.
pub fn run(config: &Path, args: &Args) -> anyhow::Result<Exit> {
    let evidence = args.store.evidence(config)?;
    let filter =
        Filter { route: args.route.clone(), since: args.since, facts: evidence.facts, ..Filter::at(SystemTime::now()) };
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
