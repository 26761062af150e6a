//! One client connection, from its first byte to its last: the TLS handshake if there is one, then requests.

use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::BytesMut;
use pingora::apps::HttpServerApp;
use pingora::protocols::SocketDigest;
use pingora::protocols::http::server::Session as HttpSession;
use tokio::io::AsyncReadExt;
use tokio_rustls::TlsAcceptor;

use super::access_log::Line;
use super::announced::Announced;
use super::answer;
use super::client::is_trusted;
use super::client_side::{ClientSide, Entrance, Refused, Scheme};
use super::clock::Phase;
use super::h2::PREFACE;
use super::listen::{ClientPlace, Fresh, Front, serve_until_cut};
use super::pace::Pace;
use super::stream::ClientStream;
use super::tunnel::let_go::Tunnel;
use super::wire::{Plain, Secured, Wire};
use crate::config::settings::{Limits, Listener, Tls};
use crate::live::{AnsweredBy, Unwelcome};
use crate::socket::Stream;
use crate::tls::HTTP2;
use crate::upstream::Announcement;

/// In the log, in the place of what a head that could not be read did not say.
const UNREAD: &str = "-";

impl Front {
    /// What is left of it may be a tunnel, which goes on without all that a connection takes.
    pub(super) async fn serve(
        &self,
        mut stream: Stream,
        mut peer: SocketAddr,
        listener: Arc<Listener>,
        fresh: Fresh,
    ) -> Option<(Tunnel, Option<ClientPlace>)> {
        let limits = self.limits();
        if let Stream::Tcp(stream) = &stream {
            // A socket that refuses the option is slower, and nothing else.
            let _ = stream.set_nodelay(true);
        }
        let (mut scheme, number) = (Scheme::Http, self.number());
        let mut announcement = announcement_of(&stream, peer, number);
        if listener.proxy_protocol {
            let announced = Box::pin(self.announced(&mut stream, peer, limits.header_timeout)).await?;
            peer = announced.client.unwrap_or(peer);
            announcement = Announcement::of_header(&announced.header, number);
            if announced.over_tls {
                scheme = Scheme::Https;
            }
        }
        let place = self.enter_client(peer.ip(), &limits).ok()?;
        let Some(tls) = &listener.tls else {
            let entrance = Entrance { listener: listener.clone(), scheme, announcement, peer: peer.ip() };
            let mut said = BytesMut::new();
            if listener.h2c {
                let beginning = Box::pin(beginning_of(&mut stream));
                // Who does not even begin in time says nothing at all.
                said = tokio::time::timeout(limits.header_timeout, beginning).await.ok()?;
            }
            let http2 = said == PREFACE;
            let digest = Arc::new(digest_of(&stream, peer));
            let wire = Wire::Plain(Plain { stream, digest });
            let tunnel = self.serve_wire((wire, said), http2, entrance, fresh, &limits).await;
            return tunnel.map(|tunnel| (tunnel, place));
        };
        // Boxed: a plain connection should not carry the room of a handshake.
        let secured = Box::pin(handshake(stream, peer, tls, limits.header_timeout)).await?;
        self.live().meters().handshakes.inc();
        let entrance = Entrance { listener: listener.clone(), scheme: Scheme::Https, announcement, peer: peer.ip() };
        let http2 = secured.stream.get_ref().1.alpn_protocol() == Some(HTTP2);
        let wire = Wire::Tls(Box::new(secured));
        let tunnel = self.serve_wire((wire, BytesMut::new()), http2, entrance, fresh, &limits).await;
        tunnel.map(|tunnel| (tunnel, place))
    }

    /// What the proxy in front says of the connection. `None`: it may not say anything, or what it says is malformed or late;
    /// whoever this is, nobody could tell for whom it speaks.
    async fn announced(&self, stream: &mut Stream, peer: SocketAddr, patience: Duration) -> Option<Announced> {
        let trusted = match stream {
            Stream::Tcp(_) => is_trusted(peer.ip().to_canonical(), &self.live().snapshot().settings.trusted_proxies),
            // Who may open it, its mode says.
            Stream::Unix(_) => true,
        };
        let said = match trusted {
            true => tokio::time::timeout(patience, Announced::read(stream)).await,
            false => Ok(Err(std::io::Error::other("it comes from no address in trusted_proxies"))),
        };
        match said {
            Ok(Ok(announced)) => return Some(announced),
            Ok(Err(error)) => tracing::debug!(%peer, "connection closed: no PROXY header: {error}"),
            Err(_) => tracing::debug!(%peer, "connection closed: no PROXY header within limits.header_timeout"),
        }
        self.live().meters().refused_connection(Unwelcome::Unannounced);
        None
    }

    /// The connection is given with what the client has said already.
    async fn serve_wire(
        &self,
        wire: (Wire, BytesMut),
        http2: bool,
        entrance: Entrance,
        fresh: Fresh,
        limits: &Limits,
    ) -> Option<Tunnel> {
        if !http2 {
            return self.serve_http1(wire, entrance, fresh, limits).await;
        }
        // Told to leave, it still answers what was on its way.
        drop(fresh);
        Box::pin(self.serve_http2(wire, entrance, limits)).await;
        None
    }

