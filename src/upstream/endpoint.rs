//! One endpoint of a backend: where it is, how it is spoken to, whether probes find it up.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use pingora::upstreams::peer::{HttpPeer, Peer};

use super::announcement::Announcement;
use super::dial::Dial;
use super::http2;
use super::lookup::{self, Lookup, Next};
use super::outlier::Record;
use super::raw_target::RawTarget;
use super::tls::Tls;
use crate::config::settings::{BackendTls, EndpointAddress, HealthCheck, Protocol};

/// Probes in a row that must fail before an endpoint that was up counts as down: one lost packet is no outage.
const FAILURES_TO_DOWN: u32 = 2;

#[derive(Debug)]
pub struct Endpoint {
    pub name: EndpointAddress,
    /// The name as text: what sessions are spread by.
    pub(super) place: String,
    pub protocol: Protocol,
    /// Whether it wants to be told whom a connection is for.
    is_announced: bool,
    /// Of `https://` only.
    tls: Option<Arc<Tls>>,
    /// Of a host; a unix socket has no address.
    pub(super) lookup: Lookup,
    up: AtomicBool,
    failures: AtomicU32,
    check: Mutex<Option<HealthCheck>>,
    /// Whether a probe has found it up or down, or nobody asks.
    known: AtomicBool,
    /// Whether a probe is under way.
    pub(super) probing: AtomicBool,
    /// When the next one is due.
    due: Mutex<Option<Instant>>,
    /// How it serves users.
    pub(super) record: Record,
    /// Users' requests and copies under way.
    pub(super) visits: AtomicUsize,
    /// Its last connection failed, and the log says so.
    unreachable: AtomicBool,
}

impl Endpoint {
    /// Resolves the name, so this may wait for DNS.
    pub fn new(name: EndpointAddress, protocol: Protocol, tls: &BackendTls) -> Self {
        let tls = match &name {
            EndpointAddress::Https(at) => Some(Arc::new(Tls::new(tls, &at.host))),
            EndpointAddress::Http(_) | EndpointAddress::Unix(_) => None,
        };
        let endpoint = Self {
            place: name.to_string(),
            name,
            protocol,
            is_announced: false,
            tls,
            lookup: Lookup::new(),
            up: AtomicBool::new(true),
            failures: AtomicU32::new(0),
            check: Mutex::new(None),
            known: AtomicBool::new(false),
            probing: AtomicBool::new(false),
            due: Mutex::new(None),
            record: Record::new(),
            visits: AtomicUsize::new(0),
            unreachable: AtomicBool::new(false),
        };
        if !endpoint.is_name() {
            endpoint.resolve();
        }
        endpoint
    }

    /// One that wants to be told whom a connection is for.
    pub fn announced(self) -> Self {
        Self { is_announced: true, ..self }
    }

