//! The verbs behind the hooks: settle what a request is, choose its peer, turn a failure into the next attempt, hand over the
//! copy. Each needs the door's parts and the request's [`Exchange`]; none knows which hook called it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use http::{StatusCode, Version};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::proxy::Session;
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorType};

use super::access_log::{AccessLog, Line};
use super::answer::Refusal;
use super::capture::Capture;
use super::client::Client;
use super::clock::{Clock, Scheme};
use super::exchange::Exchange;
use super::fallback::{self, Course, Failure, REPLAYABLE, TURN};
use super::request_id::RequestIds;
use super::tunnel::{Gate, Tunnel};
use super::{forward, hearsay};
use crate::config::settings::{Protocol, RateBy, Timeouts};
use crate::diff::Request;
use crate::evidence::Unproven;
use crate::live::rates::{Exceeded, client_of as counted_as};
use crate::live::{BreakerState, FallbackReason, Live};
use crate::mirror::{Mirror, MirrorJob, Token};
use crate::routing::Parts;
use crate::trace::Tracer;
use crate::upstream::Backend;

/// The door's parts, shared by all requests.
#[derive(Debug)]
pub struct Door {
    pub(super) live: Arc<Live>,
    mirror: Arc<Mirror>,
    pub(super) tracer: Arc<Tracer>,
    access_log: Option<Arc<AccessLog>>,
    /// Told to stop: connections end with their present request.
    draining: Arc<AtomicBool>,
    /// Numbers the connections that must not be shared.
    unshared: AtomicU64,
    request_ids: RequestIds,
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
        Self { live, mirror, tracer, access_log, draining, unshared, request_ids }
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
        Clock::with(|clock| clock.set_request_id(told));
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
            .decide(&parts, client.address, upgrade, rolled_back)
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

    /// Nothing is kept of a request that is not copied, or whose comparison would prove nothing.
    fn capture_for(&self, request: &RequestHeader, exchange: &mut Exchange) -> Option<Box<Capture>> {
        exchange.placed()?.plan.mirror?;
        let max_body = exchange.proxied()?.mirror.max_body;
        // A part of an answer depends on what the backend calls the whole; comparing parts compares coincidences.
        if request.headers.contains_key(http::header::RANGE) {
            self.decline(exchange, Unproven::Range);
            return None;
        }
        Some(Box::new(Capture::new(max_body)))
    }

    /// A request that was to be copied has no copy.
    fn decline(&self, exchange: &mut Exchange, reason: Unproven) {
        self.mirror.decline(&exchange.route_ref(), reason);
        exchange.traced(|trace| trace.mirror = Some(reason.name()));
    }

    /// Chooses the endpoint of the origin that is to be asked now.
    ///
    /// # Errors
    /// The backend has no room, or no endpoint's name could be resolved; or the next attempt, if a fallback covers that.
    pub(super) async fn peer(&self, session: &Session, exchange: &mut Exchange) -> pingora::Result<Box<HttpPeer>> {
        exchange.begin_attempt();
        let Some((backend, timeouts)) = whom_to_ask(exchange) else {
            return Err(gateway_error(StatusCode::BAD_GATEWAY));
        };
        exchange.traced(|trace| trace.asks(&backend));
        Clock::with(|clock| clock.bound(timeouts.total));
        let Ok(slot) = backend.in_flight().enter(timeouts.connect).await else {
            exchange.traced(|trace| trace.failed("backend_busy"));
            return Err(self.failed(session, exchange, Failure::Connect, StatusCode::SERVICE_UNAVAILABLE));
        };
        exchange.attempt.slot = Some(slot);
        let who = exchange.placed().map(|placed| placed.session);
        let visit = backend.visit(who, &exchange.attempt.tried);
        let peer = visit.as_ref().and_then(|visit| visit.endpoint().peer());
        if let Some(visit) = &visit {
            exchange.traced(|trace| trace.asks_at(visit.endpoint()));
        }
        exchange.attempt.visit = visit;
        let Some(mut peer) = peer.map(Box::new) else {
            exchange.traced(|trace| trace.failed("no_endpoint"));
            return Err(self.failed(session, exchange, Failure::Connect, StatusCode::BAD_GATEWAY));
        };
        // Both are bounds of the last resort: the connection's clock knows the phases, and is tighter.
        let longest = timeouts.first_byte.max(timeouts.idle);
        peer.options.connection_timeout = Some(timeouts.connect);
        peer.options.total_connection_timeout = Some(timeouts.connect);
        // A slow client of HTTP/2 may keep the task from reading for longer than this: there the clock alone tells.
        peer.options.read_timeout = (session.req_header().version != Version::HTTP_2).then_some(longest);
        peer.options.write_timeout = Some(timeouts.idle);
        peer.options.idle_timeout = Some(timeouts.idle);
        let http2 = exchange.attempt.visit.as_ref().is_some_and(|visit| visit.endpoint().protocol == Protocol::Http2);
        if !session.req_header().method.is_safe() && !http2 {
            self.unshare(&mut peer);
        }
        if session.is_upgrade_req() && !http2 {
            self.unshare(&mut peer);
            let gate = Arc::<Gate>::default();
            peer.options.custom_l4 = Some(Arc::new(Tunnel { gate: gate.clone() }));
            exchange.attempt.gate = Some(gate);
        }
        exchange.attempt.timeouts = Some(timeouts);
        Ok(peer)
    }

