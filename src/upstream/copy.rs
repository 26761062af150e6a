//! The client used for copies: its own connections, kept apart from the users', on the runtime of the mirror.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, HOST};
use http::{HeaderMap, Method, StatusCode, Version};
use pingora::Error;
use pingora::connectors::ConnectorOptions;
use pingora::connectors::http::Connector;
use pingora::http::RequestHeader;
use pingora::protocols::http::client::HttpSession;
use pingora::upstreams::peer::HttpPeer;

use super::{Announcement, RawTarget, Visit, http2, is_sound};
use crate::config::settings::Timeouts;
use crate::diff::Observation;
use crate::evidence::Unproven;

/// Idle connections kept for copies, over all backends.
const POOL_SIZE: usize = 128;

/// Connections of groups with this bit are never kept, so whoever takes one gets a new one.
const FRESH: u64 = 1 << 63;

/// Builds on pingora's connector; one per process, because making one loads the system's certificates.
pub struct CopyClient {
    connector: Connector,
}

impl std::fmt::Debug for CopyClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CopyClient").finish_non_exhaustive()
    }
}

/// One copy to be sent.
#[derive(Debug)]
pub struct Ask {
    pub to: Visit,
    pub head: Box<RequestHeader>,
    pub body: Bytes,
    pub timeouts: Timeouts,
    /// Bytes of answer body that are kept; a longer one proves nothing.
    pub max_body: usize,
    /// Of the head, if that cannot hold it.
    pub target: Option<RawTarget>,
    /// Whom it is for, to a backend that wants to be told.
    pub announcement: Announcement,
    /// On a connection of its own: another process may answer there than on one that is kept.
    pub fresh: bool,
}

impl Default for CopyClient {
    fn default() -> Self {
        Self::new()
    }
}

impl CopyClient {
    pub fn new() -> Self {
        Self { connector: Connector::new(Some(ConnectorOptions::new(POOL_SIZE))) }
    }

    /// Sends a copy and reads the whole answer, within `deadline`. One that cannot be written is refused without touching a connection.
    ///
    /// # Errors
    /// The reason why there is no whole answer.
    pub async fn ask(&self, ask: Ask, deadline: Duration) -> Result<Observation, Unproven> {
        tokio::time::timeout(deadline, self.ask_at_leisure(ask)).await.unwrap_or(Err(Unproven::Timeout))
    }

    async fn ask_at_leisure(&self, ask: Ask) -> Result<Observation, Unproven> {
        let endpoint = ask.to.endpoint();
        let mut peer = endpoint.peer(&ask.announcement).ok_or(Unproven::ConnectError)?;
        peer.options.connection_timeout = Some(ask.timeouts.connect);
        peer.options.total_connection_timeout = Some(ask.timeouts.connect);
        peer.options.idle_timeout = Some(ask.timeouts.idle);
        let heads = Heads::of(&ask).map_err(|_| Unproven::BrokenResponse)?;
        let raw = ask.target.as_ref().filter(|target| endpoint.takes_raw(target));
        if let Some(target) = raw {
            target.apply(&mut peer, endpoint.dial(&ask.announcement));
        }
        // What a backend sends after the head of an answer to HEAD would be the next copy's answer.
        let may_leave_more = ask.head.method == Method::HEAD && !endpoint.speaks_http2();
        if ask.fresh || raw.is_some() || may_leave_more {
            return self.once(&ask, &heads, &on_its_own(peer), Keep::No).await.map_err(Failure::reason);
        }
        match self.once(&ask, &heads, &peer, Keep::Yes).await {
            // That says nothing about the answer. Never more than once more: each time, the backend might do something.
            Err(Failure::Stale) => self.once(&ask, &heads, &on_its_own(peer), Keep::No).await.map_err(Failure::reason),
            other => other.map_err(Failure::reason),
        }
    }

