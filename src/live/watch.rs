//! Takes a changed config into force: notices the change, waits until the content rests, compiles, swaps once.
//!
//! One thread, `reload`, does all of it, so that no request waits and no two reloads meet. What wakes it: the folders'
//! own notices, a poll that compares the whole content (some ways of editing give no notice: bind mounts, network file
//! systems), SIGHUP, and whoever holds a [`Reloader`]. The content decides, never a time stamp: a poll that finds what
//! was already handled, accepted or refused, does nothing. Beside it, on the same thread, the rollbacks' file is looked at.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::Live;
use crate::config::Settings;

/// How often the whole content is compared. With [`SETTLE`] and the compile it keeps "in force within a second".
const POLL: Duration = Duration::from_millis(500);
/// How often the rollbacks' file is looked at: whoever was told of a rollback is another door while this one is replaced, and that is to
/// be in force within a tenth of a second everywhere.
const ROLLBACKS_POLL: Duration = Duration::from_millis(50);
/// Notices are gathered this long, because a store in the same folder may be written many times a second.
const NOTICE_REST: Duration = Duration::from_millis(50);
/// The content must rest this long before it is read: an editor or a deploy tool writes in several steps.
const SETTLE: Duration = Duration::from_millis(100);
/// A content that never rests is taken as it is after this long.
const LONGEST_SETTLE: Duration = Duration::from_secs(2);

/// Where settings come from: the config file and its includes.
pub trait Source: Send + 'static {
    /// Changes when, and only when, what [`Source::load`] would read changes; a file that cannot be read is a content too.
    fn fingerprint(&self) -> String;

    /// What it says now. A certificate that went wrong is taken from what is in force.
    ///
    /// # Errors
    /// Every mistake, located.
    fn load(&self, in_force: &Settings) -> Result<Settings, Vec<String>>;

    /// The folders in which a change of the config can show.
    fn folders(&self, settings: &Settings) -> BTreeSet<PathBuf>;
}

/// Asks the reload thread to read the config now.
#[derive(Debug, Clone)]
pub struct Reloader {
    asked: mpsc::UnboundedSender<Asked>,
}

type Asked = oneshot::Sender<Result<u64, Vec<String>>>;

impl Reloader {
    /// Reads the config as it is now, and says which generation is in force, or what was refused.
    ///
    /// # Errors
    /// Every mistake of the config, located; what was in force stays.
    pub async fn reload_now(&self) -> Result<u64, Vec<String>> {
        let (reply, answer) = oneshot::channel();
        let gone = || vec!["the reload thread has ended: the door is shutting down".to_owned()];
        self.asked.send(reply).map_err(|_| gone())?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }
}

/// The reload thread; it ends when this is dropped.
#[derive(Debug)]
pub struct Watch {
    reloader: Reloader,
    _stop: oneshot::Sender<()>,
}

impl Watch {
    /// # Errors
    /// The system gives no thread, no event queue or no signal.
    pub fn start(live: Arc<Live>, source: impl Source) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let hangups = {
            let _entered = runtime.enter();
            signal(SignalKind::hangup())?
        };
        let (asked, asks) = mpsc::unbounded_channel();
        let (stop, stopped) = oneshot::channel();
        let watched = Watched::new(live.clone(), source);
        let follow = watched.follow(Wakes { asks, hangups, stopped });
        std::thread::Builder::new().name("reload".into()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = follow => {}
                    () = watch_rollbacks(&live) => {}
                }
            });
        })?;
        Ok(Self { reloader: Reloader { asked }, _stop: stop })
    }

    pub fn reloader(&self) -> Reloader {
        self.reloader.clone()
    }
}

/// Also while a content is awaited to rest.
async fn watch_rollbacks(live: &Live) {
    let mut poll = interval(ROLLBACKS_POLL);
    poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        poll.tick().await;
        live.reread_rollbacks();
    }
}

/// What wakes the reload thread, beside the folders and the clock.
#[derive(Debug)]
struct Wakes {
    asks: mpsc::UnboundedReceiver<Asked>,
    hangups: Signal,
    stopped: oneshot::Receiver<()>,
}

struct Watched<S> {
    live: Arc<Live>,
    source: S,
    /// Fingerprint of the content that was last accepted or refused.
    handled: String,
    folders: Folders,
}

impl<S: Source> Watched<S> {
    fn new(live: Arc<Live>, source: S) -> Self {
        // Equal to what the source says if nothing was written since the settings were loaded; if not, the first poll
        // sees the difference.
        let handled = live.snapshot().settings.content.clone();
        Self { live, source, handled, folders: Folders::new() }
    }