    /// A kept connection may be closed by the backend just as a request is sent on it. That request may be sent again only if
    /// its method is safe; a write gets a connection of its own, so that the question never comes up. (In HTTP/2 a backend says what it left alone.)
    fn unshare(&self, peer: &mut HttpPeer) {
        peer.group_key = self.unshared.fetch_add(1, Ordering::Relaxed) + 1;
        peer.options.idle_timeout = Some(Duration::ZERO);
    }

    /// The library passes no interim answer of an HTTP/2 backend on, so a client that waits for leave to send its body would
    /// wait for ever: the door gives it.
    pub(super) async fn give_leave(&self, session: &mut Session, request: &mut RequestHeader) -> pingora::Result<()> {
        if request.remove_header(&http::header::EXPECT).is_none() || session.as_ref().body_bytes_read() > 0 {
            return Ok(());
        }
        session.as_mut().write_continue_response().await
    }

    /// An answer's head has come. `Err`: it is not for the user, another attempt follows.
    pub(super) fn weigh(
        &self,
        session: &Session,
        answer: &ResponseHeader,
        exchange: &mut Exchange,
    ) -> pingora::Result<()> {
        if let Some(visit) = &exchange.attempt.visit {
            visit.answered(answer.status);
        }
        match exchange.course {
            Course::Planned => {
                let reason =
                    self.may_fall_back(session, exchange).and_then(|rules| fallback::asks_for_fallback(answer, rules));
                // A 404 by which new says "not mine" is no failure: it lives.
                tell_breaker(exchange, reason.is_none() || !answer.status.is_server_error());
                let Some(reason) = reason else { return Ok(()) };
                self.fall_back(exchange, Failure::Answer(answer.status), reason);
                Err(turn())
            }
            // Nobody else was asked: its answer is the one there is.
            Course::FellBack(Failure::NotAsked) => Ok(()),
            Course::FellBack(original) if fallback::has_failed(answer) => {
                Err(self.back_to_original(session, exchange, original))
            }
            Course::FellBack(_) | Course::Original(_) => Ok(()),
        }
    }

