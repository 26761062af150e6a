//! What the commands that read evidence start from: the store, what the config says of the routes in it, and whether all
//! is in it that the running door has seen.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Context;
use serde::Deserialize;

use super::ask::{DoorAt, Heard};
use super::{AdminTarget, print};
use crate::config::Settings;
use crate::evidence::fact::RouteFact;
use crate::evidence::report::{self, Filter};
use crate::evidence::store::lock;
use crate::live::RolledBack;
use crate::{config, live};

/// Which store is read.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct StoreTarget {
    /// The store to read [default: the config's `store.path`]
    #[arg(long = "store", value_name = "PATH")]
    pub path: Option<PathBuf>,
}

/// The store to read, and what the config says of the routes in it.
#[derive(Debug)]
pub struct Evidence<'a> {
    config: &'a Path,
    pub store: PathBuf,
    /// Whether it is the config that names it.
    is_configured: bool,
    /// `None`: the config cannot be read, and what the door said last holds.
    facts: Option<Vec<RouteFact>>,
}

impl StoreTarget {
    /// # Errors
    /// The config, which names the store, cannot be read, and no other was named.
    pub fn evidence<'a>(&self, config: &'a Path) -> anyhow::Result<Evidence<'a>> {
        match (config::consult(config), &self.path) {
            (Ok(settings), path) => {
                let kept = live::Rollbacks::beside(&settings.store.path);
                let (rollbacks, _) = live::Rollbacks::open(kept);
                let (is_configured, store) = (path.is_none(), path.clone().unwrap_or(settings.store.path.clone()));
                Ok(Evidence { config, store, is_configured, facts: Some(live::facts(&settings, rollbacks.now())) })
            }
            (Err(_), Some(path)) => Ok(Evidence { config, store: path.clone(), is_configured: false, facts: None }),
            (Err(errors), None) => {
                Err(errors).context("the config says where the store is; --store PATH reads one without it")
            }
        }
    }
}

/// What is rolled back, as the file beside the store says. Who may not read it is told so, and nothing is taken as rolled back: the
/// door's own may well be able to.
pub fn rolled_back(settings: &Settings) -> RolledBack {
    let path = live::Rollbacks::beside(&settings.store.path);
    match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let out_of_reach = format!("whether anything is rolled back cannot be told: {}: {error}", path.display());
            print::trouble(&anyhow::anyhow!(out_of_reach));
            RolledBack::default()
        }
        _ => {
            let (rollbacks, broken) = live::Rollbacks::open(path);
            broken.into_iter().for_each(|broken| print::trouble(&broken.into()));
            rollbacks.now().clone()
        }
    }
}

/// What a running door says of its store.
#[derive(Debug, Deserialize)]
struct DoorStatus {
    store: DoorStore,
}

#[derive(Debug, Deserialize)]
struct DoorStore {
    path: PathBuf,
    error: Option<String>,
    behind: Option<String>,
}

impl Evidence<'_> {
    /// Everything as of now. The door is asked before the store is read: what it has written by then is read.
    pub fn filter(&self) -> Filter {
        Filter { facts: self.facts.clone(), unwritten: self.unwritten(), ..Filter::at(SystemTime::now()) }
    }

    /// Why the store lacks what the door that writes it has seen; `None`: it lacks nothing, or no door has it. A door that has it
    /// and cannot be heard is none that has nothing to say.
    fn unwritten(&self) -> Option<String> {
        let asked = DoorAt::find(self.config, &AdminTarget::default())
            .and_then(|door| Ok((door.get::<DoorStatus>("/api/v1/status")?, door)));
        let unheard = match asked {
            Ok((Heard::Answer(DoorStatus { store }), _)) if is_same(&store.path, &self.store) => {
                return report::unwritten(store.error.as_deref(), store.behind.as_deref());
            }
            Ok((Heard::Answer(DoorStatus { store }), _)) if self.is_configured => {
                return Some(format!(
                    "The running door writes {}: store.path waits for a restart",
                    store.path.display()
                ));
            }
            Ok((Heard::Answer(_), _)) => "another door than that of the config".to_owned(),
            Ok((Heard::Nobody, door)) => format!("nobody answers at {}", door.address()),
            Err(error) => format!("{error:#}"),
        };
        let holder = lock::holder(&self.store)?;
        Some(format!("A door ({holder}) has the store open, and cannot be asked what is not in it: {unheard}"))
    }
}

fn is_same(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => one == other,
    }
}
