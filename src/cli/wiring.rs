//! The whole door put together by hand, from the store up to the listeners, and taken down in the opposite order. No globals:
//! what one part needs of another it is given here.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use pingora::proxy::http_proxy;
use pingora::server::configuration::ServerConf;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::notify::{self, Word};
use super::privileges;
use crate::admin::{Readiness, Shown, Window};
use crate::config::settings;
use crate::config::{self, Settings};
use crate::evidence::Recorder;
use crate::evidence::store::Store;
use crate::live::watch::{Source, Watch};
use crate::live::{Live, Meters};
use crate::mirror::Mirror;
use crate::proxy::{AccessLog, Door, Front, ListenError};
use crate::socket::{Address, Inherited, Listener, ToHandOver};
use crate::trace::Tracer;
use crate::upstream::{Backends, Prober};

/// Idle connections kept to backends, per thread: as many as there may be requests at once on a busy door, because a
/// smaller pool makes a new connection for every other request (measured: twice the CPU).
const POOL_PER_THREAD: usize = 1024;
/// How long a door that has a successor keeps connections on which nobody asks anything.
const LINGER: Duration = Duration::from_secs(10);
/// How much longer than its drain a door may take until its store is free for the next one.
const HAND_OVER: Duration = Duration::from_secs(10);
/// How long a door that is told to stop waits for the first byte of those who have just connected.
const FIRST_REQUEST: Duration = Duration::from_millis(500);
/// How long copies may still be sent and compared once the last user is served.
const MIRROR_PATIENCE: Duration = Duration::from_secs(2);
/// How long the last spans may take to their collector.
const TRACE_PATIENCE: Duration = Duration::from_secs(2);
/// How long a stopped runtime's threads may take to end what they are at. They never work; but others may.
const RUNTIME_PATIENCE: Duration = Duration::from_secs(1);

/// The open door and everything behind it.
#[derive(Debug)]
pub struct OpenDoor {
    addresses: Vec<Address>,
    /// Until it serves.
    listeners: Vec<Bound>,
    readiness: Readiness,
    draining: Arc<AtomicBool>,
    end_listening: watch::Sender<bool>,
    stop: watch::Sender<bool>,
    /// The listening sockets once more, for a successor.
    sockets: Vec<ToHandOver>,
    front: Front,
    mirror: Arc<Mirror>,
    tracer: Arc<Tracer>,
    live: Arc<Live>,
    access_log: Option<Arc<AccessLog>>,
    runtime: Runtime,
    window: Window,
    _watch: Watch,
    prober: Prober,
}

impl OpenDoor {
    /// Puts the door together with these settings, read from `config`, up to listening. Nobody is served yet.
    ///
    /// # Errors
    /// An address cannot be listened on, privileges cannot be dropped, or the system gives no thread. A store that cannot be opened is no error: the door
    /// serves without it, and says so.
    pub fn build(settings: Settings, config: PathBuf, inherited: &mut Inherited) -> anyhow::Result<Self> {
        let since = Instant::now();
        let runtime = door_runtime(settings.threads)?;
        let (addresses, listeners) = listen(&runtime, &settings, inherited)?;
        if let Some(who) = &settings.run_as {
            privileges::drop_to(who)?;
        }
        let sockets = listeners.iter().map(|(listener, _)| listener.to_hand_over());
        let sockets = sockets.collect::<Result<_, _>>().context("copying a listening socket")?;
        let meters = Arc::new(Meters::new().context("registering metrics")?);
        let access_log = settings.access_log.as_ref().map(|log| open_log(log, &meters)).transpose()?;
        let recorder = Arc::new(recorder(&settings, inherited)?);
        let mirror = Arc::new(Mirror::start(recorder.clone(), settings.limits.mirror_memory)?);
        let backends = Arc::new(Backends::default());
        let (threads, admin) = (settings.threads, settings.admin.clone());
        let live = Arc::new(Live::start(settings, backends.clone(), meters, recorder));
        let tracer = Arc::new(Tracer::start(live.clone())?);
        let prober = Prober::start(backends)?;
        let watch = Watch::start(live.clone(), ConfigFile(config))?;
        let readiness = Readiness::default();
        let shown = Shown { live: live.clone(), reloader: watch.reloader(), readiness: readiness.clone(), since };
        let window = Window::open(&admin, shown, inherited)?;
        let draining = Arc::new(AtomicBool::new(false));
        let (stop, stopped) = watch::channel(false);
        let (end_listening, listening_ends) = watch::channel(false);
        let door = Door::new(live.clone(), mirror.clone(), tracer.clone(), access_log.clone(), draining.clone());
        let proxy = Arc::new(http_proxy(&server_conf(threads), door));
        let front = Front::new(proxy, live.clone(), access_log.clone(), listening_ends, stopped);
        Ok(Self {
            addresses,
            listeners,
            readiness,
            draining,
            end_listening,
            stop,
            sockets,
            front,
            mirror,
            tracer,
            live,
            access_log,
            runtime,
            window,
            _watch: watch,
            prober,
        })
    }