    /// The rules of a fallback that is still possible: planned, and the request can be sent again whole.
    fn may_fall_back<'a>(
        &self,
        session: &Session,
        exchange: &'a Exchange,
    ) -> Option<&'a crate::config::settings::FallbackSettings> {
        exchange.placed()?.plan.fallback?;
        let rules = &exchange.proxied()?.fallback;
        let most = rules.max_body.min(REPLAYABLE);
        let replayable = !session.as_ref().retry_buffer_truncated()
            && session.as_ref().body_bytes_read() <= most
            && forward::announced_length(session.req_header()).is_none_or(|length| length <= most);
        (exchange.course == Course::Planned && replayable).then_some(rules)
    }

    /// While new keeps failing a route, requests that may fall back do so at once.
    pub(super) fn spare_new(&self, session: &Session, exchange: &mut Exchange) {
        let Some(rules) = self.may_fall_back(session, exchange).and_then(|rules| rules.breaker) else { return };
        let open = exchange.meters().is_some_and(|meters| !meters.breaker.lets_through(&rules, Instant::now()));
        if open {
            self.fall_back(exchange, Failure::NotAsked, FallbackReason::Breaker);
        }
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

    fn fall_back(&self, exchange: &mut Exchange, failure: Failure, reason: FallbackReason) {
        if let Some(meters) = exchange.meters() {
            meters.fell_back(reason);
        }
        exchange.traced(|trace| trace.falls_back(reason));
        exchange.course = Course::FellBack(failure);
        exchange.attempt.tried.clear();
        if exchange.capture.take().is_some() {
            self.decline(exchange, Unproven::FellBack);
        }
    }

    /// The fallback failed too. New's own answer is asked for again where that is safe; otherwise its status is all there is.
    fn back_to_original(&self, session: &Session, exchange: &mut Exchange, original: Failure) -> Box<Error> {
        exchange.course = Course::Original(original);
        exchange.attempt.tried.clear();
        let answered = matches!(original, Failure::Answer(_));
        if answered && session.req_header().method.is_safe() { turn() } else { gateway_error(original.status()) }
    }

    /// No connection could be made.
    pub(super) fn connect_failed(
        &self,
        session: &Session,
        exchange: &mut Exchange,
        mut error: Box<Error>,
    ) -> Box<Error> {
        let timed_out = matches!(error.etype(), ErrorType::ConnectTimedout);
        exchange.traced(|trace| trace.failed(if timed_out { "connect_timeout" } else { "connect_error" }));
        let mut endpoints = 0;
        if let Some(visit) = exchange.attempt.visit.take() {
            visit.refused(&error);
            endpoints = visit.backend().endpoints().len();
            exchange.attempt.tried.push(visit.endpoint().clone());
        }
        if exchange.attempt.tried.len() < endpoints {
            error.set_retry(true);
            return error;
        }
        let failure = match self.may_fall_back(session, exchange) {
            Some(rules) if timed_out && !rules.connect_error => Failure::Timeout,
            _ => Failure::Connect,
        };
        let status = if timed_out { StatusCode::GATEWAY_TIMEOUT } else { StatusCode::BAD_GATEWAY };
        self.failed(session, exchange, failure, status)
    }

    /// The backend was connected to and did not answer: too late, or not in HTTP.
    pub(super) fn broke_off(&self, session: &Session, exchange: &mut Exchange, timed_out: bool) -> Box<Error> {
        if let Some(visit) = &exchange.attempt.visit {
            visit.broke_off();
        }
        exchange.traced(|trace| trace.failed(if timed_out { "timeout" } else { "broken_response" }));
        let (failure, status) = match timed_out {
            true => (Failure::Timeout, StatusCode::GATEWAY_TIMEOUT),
            false => (Failure::Connect, StatusCode::BAD_GATEWAY),
        };
        // The backend may have done what it was asked before it broke off: only a safe method may be tried elsewhere.
        if !timed_out && !session.req_header().method.is_safe() {
            return gateway_error(status);
        }
        self.failed(session, exchange, failure, status)
    }

    fn failed(&self, session: &Session, exchange: &mut Exchange, failure: Failure, status: StatusCode) -> Box<Error> {
        if let Course::FellBack(original) = exchange.course
            && original != Failure::NotAsked
        {
            return self.back_to_original(session, exchange, original);
        }
        if let Course::Original(original) = exchange.course {
            return gateway_error(original.status());
        }
        match self.may_fall_back(session, exchange).and_then(|rules| fallback::covers(failure, rules)) {
            Some(reason) => {
                tell_breaker(exchange, false);
                self.fall_back(exchange, failure, reason);
                turn()
            }
            None => gateway_error(status),
        }
    }

    pub(super) fn write_down(&self, session: &Session, exchange: &Exchange, status: u16, took: Duration) {
        let (Some(log), Some(client)) = (&self.access_log, exchange.client) else { return };
        if !log.wants(status) {
            return;
        }
        let request = session.req_header();
        let header = |name| request.headers.get(name).map(http::HeaderValue::as_bytes).unwrap_or_default();
        let route = exchange.snapshot.route(exchange.route());
        log.push(&Line {
            at: SystemTime::now(),
            client: client.address,
            method: request.method.as_str(),
            path: forward::split_target(forward::target(request)).0,
            host: header(http::header::HOST),
            protocol: protocol_of(request.version),
            status,
            bytes: session.body_bytes_sent(),
            took,
            route: route.map_or("", |route| &route.name),
            stage: exchange.snapshot.effective_stage(exchange.route()).map_or("respond", |stage| stage.as_str()),
            answered_by: exchange.answered_by.label(),
            limited: exchange.limited,
            request_id: exchange.request_id.as_ref().map(http::HeaderValue::as_bytes).unwrap_or_default(),
            trace: exchange.trace.as_ref().map(|trace| trace.id()),
            referer: header(http::header::REFERER),
            user_agent: header(http::header::USER_AGENT),
        });
    }

    /// The exchange is over: the copy is handed over, or counted as unproven.
    pub(super) fn hand_over(&self, session: &Session, exchange: &mut Exchange, complete: bool) {
        let Some(capture) = exchange.capture.take() else { return };
        let job = match capture.finish() {
            Ok(captured) if complete => self.job(session, exchange, captured),
            Ok(_) => Err(Unproven::Aborted),
            Err(reason) => Err(reason),
        };
        match job.map(|job| self.mirror.offer(job)) {
            Ok(offered) => {
                exchange.traced(|trace| trace.mirror = Some(offered.map_or_else(Unproven::name, |()| "offered")))
            }
            Err(reason) => self.decline(exchange, reason),
        }
    }

    fn job(
        &self,
        session: &Session,
        exchange: &Exchange,
        captured: super::capture::Captured,
    ) -> Result<MirrorJob, Unproven> {
        let (Some(placed), Some(client)) = (exchange.placed(), exchange.client) else { return Err(Unproven::Aborted) };
        let request = session.req_header();
        let mut headers = request.headers.clone();
        if let Some(id) = &exchange.request_id {
            headers.insert(exchange.snapshot.settings.request_id.header.clone(), id.clone());
        }
        Ok(MirrorJob {
            route: exchange.route_ref(),
            to: placed.plan.mirror.ok_or(Unproven::Aborted)?,
            request: Request {
                method: request.method.clone(),
                scheme: client.scheme,
                host: host_of(request).unwrap_or_default().to_owned(),
                target: String::from_utf8_lossy(forward::target(request)).into_owned(),
                headers,
            },
            head: captured.head,
            body: captured.body,
            answer: captured.answer,
            answer_time: exchange.origin_time().unwrap_or_default(),
            session: placed.session,
            at: SystemTime::now(),
            done: Instant::now(),
            trace: exchange.trace.as_ref().map(|trace| trace.for_copy()),
        })
    }
}

