//! Pingora's hooks, in the order in which a request meets them. Each does what the exchange says and nothing more.

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, Version};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::modules::http::HttpModules;
use pingora::protocols::Digest;
use pingora::proxy::{FailToProxy, ProxyHttp, ProxyWarnLogContext, Session};
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorSource, ErrorType, Result};

use super::client_side::ClientSide;
use super::clock::{Clock, Phase};
use super::door::{Door, client_of, let_take};
use super::exchange::Exchange;
use super::fallback::{Course, TURN};
use super::over::Over;
use super::trouble::Why;
use super::tunnel::let_go;
use super::{answer, forward, hearsay, hygiene, request_id, returned, said_empty, secure, until_close};
use crate::config::settings::Answer;
use crate::live::AnsweredBy;
use crate::upstream::is_sound;

/// What the library was about to do when the backend broke off, in its own words.
const RESERVING: &str = "reserving body pipe";

#[async_trait]
impl ProxyHttp for Door {
    type CTX = Exchange;

    fn new_ctx(&self) -> Exchange {
        Exchange::new(self.live.snapshot())
    }

    /// None: pingora would add a compressor, and the door changes no byte.
    fn init_downstream_modules(&self, _: &mut HttpModules) {}

    async fn early_request_filter(&self, session: &mut Session, exchange: &mut Exchange) -> Result<()> {
        let limits = &exchange.snapshot.settings.limits;
        let was_last = ClientSide::with(|side| side.is_last_request(limits.max_requests)).unwrap_or(false);
        if let Some(withheld) = ClientSide::with(ClientSide::take_withheld).flatten() {
            exchange.withheld_bytes = withheld.lines.bytes();
            let put_back = forward::put_back(session.req_header_mut(), &withheld, limits.head.headers);
            exchange.target = put_back.map_err(|e| e.into_down())?;
        }
        session.set_pipelining_enabled(true);
        if session.req_header().version == Version::HTTP_2 {
            session.set_write_timeout(Some(limits.body_timeout));
        }
        // Otherwise pingora takes the interim 100 for an early answer and closes the connection afterwards.
        if session.req_header().headers.contains_key(http::header::EXPECT) {
            session.set_close_on_response_before_downstream_finish(false);
        }
        keep_to_one_protocol(session);
        Clock::with(|clock| {
            clock.enter(Phase::Body, Some(limits.body_timeout));
            clock.set_patience(limits.body_timeout);
        });
        exchange.client = client_of(session, exchange);
        if was_last || self.is_draining() || hygiene::closes(session.req_header()) {
            session.set_keepalive(None);
        }
        self.name(session.req_header(), exchange);
        self.trace(session.req_header(), exchange);
        Ok(())
    }

    async fn request_filter(&self, session: &mut Session, exchange: &mut Exchange) -> Result<bool> {
        let shown_bytes = session.as_http1().map_or(0, |http1| http1.get_headers_raw_bytes().len());
        let head_bytes = shown_bytes + exchange.withheld_bytes;
        let upgrade = session.is_upgrade_req();
        let sound = hygiene::inspect(session.req_header(), head_bytes, exchange.snapshot.settings.limits.head);
        if sound.is_ok()
            && let Some(port) = secure::wanted_port(exchange.client.as_ref())
        {
            exchange.is_refused = true;
            answer::redirect(session, secure::location(session.req_header(), port)).await?;
            return Ok(true);
        }
        if let Some(client) = &exchange.client {
            // Before anybody decides by it.
            let telling = &exchange.snapshot.settings.telling_headers;
            hearsay::remove(session.req_header_mut(), client, self.mirror_token(), telling);
        }
        let settled = sound.and_then(|()| self.decide(session.req_header(), upgrade, exchange));
        let settled =
            settled.and_then(|()| Self::within_size(forward::announced_length(session.req_header()), exchange));
        if let Err(refusal) = settled {
            exchange.is_refused = true;
            answer::refuse(session, refusal).await?;
            return Ok(true);
        }
        if let Err(exceeded) = Self::within_rate(exchange) {
            exchange.is_refused = true;
            answer::come_later(session, exceeded).await?;
            return Ok(true);
        }
        let answer = exchange.snapshot.route(exchange.route()).map(|route| &route.answer);
        let Some(Answer::Respond(status)) = answer else {
            self.spare_new(session, exchange);
            return Ok(false);
        };
        exchange.is_refused = true;
        answer::respond(session, *status).await?;
        Ok(true)
    }

