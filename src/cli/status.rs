//! `matapalo status`: what the running door has in force.

use std::path::Path;

use anyhow::bail;

use super::ask::{DoorAt, Heard};
use super::table::{Column, table};
use super::{AdminTarget, Exit, Format, print};
use crate::admin::dashboard::for_people;
use crate::admin::status::{BackendStatus, RouteStatus, Status};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub target: AdminTarget,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// # Errors
/// No door answers.
pub fn run(config: &Path, args: &Args) -> anyhow::Result<Exit> {
    let door = DoorAt::find(config, &args.target)?;
    let Heard::Answer(status) = door.get::<Status>("/api/v1/status")? else {
        bail!("no door answers at {}: start one with `matapalo run`, or say where it is with --admin", door.address());
    };
    match args.format {
        Format::Json => print::json(&status)?,
        Format::Text => print::say(&told(&status))?,
    }
    Ok(Exit::Good)
}

fn told(status: &Status) -> String {
    let mut text = format!(
        "matapalo {}, {}, pid {}, up {}\nconfig generation {} ({}), in force since {}\n",
        status.version,
        status.state,
        status.pid,
        for_people(status.uptime_seconds),
        status.generation,
        status.hash.get(..12).unwrap_or(&status.hash),
        status.loaded_at
    );
    for trouble in troubles(status) {
        text.push_str("! ");
        text.push_str(&trouble);
        text.push('\n');
    }
    text.push('\n');
    text.push_str(&routes(&status.routes));
    text.push('\n');
    text.push_str(&backends(&status.backends));
    text
}

fn troubles(status: &Status) -> Vec<String> {
    let mut troubles = Vec::new();
    if let Some((what, so)) = status.last_reload.trouble() {
        troubles.push(format!("{what} at {}, {so}:", status.last_reload.at));
        troubles.extend(status.last_reload.errors.iter().map(|error| format!("  {error}")));
    }
    if let Some(since) = &status.rollbacks.all {
        troubles.push(format!("every route is rolled back to legacy, since {since}"));
    }
    let unknown = |name: &&String| !status.routes.iter().any(|route| route.route == **name);
    troubles.extend(
        status
            .rollbacks
            .routes
            .keys()
            .filter(unknown)
            .map(|name| format!("rolled back, but no route has this name: {name:?}")),
    );
    if !status.restart_needed.is_empty() {
        troubles.push(format!("takes a restart: {}", status.restart_needed.join(", ")));
    }
    troubles.extend(
        status.store.error.iter().map(|error| format!("the store {} takes nothing: {error}", status.store.path)),
    );
    let behind = status.store.behind.iter();
    troubles.extend(behind.map(|behind| format!("nothing is ready until comparing has caught up: {behind}")));
    troubles
}

fn routes(routes: &[RouteStatus]) -> String {
    let columns = [
        Column::Left("ROUTE"),
        Column::Left("STAGE"),
        Column::Right("LEGACY"),
        Column::Right("NEW"),
        Column::Right("DOOR"),
        Column::Right("COMPARED"),
        Column::Right("MISMATCHED"),
        Column::Right("UNPROVEN"),
        Column::Left("VERDICT"),
    ];
    let row = |route: &RouteStatus| {
        vec![
            route.route.clone(),
            route.stage_for_people(),
            route.requests.legacy.to_string(),
            route.requests.new.to_string(),
            route.requests.door.to_string(),
            route.compared.to_string(),
            route.mismatched.to_string(),
            route.dropped.to_string(),
            route.verdict.clone().unwrap_or_else(|| "-".to_owned()),
        ]
    };
    table(&columns, &routes.iter().map(row).collect::<Vec<_>>())
}

fn backends(backends: &[BackendStatus]) -> String {
    let columns = [Column::Left("BACKEND"), Column::Right("IN FLIGHT"), Column::Left("ENDPOINTS")];
    let row = |backend: &BackendStatus| {
        let endpoints = backend.endpoints.iter();
        let told = endpoints.map(|endpoint| format!("{} {}", endpoint.place(), endpoint.word()));
        vec![backend.name.clone(), backend.in_flight.to_string(), told.collect::<Vec<_>>().join(", ")]
    };
    table(&columns, &backends.iter().map(row).collect::<Vec<_>>())
}
