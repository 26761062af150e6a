//! The verbs behind the hooks: settle what a request is and choose its peer; turn a failure into the next attempt ([`attempts`]); hand
//! over the copy ([`kept`]); give up what a backend does not take ([`uploads`]). Each needs the door's parts and the request's
//! [`Exchange`]; none knows which hook called it.

mod again;
mod attempts;
mod kept;
mod uploads;

use std::future::{pending, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use http::{Method, StatusCode, Version};
use pingora::Error;
use pingora::http::RequestHeader;
use pingora::proxy::Session;
use pingora::upstreams::peer::HttpPeer;

use super::access_log::AccessLog;
use super::answer::Refusal;
use super::client::Client;
use super::client_side::{ClientSide, Scheme};
use super::clock::{Clock, Phase};
use super::exchange::Exchange;
use super::fallback::{Failure, REPLAYABLE};
use super::request_id::RequestIds;
use super::trouble::{BACKEND_BUSY, NO_ENDPOINT, Troubles, Why};
use super::tunnel::{Gate, Tunnel};
use super::{forward, hearsay};
use crate::config::settings::{RateBy, Timeouts};
use crate::live::Live;
use crate::live::rates::{Exceeded, client_of as counted_as};
use crate::mirror::{Mirror, Token};
use crate::routing::Parts;
use crate::trace::Tracer;
use crate::upstream::{Announcement, Backend, NoRoom, RawTarget, Slot};
use attempts::gateway_error;
use uploads::last_resort;

pub use uploads::{Upload, let_take};

/// How often a backend of HTTP/2 may end a connection before it comes to a request, until that has one of its own: after each such end
/// all who wait meet on the next connection, and where that takes fewer than those, it is a matter of luck who is left again.
const LEFT_IN_COMPANY: u8 = 2;

/// The door's parts, shared by all requests.
#[derive(Debug)]
pub struct Door {
    pub(super) live: Arc<Live>,
    mirror: Arc<Mirror>,
    pub(super) tracer: Arc<Tracer>,
    pub(super) access_log: Option<Arc<AccessLog>>,
    /// Told to stop: connections end with their present request.
    draining: Arc<AtomicBool>,
    /// Numbers the connections that must not be shared.
    unshared: AtomicU64,
    request_ids: RequestIds,
    pub(super) troubles: Arc<Troubles>,
}

impl Door {
    pub fn new(
        live: Arc<Live>,
        mirror: Arc<Mirror>,
        tracer: Arc<Tracer>,
        access_log: Option<Arc<AccessLog>>,
        draining: Arc<AtomicBool>,
    ) -> Self {
        let (unshared, request_ids) = (AtomicU64::new(0), RequestIds::new());
        Self { live, mirror, tracer, access_log, draining, unshared, request_ids, troubles: Arc::default() }
    }

    pub(super) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Gives the request the id that it is called by from here on.
    pub(super) fn name(&self, request: &RequestHeader, exchange: &mut Exchange) {
        let Some(client) = &exchange.client else { return };
        let settings = &exchange.snapshot.settings.request_id;
        let id = self.request_ids.of(&settings.header, client, &request.headers);
        let told = if settings.answer { id.clone().map(|id| (settings.header.clone(), id)) } else { None };
        ClientSide::with(|side| side.set_request_id(told));
        exchange.request_id = id;
    }

    pub(super) fn mirror_token(&self) -> &Token {
        self.mirror.token()
    }

    /// Decides the request, once: route, place, plan.
    ///
    /// # Errors
    /// The path reads as two routes.
    pub(super) fn decide(
        &self,
        request: &RequestHeader,
        upgrade: bool,
        exchange: &mut Exchange,
    ) -> Result<(), Refusal> {
        let Some(client) = exchange.client else { return Err(NO_ADDRESS) };
        let (path, query) = forward::split_target(forward::target(request));
        let host = host_of(request)?;
        let parts = Parts { method: &request.method, host, path, query, headers: &request.headers };
        let snapshot = &exchange.snapshot;
        let rolled_back = |route| snapshot.is_rolled_back(route);
        let mut decision = snapshot
            .settings
            .decide(&parts, client.asker(), upgrade, rolled_back)
            .map_err(|_| Refusal::BadRequest("backends may read this path as another one"))?;
        if let Some(placed) = &mut decision.proxied
            && placed.plan.mirror.is_some()
            && (hearsay::is_copy(request, &client, self.mirror_token()) || hearsay::hides_a_write(request))
        {
            placed.plan.mirror = None;
        }
        exchange.decision = Some(decision);
        exchange.capture = self.capture_for(request, exchange);
        Ok(())
    }

    /// Chooses the endpoint of the origin that is to be asked now.
    ///
    /// # Errors
    /// The backend has no room, or no endpoint's name could be resolved; the client has left; or the next attempt, if a fallback covers that.
    pub(super) async fn peer(&self, session: &mut Session, exchange: &mut Exchange) -> pingora::Result<Box<HttpPeer>> {
        exchange.begin_attempt();
        let Some((backend, timeouts)) = whom_to_ask(exchange) else {
            return Err(gateway_error(StatusCode::BAD_GATEWAY));
        };
        exchange.traced(|trace| trace.asks(&backend));
        let entered = match exchange.attempt.slot.take() {
            Some(kept) => Ok(kept),
            None => match place(session, &backend, timeouts.connect).await {
                Ok(entered) => entered,
                Err(gone) => return Err(self.gone_from_queue(session, exchange, gone)),
            },
        };
        let now = Instant::now();
        if exchange.attempt.until.is_none() {
            exchange.attempt.until = timeouts.total.and_then(|total| now.checked_add(total));
        }
        let left = exchange.attempt.until.map(|until| until.saturating_duration_since(now));
        Clock::with(|clock| clock.bound(left));
        let Ok(slot) = entered else {
            exchange.traced(|trace| trace.failed(BACKEND_BUSY));
            exchange.is_failed(None, Why { word: BACKEND_BUSY, said: "no place within max_in_flight".into() });
            return Err(self.failed(session, exchange, Failure::Connect, StatusCode::SERVICE_UNAVAILABLE));
        };
        exchange.attempt.slot = Some(slot);
        let who = exchange.placed().map(|placed| placed.session);
        let visit = backend.visit(who, &exchange.attempt.tried);
        let announcement = announcement();
        let peer = visit.as_ref().and_then(|visit| visit.endpoint().peer(&announcement));
        if let Some(visit) = &visit {
            exchange.traced(|trace| trace.asks_at(visit.endpoint()));
        }
        let takes = |target: &RawTarget| visit.as_ref().is_some_and(|visit| visit.endpoint().takes_raw(target));
        let target = exchange.target.clone().filter(takes);
        let dial = visit.as_ref().map(|visit| visit.endpoint().dial(&announcement));
        exchange.attempt.visit = visit;
        let Some((mut peer, dial)) = peer.map(Box::new).zip(dial) else {
            exchange.traced(|trace| trace.failed(NO_ENDPOINT));
            exchange.is_failed(exchange.endpoint(), Why { word: NO_ENDPOINT, said: "no address is known".into() });
            return Err(self.failed(session, exchange, Failure::Connect, StatusCode::BAD_GATEWAY));
        };
        let http2 = exchange.attempt.visit.as_ref().is_some_and(|visit| visit.endpoint().speaks_http2());
        peer.options.connection_timeout = Some(timeouts.connect);
        peer.options.total_connection_timeout = Some(timeouts.connect);
        let client = exchange.snapshot.settings.limits.body_timeout;
        peer.options.read_timeout = last_resort(session, &timeouts, client, http2);
        peer.options.write_timeout = Some(timeouts.idle);
        peer.options.idle_timeout = Some(timeouts.idle);
        let crowded_out = http2 && exchange.attempt.left >= LEFT_IN_COMPANY;
        if crowded_out || (!http2 && (exchange.attempt.let_down > 0 || wants_its_own(session))) {
            self.unshare(&mut peer);
        }
        if session.is_upgrade_req() && !http2 {
            self.unshare(&mut peer);
            let gate = Arc::<Gate>::default();
            Tunnel { gate: gate.clone(), dial, target }.apply(&mut peer);
            exchange.attempt.gate = Some(gate);
        } else if let Some(target) = target {
            self.unshare(&mut peer);
            target.apply(&mut peer, dial);
        }
        exchange.attempt.timeouts = Some(timeouts);
        Ok(peer)
    }

    /// A client left while it waited for a place; or the door closes.
    fn gone_from_queue(&self, session: &Session, exchange: &mut Exchange, gone: Box<Error>) -> Box<Error> {
        match Clock::with(Clock::take_missed).flatten() {
            Some(Phase::Cut) => self.cut(session, exchange, gone),
            _ => gone,
        }
    }

    /// Nobody else's connection, before or after.
    fn unshare(&self, peer: &mut HttpPeer) {
        peer.group_key = self.unshared.fetch_add(1, Ordering::Relaxed) + 1;
        // Nobody finds it: it is closed at once. (No time at all is more than the library's timers can take.)
        peer.options.idle_timeout = Some(Duration::from_millis(1));
    }

    /// The library passes no interim answer of an HTTP/2 backend on, so a client that waits for leave to send its body would
    /// wait for ever: the door gives it.
    pub(super) async fn give_leave(&self, session: &mut Session, request: &mut RequestHeader) -> pingora::Result<()> {
        if request.remove_header(&http::header::EXPECT).is_none() || session.as_ref().body_bytes_read() > 0 {
            return Ok(());
        }
        session.as_mut().write_continue_response().await
    }

    /// Whether a body of so many bytes, announced or read, is one that the route takes. Of one that it does not nothing is kept.
    ///
    /// # Errors
    /// What to answer then.
    pub(super) fn within_size(bytes: Option<usize>, exchange: &mut Exchange) -> Result<(), Refusal> {
        let most = exchange.proxied().and_then(|proxied| proxied.max_body);
        match (bytes, most) {
            (Some(bytes), Some(most)) if bytes as u64 > most => {
                exchange.capture = None;
                Err(Refusal::BodyTooLarge)
            }
            _ => Ok(()),
        }
    }

    /// Takes one request of the asker's account at this route. Where there is none left, nothing of the request is kept.
    ///
    /// # Errors
    /// What to answer then.
    pub(super) fn within_rate(exchange: &mut Exchange) -> Result<(), Exceeded> {
        let Some(meters) = exchange.meters() else { return Ok(()) };
        let Some(rates) = meters.rates() else { return Ok(()) };
        let taken = match (rates.rule().by, exchange.client, exchange.placed()) {
            (RateBy::Client, Some(client), _) => rates.take(counted_as(client.address)),
            (RateBy::Session, _, Some(placed)) => rates.take(placed.session),
            _ => rates.take(()),
        };
        if taken.is_err() {
            meters.limited();
            exchange.limited = true;
            exchange.capture = None;
        }
        taken
    }
}

const NO_ADDRESS: Refusal = Refusal::BadRequest("the connection has no client address");

/// Who speaks to us, as far as it can be told.
pub(super) fn client_of(session: &Session, exchange: &Exchange) -> Option<Client> {
    let peer = session.client_addr()?.as_inet()?.ip();
    let scheme = ClientSide::with(|side| side.entrance().scheme).unwrap_or(Scheme::Http);
    Some(Client::of(peer, scheme, &session.req_header().headers, &exchange.snapshot.settings.trusted_proxies))
}

/// Whether a request goes on a new connection of HTTP/1. A kept one may be closed by the backend just as the request is sent on it.
/// That may be sent again only if its method is safe and its body is still there whole; whatever else gets a connection of its own,
/// so that the question never comes up. (In HTTP/2 a backend says what it left alone.) So does HEAD: a backend that sends the body
/// nevertheless (gunicorn, where the site gives it one) may do so when the connection is another user's already.
fn wants_its_own(session: &mut Session) -> bool {
    let request = session.req_header();
    if !request.method.is_safe() || request.method == Method::HEAD {
        return true;
    }
    let fits = forward::announced_length(request).is_some_and(|length| length <= REPLAYABLE);
    !fits && !session.as_mut().is_body_empty()
}

/// A place at the backend for a client that waits for it.
///
/// # Errors
/// Whatever ended the wait otherwise: then nobody is to be asked for anything.
async fn place(
    session: &mut Session,
    backend: &Backend,
    patience: Duration,
) -> pingora::Result<std::result::Result<Slot, NoRoom>> {
    let mut entering = pin!(backend.in_flight().enter(patience));
    if let Poll::Ready(entered) = poll_fn(|cx| Poll::Ready(entering.as_mut().poll(cx))).await {
        return Ok(entered);
    }
    tokio::select! {
        // First: a place that comes free for somebody who has left is for the next one.
        biased;
        gone = has_gone(session) => Err(gone),
        entered = entering => Ok(entered),
    }
}

/// Ready when the client has left. What it goes on saying stays where it is: see [`ClientStream`](super::stream::ClientStream).
async fn has_gone(session: &mut Session) -> Box<Error> {
    Clock::with(|clock| {
        clock.enter(Phase::Queue, None);
        if !clock.is_cut() {
            clock.bound(None);
        }
    });
    match session.as_mut().read_body_or_idle(true).await {
        Err(gone) => gone.into_down(),
        Ok(_) => pending().await,
    }
}

/// What is said of the client's connection to backends that want to be told.
fn announcement() -> Announcement {
    ClientSide::with(|side| side.entrance().announcement.clone()).unwrap_or_else(Announcement::of_nobody)
}

/// The Host as the user sent it; HTTP/1.0 need not send one.
fn host_of(request: &RequestHeader) -> Result<&str, Refusal> {
    match request.headers.get(http::header::HOST) {
        Some(host) => host.to_str().map_err(|_| Refusal::BadRequest("the Host header is not a host")),
        None if request.version == Version::HTTP_10 => Ok(""),
        None => Err(Refusal::BadRequest("an HTTP/1.1 request needs a Host header (RFC 9112, section 3.2)")),
    }
}

fn whom_to_ask(exchange: &Exchange) -> Option<(Arc<Backend>, Timeouts)> {
    let proxied = exchange.proxied()?;
    let backend = exchange.snapshot.backend(proxied.backend(exchange.origin()?))?;
    Some((backend.clone(), proxied.timeouts.over(&backend.timeouts)))
}
