//! What is in force now? [`Live`] holds the one atomic [`Snapshot`]; whoever serves a request takes it once and keeps it.
//!
//! Nothing here waits on the request path: [`Live::snapshot`] is one atomic load. What replaces a snapshot, a reload
//! ([`watch`]) or a rollback ([`rollbacks`]), is built and swapped by the caller's thread, one at a time; the
//! snapshot before the last is dropped there too, so that a big route table is not taken down by a request.

pub mod breaker;
pub mod counts;
pub mod exposition;
mod facts;
pub mod meters;
pub mod rates;
pub mod rollbacks;
pub mod snapshot;
pub mod watch;

use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use parking_lot::Mutex;

use crate::config::Settings;
use crate::evidence::Recorder;
use crate::evidence::record::StoreState;
use crate::upstream::Backends;

pub use breaker::BreakerState;
pub use facts::facts;
pub use meters::{AnsweredBy, FallbackReason, LostSpans, Meters, RouteMeters, SettledAs, Unwelcome};
pub use rollbacks::{NotKept, RollbackError, Rollbacks, RolledBack, Target};
pub use snapshot::{ProxiedRoute, Snapshot};
pub use watch::{Reloader, Source, Watch};

/// What is in force, and what may change it.
#[derive(Debug)]
pub struct Live {
    current: ArcSwap<Snapshot>,
    meters: Arc<Meters>,
    recorder: Arc<Recorder>,
    backends: Arc<Backends>,
    /// Held by who builds a new generation, which may wait for DNS; a rollback does not wait for it.
    building: Mutex<()>,
    /// Held by whoever changes what is in force, never by a request.
    change: Mutex<Change>,
}

/// What only those who change need.
#[derive(Debug)]
struct Change {
    rollbacks: Rollbacks,
    /// Kept until the next change, so that its last reference is given up here.
    previous: Option<Arc<Snapshot>>,
    last_reload: Reload,
    started_with: NeedsRestart,
}

/// How the newest content of the config fared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reload {
    pub at: SystemTime,
    /// Whether it was refused as a whole: the config before it is still in force.
    pub refused: bool,
    /// Empty: it is in force, wholly. Otherwise every error, located. If it was not refused, these are [`Settings::kept`]: it is in
    /// force with the certificates of the one before.
    pub errors: Vec<String>,
    /// What of it takes a restart, by name.
    pub restart_needed: Vec<String>,
}

impl Reload {
    pub fn ok(&self) -> bool {
        self.errors.is_empty()
    }
}

impl Live {
    /// Takes the first settings into force, with the rollbacks that are kept beside their store.
    pub fn start(settings: Settings, backends: Arc<Backends>, meters: Arc<Meters>, recorder: Arc<Recorder>) -> Self {
        let (rollbacks, broken) = Rollbacks::open(Rollbacks::beside(&settings.store.path));
        if let Some(broken) = broken {
            tracing::error!("{broken}");
        }
        let now = SystemTime::now();
        let started_with = NeedsRestart::of(&settings);
        let snapshot = Arc::new(Snapshot {
            generation: 1,
            loaded_at: now,
            backends: backends.of(&settings).into(),
            meters: meters.of(&settings),
            rolled_back: rolled_back(&settings, rollbacks.now()),
            rollbacks: rollbacks.now().clone(),
            settings: Arc::new(settings),
        });
        meters.reloaded(now);
        let last_reload = Reload { at: now, refused: false, errors: Vec::new(), restart_needed: Vec::new() };
        let change = Change { rollbacks, previous: None, last_reload, started_with };
        let live = Self {
            current: ArcSwap::new(snapshot),
            meters,
            recorder,
            backends,
            building: Mutex::new(()),
            change: Mutex::new(change),
        };
        live.announce(&live.snapshot());
        live
    }