const NO_ADDRESS: Refusal = Refusal::BadRequest("the connection has no client address");

/// Who speaks to us, as far as it can be told.
pub(super) fn client_of(session: &Session, exchange: &Exchange) -> Option<Client> {
    let peer = session.client_addr()?.as_inet()?.ip();
    let scheme = Clock::with(|clock| clock.entrance().scheme).unwrap_or(Scheme::Http);
    Some(Client::of(peer, scheme, &session.req_header().headers, &exchange.snapshot.settings.trusted_proxies))
}

/// The Host as the user sent it; HTTP/1.0 need not send one.
fn host_of(request: &RequestHeader) -> Result<&str, Refusal> {
    match request.headers.get(http::header::HOST) {
        Some(host) => host.to_str().map_err(|_| Refusal::BadRequest("the Host header is not a host")),
        None if request.version == Version::HTTP_10 => Ok(""),
        None => Err(Refusal::BadRequest("an HTTP/1.1 request needs a Host header (RFC 9112, section 3.2)")),
    }
}

/// As access logs have always written it.
fn protocol_of(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2.0",
        _ => "HTTP/1.1",
    }
}

fn whom_to_ask(exchange: &Exchange) -> Option<(Arc<Backend>, Timeouts)> {
    let proxied = exchange.proxied()?;
    let backend = exchange.snapshot.backend(proxied.backend(exchange.origin()?))?;
    Some((backend.clone(), proxied.timeouts.over(&backend.timeouts)))
}

/// New answered or failed a request that may fall back.
fn tell_breaker(exchange: &Exchange, went_well: bool) {
    let may_fall_back = exchange.placed().is_some_and(|placed| placed.plan.fallback.is_some());
    let Some(rules) = exchange.proxied().and_then(|proxied| proxied.fallback.breaker).filter(|_| may_fall_back) else {
        return;
    };
    let told = exchange.meters().and_then(|meters| meters.breaker.told(went_well, &rules, Instant::now()));
    let route = exchange.snapshot.route(exchange.route()).map_or("", |route| &route.name);
    match told {
        Some(BreakerState::Open) => {
            tracing::warn!(route, for_secs = rules.open.as_secs_f64(), "breaker: new keeps failing, legacy answers");
        }
        Some(_) => tracing::info!(route, "breaker: new answers again"),
        None => {}
    }
}

/// Ends this attempt so that the next one begins.
fn turn() -> Box<Error> {
    let mut error = Error::new_up(ErrorType::Custom(TURN));
    error.set_retry(true);
    error
}

fn gateway_error(status: StatusCode) -> Box<Error> {
    let mut error = Error::new_up(ErrorType::HTTPStatus(status.as_u16()));
    error.set_retry(false);
    error
}