    async fn follow(mut self, mut wakes: Wakes) {
        self.watch_folders();
        let mut poll = interval(POLL);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = &mut wakes.stopped => return,
                Some(reply) = wakes.asks.recv() => {
                    // Whoever asked may have gone; the reload took place all the same.
                    let _ = reply.send(self.reload());
                }
                Some(()) = wakes.hangups.recv() => {
                    tracing::info!("SIGHUP: reading the config");
                    let _ = self.reload();
                }
                Some(()) = self.folders.notices.recv() => {
                    sleep(NOTICE_REST).await;
                    self.folders.forget_notices();
                    self.look().await;
                }
                _ = poll.tick() => self.look().await,
            }
        }
    }

    /// Reloads if the content is new, once it rests.
    async fn look(&mut self) {
        let mut seen = self.source.fingerprint();
        if seen == self.handled {
            return;
        }
        let give_up_at = Instant::now() + LONGEST_SETTLE;
        loop {
            sleep(SETTLE).await;
            let now = self.source.fingerprint();
            if now == seen || Instant::now() >= give_up_at {
                break;
            }
            seen = now;
        }
        self.folders.forget_notices();
        let _ = self.reload();
    }

    fn reload(&mut self) -> Result<u64, Vec<String>> {
        let began = std::time::Instant::now();
        // Taken before the content is read: what is written in between is seen as new by the next poll.
        self.handled = self.source.fingerprint();
        let loaded = self.source.load(&self.live.snapshot().settings);
        let result = match loaded {
            Ok(settings) => Ok(self.take(settings, began)),
            Err(errors) => Err(self.refuse(errors)),
        };
        self.watch_folders();
        result
    }

    fn take(&self, settings: Settings, began: std::time::Instant) -> u64 {
        let current = self.live.snapshot();
        for kept in &settings.kept {
            tracing::error!("config: {kept}; a door that starts now would refuse it");
        }
        if settings.content == current.settings.content && settings.kept == current.settings.kept {
            if self.live.last_reload().refused {
                tracing::info!(generation = current.generation, "config as it is in force again");
            }
            self.live.confirm();
            return current.generation;
        }
        for warning in &settings.warnings {
            tracing::warn!("config: {warning}");
        }
        let (hash, routes) = (settings.hash.clone(), settings.routes.len());
        let generation = self.live.replace(settings);
        let took_ms = began.elapsed().as_millis() as u64;
        tracing::info!(generation, %hash, routes, took_ms, "config in force");
        for key in self.live.last_reload().restart_needed {
            tracing::warn!("config: `{key}` changed, which takes a restart; everything else is in force");
        }
        generation
    }

    fn refuse(&self, errors: Vec<String>) -> Vec<String> {
        let generation = self.live.snapshot().generation;
        tracing::error!(
            generation,
            errors = errors.len(),
            "config refused, the one before stays in force: {}",
            errors.join("; ")
        );
        self.live.refuse(errors.clone());
        errors
    }

    fn watch_folders(&mut self) {
        let wanted = self.source.folders(&self.live.snapshot().settings);
        self.folders.watch(wanted);
    }
}

/// The folders being watched. Notices only shorten the wait for the next poll, so trouble with them is a warning.
struct Folders {
    watcher: Option<RecommendedWatcher>,
    watched: BTreeSet<PathBuf>,
    notices: mpsc::Receiver<()>,
    // Keeps the channel open where there is no watcher, so that waiting for a notice waits.
    _notice: mpsc::Sender<()>,
}

impl Folders {
    fn new() -> Self {
        // One notice says as much as many: look.
        let (notice, notices) = mpsc::channel(1);
        let tell = notice.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if event.is_ok_and(|event| may_be_a_write(event.kind)) {
                let _ = tell.try_send(());
            }
        });
        let watcher = watcher.inspect_err(|error| tracing::warn!("folders cannot be watched, polling only: {error}"));
        Self { watcher: watcher.ok(), watched: BTreeSet::new(), notices, _notice: notice }
    }

    fn watch(&mut self, wanted: BTreeSet<PathBuf>) {
        let Some(watcher) = &mut self.watcher else { return };
        for gone in self.watched.difference(&wanted) {
            // A folder that was deleted is no longer watched anyway.
            let _ = watcher.unwatch(gone);
        }
        let mut watched = BTreeSet::new();
        for folder in wanted {
            // Watching again what is watched renews it: the folder may be another one under the same name.
            match watcher.watch(&folder, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    watched.insert(folder);
                }
                Err(error) => warn_unwatched(&folder, &error),
            }
        }
        self.watched = watched;
    }

    fn forget_notices(&mut self) {
        while self.notices.try_recv().is_ok() {}
    }
}

fn warn_unwatched(folder: &Path, error: &notify::Error) {
    tracing::warn!("{} cannot be watched, polling it only: {error}", folder.display());
}

/// Our own reading of the config must not wake us, or we would never sleep.
fn may_be_a_write(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        _ => true,
    }
}
