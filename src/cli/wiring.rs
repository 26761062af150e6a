//! The whole door put together by hand, from the store up to the listeners, and taken down in the opposite order. No globals:
//! what one part needs of another it is given here.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use pingora::proxy::http_proxy;
use pingora::server::configuration::ServerConf;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::admin::{Readiness, Shown, Window};
use crate::config::settings::Listener;
use crate::config::{self, Settings};
use crate::evidence::Recorder;
use crate::evidence::store::Store;
use crate::live::watch::{Source, Watch};
use crate::live::{Live, Meters};
use crate::mirror::Mirror;
use crate::proxy::{AccessLog, Door, Front, bind};
use crate::upstream::{Backends, Prober};

/// Idle connections kept to backends, per thread: as many as there may be requests at once on a busy door, because a
/// smaller pool makes a new connection for every other request (measured: twice the CPU).
const POOL_PER_THREAD: usize = 1024;
/// `/readyz` fails this long before the listeners close, so that a load balancer that asks often sends nothing to a closed door.
const READY_LEAD: Duration = Duration::from_millis(200);
/// How long copies may still be sent and compared once the last user is served.
const MIRROR_PATIENCE: Duration = Duration::from_secs(2);
/// How long a stopped runtime's threads may take to end what they are at.
const RUNTIME_PATIENCE: Duration = Duration::from_millis(200);

/// The open door and everything behind it.
#[derive(Debug)]
pub struct OpenDoor {
    addresses: Vec<SocketAddr>,
    readiness: Readiness,
    draining: Arc<AtomicBool>,
    stop: watch::Sender<bool>,
    front: Front,
    mirror: Arc<Mirror>,
    live: Arc<Live>,
    runtime: Runtime,
    window: Window,
    _watch: Watch,
    _prober: Prober,
}

impl OpenDoor {
    /// Opens the door with these settings, read from `config`.
    ///
    /// # Errors
    /// An address cannot be listened on, or the system gives no thread. A store that cannot be opened is no error: the door
    /// serves without it, and says so.
    pub fn open(settings: Settings, config: PathBuf) -> anyhow::Result<Self> {
        let since = Instant::now();
        let runtime = door_runtime(settings.threads)?;
        let (addresses, listeners) = listen(&runtime, &settings)?;
        let access_log =
            settings.access_log.as_ref().map(AccessLog::open).transpose().context("opening access_log.path")?;
        let meters = Arc::new(Meters::new().context("registering metrics")?);
        let recorder = Arc::new(Recorder::new(open_store(&settings, &meters)));
        let mirror = Arc::new(Mirror::start(recorder.clone(), settings.limits.mirror_memory)?);
        let backends = Arc::new(Backends::default());
        let (threads, admin) = (settings.threads, settings.admin.clone());
        let live = Arc::new(Live::start(settings, backends.clone(), meters, recorder));
        let prober = Prober::start(backends)?;
        let watch = Watch::start(live.clone(), ConfigFile(config))?;
        let readiness = Readiness::default();
        let shown = Shown { live: live.clone(), reloader: watch.reloader(), readiness: readiness.clone(), since };
        let window = Window::open(&admin, shown)?;
        let draining = Arc::new(AtomicBool::new(false));
        let (stop, stopped) = watch::channel(false);
        let door = Door::new(live.clone(), mirror.clone(), access_log, draining.clone());
        let front = Front::new(Arc::new(http_proxy(&server_conf(threads), door)), live.clone(), stopped);
        for (listener, says) in listeners {
            runtime.spawn(front.clone().accept(listener, says));
        }
        readiness.open();
        Ok(Self {
            addresses,
            readiness,
            draining,
            stop,
            front,
            mirror,
            live,
            runtime,
            window,
            _watch: watch,
            _prober: prober,
        })
    }

    /// Where users are served; ports are real ones even if the config asked for port 0.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    pub fn window(&self) -> &Window {
        &self.window
    }

    /// The runtime that serves users, for what must wait beside it.
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Drains: readiness fails first, then the listeners close, requests under way finish (at most for `drain_timeout`), copies
    /// are compared, and what they proved is written out. Returns how many connections had to be cut.
    pub fn close(self) -> usize {
        let patience = self.live.snapshot().settings.drain_timeout;
        self.readiness.drain();
        self.draining.store(true, Ordering::Relaxed);
        std::thread::sleep(READY_LEAD);
        self.stop.send_replace(true);
        let cut = self.runtime.block_on(self.front.drained(patience));
        self.mirror.stop(MIRROR_PATIENCE);
        self.runtime.shutdown_timeout(RUNTIME_PATIENCE);
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

    fn load(&self) -> Result<Settings, Vec<String>> {
        config::load(&self.0).map_err(|refused| refused.errors.iter().map(ToString::to_string).collect())
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

/// An open socket, and what the config says of it.
type Bound = (TcpListener, Arc<Listener>);

/// All addresses or none: a door that is half open looks open.
fn listen(runtime: &Runtime, settings: &Settings) -> anyhow::Result<(Vec<SocketAddr>, Vec<Bound>)> {
    let _entered = runtime.enter();
    let mut listeners = Vec::new();
    let mut addresses = Vec::new();
    for listener in &settings.listeners {
        let bound = bind(listener.address)?;
        addresses.push(bound.local_addr().context("asking a listener for its address")?);
        listeners.push((bound, listener.clone()));
    }
    Ok((addresses, listeners))
}

/// Without a store the door serves and compares as ever; what it learns is lost when it ends.
fn open_store(settings: &Settings, meters: &Meters) -> Option<Store> {
    let store = Store::open(&settings.store.path, settings.store.max_size)
        .inspect_err(|error| tracing::error!("no evidence is kept: {error}"))
        .ok();
    meters.store_ok.set(i64::from(store.is_some()));
    store
}

fn server_conf(threads: usize) -> Arc<ServerConf> {
    Arc::new(ServerConf { threads, upstream_keepalive_pool_size: POOL_PER_THREAD, ..ServerConf::default() })
}