    /// Opens: takes the place of the door before this one, if there is one, and serves. By then it knows which endpoints are down.
    ///
    /// # Errors
    /// The door before this one does not give its place.
    pub fn open(&mut self, inherited: &mut Inherited) -> anyhow::Result<()> {
        self.prober.await_first_round();
        inherited.take_over().context("the door before this one does not give its place, and goes on")?;
        for (listener, says) in std::mem::take(&mut self.listeners) {
            self.runtime.spawn(self.front.clone().accept(listener, says));
        }
        self.readiness.open();
        self.window.begin();
        Ok(())
    }

    /// Where users are served; ports are real ones even if the config asked for port 0.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    pub fn window(&self) -> &Window {
        &self.window
    }

    /// Whoever rotated the logs has moved the files away.
    pub fn reopen_logs(&self) {
        if let Some(log) = &self.access_log {
            log.reopen();
        }
    }

    pub fn meters(&self) -> &Meters {
        self.live.meters()
    }

    pub fn mirror(&self) -> Arc<Mirror> {
        self.mirror.clone()
    }

    /// The runtime that serves users, for what must wait beside it.
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Drains: readiness fails first, then the listeners close, requests under way finish (at most for `drain_timeout`), copies
    /// are compared, and what they proved is written out. Returns how many connections had to be cut.
    pub fn close(mut self) -> usize {
        let settings = self.live.snapshot().settings.clone();
        let patience = settings.drain_timeout;
        self.readiness.drain();
        self.draining.store(true, Ordering::Relaxed);
        std::thread::sleep(settings.drain_delay);
        self.sockets.clear();
        self.end_listening.send_replace(true);
        let started = Instant::now();
        self.runtime.block_on(self.front.begun(FIRST_REQUEST.min(patience), patience));
        self.end(patience.saturating_sub(started.elapsed()))
    }

    /// What a successor needs: every socket that is listened on, the window's too.
    pub fn sockets(&self) -> Vec<&ToHandOver> {
        self.sockets.iter().chain([self.window.to_hand_over()]).collect()
    }

    /// Leaves the place to a successor that has taken it: new connections are the successor's, each connection of this door
    /// ends with its next answer. Nobody's idle connection is cut while he may be sending on it, but for those who stay idle.
    /// Readiness does not fail: the site is ready, whoever of the two is asked. Returns how many connections had to be cut.
    pub fn leave(mut self) -> usize {
        let settings = self.live.snapshot().settings.clone();
        let idle = LINGER.min(settings.limits.keep_alive).min(settings.drain_timeout);
        self.sockets().into_iter().for_each(ToHandOver::is_done);
        self.window.close();
        self.draining.store(true, Ordering::Relaxed);
        self.sockets.clear();
        self.front.is_succeeded();
        self.end_listening.send_replace(true);
        let left = self.runtime.block_on(self.front.drained(idle));
        if left == 0 { self.end(Duration::ZERO) } else { self.end(settings.drain_timeout.saturating_sub(idle)) }
    }

    fn end(self, patience: Duration) -> usize {
        self.stop.send_replace(true);
        let cut = self.runtime.block_on(self.front.drained(patience));
        if cut > 0 {
            self.runtime.block_on(self.front.cut());
        }
        // Before those to whom it tells what became of its requests.
        self.runtime.shutdown_timeout(RUNTIME_PATIENCE);
        self.mirror.stop(MIRROR_PATIENCE);
        self.tracer.stop(TRACE_PATIENCE);
        cut
    }
}

