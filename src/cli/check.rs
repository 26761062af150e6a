//! `matapalo check`: all errors and warnings of a config at once, or which routes change against an older one.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Exit, Format, print};
use crate::config::changes::{KeyChange, RouteChange, What, changes};
use crate::config::{ConfigError, ConfigErrors, Loaded, examine};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// An older config: print which routes change
    #[arg(long, value_name = "OLD")]
    pub against: Option<PathBuf>,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// What `--format json` prints.
#[derive(Debug, Serialize)]
struct Report<'a> {
    ok: bool,
    file: &'a Path,
    errors: &'a [ConfigError],
    warnings: &'a [ConfigError],
    #[serde(skip_serializing_if = "Option::is_none")]
    routes: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hash: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<&'a [RouteChange]>,
}

/// # Errors
/// The older config does not compile, or stdout cannot be written to.
pub fn run(config: &Path, args: &Args) -> anyhow::Result<Exit> {
    match examine(config, None) {
        Ok(loaded) => good(config, &loaded, args),
        Err(errors) => bad(config, &errors, args.format),
    }
}

fn bad(config: &Path, errors: &ConfigErrors, format: Format) -> anyhow::Result<Exit> {
    match format {
        Format::Json => {
            let errors = &errors.errors;
            let (routes, hash, changes) = (None, None, None);
            print::json(&Report { ok: false, file: config, errors, warnings: &[], routes, hash, changes })?;
        }
        Format::Text => print::complain(&format!("{errors}")),
    }
    Ok(Exit::Trouble)
}

fn good(config: &Path, loaded: &Loaded, args: &Args) -> anyhow::Result<Exit> {
    let changes = match &args.against {
        None => None,
        Some(old) => Some(changes(&older(old)?, loaded)),
    };
    let warnings = loaded.warnings.as_slice();
    // The default route is nobody's own.
    let routes = loaded.settings.routes.len() - 1;
    match args.format {
        Format::Json => {
            let hash = Some(loaded.settings.hash.as_str());
            let changes = changes.as_deref();
            print::json(&Report {
                ok: true,
                file: config,
                errors: &[],
                warnings,
                routes: Some(routes),
                hash,
                changes,
            })?;
        }
        Format::Text => {
            // With `--against`, stdout is the list of changes and nothing else.
            let warned: Vec<String> = warnings.iter().map(|warning| format!("warning: {warning}")).collect();
            match &changes {
                None => print::say(&text(config, &warned, routes))?,
                Some(changes) => {
                    print::complain(&warned.join("\n"));
                    print::say(&told(changes))?;
                }
            }
        }
    }
    Ok(Exit::Good)
}

fn older(path: &Path) -> anyhow::Result<Loaded> {
    examine(path, None).map_err(|errors| anyhow::anyhow!("the older config does not compile:\n{errors}"))
}

fn text(config: &Path, warnings: &[String], routes: usize) -> String {
    let mut text = String::new();
    for warning in warnings {
        let _ = writeln!(text, "{warning}");
    }
    let count = |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
    let _ =
        writeln!(text, "{}: good, {}, {}", config.display(), count(routes, "route"), count(warnings.len(), "warning"));
    text
}

fn told(changes: &[RouteChange]) -> String {
    if changes.is_empty() {
        return "no route changes\n".to_owned();
    }
    let mut text = String::new();
    for RouteChange { route, what, keys } in changes {
        let _ = match what {
            What::Added => writeln!(text, "+ {route}"),
            What::Removed => writeln!(text, "- {route}"),
            What::Changed => {
                let keys: Vec<String> = keys.iter().map(key).collect();
                writeln!(text, "~ {route}: {}", keys.join(", "))
            }
        };
    }
    text
}

fn key(change: &KeyChange) -> String {
    match (&change.was, &change.is) {
        (Some(was), Some(is)) => format!("{} {was} → {is}", change.key),
        _ => format!("{} changed", change.key),
    }
}