    async fn serve_http1(
        &self,
        wire: (Wire, BytesMut),
        entrance: Entrance,
        fresh: Fresh,
        limits: &Limits,
    ) -> Option<Tunnel> {
        let side = ClientSide::new(entrance);
        side.is_fresh(fresh);
        {
            let serving = pin!(side.clone().scope(self.serve_requests(wire, side.clone(), limits)));
            serve_until_cut(serving, &side.clock, self.cut.subscribe()).await;
        }
        if let (Some(refused), Some(client)) = (side.given_up(), side.take_left()) {
            answer::tell(*client, &refused, &side.entrance().listener).await;
        }
        if let Some(refused) = side.refused() {
            self.note_refused(refused, side.entrance().peer);
        }
        side.passage.take()
    }

    async fn serve_requests(&self, wire: (Wire, BytesMut), side: Arc<ClientSide>, limits: &Limits) {
        // The first request must come as promptly as its own head: nobody connects to say nothing.
        side.clock.enter(Phase::Idle, Some(limits.header_timeout));
        let pace = Arc::new(Pace::default());
        let stream = ClientStream::new(wire, side.clone(), pace.clone(), limits, self.names.clone());
        let mut session = HttpSession::new_http1(Box::new(stream));
        // Pingora's own timeouts stay off: the clock keeps them all.
        session.set_keepalive(Some(0));
        session.set_read_timeout(None);
        while let Some(reused) = pace.clone().run(self.proxy.process_new_http(session, &self.stop)).await {
            if *self.stop.borrow() {
                return;
            }
            side.clock.enter(Phase::Idle, Some(self.limits().keep_alive));
            let (stream, persistent) = reused.consume();
            session = HttpSession::new_http1(stream);
            if let Some(persistent) = persistent {
                persistent.apply_to_session(&mut session);
            }
            session.set_keepalive(Some(0));
            session.set_read_timeout(None);
        }
    }

    /// Counts and writes down a request that was refused before any hook was called.
    pub(super) fn note_refused(&self, Refused { status, name }: &Refused, peer: IpAddr) {
        let snapshot = self.live().snapshot();
        let route = snapshot.settings.default_route();
        let stage = snapshot.effective_stage(route);
        if let Some(meters) = snapshot.meters(route) {
            meters.answered(stage, AnsweredBy::Door, status.as_u16(), Duration::ZERO);
        }
        let Some(log) = self.access_log.as_ref().filter(|log| log.wants(status.as_u16())) else { return };
        log.push(&Line {
            at: SystemTime::now(),
            client: peer.to_canonical(),
            method: UNREAD,
            path: UNREAD.as_bytes(),
            host: b"",
            protocol: UNREAD,
            status: status.as_u16(),
            bytes: 0,
            took: Duration::ZERO,
            route: snapshot.route(route).map_or("", |route| &route.name),
            stage: stage.map_or("respond", |stage| stage.as_str()),
            answered_by: AnsweredBy::Door.label(),
            limited: false,
            error: None,
            referer: b"",
            user_agent: b"",
            request_id: name.as_ref().map(|name| name.id.as_bytes()).unwrap_or_default(),
            trace: None,
        });
    }
}

/// What the client says first, as far as it takes to tell whether it begins as HTTP/2 does (RFC 9113, section 3.3), however few bytes come
/// at once: then it is the whole preface.
async fn beginning_of(stream: &mut Stream) -> BytesMut {
    let mut begun = BytesMut::with_capacity(PREFACE.len());
    while begun.len() < PREFACE.len() && PREFACE.starts_with(&begun) {
        let mut rest = [0; PREFACE.len()];
        let room = PREFACE.len() - begun.len();
        match stream.read(&mut rest[..room]).await {
            Ok(more) if more > 0 => begun.extend_from_slice(&rest[..more]),
            _ => break,
        }
    }
    begun
}

/// `None`: it failed or took too long, which is the client's affair.
async fn handshake(stream: Stream, peer: SocketAddr, tls: &Tls, patience: Duration) -> Option<Secured> {
    let digest = digest_of(&stream, peer);
    let shaking = TlsAcceptor::from(tls.server.clone()).accept(stream);
    match tokio::time::timeout(patience, shaking).await {
        Ok(Ok(stream)) => Some(Secured { stream, digest: Arc::new(digest) }),
        Ok(Err(error)) if speaks_no_tls(&error) => {
            tracing::debug!(%peer, "connection closed: it speaks no TLS (plain HTTP?) where TLS is spoken");
            None
        }
        Ok(Err(error)) => {
            tracing::debug!(%peer, "TLS handshake failed: {error}");
            None
        }
        Err(_) => {
            tracing::debug!(%peer, "TLS handshake not done within limits.header_timeout");
            None
        }
    }
}

fn speaks_no_tls(error: &std::io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    matches!(inner, Some(rustls::Error::InvalidMessage(_)))
}

/// A unix socket has no addresses.
fn announcement_of(stream: &Stream, peer: SocketAddr, number: u64) -> Announcement {
    let server = match stream {
        Stream::Tcp(stream) => stream.local_addr().ok(),
        Stream::Unix(_) => None,
    };
    Announcement::of_client(server.map(|server| (peer, server)), number)
}

/// The hooks want to know who asks.
fn digest_of(stream: &Stream, peer: SocketAddr) -> SocketDigest {
    let digest = SocketDigest::from_raw_fd(std::os::fd::AsRawFd::as_raw_fd(stream));
    let _ = digest.peer_addr.set(Some(peer.into()));
    if let Stream::Tcp(stream) = stream
        && let Ok(local) = stream.local_addr()
    {
        let _ = digest.local_addr.set(Some(local.into()));
    }
    digest
}