    /// What is to be said first on a connection, if anything.
    fn wants<'a>(&self, announcement: &'a Announcement) -> Option<&'a Announcement> {
        self.is_announced.then_some(announcement)
    }

    /// A way to it without the library.
    pub fn dial(&self, announcement: &Announcement) -> Dial {
        Dial { announcement: self.wants(announcement).cloned(), tls: self.tls.clone() }
    }

    /// Whether it is to be sent a target that the library cannot hold, and can be: it speaks HTTP/1.
    pub fn takes_raw(&self, target: &RawTarget) -> bool {
        !self.speaks_http2() && !target.is_held(false)
    }

    pub fn speaks_http2(&self) -> bool {
        self.protocol == Protocol::Http2
    }

    pub fn is_unix(&self) -> bool {
        matches!(self.name, EndpointAddress::Unix(_))
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.tls.is_some()
    }

    /// Its own host and port: of requests that the door makes itself, and of those that name none.
    pub fn host(&self) -> String {
        self.name.host_port().map_or_else(|| "localhost".to_owned(), ToString::to_string)
    }

    /// Whether it can be asked at all: a host's name must have been resolved once.
    pub fn is_found(&self) -> bool {
        self.is_unix() || self.lookup.address().is_some()
    }

    /// As the library wants to be told where to connect to, and for whom; `None` while the name could not be resolved.
    pub fn peer(&self, announcement: &Announcement) -> Option<HttpPeer> {
        let mut peer = self.plain_peer()?;
        if let Some(tls) = &self.tls {
            tls.apply(&mut peer);
        }
        if self.speaks_http2() {
            http2::apply(&mut peer);
        }
        if let Some(announcement) = self.wants(announcement) {
            announcement.apply(&mut peer);
        }
        Some(peer)
    }

    fn plain_peer(&self) -> Option<HttpPeer> {
        let address = match &self.name {
            EndpointAddress::Unix(path) => return HttpPeer::new_uds(path.to_str()?, false, String::new()).ok(),
            EndpointAddress::Http(_) | EndpointAddress::Https(_) => self.lookup.address()?,
        };
        let name = self.tls.as_ref().map(|tls| tls.name.clone());
        Some(HttpPeer::new(address, name.is_some(), name.unwrap_or_default()))
    }

    pub fn is_up(&self) -> bool {
        self.up.load(Ordering::Relaxed)
    }

    /// The address of its name, now.
    pub fn leads_to(&self) -> Option<SocketAddr> {
        if self.is_name() { self.lookup.address() } else { None }
    }

    /// Asks for the name's address, and waits for the answer.
    pub fn resolve(&self) {
        if let Some(at) = self.name.host_port() {
            self.lookup.ask(at, lookup::system);
        }
    }

    /// Whether its name is to be asked for again.
    pub(super) fn is_to_be_resolved(&self) -> bool {
        self.is_name() && self.lookup.is_due(self.unreachable.load(Ordering::Relaxed))
    }

    fn is_name(&self) -> bool {
        self.name.host_port().is_some_and(|at| at.host.parse::<IpAddr>().is_err())
    }

    /// Whether it is known to be up or down.
    pub(super) fn is_known(&self) -> bool {
        self.known.load(Ordering::Relaxed)
    }

    /// The check that is due; it is no more, then.
    pub(super) fn due_check(&self, now: Instant) -> Option<HealthCheck> {
        let check = self.check.lock().clone()?;
        let mut due = self.due.lock();
        if due.is_some_and(|due| now < due) || self.probing.swap(true, Ordering::Relaxed) {
            return None;
        }
        *due = Some(now + check.interval);
        Some(check)
    }

    /// Without a health check an endpoint is always up.
    pub(super) fn watch_with(&self, check: Option<HealthCheck>) {
        if check.is_none() {
            self.probed(Ok(()));
        }
        *self.check.lock() = check;
    }

    /// What a probe found, and why if it found nothing good. The first one decides: nobody has seen the endpoint up.
    pub(super) fn probed(&self, found: Result<(), String>) {
        let known = self.known.swap(true, Ordering::Relaxed);
        match found {
            Ok(()) => {
                self.failures.store(0, Ordering::Relaxed);
                if !self.up.swap(true, Ordering::Relaxed) {
                    tracing::info!(endpoint = %self.name, "endpoint is up again");
                }
            }
            Err(why) => {
                let failures = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
                if (!known || failures >= FAILURES_TO_DOWN) && self.up.swap(false, Ordering::Relaxed) {
                    tracing::warn!(endpoint = %self.name, "endpoint is down: its health check fails: {why}");
                }
            }
        }
    }

    /// Nobody can connect where this peer is. Whether the name leads elsewhere, too.
    pub fn leads_elsewhere(&self, peer: &HttpPeer, why: &pingora::Error) -> bool {
        let Some(from) = peer.address().as_inet().copied() else { return false };
        match self.lookup.pass_over(from) {
            Next::Taken(to) => {
                let why = reason(why);
                tracing::warn!(endpoint = %self.name, %from, %to, "cannot connect to one of the name's addresses, the next one is taken: {why}");
                true
            }
            Next::Known => true,
            Next::None => false,
        }
    }

    /// Tells the log, once until it can be connected to again.
    pub(super) fn cannot_be_reached(&self, why: &pingora::Error) {
        if !self.unreachable.swap(true, Ordering::Relaxed) {
            tracing::warn!(endpoint = %self.name, "cannot connect to the endpoint: {}", reason(why));
        }
    }

    pub fn is_reached(&self) {
        self.lookup.reached();
        // A load is cheaper than a swap, and nearly always enough.
        if self.unreachable.load(Ordering::Relaxed) && self.unreachable.swap(false, Ordering::Relaxed) {
            tracing::info!(endpoint = %self.name, "the endpoint can be connected to again");
        }
    }
}

/// The library's account of a failure, in one line.
fn reason(error: &pingora::Error) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}
