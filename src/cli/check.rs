//! `matapalo check`: all errors and warnings of a config at once, or which routes change against an older one.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Serialize;

use super::{Exit, Format, print};
use crate::config::changes::{KeyChange, RouteChange, What, changes};
use crate::config::{ConfigError, ConfigErrors, Loaded, examine, rehearse};
use crate::diff::OwnRule;
use crate::evidence::report::ending;
use crate::evidence::time::millis;
use crate::live::snapshot::ProxiedRoute;

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
    match rehearse(config) {
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

/// Rules that need care, as far as the config alone shows it: entries of `accept` that have ended or end soon, by today's date, and
/// such that another entry never lets anything reach.
fn rules_in_need(config: &Path, loaded: &Loaded) -> Vec<ConfigError> {
    let now = millis(SystemTime::now()) / 1000;
    let proxied = loaded.settings.routes.iter().filter_map(|route| Some((&route.name, route.proxied()?)));
    // An entry of `defaults` is on many routes, and told once.
    let mut told: Vec<(String, Vec<&str>)> = Vec::new();
    for (name, proxied) in proxied {
        for says in in_need(&proxied.rules.own(), now) {
            match told.iter_mut().find(|(known, _)| *known == says) {
                Some((_, routes)) => routes.push(name),
                None => told.push((says, vec![name])),
            }
        }
    }
    let told = told.into_iter().map(|(says, routes)| match routes.as_slice() {
        [first, rest @ ..] if !rest.is_empty() => format!("{first:?} and {} more routes: {says}", rest.len()),
        routes => format!("{:?}: {says}", routes.first().unwrap_or(&"")),
    });
    told.map(|message| ConfigError { message, file: config.to_owned(), line: None, column: None }).collect()
}

fn in_need(own: &[OwnRule], now: u64) -> Vec<String> {
    let ends = own.iter().filter_map(|rule| Some((rule, ending(rule, now)?.told(rule))));
    let covered = own.iter().filter_map(|rule| {
        let by = own.iter().find(|other| covers(other, rule))?;
        Some((rule, format!("never meets anything: {} covers it", by.name)))
    });
    ends.chain(covered).map(|(rule, says)| format!("diff.{}: {says}", rule.name)).collect()
}

/// What is ignored is not asked whether it is accepted.
fn covers(ignore: &OwnRule, accept: &OwnRule) -> bool {
    let (Some(wide), Some(narrow)) = (&ignore.at, &accept.at) else { return false };
    let is_below = narrow.strip_prefix(wide.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    ignore.class == "ignore" && accept.class == "accept" && (is_below || wide == "body" && narrow.starts_with('/'))
}

fn good(config: &Path, loaded: &Loaded, args: &Args) -> anyhow::Result<Exit> {
    let changes = match &args.against {
        None => None,
        Some(old) => Some(changes(&older(old)?, loaded)),
    };
    let mut warnings = loaded.warnings.clone();
    warnings.extend(rules_in_need(config, loaded));
    let warnings = warnings.as_slice();
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
    examine(path).map_err(|errors| anyhow::anyhow!("the older config does not compile:\n{errors}"))
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
