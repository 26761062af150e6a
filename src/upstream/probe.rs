//! Health checks and DNS, in the background: one thread for all endpoints in force.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use pingora::connectors::ConnectorOptions;
use pingora::connectors::http::Connector;
use pingora::http::RequestHeader;
use pingora::protocols::http::client::HttpSession;
use pingora::{Error, ErrorType};
use tokio::runtime::Builder;
use tokio::sync::oneshot::{Receiver, Sender, channel};

use super::{Announcement, Backends, Endpoint, http2};
use crate::config::settings::HealthCheck;

/// How often the prober looks whether a check is due, or a name.
const TICK: Duration = Duration::from_millis(100);
/// A probe slower than this has failed, whatever its interval.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a door that opens waits to know which endpoints are up.
const FIRST_ROUND: Duration = Duration::from_secs(1);

/// The background thread; ends when dropped.
#[derive(Debug)]
pub struct Prober {
    _stop: Sender<()>,
    /// Nothing comes: it ends when each endpoint was checked once.
    first_round: mpsc::Receiver<()>,
}

impl Prober {
    /// # Errors
    /// When the system gives no thread.
    pub fn start(backends: Arc<Backends>) -> std::io::Result<Self> {
        let (stop, stopped) = channel();
        let (round, first_round) = mpsc::channel();
        let runtime = Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("prober".into()).spawn(move || {
            runtime.block_on(probe_until(stopped, round, &backends));
            // A question that DNS does not answer must not hold the door up.
            runtime.shutdown_background();
        })?;
        Ok(Self { _stop: stop, first_round })
    }

    /// Waits until each endpoint was checked once, but no longer than for one that answers.
    pub fn await_first_round(&self) {
        // Its end is an error, as is that of the time.
        let _ = self.first_round.recv_timeout(FIRST_ROUND);
    }
}

async fn probe_until(mut stopped: Receiver<()>, first_round: mpsc::Sender<()>, backends: &Backends) {
    let mut first_round = Some(first_round);
    // Made when the first check is due, because making one loads the system's certificates.
    let mut connector: Option<Arc<Connector>> = None;
    loop {
        let endpoints = backends.endpoints();
        for endpoint in endpoints.iter().filter(|endpoint| endpoint.is_to_be_resolved()) {
            let named = endpoint.clone();
            tokio::task::spawn_blocking(move || named.resolve());
        }
        for endpoint in endpoints {
            let Some(check) = endpoint.due_check(Instant::now()) else { continue };
            let connector = connector.get_or_insert_with(|| Arc::new(Connector::new(Some(ConnectorOptions::new(1)))));
            let (connector, first_round) = (connector.clone(), first_round.clone());
            tokio::spawn(async move {
                probe(connector, endpoint, check).await;
                drop(first_round);
            });
        }
        first_round = None;
        if tokio::time::timeout(TICK, &mut stopped).await.is_ok() {
            return;
        }
    }
}

async fn probe(connector: Arc<Connector>, endpoint: Arc<Endpoint>, check: HealthCheck) {
    if !endpoint.is_found() {
        let named = endpoint.clone();
        // A resolver that panics has resolved nothing.
        let _ = tokio::task::spawn_blocking(move || named.resolve()).await;
    }
    let asked = tokio::time::timeout(PROBE_TIMEOUT, ask(&connector, &endpoint, &check)).await;
    endpoint.probed(asked.unwrap_or_else(|_| Err(format!("no answer within {PROBE_TIMEOUT:?}"))));
    endpoint.probing.store(false, Ordering::Relaxed);
}

/// An endpoint is alive when it answers the check's path with a status of 200 to 399, as Kubernetes' probes have it.
async fn ask(connector: &Connector, endpoint: &Endpoint, check: &HealthCheck) -> Result<(), String> {
    let told = |error: Box<pingora::Error>| error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    // The session is dropped, never given back: each probe is a connection of its own.
    let mut session = connect(connector, endpoint).await.map_err(told)?;
    let mut head = question(endpoint, check).map_err(told)?;
    if session.as_http2().is_some() {
        http2::dress(&mut head, endpoint).map_err(told)?;
    }
    session.write_request_header(head).await.map_err(told)?;
    session.finish_request_body().await.map_err(told)?;
    loop {
        session.read_response_header().await.map_err(told)?;
        let status = session.response_header().ok_or("no answer")?.status;
        match status.as_u16() {
            100..=199 => {}
            200..=399 => return Ok(()),
            other => return Err(format!("{} answers {other}", check.path)),
        }
    }
}

/// To the first of the name's addresses that takes the connection.
async fn connect(connector: &Connector, endpoint: &Endpoint) -> pingora::Result<HttpSession> {
    loop {
        let unknown = || Error::explain(ErrorType::ConnectError, "its name cannot be resolved");
        let mut peer = endpoint.peer(&Announcement::of_nobody()).ok_or_else(unknown)?;
        if endpoint.lookup.has_others() {
            // One that does not answer at all must not take all the time there is.
            peer.options.total_connection_timeout = Some(PROBE_TIMEOUT / 2);
        }
        match connector.get_http_session(&peer).await {
            Ok((session, _)) => {
                endpoint.lookup.reached();
                return Ok(session);
            }
            Err(error) if endpoint.leads_elsewhere(&peer, &error) => {}
            Err(error) => return Err(error),
        }
    }
}

fn question(endpoint: &Endpoint, check: &HealthCheck) -> pingora::Result<Box<RequestHeader>> {
    let mut head = RequestHeader::build("GET", check.path.as_bytes(), Some(3))?;
    head.insert_header(http::header::HOST, endpoint.host())?;
    head.insert_header(http::header::USER_AGENT, "matapalo-health-check")?;
    head.insert_header(http::header::CONNECTION, "close")?;
    Ok(Box::new(head))
}