    async fn upstream_peer(&self, session: &mut Session, exchange: &mut Exchange) -> Result<Box<HttpPeer>> {
        let peer = self.peer(session, exchange).await?;
        if let Some(target) = &exchange.target {
            let http2 = exchange.attempt.visit.as_ref().is_some_and(|visit| visit.endpoint().speaks_http2());
            session.req_header_mut().set_raw_path(&target.spelled(http2))?;
        }
        Ok(peer)
    }

    fn fail_to_connect(
        &self,
        session: &mut Session,
        peer: &HttpPeer,
        exchange: &mut Exchange,
        e: Box<Error>,
    ) -> Box<Error> {
        self.connect_failed(session, peer, exchange, e)
    }

    async fn connected_to_upstream(
        &self,
        _: &mut Session,
        _: bool,
        _: &HttpPeer,
        _: std::os::fd::RawFd,
        _: Option<&Digest>,
        exchange: &mut Exchange,
    ) -> Result<()> {
        exchange.attempt.forget_refusals();
        if let Some(visit) = &exchange.attempt.visit {
            visit.connected();
        }
        Ok(())
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        request: &mut RequestHeader,
        exchange: &mut Exchange,
    ) -> Result<()> {
        if let Err(refusal) = hygiene::collapse_content_length(request) {
            return Err(Error::new_down(ErrorType::HTTPStatus(refusal.status().as_u16())));
        }
        if let Some(client) = &exchange.client {
            forward::identify(request, client)?;
        }
        request_id::send(request, &exchange.snapshot.settings.request_id, exchange.request_id.as_ref())?;
        if let Some(trace) = &exchange.trace {
            trace.send(request)?;
        }
        forward::in_its_version(request);
        if session.as_ref().body_bytes_read() > 0 {
            forward::without_expectation(request);
        }
        let authority = forward::authority(request, exchange)?;
        if request.version == Version::HTTP_2 {
            forward::welcome_trailers(request, &session.req_header().headers)?;
            self.give_leave(session, request).await?;
        }
        let bodiless = session.as_mut().is_body_empty();
        if bodiless && let Some(gate) = &exchange.attempt.gate {
            gate.close();
        }
        let settings = &exchange.snapshot.settings;
        match exchange.attempt.timeouts.as_ref().filter(|_| bodiless) {
            Some(timeouts) => Clock::with(|clock| clock.enter(Phase::FirstByte, Some(timeouts.first_byte))),
            None => Clock::with(|clock| clock.enter(Phase::Body, Some(settings.limits.body_timeout))),
        };
        exchange.is_sent(request);
        // Last: of the copy, which may go elsewhere, it is no part.
        if let Some(authority) = authority {
            request.insert_header(http::header::HOST, authority)?;
        }
        Ok(())
    }

    async fn request_body_filter(
        &self,
        session: &mut Session,
        piece: &mut Option<Bytes>,
        end: bool,
        exchange: &mut Exchange,
    ) -> Result<()> {
        if let (Some(capture), Some(piece)) = (&mut exchange.capture, &*piece) {
            capture.request_piece(piece);
        }
        if !session.was_upgraded() {
            let read = session.as_ref().body_bytes_read();
            Self::within_size(Some(read), exchange)
                .map_err(|refusal| Error::new_down(ErrorType::HTTPStatus(refusal.status().as_u16())))?;
        }
        if end && exchange.upload.is_some() {
            let is_unix = exchange.attempt.visit.as_ref().is_some_and(|visit| visit.endpoint().is_unix());
            let_take(session.as_ref().body_bytes_read(), is_unix).await;
        }
        if answer::has_begun(session) {
            // Who still asks has not stopped, whatever there is of the answer.
            Clock::with(Clock::moved);
            self.gives_on(session, piece.as_ref().map_or(0, Bytes::len), end, exchange);
            return Ok(());
        }
        let first_byte = exchange.attempt.timeouts.as_ref().map(|timeouts| timeouts.first_byte);
        let body = Some(exchange.snapshot.settings.limits.body_timeout);
        Clock::with(
            |clock| if end { clock.enter(Phase::FirstByte, first_byte) } else { clock.enter(Phase::Body, body) },
        );
        self.gives_on(session, piece.as_ref().map_or(0, Bytes::len), end, exchange);
        Ok(())
    }

