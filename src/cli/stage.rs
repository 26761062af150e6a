//! `matapalo stage`: moves a route by editing the config file. A running door takes the edit like any other.

use std::fmt::Write;
use std::path::Path;

use anyhow::Context;
use serde::Serialize;

use super::evidence::rolled_back;
use super::{Exit, Format, print};
use crate::config::consult;
use crate::config::edit::{ChangedLine, Done, Move, set_stage};
use crate::config::spec::Percent;
use crate::routing::Stage;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The route's name; `default` is what matches no route
    pub route: String,
    /// legacy, shadow, canary or new
    pub stage: String,
    /// Per cent of the sessions that new answers, for stage canary
    #[arg(long, value_name = "PERCENT")]
    pub weight: Option<String>,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// What `--format json` prints.
#[derive(Debug, Serialize)]
struct Report<'a> {
    route: &'a str,
    stage: Stage,
    changed: bool,
    #[serde(flatten)]
    done: &'a Done,
}

/// # Errors
/// No such route or stage, or the edited config would not compile; then nothing is written.
pub fn run(config: &Path, args: &Args) -> anyhow::Result<Exit> {
    let to = Move { stage: args.stage.parse::<Stage>()?, weight: args.weight.as_deref().map(percent).transpose()? };
    let done = set_stage(config, &args.route, to)?;
    match args.format {
        Format::Json => {
            let changed = !done.lines.is_empty();
            print::json(&Report { route: &args.route, stage: to.stage, changed, done: &done })?;
        }
        Format::Text => print::say(&text(&done))?,
    }
    warn_of_rollback(config, &args.route);
    Ok(Exit::Good)
}

/// The edit is in force, and changes nothing as long as a rollback is.
fn warn_of_rollback(config: &Path, route: &str) {
    let Ok(settings) = consult(config) else { return };
    let rolled_back = rolled_back(&settings);
    if let Some(since) = rolled_back.since(route) {
        let ended_by = rolled_back.ended_by(route);
        print::trouble(&anyhow::anyhow!(
            "route {route:?} is rolled back since {since}: legacy answers until `{ended_by}`"
        ));
    }
}

fn percent(written: &str) -> anyhow::Result<Percent> {
    let number: f64 =
        written.parse().ok().with_context(|| format!("--weight is {written:?}, want a number of 0 to 100"))?;
    Percent::new(number).map_err(|says| anyhow::anyhow!("--weight {says}"))
}

/// The changed lines, as a diff shows them.
fn text(done: &Done) -> String {
    let file = done.file.display();
    if done.lines.is_empty() {
        return format!("{file} says so already\n");
    }
    let mut text = String::new();
    for ChangedLine { line, was, is } in &done.lines {
        let _ = writeln!(text, "{file}:{line}");
        if let Some(was) = was {
            let _ = writeln!(text, "-{was}");
        }
        for is in is {
            let _ = writeln!(text, "+{is}");
        }
    }
    text
}
