//! The collector, and how a batch is brought to it: OTLP over HTTP, with the client and the TLS that copies are sent with.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, RETRY_AFTER, USER_AGENT};
use pingora::connectors::ConnectorOptions;
use pingora::connectors::http::Connector;
use pingora::http::RequestHeader;
use pingora::protocols::http::client::HttpSession;

use super::otlp;
use crate::config::settings::{Protocol, TracingSettings};
use crate::live::LostSpans;
use crate::upstream::{Announcement, Endpoint};

const AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));
/// A kept connection is used again within this.
const IDLE: Duration = Duration::from_secs(30);
/// Bytes of an answer that are read: collectors say little.
const LONGEST_ANSWER: usize = 64 << 10;

pub struct Collector {
    pub settings: Arc<TracingSettings>,
    endpoint: Endpoint,
    connector: Connector,
}

impl std::fmt::Debug for Collector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Collector").field("endpoint", &self.endpoint.name).finish_non_exhaustive()
    }
}

/// Why a batch was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// There was no connection, or it broke.
    Unreachable(String),
    Timeout,
    Refused(StatusCode),
    /// Not now: the pause that it asks for, if it says.
    Busy(StatusCode, Option<Duration>),
}

impl Failure {
    /// Whether the same batch may be taken later: OTLP 1.x, *Retryable Response Codes*.
    pub fn may_pass(&self) -> bool {
        !matches!(self, Self::Refused(_))
    }

    pub fn as_loss(&self) -> LostSpans {
        match self {
            Self::Unreachable(_) => LostSpans::ConnectError,
            Self::Timeout => LostSpans::Timeout,
            Self::Refused(_) | Self::Busy(..) => LostSpans::Refused,
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unreachable(why) => write!(f, "it cannot be reached: {why}"),
            Self::Timeout => f.write_str("it does not answer in time"),
            Self::Refused(status) | Self::Busy(status, _) => write!(f, "it answers {status}"),
        }
    }
}

impl Collector {
    /// Resolves a name, and loads the system's certificates.
    pub fn new(settings: Arc<TracingSettings>) -> Self {
        let endpoint = Endpoint::new(settings.endpoint.clone(), Protocol::Http1, &settings.tls);
        endpoint.resolve();
        Self { settings, endpoint, connector: Connector::new(Some(ConnectorOptions::new(1))) }
    }

    /// A name may lead elsewhere by now.
    pub fn look_again(&self) {
        self.endpoint.resolve();
    }

    /// Brings a batch, and says how many of its spans were thrown away, and why.
    ///
    /// # Errors
    /// It was not taken.
    pub async fn post(&self, batch: Bytes) -> Result<Option<(usize, String)>, Failure> {
        let posted = tokio::time::timeout(self.settings.timeout, self.post_at_leisure(batch));
        posted.await.unwrap_or(Err(Failure::Timeout))
    }

    async fn post_at_leisure(&self, batch: Bytes) -> Result<Option<(usize, String)>, Failure> {
        let unknown = || Failure::Unreachable("its name cannot be resolved".to_owned());
        let mut peer = self.endpoint.peer(&Announcement::of_nobody()).ok_or_else(unknown)?;
        peer.options.connection_timeout = Some(self.settings.timeout);
        peer.options.total_connection_timeout = Some(self.settings.timeout);
        peer.options.idle_timeout = Some(IDLE);
        loop {
            let connected = self.connector.get_http_session(&peer).await;
            let (mut session, reused) = connected.map_err(|error| {
                // The next batch goes there.
                self.endpoint.leads_elsewhere(&peer, &error);
                unreachable(error)
            })?;
            self.endpoint.is_reached();
            match self.exchange(&mut session, batch.clone()).await {
                // A kept connection that was closed meanwhile.
                Err(Failure::Unreachable(_)) if reused => {}
                Err(failure) => return Err(failure),
                Ok(answer) => {
                    self.connector.release_http_session(session, &peer, Some(IDLE)).await;
                    return Ok(otlp::rejected(&answer));
                }
            }
        }
    }

    async fn exchange(&self, session: &mut HttpSession, batch: Bytes) -> Result<Vec<u8>, Failure> {
        session.write_request_header(self.head(batch.len()).map_err(unreachable)?).await.map_err(unreachable)?;
        session.write_request_body(batch, true).await.map_err(unreachable)?;
        session.finish_request_body().await.map_err(unreachable)?;
        session.read_response_header().await.map_err(unreachable)?;
        let head = session.response_header().ok_or_else(|| Failure::Unreachable("no answer".to_owned()))?;
        let status = head.status;
        if !status.is_success() {
            let pause = head.headers.get(RETRY_AFTER).and_then(|pause| pause.to_str().ok()?.trim().parse().ok());
            return Err(match status.as_u16() {
                429 | 502 | 503 | 504 => Failure::Busy(status, pause.map(Duration::from_secs)),
                _ => Failure::Refused(status),
            });
        }
        let mut answer = Vec::new();
        while let Some(piece) = session.read_response_body().await.map_err(unreachable)? {
            answer.extend_from_slice(&piece);
            if answer.len() > LONGEST_ANSWER {
                return Err(Failure::Unreachable("its answer is endless".to_owned()));
            }
        }
        Ok(answer)
    }

    fn head(&self, length: usize) -> pingora::Result<Box<RequestHeader>> {
        let mut head = RequestHeader::build("POST", self.settings.path.as_bytes(), Some(8))?;
        let host = self.settings.endpoint.host_port().map(ToString::to_string).unwrap_or_default();
        head.insert_header(HOST, host)?;
        head.insert_header(USER_AGENT, AGENT)?;
        head.insert_header(CONTENT_TYPE, "application/x-protobuf")?;
        head.insert_header(CONTENT_LENGTH, length)?;
        for (name, value) in &self.settings.headers {
            head.insert_header(name.clone(), value.clone())?;
        }
        Ok(Box::new(head))
    }
}

/// The library's account of a failure, in one line.
fn unreachable(error: Box<pingora::Error>) -> Failure {
    Failure::Unreachable(error.to_string().split_whitespace().collect::<Vec<_>>().join(" "))
}