    async fn upstream_response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        exchange: &mut Exchange,
    ) -> Result<()> {
        let switches = response.status == StatusCode::SWITCHING_PROTOCOLS;
        if !is_sound(response) || (switches && !session.is_upgrade_req()) {
            return Err(self.broke_off(session, exchange, Why::malformed("its head is not sound")));
        }
        returned::without_identity(response);
        if switches {
            returned::make_switch(response)?;
            Clock::with(|clock| clock.enter(Phase::Open, None));
            exchange.handshake = Some(exchange.started.elapsed());
            exchange.traced(|trace| trace.answered(response.status));
            let_go::decide(exchange.attempt.gate.as_deref());
        } else if response.status.is_informational() {
            exchange.attempt.interim += 1;
            let goes_on = exchange.attempt.interim <= returned::MOST_INTERIM;
            returned::make_interim(response);
            let why = || Why::malformed("it has too many interim answers");
            return if goes_on { Ok(()) } else { Err(self.broke_off(session, exchange, why())) };
        } else {
            exchange.traced(|trace| trace.answered(response.status));
            self.weigh(session, response, exchange)?;
            let idle = exchange.attempt.timeouts.as_ref().map(|timeouts| timeouts.idle);
            Clock::with(|clock| clock.enter(Phase::Answer, idle));
            if let Some(upload) = &mut exchange.upload {
                upload.answered(response.status);
            }
        }
        if let Some(origin) = exchange.origin() {
            exchange.answered_by = origin.into();
        }
        if let Some(capture) = &mut exchange.capture {
            capture.answered(response);
        }
        Ok(())
    }

    fn upstream_response_body_filter(
        &self,
        _: &mut Session,
        piece: &mut Option<Bytes>,
        end: bool,
        exchange: &mut Exchange,
    ) -> Result<Option<std::time::Duration>> {
        Clock::with(Clock::moved);
        if let (Some(capture), Some(piece)) = (&mut exchange.capture, &*piece) {
            capture.answer_piece(piece);
        }
        if end {
            exchange.attempt.ended = Some(std::time::Instant::now());
            ClientSide::with(ClientSide::has_the_whole_answer);
        }
        Ok(None)
    }

    fn upstream_response_trailer_filter(
        &self,
        _: &mut Session,
        trailers: &mut HeaderMap,
        exchange: &mut Exchange,
    ) -> Result<()> {
        if let Some(capture) = &mut exchange.capture {
            capture.answer_trailers(trailers);
        }
        exchange.attempt.ended = Some(std::time::Instant::now());
        ClientSide::with(ClientSide::has_the_whole_answer);
        Ok(())
    }

    async fn response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        exchange: &mut Exchange,
    ) -> Result<()> {
        if response.status.is_informational() {
            return Ok(());
        }
        if self.is_draining() {
            session.set_keepalive(None);
        }
        returned::make_ours(response)?;
        // Pingora writes its own time over it; the connection puts the origin's back.
        let date = response.headers.get(http::header::DATE).cloned();
        ClientSide::with(|side| side.set_date(date));
        if session.req_header().version == Version::HTTP_10 {
            until_close::frame(session, response)?;
        }
        said_empty::await_end(session, response);
        secure::keep_secure(response)?;
        request_id::answer(response)?;
        let name = exchange.snapshot.settings.session.cookie.as_deref();
        if let (Some(name), Some(pin)) = (name, exchange.placed().and_then(|placed| placed.pin.as_ref())) {
            // A year: longer than any roll-out. Lax: the cookie must survive a link from elsewhere.
            let cookie = format!("{name}={pin}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax");
            response.append_header(http::header::SET_COOKIE, HeaderValue::try_from(cookie).map_err(internal)?)?;
        }
        Ok(())
    }

    fn error_while_proxy(
        &self,
        _: &HttpPeer,
        session: &mut Session,
        mut e: Box<Error>,
        exchange: &mut Exchange,
        reused: bool,
    ) -> Box<Error> {
        if matches!(e.etype(), ErrorType::Custom(TURN)) {
            return e;
        }
        Clock::with(Clock::looks);
        if hides_the_backends(&e) {
            e = Error::new_up(ErrorType::ConnectionClosed);
        }
        let missed = Clock::with(Clock::take_missed).flatten();
        if missed == Some(Phase::Cut) {
            return self.cut(session, exchange, e);
        }
        // Whose answer is there cannot be late: what is waited for is the client's.
        let late = missed.and_then(too_late).filter(|_| exchange.attempt.ended.is_none());
        if answer::has_begun(session) {
            let cut = (*e.esource() == ErrorSource::Upstream).then(|| Why::of(&e));
            if let Some(why) = late.or(cut) {
                exchange.is_torn(exchange.endpoint(), why);
                e.as_up();
            }
            e.set_retry(false);
            return e;
        }
        if let Some(why) = late {
            return self.broke_off(session, exchange, why);
        }
        if missed.is_some() {
            return Error::new_down(ErrorType::HTTPStatus(StatusCode::REQUEST_TIMEOUT.as_u16()));
        }
        if *e.esource() != ErrorSource::Upstream {
            e.set_retry(false);
            return e;
        }
        self.ask_again(session, exchange, e, reused)
    }

    async fn fail_to_proxy(&self, session: &mut Session, e: &Error, exchange: &mut Exchange) -> FailToProxy {
        let status = status_of(e);
        if !answer::has_begun(session)
            && let Some(status) = status
        {
            exchange.answered_by = match exchange.course {
                Course::Original(_) => exchange.origin().map_or(AnsweredBy::Door, AnsweredBy::from),
                Course::Planned | Course::FellBack(_) => AnsweredBy::Door,
            };
            session.set_keepalive(None);
            // A client that is gone cannot be told.
            let told = answer::respond(session, status).await.is_ok();
            if told {
                answer::end(session).await;
            }
            exchange.is_refused = told && status != StatusCode::REQUEST_TIMEOUT;
        }
        FailToProxy { error_code: status.map_or(0, |status| status.as_u16()), can_reuse_downstream: false }
    }

    async fn logging(&self, session: &mut Session, e: Option<&Error>, exchange: &mut Exchange) {
        if e.is_none() && let_go::keep(session, exchange, &self.troubles) {
            return;
        }
        if let Some(e) = e {
            exchange.is_given_up(e);
        }
        let over = Over::of(session, e, exchange);
        exchange.count(&over);
        self.troubles.tell(exchange, &over);
        if let Some(log) = &self.access_log {
            log.write_down(exchange, &over);
        }
        self.hand_over(session, exchange, e.is_none());
        exchange.finish_trace(&over);
        // Last of all: by now the request is counted, and holds no place at a backend.
        if exchange.is_refused || is_early(session, exchange) {
            answer::listen_on(session).await;
        }
    }

    /// The meters count every failure; a line per aborted request would only drown the log.
    fn suppress_error_log(&self, _: &Session, _: &Exchange, _: &Error) -> bool {
        true
    }

    fn suppress_proxy_warn_log(&self, _: &Session, _: &Exchange, _: &Error, _: ProxyWarnLogContext) -> bool {
        true
    }
}

