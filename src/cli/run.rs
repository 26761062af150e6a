//! `matapalo run`: the door, in the foreground.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Exit;
use super::log::{Log, LogFormat};
use super::notify::{self, Word};
use super::succession::{NewDoor, Successor};
use super::wiring::OpenDoor;
use crate::config;
use crate::mirror::Mirror;
use crate::socket::Inherited;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// How the door's own log, on stderr, is written. What is in it says $RUST_LOG (`info` by default); of the
    /// libraries, which would write heads and bodies, nothing below `info`.
    #[arg(long, value_enum, default_value_t, env = "MATAPALO_LOG_FORMAT")]
    log_format: LogFormat,
}

/// # Errors
/// There can be no log. All other trouble is told by it: who would print it, waits for a reader.
pub fn run(config: &Path, args: &Args) -> anyhow::Result<Exit> {
    // First of all: it takes words out of the environment, which only a process with one thread may.
    let inherited = Inherited::take();
    let log = Log::to_stderr(args.log_format).context("starting the log")?;
    let exit = serve(config, inherited, &log).unwrap_or_else(|error| {
        log.tell(&error);
        Exit::Trouble
    });
    log.flush();
    Ok(exit)
}

/// # Errors
/// The config does not compile, or an address cannot be listened on.
fn serve(config: &Path, mut inherited: Inherited, log: &Log) -> anyhow::Result<Exit> {
    let settings = config::load(config)?;
    for warning in &settings.warnings {
        tracing::warn!("config: {warning}");
    }
    if settings.run_as.is_none() && std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0) {
        tracing::warn!(
            "runs as root, which it does not need: name a `user`; deploy/matapalo.service starts it without privileges"
        );
    }
    let (routes, hash) = (settings.routes.len(), settings.hash.clone());
    let mut door = OpenDoor::build(settings, config.to_owned(), &mut inherited)?;
    door.meters().count_too(log.dropped()).context("registering metrics")?;
    // Before anybody is served: a signal that nobody listens to ends the process.
    let signals = door.runtime().block_on(async { Signals::listen() }).context("listening to signals")?;
    door.open(&mut inherited)?;
    for address in inherited.left_over() {
        tracing::warn!(%address, "a socket was handed over that `listeners` does not name: it is closed");
    }
    drop(inherited);
    let listening: Vec<String> = door.addresses().iter().map(ToString::to_string).collect();
    tracing::info!(
        ?listening, admin = %door.window().address(), config = %config.display(), %hash, routes, "the door is open"
    );
    tell_that_it_is_open(&door);
    let (end, impatience) = door.runtime().block_on(signals.until_the_end(&door, log));
    let cut = match end {
        End::Stopped => {
            notify::tell(Word::Stopping);
            tracing::info!("draining: the door closes when the last request is answered");
            door.close()
        }
        End::Succeeded(new) => {
            notify::tell(Word::Successor(new.pid));
            tracing::info!(successor = new.pid, "the new door is open; this one answers its last requests and leaves");
            let cut = door.leave();
            // Only now the store is free.
            drop(new);
            cut
        }
    };
    if let Some(impatience) = impatience {
        impatience.has_its_way();
    }
    if cut > 0 {
        tracing::warn!(connections = cut, "drain_timeout is over: connections were cut");
    }
    tracing::info!("the door is closed");
    Ok(Exit::Good)
}

fn tell_that_it_is_open(door: &OpenDoor) {
    notify::tell(Word::Ready("serving"));
    let Some(every) = notify::watchdog() else { return };
    // On the door's own threads: were they stuck, the manager should know.
    door.runtime().spawn(async move {
        loop {
            notify::tell(Word::Alive);
            tokio::time::sleep(every).await;
        }
    });
}

/// How long who has no patience waits for what was compared, and what was not, to be written.
const LAST_WRITE: Duration = Duration::from_secs(2);

/// Why the door closes.
enum End {
    Stopped,
    /// Another process has taken its place.
    Succeeded(NewDoor),
}

struct Signals {
    stop: [Signal; 2],
    upgrade: Signal,
    hangup: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            stop: stop_signals()?,
            upgrade: signal(SignalKind::user_defined2())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// SIGTERM and SIGINT drain. A second one, for who has no patience, ends the process as soon as what was compared is written, and
    /// that the copies under way were not. SIGUSR2
    /// starts the new binary; then the first one finds the door leaving already, for a service manager that stops the new door tells the old one too.
    async fn until_the_end(mut self, door: &OpenDoor, log: &Log) -> (End, Option<Impatience>) {
        let end = loop {
            tokio::select! {
                biased;
                () = told_to_stop(&mut self.stop) => break End::Stopped,
                // The config's watch listens to it too.
                _ = self.hangup.recv() => {
                    door.reopen_logs();
                    continue;
                }
                _ = self.upgrade.recv() => {}
            }
            tracing::info!("SIGUSR2: starting the new binary");
            let succeeded = tokio::select! {
                biased;
                () = told_to_stop(&mut self.stop) => break End::Stopped,
                succeeded = succeed(door) => succeeded,
            };
            match succeeded {
                Ok(new) => break End::Succeeded(new),
                Err(error) => tracing::error!("the new binary does not take over, this door goes on: {error:#}"),
            }
        };
        let leaving = matches!(end, End::Succeeded(_));
        let impatience = heed_the_impatient(leaving, door.mirror(), log.clone());
        let heard = impatience.inspect_err(|error| tracing::warn!("a second SIGTERM will not be heard: {error}")).ok();
        (end, heard)
    }
}

/// Waits for a second SIGTERM, and ends the process then.
struct Impatience {
    told_twice: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Impatience {
    /// Told twice, the process ends as who has no patience ends it, also if the door's own end comes at that moment.
    fn has_its_way(self) {
        if self.told_twice.load(Ordering::Relaxed) {
            // It never comes back.
            let _ = self.thread.join();
        }
    }
}

/// On a thread and a runtime of its own, for the door's end before the door does. Returns when it listens.
fn heed_the_impatient(leaving: bool, mirror: Arc<Mirror>, log: Log) -> std::io::Result<Impatience> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut stop = {
        let _here = runtime.enter();
        stop_signals()?
    };
    let listen = async move {
        if leaving {
            told_to_stop(&mut stop).await;
            tracing::info!("told to stop: this door answers its last requests and leaves, as it was about to");
        }
        told_to_stop(&mut stop).await;
    };
    let told_twice = Arc::new(AtomicBool::new(false));
    let told = told_twice.clone();
    let thread = std::thread::Builder::new().name("impatience".to_owned()).spawn(move || {
        runtime.block_on(listen);
        told.store(true, Ordering::Relaxed);
        tracing::warn!("told twice: the door ends now");
        mirror.stop_now(LAST_WRITE);
        log.flush();
        std::process::exit(1);
    })?;
    Ok(Impatience { told_twice, thread })
}

fn stop_signals() -> std::io::Result<[Signal; 2]> {
    Ok([signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?])
}

async fn told_to_stop([term, int]: &mut [Signal; 2]) {
    tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
}

async fn succeed(door: &OpenDoor) -> anyhow::Result<NewDoor> {
    Successor::start(&door.sockets())?.take_over().await
}
