//! Listens and accepts until the door is told to stop. What is said on a connection is for [`serve`](super::serve).

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use pingora::apps::HttpServerApp;
use pingora::proxy::HttpProxy;
use pingora::server::ShutdownWatch;
use tokio::sync::watch;

use super::access_log::AccessLog;
use super::clock::Clock;
use super::door::Door;
use super::h2::Room;
use super::request_id::{RequestIds, Unread};
use crate::config::settings::{Address, Limits, Listener};
use crate::live::rates::client_of;
use crate::live::{Live, Unwelcome};
use crate::socket::{self, Stream};

/// Wait after a failed accept (no file descriptor left): the next one would fail as well.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Connections that are let in when the listener closes: as many as the system keeps waiting.
const MOST_WAITING: usize = 4096;
/// Before they are: the system's word that somebody waits may be under way, and comes by the same way as the end of a pause.
const LAST_LOOK: Duration = Duration::from_millis(10);

/// How long it may take to tell those who are cut, and to write that down.
const LAST_WORD: Duration = Duration::from_millis(250);

/// An address that could not be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}{}", hint(.source))]
pub struct ListenError {
    pub address: Address,
    pub source: std::io::Error,
}

fn hint(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => " (another process has it; stop that one, or change `listeners`)",
        std::io::ErrorKind::PermissionDenied => {
            " (ports below 1024 take the capability CAP_NET_BIND_SERVICE, see deploy/matapalo.service)"
        }
        _ => "",
    }
}

/// Serves the connections of all listeners.
#[derive(Clone)]
pub struct Front {
    pub(super) proxy: Arc<HttpProxy<Door>>,
    live: Arc<Live>,
    open: Arc<OpenConnections>,
    pub(super) access_log: Option<Arc<AccessLog>>,
    /// Of requests of HTTP/2.
    pub(super) bodies: Arc<Room>,
    pub(super) names: Arc<Names>,
    /// Who waits to be let in is for the door after this one.
    has_successor: Arc<AtomicBool>,
    /// Connections accepted so far.
    accepted: Arc<AtomicU64>,
    /// New connections are no longer for this door.
    pub(super) listening_ends: ShutdownWatch,
    pub(super) stop: ShutdownWatch,
    /// There is no more time for anybody.
    pub(super) cut: watch::Sender<bool>,
}

impl std::fmt::Debug for Front {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Front").field("open", &self.open).finish_non_exhaustive()
    }
}

/// Names for requests that no hook is shown, because their heads cannot be read.
#[derive(Debug)]
pub(super) struct Names {
    live: Arc<Live>,
    ids: RequestIds,
}

impl Names {
    pub(super) fn of_unread(&self) -> Option<Unread> {
        self.ids.of_unread(&self.live.snapshot().settings.request_id)
    }
}

/// Connections open now, and a way to await the last one's end.
#[derive(Debug)]
pub struct OpenConnections {
    count: AtomicUsize,
    gauge: prometheus::IntGauge,
    changed: watch::Sender<usize>,
    /// Those on which no request has come whole, or half of one stands.
    fresh: watch::Sender<FreshOnes>,
    /// How many of each client, while that has a bound.
    by_client: Mutex<HashMap<IpAddr, usize>>,
}

impl Front {
    /// `listening_ends` closes the listeners, `stop` the idle connections as well.
    pub fn new(
        proxy: Arc<HttpProxy<Door>>,
        live: Arc<Live>,
        access_log: Option<Arc<AccessLog>>,
        listening_ends: ShutdownWatch,
        stop: ShutdownWatch,
    ) -> Self {
        let open = OpenConnections::new(live.meters().connections.clone());
        let names = Names { live: live.clone(), ids: RequestIds::new() };
        Self {
            proxy,
            live,
            open: Arc::new(open),
            access_log,
            bodies: Arc::default(),
            names: Arc::new(names),
            has_successor: Arc::default(),
            accepted: Arc::default(),
            listening_ends,
            stop,
            cut: watch::channel(false).0,
        }
    }

