//! `matapalo store`: looks after the store.

use std::path::Path;

use super::evidence::StoreTarget;
use super::{Exit, Format, print};
use crate::evidence::store::{Soundness, StoreError, StoreReader};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Is the store sound? Counts samples and comparisons
    Check {
        #[arg(long, value_enum, default_value_t)]
        format: Format,
        #[command(flatten)]
        store: StoreTarget,
    },
}

/// # Errors
/// There is no store, or it cannot be opened.
pub fn run(config: &Path, args: &Args) -> anyhow::Result<Exit> {
    let Command::Check { format, store } = &args.command;
    let path = store.evidence(config)?.store;
    let soundness = match StoreReader::open(&path).and_then(|reader| reader.check()) {
        Ok(soundness) => soundness,
        // Damage so deep that it cannot even be gone through is an answer, not trouble.
        Err(error @ (StoreError::Damaged { .. } | StoreError::NotAStore { .. })) => {
            print::say(&error.to_string())?;
            return Ok(Exit::No);
        }
        Err(error) => return Err(error.into()),
    };
    match format {
        Format::Text => print::say(&told(&path, &soundness))?,
        Format::Json => print::json(&soundness)?,
    }
    Ok(if soundness.faults.is_empty() { Exit::Good } else { Exit::No })
}

fn told(path: &Path, found: &Soundness) -> String {
    let verdict = if found.faults.is_empty() { "sound" } else { "NOT SOUND" };
    let mut text = format!("{}: {verdict}, format {}, {} bytes\n", path.display(), found.version, found.bytes);
    text.push_str(&format!(
        "{} routes, {} comparisons, {} unproven, {} causes, {} samples ({} dropped)\n",
        found.routes, found.comparisons, found.unproven, found.causes, found.samples, found.samples_dropped
    ));
    for fault in &found.faults {
        text.push_str(&format!("  {fault}\n"));
    }
    text
}
