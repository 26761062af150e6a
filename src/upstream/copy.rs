//! The client used for copies: its own connections, kept apart from the users', on the runtime of the mirror.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Method, StatusCode, Version};
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

    /// Sends a copy and reads the whole answer, within `deadline`.
    ///
    /// # Errors
    /// The reason why there is no whole answer.
    pub async fn ask(&self, ask: Ask, deadline: Duration) -> Result<Observation, Unproven> {
        tokio::time::timeout(deadline, self.ask_at_leisure(ask)).await.unwrap_or(Err(Unproven::Timeout))
    }

    async fn ask_at_leisure(&self, ask: Ask) -> Result<Observation, Unproven> {
        let mut peer = ask.to.endpoint().peer(&ask.announcement).ok_or(Unproven::ConnectError)?;
        peer.options.connection_timeout = Some(ask.timeouts.connect);
        peer.options.total_connection_timeout = Some(ask.timeouts.connect);
        peer.options.idle_timeout = Some(ask.timeouts.idle);
        let endpoint = ask.to.endpoint();
        let raw = ask.target.as_ref().filter(|target| endpoint.takes_raw(target));
        if let Some(target) = raw {
            target.apply(&mut peer, endpoint.wants(&ask.announcement).cloned());
        }
        let fresh = ask.fresh || raw.is_some();
        peer.group_key ^= if fresh { FRESH } else { 0 };
        let replayable = ask.head.method.is_safe();
        loop {
            let connected = self.connector.get_http_session(&peer).await;
            let (mut session, reused) = connected.map_err(|error| {
                ask.to.refused_copy(&error);
                Unproven::ConnectError
            })?;
            ask.to.connected();
            match exchange(&mut session, &ask, &peer).await {
                // A kept connection that the backend closed meanwhile says nothing about the answer: ask on a fresh one.
                Err(Unproven::BrokenResponse) if reused && replayable => {}
                Err(reason) => return Err(reason),
                Ok(observation) if fresh => return Ok(observation),
                Ok(observation) => {
                    let idle = Some(ask.timeouts.idle);
                    self.connector.release_http_session(session, &peer, idle).await;
                    return Ok(observation);
                }
            }
        }
    }
}

async fn exchange(session: &mut HttpSession, ask: &Ask, peer: &HttpPeer) -> Result<Observation, Unproven> {
    let broken = |_| Unproven::BrokenResponse;
    let mut head = ask.head.clone();
    if let Some(target) = &ask.target {
        head.set_raw_path(&target.spelled(session.as_http2().is_some())).map_err(broken)?;
    }
    // The copy may go to a backend that speaks another version than the one that answered.
    match session.as_http2() {
        Some(_) => http2::dress(&mut head, peer).map_err(broken)?,
        None if head.version == Version::HTTP_2 => head.set_version(Version::HTTP_11),
        // HTTP/1.0 stays what it is: without a Host it is no HTTP/1.1.
        None => {}
    }
    session.write_request_header(head).await.map_err(broken)?;
    if !ask.body.is_empty() {
        session.write_request_body(ask.body.clone(), true).await.map_err(broken)?;
    }
    session.finish_request_body().await.map_err(broken)?;
    read_final_head(session).await?;
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
async fn read_final_head(session: &mut HttpSession) -> Result<(), Unproven> {
    loop {
        session.read_response_header().await.map_err(|_| Unproven::BrokenResponse)?;
        let status = session.response_header().ok_or(Unproven::BrokenResponse)?.status;
        if status.as_u16() == 101 {
            return Err(Unproven::BrokenResponse);
        }
        if !status.is_informational() {
            return Ok(());
        }
    }
}