    /// Accepts until told to stop, then closes the listener and tells idle connections to end. What the config says of the
    /// listener may change meanwhile: each connection is served by what is in force when it comes.
    pub async fn accept(self, listener: socket::Listener, mut says: Arc<Listener>) {
        let (mut end, mut stop) = (self.listening_ends.clone(), self.stop.clone());
        let here = Arc::default();
        // As long as somebody may still be let in.
        let open = Fresh::of(&self.open);
        loop {
            tokio::select! {
                biased;
                () = told(&mut end) => break,
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => {
                        self.renew(&mut says);
                        self.admit(stream, peer, says.clone(), &here);
                    }
                    Err(error) => {
                        tracing::error!("cannot accept a connection: {error}");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
        // Who waits to be let in would be reset with the listener.
        let waiting = if self.has_successor.load(Ordering::Acquire) { 0 } else { MOST_WAITING };
        tokio::time::sleep(LAST_LOOK).await;
        for _ in 0..waiting {
            let Ok(Ok((stream, peer))) = tokio::time::timeout(Duration::ZERO, listener.accept()).await else { break };
            self.admit(stream, peer, says.clone(), &here);
        }
        drop(listener);
        drop(open);
        told(&mut stop).await;
        self.proxy.http_cleanup().await;
    }

    /// Another door has the listeners, too, and takes in who comes.
    pub fn is_succeeded(&self) {
        self.has_successor.store(true, Ordering::Release);
    }

    /// Waits until no connection is open, at most for `patience`. How many were still open?
    pub async fn drained(&self, patience: Duration) -> usize {
        let mut changed = self.open.changed.subscribe();
        let _ = tokio::time::timeout(patience, changed.wait_for(|open| *open == 0)).await;
        self.open.count.load(Ordering::Acquire)
    }

    /// Ends all that is under way: who waits is told, and what was done so far is counted and written down.
    pub async fn cut(&self) {
        self.cut.send_replace(true);
        self.drained(LAST_WORD).await;
    }

    /// Waits until a request has come whole on each connection that was accepted: for `silent` at most where nothing ever came, and
    /// for `patience` where half of one is there. Who has just connected is about to ask, and must not be cut as if it were idle.
    pub async fn begun(&self, silent: Duration, patience: Duration) {
        let mut fresh = self.open.fresh.subscribe();
        let _ = tokio::time::timeout(silent, fresh.wait_for(|fresh| fresh.silent + fresh.asking == 0)).await;
        let _ = tokio::time::timeout(patience, fresh.wait_for(|fresh| fresh.asking == 0)).await;
    }

    /// A listener that is no longer in the config listens, as it did, until the restart that its end takes. Several may be
    /// written with port 0, and are then not told apart.
    fn renew(&self, says: &mut Arc<Listener>) {
        if says.address.is_any_port() {
            return;
        }
        let snapshot = self.live.snapshot();
        let now = snapshot.settings.listeners.iter().find(|listener| listener.address == says.address);
        if let Some(now) = now.filter(|now| !Arc::ptr_eq(now, says)) {
            *says = now.clone();
        }
    }

    /// A connection over `max_connections`, the listener's or everybody's, is closed at once: nothing was read of it, so nothing
    /// is lost. `here` are those that came in where this one did.
    fn admit(&self, stream: Stream, peer: SocketAddr, listener: Arc<Listener>, here: &Arc<AtomicUsize>) {
        let full = |limit| {
            tracing::debug!(%peer, listener = %listener.address, limit, "connection refused: max_connections are open");
            self.live.meters().refused_connection(Unwelcome::Full);
        };
        let limit = listener.max_connections.unwrap_or(usize::MAX);
        let Some(place_here) = PlaceHere::enter(here, limit) else { return full(limit) };
        let limit = self.limits().max_connections;
        let Some(place) = OpenConnections::enter(&self.open, limit) else { return full(limit) };
        let place = (place, place_here);
        let (front, fresh) = (self.clone(), Fresh::of(&self.open));
        tokio::spawn(async move {
            let Some((tunnel, of_client)) = front.serve(stream, peer, listener, fresh).await else {
                return drop(place);
            };
            // A task of its own is a small one: this one has the room of a whole request.
            tokio::spawn(async move {
                tunnel.run(front.access_log.as_deref(), front.cut.subscribe()).await;
                drop((of_client, place));
            });
        });
    }

    /// A place among the connections of one client. `Err`: it has all that it may have.
    pub(super) fn enter_client(&self, client: IpAddr, limits: &Limits) -> Result<Option<ClientPlace>, ()> {
        let Some(most) = limits.max_connections_per_client else { return Ok(None) };
        let client = client_of(client);
        let mut by_client = self.open.by_client.lock();
        let open = by_client.entry(client).or_default();
        if *open >= most {
            self.live.meters().refused_connection(Unwelcome::TooManyOfOne);
            return Err(());
        }
        *open += 1;
        Ok(Some(ClientPlace { open: self.open.clone(), client }))
    }

    /// A number that no other connection has.
    pub(super) fn number(&self) -> u64 {
        self.accepted.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn limits(&self) -> Limits {
        self.live.snapshot().settings.limits.clone()
    }

    pub(super) fn live(&self) -> &Live {
        &self.live
    }
}

/// Returns when the door is told to stop, or when nobody is left to tell it.
pub(super) async fn told(stop: &mut ShutdownWatch) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Serves until it is done, or told that there is no more time, and then in none; or until nobody looks whether there is.
pub(super) async fn serve_until_cut<T>(
    mut serving: Pin<&mut impl Future<Output = T>>,
    clock: &Clock,
    mut cut: ShutdownWatch,
) {
    tokio::select! {
        biased;
        _ = &mut serving => return,
        () = told(&mut cut) => clock.cut(),
        () = clock.is_not_looked_at() => return,
    }
    tokio::select! {
        biased;
        _ = serving => {}
        () = clock.is_not_looked_at() => {}
    }
}

/// A place among the open connections; its end gives it back.
struct Place(Arc<OpenConnections>);

/// The same among those of one listener.
struct PlaceHere(Arc<AtomicUsize>);

impl OpenConnections {
    fn new(gauge: prometheus::IntGauge) -> Self {
        Self {
            count: AtomicUsize::new(0),
            gauge,
            changed: watch::channel(0).0,
            fresh: watch::channel(FreshOnes::default()).0,
            by_client: Mutex::default(),
        }
    }

    fn enter(open: &Arc<Self>, limit: usize) -> Option<Place> {
        one_more(&open.count, limit)?;
        open.tell();
        Some(Place(open.clone()))
    }

    /// Counted while nobody else tells: who comes last tells what is.
    fn tell(&self) {
        self.changed.send_modify(|told| {
            *told = self.count.load(Ordering::Acquire);
            self.gauge.set(*told as i64);
        });
    }
}

impl PlaceHere {
    fn enter(here: &Arc<AtomicUsize>, limit: usize) -> Option<Self> {
        one_more(here, limit)?;
        Some(Self(here.clone()))
    }
}

/// `None`: there are as many as there may be.
fn one_more(count: &AtomicUsize, limit: usize) -> Option<()> {
    let entered = count.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |n| (n < limit).then_some(n + 1));
    entered.ok().map(drop)
}

/// A connection of which a request may be expected, or a listener by which one may come.
#[derive(Debug)]
pub(super) struct Fresh {
    open: Arc<OpenConnections>,
    says: Says,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    /// Nothing yet.
    Silent,
    /// Half a head.
    Asking,
    /// Whole requests only.
    Served,
}

#[derive(Debug, Clone, Copy, Default)]
struct FreshOnes {
    silent: usize,
    asking: usize,
}

impl FreshOnes {
    fn count(&mut self, says: Says, add: fn(&mut usize)) {
        match says {
            Says::Silent => add(&mut self.silent),
            Says::Asking => add(&mut self.asking),
            Says::Served => {}
        }
    }
}

impl Fresh {
    fn of(open: &Arc<OpenConnections>) -> Self {
        let mut fresh = Self { open: open.clone(), says: Says::Served };
        fresh.turn(Says::Silent);
        fresh
    }

    /// Half a head has come.
    pub(super) fn asks(&mut self) {
        self.turn(Says::Asking);
    }

    /// The request has come whole.
    pub(super) fn is_served(&mut self) {
        self.turn(Says::Served);
    }

    fn turn(&mut self, says: Says) {
        let before = std::mem::replace(&mut self.says, says);
        if before != says {
            self.open.fresh.send_modify(|fresh| {
                fresh.count(before, |count| *count -= 1);
                fresh.count(says, |count| *count += 1);
            });
        }
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        self.is_served();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::AcqRel);
        self.0.tell();
    }
}

impl Drop for PlaceHere {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A place among one client's connections; its end gives it back.
pub(super) struct ClientPlace {
    open: Arc<OpenConnections>,
    client: IpAddr,
}

impl Drop for ClientPlace {
    fn drop(&mut self) {
        let mut by_client = self.open.by_client.lock();
        match by_client.get_mut(&self.client) {
            Some(open) if *open > 1 => *open -= 1,
            _ => {
                by_client.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Barrier;

    use super::*;

    /// Where the last two leave at one moment, the one that tells last may be the one that left first.
    #[test]
    fn the_last_word_is_the_last_count() {
        const TOGETHER: usize = 4;
        const ROUNDS: usize = 10_000;
        let open = Arc::new(OpenConnections::new(prometheus::IntGauge::new("open", "open").unwrap()));
        let (told, barrier, wrong) = (open.changed.subscribe(), Barrier::new(TOGETHER), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..TOGETHER {
                scope.spawn(|| {
                    for _ in 0..ROUNDS {
                        let place = OpenConnections::enter(&open, TOGETHER);
                        barrier.wait();
                        drop(place);
                        barrier.wait();
                        let is_told = (*told.borrow(), open.gauge.get()) == (0, 0);
                        wrong.fetch_add(usize::from(!is_told), Ordering::Relaxed);
                        barrier.wait();
                    }
                });
            }
        });
        assert_eq!(wrong.into_inner(), 0, "of {} looks", ROUNDS * TOGETHER);
    }
}