    async fn once(&self, ask: &Ask, heads: &Heads, peer: &HttpPeer, keep: Keep) -> Result<Observation, Failure> {
        let connected = self.connector.get_http_session(peer).await;
        let (mut session, reused) = connected.map_err(|error| {
            ask.to.refused_copy(peer, &error);
            Unproven::ConnectError
        })?;
        ask.to.connected();
        if let Err(error) = put(&mut session, ask, heads).await {
            return Err(unanswered(error, &session, ask, reused));
        }
        let observation = read(&mut session, ask).await?;
        if keep == Keep::Yes {
            self.connector.release_http_session(session, peer, Some(ask.timeouts.idle)).await;
        }
        Ok(observation)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keep {
    Yes,
    No,
}

/// Why there is no answer.
#[derive(Debug)]
enum Failure {
    /// The backend had closed the kept connection, and did nothing of what was asked on it.
    Stale,
    Final(Unproven),
}

impl Failure {
    fn reason(self) -> Unproven {
        match self {
            Self::Stale => Unproven::BrokenResponse,
            Self::Final(reason) => reason,
        }
    }
}

impl From<Unproven> for Failure {
    fn from(reason: Unproven) -> Self {
        Self::Final(reason)
    }
}

/// Such a connection is made for one request, and found by no other one.
fn on_its_own(mut peer: HttpPeer) -> HttpPeer {
    peer.group_key ^= FRESH;
    // The library lends one that has room for more streams to whoever comes meanwhile.
    peer.options.max_h2_streams = 1;
    peer
}

/// What the backend's silence means. A connection of HTTP/1 that ends there was closed before, most likely, and asking again does no
/// harm where the method is safe; in HTTP/2 the backend itself says what it left alone.
fn unanswered(mut error: Box<Error>, session: &HttpSession, ask: &Ask, reused: bool) -> Failure {
    error.retry.decide_reuse(reused);
    let left_alone = match session {
        HttpSession::H2(_) => http2::is_unprocessed(&error),
        _ => error.retry() && ask.head.method.is_safe(),
    };
    if reused && left_alone { Failure::Stale } else { Failure::Final(Unproven::BrokenResponse) }
}

/// The copy's head, as each version wants it: the copy may go to a backend that speaks another one than the one that answered.
#[derive(Debug)]
struct Heads {
    http1: Box<RequestHeader>,
    /// To a backend that speaks it.
    http2: Option<Box<RequestHeader>>,
}

impl Heads {
    fn of(ask: &Ask) -> pingora::Result<Self> {
        let endpoint = ask.to.endpoint();
        let with_target = |http2| {
            let mut head = ask.head.clone();
            if let Some(target) = &ask.target {
                head.set_raw_path(&target.spelled(http2))?;
            }
            Ok::<_, Box<Error>>(head)
        };
        let mut http1 = with_target(false)?;
        if http1.version == Version::HTTP_2 {
            // Without a Host it is no HTTP/1.1.
            let has_host = http1.headers.contains_key(HOST);
            http1.set_version(if has_host { Version::HTTP_11 } else { Version::HTTP_10 });
        }
        let http2 = endpoint.speaks_http2().then(|| {
            let mut head = with_target(true)?;
            http2::dress(&mut head, endpoint)?;
            Ok::<_, Box<Error>>(head)
        });
        Ok(Self { http1, http2: http2.transpose()? })
    }

    fn for_session(&self, session: &HttpSession) -> Box<RequestHeader> {
        match (session, &self.http2) {
            (HttpSession::H2(_), Some(head)) => head.clone(),
            _ => self.http1.clone(),
        }
    }
}

/// Sends the copy, and waits for the first head that comes.
async fn put(session: &mut HttpSession, ask: &Ask, heads: &Heads) -> pingora::Result<()> {
    session.write_request_header(heads.for_session(session)).await?;
    if !ask.body.is_empty() {
        session.write_request_body(ask.body.clone(), true).await?;
    }
    session.finish_request_body().await?;
    session.read_response_header().await
}

/// The whole answer, of which a head is there.
async fn read(session: &mut HttpSession, ask: &Ask) -> Result<Observation, Unproven> {
    let broken = |_| Unproven::BrokenResponse;
    pass_interim(session).await?;
    let (status, mut headers) = {
        let head = session.response_header().filter(|head| is_sound(head)).ok_or(Unproven::BrokenResponse)?;
        (head.status, head.headers.clone())
    };
    let has_body = ask.head.method != Method::HEAD && status != StatusCode::NOT_MODIFIED;
    if has_body && announced(&headers).is_some_and(|length| length > ask.max_body as u64) {
        return Err(Unproven::ResponseTooLarge);
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = session.read_response_body().await.map_err(broken)? {
        if body.len() + chunk.len() > ask.max_body {
            return Err(Unproven::ResponseTooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    if let HttpSession::H2(session) = session {
        let trailers = session.read_trailers().await.map_err(broken)?.unwrap_or_default();
        append(&mut headers, &trailers);
    }
    Ok(Observation { status, headers, body: body.freeze() })
}

/// Bytes of the body, as the head says it.
fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Trailers count as headers: gRPC says there how a call ended, and a server may as well say it in front.
pub fn append(headers: &mut HeaderMap, trailers: &HeaderMap) {
    for (name, value) in trailers {
        headers.append(name, value.clone());
    }
}

/// Passes over interim answers (100, 103). A copy is never an upgrade, so 101 is no answer to it.
async fn pass_interim(session: &mut HttpSession) -> Result<(), Unproven> {
    loop {
        let status = session.response_header().ok_or(Unproven::BrokenResponse)?.status;
        if status.as_u16() == 101 {
            return Err(Unproven::BrokenResponse);
        }
        if !status.is_informational() {
            return Ok(());
        }
        session.read_response_header().await.map_err(|_| Unproven::BrokenResponse)?;
    }
}