    /// What is in force: one atomic load. A request calls this once and keeps what it got.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    pub fn meters(&self) -> &Arc<Meters> {
        &self.meters
    }

    /// Everything that is measured, in Prometheus' text format.
    ///
    /// # Errors
    /// As [`exposition::render`].
    pub fn metrics(&self) -> Result<Vec<u8>, prometheus::Error> {
        let is_sound = self.recorder.health().state == StoreState::Sound;
        self.meters.store_ok.set(i64::from(is_sound));
        self.meters.comparing_behind.set(self.recorder.backlog().longest().as_secs_f64());
        exposition::render(&self.meters, &self.snapshot())
    }

    pub fn recorder(&self) -> &Arc<Recorder> {
        &self.recorder
    }

    /// Takes new settings into force in one swap, and says which generation they are.
    pub fn replace(&self, settings: Settings) -> u64 {
        let _building = self.building.lock();
        let backends = self.backends.of(&settings).into();
        let meters = self.meters.of(&settings);
        let mut change = self.change.lock();
        let now = SystemTime::now();
        let generation = self.current.load().generation + 1;
        let next = Arc::new(Snapshot {
            generation,
            loaded_at: now,
            backends,
            meters,
            rolled_back: rolled_back(&settings, change.rollbacks.now()),
            rollbacks: change.rollbacks.now().clone(),
            settings: Arc::new(settings),
        });
        let restart_needed = change.started_with.changed(&next.settings);
        self.announce(&next);
        self.note(&mut change, &next, restart_needed);
        self.put(&mut change, next);
        generation
    }

    /// Notes that the newest content of the config was refused; what is in force stays.
    pub fn refuse(&self, errors: Vec<String>) {
        self.meters.not_in_force();
        let mut change = self.change.lock();
        let restart_needed = std::mem::take(&mut change.last_reload.restart_needed);
        change.last_reload = Reload { at: SystemTime::now(), refused: true, errors, restart_needed };
    }

    /// Notes that the newest content of the config is what is in force already: a mistake was taken back.
    pub fn confirm(&self) {
        let mut change = self.change.lock();
        let restart_needed = std::mem::take(&mut change.last_reload.restart_needed);
        self.note(&mut change, &self.snapshot(), restart_needed);
    }

    /// Notes that the newest content of the config is in force: wholly, or but for the certificates that were kept.
    fn note(&self, change: &mut Change, in_force: &Snapshot, restart_needed: Vec<String>) {
        let (at, errors) = (SystemTime::now(), in_force.settings.kept.clone());
        if errors.is_empty() {
            self.meters.reloaded(at)
        } else {
            self.meters.not_in_force()
        }
        change.last_reload = Reload { at, refused: false, errors, restart_needed };
    }

    pub fn last_reload(&self) -> Reload {
        self.change.lock().last_reload.clone()
    }

    /// Sends a route, or all, back to legacy: in force and written down when this returns, or in force and said not to
    /// be kept.
    ///
    /// # Errors
    /// The route does not exist: nothing changed.
    pub fn roll_back(&self, target: &Target) -> Result<Option<NotKept>, RollbackError> {
        let mut change = self.change.lock();
        let current = self.snapshot();
        change.rollbacks.roll_back(target, names(&current.settings), SystemTime::now())?;
        self.apply_rollbacks(&mut change, &current);
        Ok(change.rollbacks.keep().err())
    }

    /// Gives a route, or all, back to what the config says.
    ///
    /// # Errors
    /// The route does not exist or is not rolled back: nothing changed.
    pub fn resume(&self, target: &Target) -> Result<Option<NotKept>, RollbackError> {
        let mut change = self.change.lock();
        let current = self.snapshot();
        change.rollbacks.resume(target, names(&current.settings))?;
        self.apply_rollbacks(&mut change, &current);
        Ok(change.rollbacks.keep().err())
    }

    /// Takes the rollbacks' file as it is now, if somebody else wrote it.
    pub fn reread_rollbacks(&self) {
        let mut change = self.change.lock();
        if !change.rollbacks.changed_on_disk() {
            return;
        }
        match change.rollbacks.reread() {
            Some(broken) => tracing::error!("{broken}"),
            None => {
                tracing::warn!("{} was changed by another process, and is in force", change.rollbacks.path().display())
            }
        }
        let current = self.snapshot();
        self.apply_rollbacks(&mut change, &current);
    }

    fn apply_rollbacks(&self, change: &mut Change, current: &Snapshot) {
        let next = Arc::new(Snapshot {
            settings: current.settings.clone(),
            generation: current.generation,
            loaded_at: current.loaded_at,
            backends: current.backends.clone(),
            meters: current.meters.clone(),
            rolled_back: rolled_back(&current.settings, change.rollbacks.now()),
            rollbacks: change.rollbacks.now().clone(),
        });
        self.announce(&next);
        self.put(change, next);
    }

    fn put(&self, change: &mut Change, next: Arc<Snapshot>) {
        change.previous = Some(self.current.swap(next));
    }

    /// Tells the evidence which routes there are and what they must show.
    fn announce(&self, snapshot: &Snapshot) {
        let facts = facts(&snapshot.settings, &snapshot.rollbacks);
        self.recorder.routes(facts, snapshot.generation, SystemTime::now());
    }
}

fn names(settings: &Settings) -> impl Iterator<Item = &str> {
    settings.routes.iter().map(|route| route.name.as_ref())
}

fn rolled_back(settings: &Settings, rollbacks: &RolledBack) -> Box<[bool]> {
    names(settings).map(|name| rollbacks.holds(name)).collect()
}

/// What is taken from the config once, when the door starts.
#[derive(Debug, PartialEq, Eq)]
struct NeedsRestart {
    /// And the modes of unix sockets.
    listeners: Vec<(crate::config::settings::Address, u32)>,
    admin: crate::config::settings::AdminSettings,
    threads: usize,
    run_as: Option<crate::config::settings::RunAs>,
    store: std::path::PathBuf,
    access_log: Option<crate::config::settings::AccessLogSettings>,
}

impl NeedsRestart {
    fn of(settings: &Settings) -> Self {
        Self {
            listeners: settings.listeners.iter().map(|listener| (listener.address.clone(), listener.mode)).collect(),
            admin: settings.admin.clone(),
            threads: settings.threads,
            run_as: settings.run_as.clone(),
            store: settings.store.path.clone(),
            access_log: settings.access_log.clone(),
        }
    }

    /// The keys of the config that differ from what the door started with.
    fn changed(&self, settings: &Settings) -> Vec<String> {
        let now = Self::of(settings);
        [
            ("listeners", self.listeners != now.listeners),
            ("admin", self.admin != now.admin),
            ("threads", self.threads != now.threads),
            ("user", self.run_as != now.run_as),
            ("store.path", self.store != now.store),
            ("access_log", self.access_log != now.access_log),
        ]
        .into_iter()
        .filter(|(_, changed)| *changed)
        .map(|(key, _)| key.to_owned())
        .collect()
    }
}

#[cfg(test)]
mod tests;