/// Whether the client has a whole answer before it has said all of its request. The library may be done with both.
fn is_early(session: &Session, exchange: &Exchange) -> bool {
    exchange.attempt.ended.is_some()
        && answer::has_begun(session)
        && !session.was_upgraded()
        && session.req_header().version != Version::HTTP_2
        && !Clock::with(Clock::is_cut).is_some_and(|cut| cut)
}

/// Whether the library has noticed that the backend is gone, but tells what it was about to do itself.
fn hides_the_backends(e: &Error) -> bool {
    matches!(e.etype(), ErrorType::InternalError) && e.context.as_ref().is_some_and(|at| at.as_str() == RESERVING)
}

/// What the backend missed; in the other phases it was not its turn.
fn too_late(phase: Phase) -> Option<Why> {
    match phase {
        Phase::FirstByte => Some(Why::timeout("no first byte within timeouts.first_byte")),
        Phase::Answer => Some(Why::timeout("no next byte within timeouts.idle")),
        Phase::Total => Some(Why::timeout("not done within timeouts.total")),
        Phase::Idle | Phase::Head | Phase::Body | Phase::Queue | Phase::Open | Phase::Cut => None,
    }
}

fn keep_to_one_protocol(session: &mut Session) {
    // HTTP/1.0 knows no interim answers (RFC 9110, section 15.2).
    if session.req_header().version == Version::HTTP_10 {
        session.set_ignore_info_resp(true);
    }
    // What follows such a request is looked at by nobody, for it may be another protocol: so nothing follows but that.
    if session.req_header().headers.contains_key(http::header::UPGRADE) {
        session.set_keepalive(None);
        if !hygiene::is_websocket(session.req_header()) {
            session.req_header_mut().remove_header(&http::header::UPGRADE);
        }
    }
}

/// What the user is told of a failure; `None`: there is nobody left to tell.
fn status_of(e: &Error) -> Option<StatusCode> {
    match (e.etype(), e.esource()) {
        (ErrorType::HTTPStatus(code), _) => StatusCode::from_u16(*code).ok(),
        (ErrorType::ReadTimedout | ErrorType::WriteTimedout, ErrorSource::Upstream) => {
            Some(StatusCode::GATEWAY_TIMEOUT)
        }
        (_, ErrorSource::Upstream) => Some(StatusCode::BAD_GATEWAY),
        (ErrorType::WriteError | ErrorType::ReadError | ErrorType::ConnectionClosed, ErrorSource::Downstream) => None,
        (_, ErrorSource::Downstream) => Some(StatusCode::BAD_REQUEST),
        (_, ErrorSource::Internal | ErrorSource::Unset) => Some(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

fn internal(e: http::header::InvalidHeaderValue) -> Box<Error> {
    Error::because(ErrorType::InternalError, "making the session cookie", e)
}
