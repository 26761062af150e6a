//! What the commands that read evidence start from: the store, what the config says of the routes in it, and whether the running
//! door can write to it.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Context;
use serde::Deserialize;

use super::AdminTarget;
use super::ask::{DoorAt, Heard};
use crate::evidence::fact::RouteFact;
use crate::evidence::report::Filter;
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
                let store = path.clone().unwrap_or_else(|| settings.store.path.clone());
                Ok(Evidence { config, store, facts: Some(live::facts(&settings, rollbacks.now())) })
            }
            (Err(_), Some(path)) => Ok(Evidence { config, store: path.clone(), facts: None }),
            (Err(errors), None) => {
                Err(errors).context("the config says where the store is; --store PATH reads one without it")
            }
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
}

impl Evidence<'_> {
    /// Everything as of now. The door is asked before the store is read: what it has written by then is read.
    pub fn filter(&self) -> Filter {
        Filter { facts: self.facts.clone(), unwritten: self.unwritten(), ..Filter::at(SystemTime::now()) }
    }

    /// Why the store lacks what the door that writes it has counted; `None`: it lacks nothing, or no door answers.
    fn unwritten(&self) -> Option<String> {
        let door = DoorAt::find(self.config, &AdminTarget::default()).ok()?;
        let Ok(Heard::Answer(DoorStatus { store })) = door.get("/api/v1/status") else { return None };
        let same = match (store.path.canonicalize(), self.store.canonicalize()) {
            (Ok(its), Ok(this)) => its == this,
            _ => store.path == self.store,
        };
        store.error.filter(|_| same)
    }
}
