//! `matapalo run`: the door, in the foreground.

use std::io::IsTerminal;
use std::path::Path;

use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use super::Exit;
use super::wiring::OpenDoor;
use crate::config;

#[derive(Debug, clap::Args)]
pub struct Args {}

/// What is logged unless `$RUST_LOG` says otherwise. Pingora's own lines repeat, per request, what the meters count.
const DEFAULT_FILTER: &str = "info,pingora=off,pingora_core=off,pingora_proxy=off,pingora_pool=off";

/// # Errors
/// The config does not compile, or an address cannot be listened on.
pub fn run(config: &Path, _: &Args) -> anyhow::Result<Exit> {
    log_to_stderr();
    let settings = config::load(config)?;
    for warning in &settings.warnings {
        tracing::warn!("config: {warning}");
    }
    let (routes, hash) = (settings.routes.len(), settings.hash.clone());
    let door = OpenDoor::open(settings, config.to_owned())?;
    tracing::info!(
        listening = ?door.addresses(), admin = %door.window().address(), config = %config.display(), %hash, routes,
        "the door is open"
    );
    door.runtime().block_on(told_to_stop())?;
    tracing::info!("draining: the door closes when the last request is answered");
    let cut = door.close();
    if cut > 0 {
        tracing::warn!(connections = cut, "drain_timeout is over: connections were cut");
    }
    tracing::info!("the door is closed");
    Ok(Exit::Good)
}

fn log_to_stderr() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let coloured = std::io::stderr().is_terminal();
    // A second start in the same process (tests) keeps the first one's log.
    let _ =
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(coloured).with_writer(std::io::stderr).try_init();
}

/// SIGTERM and SIGINT drain. A second one, for who has no patience, ends the process at once.
async fn told_to_stop() -> std::io::Result<()> {
    let mut term = signal(SignalKind::terminate())?;
    let mut int = signal(SignalKind::interrupt())?;
    let mut upgrade = signal(SignalKind::user_defined2())?;
    loop {
        tokio::select! {
            _ = term.recv() => break,
            _ = int.recv() => break,
            _ = upgrade.recv() => tracing::warn!("SIGUSR2: handing the sockets to a new binary is not in this version yet"),
        }
    }
    tokio::spawn(async move {
        tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
        tracing::warn!("told twice: the door ends now");
        std::process::exit(1);
    });
    Ok(())
}
