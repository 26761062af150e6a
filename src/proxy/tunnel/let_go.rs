//! A tunnel passes from the library's hands into ours, once the client has the backend's agreement.
//!
//! To the library the backend seems to close the connection behind its 101; that ends the request, and with it the memory of it.
//! What the client says behind its head is kept from the library from the start. So both sockets are left over, and a
//! [`Relay`] goes on between them; when that ends, the request is counted and written down as if it had lasted until then.

use std::sync::Arc;

use parking_lot::Mutex;
use pingora::http::RequestHeader;
use pingora::proxy::Session;
use pingora::server::ShutdownWatch;
use tokio::io::AsyncWriteExt;

use super::super::access_log::AccessLog;
use super::super::client_side::ClientSide;
use super::super::exchange::Exchange;
use super::super::listen::told;
use super::super::over::{Over, told_of};
use super::super::told::CLIENT_LEFT;
use super::super::trouble::{BROKEN_RESPONSE, CUT, TIMEOUT, Troubles, Why};
use super::super::wire::Wire;
use super::Gate;
use super::relay::{End, Patience, Relay};
use crate::upstream::Line;

/// Who has a connection's tunnel.
#[derive(Debug, Default)]
pub struct Passage(Mutex<Course>);

#[derive(Debug, Default)]
enum Course {
    /// There is none.
    #[default]
    None,
    /// The client has asked for one.
    Asked,
    Librarys,
    Ours(Box<Ends>),
}

/// As they are left.
#[derive(Debug, Default)]
struct Ends {
    client: Option<(Wire, Vec<u8>)>,
    backend: Option<Box<Left>>,
}

/// What the library leaves of a request.
#[derive(Debug)]
struct Left {
    backend: Line,
    exchange: Exchange,
    /// As far as it is told of.
    request: RequestHeader,
    /// Sent to the client by now.
    bytes: usize,
    patience: Patience,
    troubles: Arc<Troubles>,
}

impl Passage {
    /// The head of a request for a tunnel has come, and what follows it is held back.
    pub fn is_asked_for(&self) {
        let mut course = self.0.lock();
        if matches!(*course, Course::None) {
            *course = Course::Asked;
        }
    }

    pub fn is_ours(&self) -> bool {
        matches!(*self.0.lock(), Course::Ours(_))
    }

    pub fn is_the_librarys(&self) -> bool {
        matches!(*self.0.lock(), Course::Librarys)
    }

    /// Whether it is ours from now on: not if the library may have seen some of what is the backend's.
    fn becomes_ours(&self) -> bool {
        let mut course = self.0.lock();
        let is_asked = matches!(*course, Course::Asked);
        if is_asked {
            *course = Course::Ours(Box::default());
        }
        is_asked
    }

    fn stays_the_librarys(&self) {
        let mut course = self.0.lock();
        // A request that asks for nothing of the kind decides nothing for the next one.
        if !matches!(*course, Course::None) {
            *course = Course::Librarys;
        }
    }

    /// The client's connection, and what came on it behind the head.
    pub fn leave_client(&self, wire: Wire, early: Vec<u8>) {
        if let Course::Ours(ends) = &mut *self.0.lock() {
            ends.client = Some((wire, early));
        }
    }

    fn leave_backend(&self, left: Box<Left>) {
        if let Course::Ours(ends) = &mut *self.0.lock() {
            ends.backend = Some(left);
        }
    }

    /// What is left to do: to pass bytes, or to count a request whose client left meanwhile.
    pub fn take(&self) -> Option<Tunnel> {
        let Course::Ours(ends) = std::mem::take(&mut *self.0.lock()) else { return None };
        Some(Tunnel { client: ends.client, left: ends.backend? })
    }
}

/// The backend agrees to a tunnel.
pub fn decide(gate: Option<&Gate>) {
    ClientSide::with(|side| match gate {
        Some(gate) if side.passage.becomes_ours() => gate.let_go(),
        _ => side.passage.stays_the_librarys(),
    });
}

/// Whether the request goes on without the library: then it is not over yet.
pub fn keep(session: &Session, exchange: &mut Exchange, troubles: &Arc<Troubles>) -> bool {
    let left = exchange.attempt.gate.as_ref().and_then(|gate| gate.take_left());
    let kept = left.and_then(|backend| {
        let timeouts = exchange.attempt.timeouts.as_ref()?;
        let client = exchange.snapshot.settings.limits.body_timeout;
        let silence = timeouts.first_byte.max(timeouts.idle);
        let patience = Patience { silence, backend: timeouts.idle, client };
        let request = told_of(session.req_header()).ok()?;
        let empty = Exchange::new(exchange.snapshot.clone());
        let exchange = std::mem::replace(exchange, empty);
        Some(Left {
            backend,
            exchange,
            request,
            bytes: session.body_bytes_sent(),
            patience,
            troubles: troubles.clone(),
        })
    });
    let is_kept = kept.is_some();
    ClientSide::with(|side| match kept {
        Some(left) => side.passage.leave_backend(Box::new(left)),
        None => side.passage.stays_the_librarys(),
    });
    is_kept
}

/// Between a client and its backend, without the library.
#[derive(Debug)]
pub struct Tunnel {
    /// With what it has said already; `None`: it did not even take the agreement.
    client: Option<(Wire, Vec<u8>)>,
    left: Box<Left>,
}

impl Tunnel {
    /// Goes on until one of the two ends it; then the request is over.
    pub async fn run(self, log: Option<&AccessLog>, mut cut: ShutdownWatch) {
        let Left { mut backend, mut exchange, request, bytes, patience, troubles } = *self.left;
        // Nobody waits for the end of what the client says: it is the end of the tunnel.
        let (end, passed) = match self.client {
            Some((client, early)) => {
                Relay::new(client, &mut backend, early, patience).run(async { told(&mut cut).await }).await
            }
            None => (End::ClientBroke, 0),
        };
        // A backend that is gone cannot be told.
        let _ = tokio::time::timeout(patience.backend, backend.shutdown()).await;
        drop(backend);
        exchange.attempt.ended = Some(std::time::Instant::now());
        let broken = match end {
            End::Closed => None,
            End::ClientBroke => Some(CLIENT_LEFT),
            End::BackendBroke => Some(BROKEN_RESPONSE),
            End::Late => Some(TIMEOUT),
            End::Cut => Some(CUT),
        };
        if let End::BackendBroke = end {
            exchange.is_torn(exchange.endpoint(), Why { word: BROKEN_RESPONSE, said: "it tore its tunnel".into() });
        }
        let over = Over {
            request: &request,
            code: Some(http::StatusCode::SWITCHING_PROTOCOLS.as_u16()),
            bytes: bytes + usize::try_from(passed).unwrap_or(usize::MAX),
            broken,
            error: broken,
            took: exchange.started.elapsed(),
        };
        exchange.count(&over);
        troubles.tell(&exchange, &over);
        if let Some(log) = log {
            log.write_down(&exchange, &over);
        }
        exchange.finish_trace(&over);
    }
}