/// The config file as the watch reads it.
struct ConfigFile(PathBuf);

impl Source for ConfigFile {
    fn fingerprint(&self) -> String {
        match config::fingerprint(&self.0) {
            Ok(content) => content.hash,
            // A file that cannot be read is a state like others: noticed once, and left when it can be read again.
            Err(unreadable) => format!("unreadable: {unreadable}"),
        }
    }

    fn load(&self, in_force: &Settings) -> Result<Settings, Vec<String>> {
        notify::tell(Word::Reloading);
        let loaded = config::reload(&self.0, in_force);
        let loaded = loaded.map_err(|refused| refused.errors.iter().map(ToString::to_string).collect());
        let status = match &loaded {
            Ok(settings) if settings.kept.is_empty() => "serving",
            Ok(_) => "serving; a certificate could not be read anew, the one before it goes on",
            Err(_) => "serving; the newest config was refused",
        };
        notify::tell(Word::Ready(status));
        loaded
    }

    /// The file's own folder is always among them: that is where it will come back when it is gone.
    fn folders(&self, _: &Settings) -> BTreeSet<PathBuf> {
        let own = self.0.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let named = config::fingerprint(&self.0).map(|content| content.dirs).unwrap_or_default();
        named.into_iter().chain([own.to_owned()]).collect()
    }
}

fn door_runtime(threads: usize) -> anyhow::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_name("door")
        .enable_all()
        .build()
        .context("starting the door's threads")
}

fn open_log(says: &settings::AccessLogSettings, meters: &Meters) -> anyhow::Result<Arc<AccessLog>> {
    let log = AccessLog::open(says, meters.access_log_dropped.clone()).with_context(|| match &says.path {
        Some(path) => format!("opening access_log.path {}", path.display()),
        None => "opening the access log on standard output".to_owned(),
    })?;
    Ok(Arc::new(log))
}

/// An open socket, and what the config says of it.
type Bound = (Listener, Arc<settings::Listener>);

/// All addresses or none: a door that is half open looks open.
fn listen(
    runtime: &Runtime,
    settings: &Settings,
    inherited: &mut Inherited,
) -> anyhow::Result<(Vec<Address>, Vec<Bound>)> {
    let _entered = runtime.enter();
    let mut listeners = Vec::new();
    let mut addresses = Vec::new();
    for says in &settings.listeners {
        let listener = Listener::bind(&says.address, says.mode, inherited)
            .map_err(|source| ListenError { address: says.address.clone(), source })?;
        addresses.push(listener.address().clone());
        listeners.push((listener, says.clone()));
    }
    Ok((addresses, listeners))
}

/// Without a store the door serves and compares as ever, and goes on trying to open it: the store of a door whose place is being
/// taken comes when that has ended, another when somebody has put it right. Who takes a place does not even try before: the door
/// there may still wait for the one that was there before it, and is to write first.
///
/// # Errors
/// No file descriptor is left.
fn recorder(settings: &Settings, inherited: &Inherited) -> anyhow::Result<Recorder> {
    let (path, size) = (&settings.store.path, settings.store.max_size);
    if let Some(predecessor) = inherited.predecessor().context("copying the socket of the door before this one")? {
        return Ok(Recorder::taking_over(path, size, predecessor, settings.drain_timeout + HAND_OVER));
    }
    Ok(match Store::open(path, size) {
        Ok(store) => Recorder::new(Some(store)),
        Err(error) => {
            tracing::error!(
                "no evidence is kept: {error}; until the store can be opened, everything is counted in memory"
            );
            Recorder::trying_again(path, size, &error)
        }
    })
}

fn server_conf(threads: usize) -> Arc<ServerConf> {
    Arc::new(ServerConf { threads, upstream_keepalive_pool_size: POOL_PER_THREAD, ..ServerConf::default() })
}
