//! One `host:port` of a backend: its resolved address and whether probes find it up.

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use arc_swap::ArcSwapOption;
use parking_lot::Mutex;

use crate::config::settings::{EndpointAddress, HealthCheck};

/// Probes in a row that must fail before an endpoint counts as down: one lost packet is no outage.
const FAILURES_TO_DOWN: u32 = 2;

#[derive(Debug)]
pub struct Endpoint {
    pub name: EndpointAddress,
    address: ArcSwapOption<SocketAddr>,
    up: AtomicBool,
    failures: AtomicU32,
    check: Mutex<Option<HealthCheck>>,
}

impl Endpoint {
    /// Resolves the name, so this may wait for DNS.
    pub fn new(name: EndpointAddress) -> Self {
        let endpoint = Self {
            name,
            address: ArcSwapOption::empty(),
            up: AtomicBool::new(true),
            failures: AtomicU32::new(0),
            check: Mutex::new(None),
        };
        endpoint.resolve();
        endpoint
    }

    /// `None` while the name could not be resolved.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address.load().as_deref().copied()
    }

    pub fn is_up(&self) -> bool {
        self.up.load(Ordering::Relaxed)
    }

    /// Asks DNS again. A name that can no longer be resolved keeps its last address: DNS trouble must not close the site.
    pub fn resolve(&self) {
        let Ok(mut addresses) = (self.name.host.as_str(), self.name.port).to_socket_addrs() else { return };
        let Some(first) = addresses.next() else { return };
        let current = self.address();
        if current != Some(first) && !current.is_some_and(|known| addresses.any(|other| other == known)) {
            self.address.store(Some(Arc::new(first)));
        }
    }

    pub(super) fn is_name(&self) -> bool {
        self.name.host.parse::<std::net::IpAddr>().is_err()
    }

    pub(super) fn check(&self) -> Option<HealthCheck> {
        self.check.lock().clone()
    }

    /// Without a health check an endpoint is always up.
    pub(super) fn watch_with(&self, check: Option<HealthCheck>) {
        if check.is_none() {
            self.probed(true);
        }
        *self.check.lock() = check;
    }

    pub(super) fn probed(&self, alive: bool) {
        if alive {
            self.failures.store(0, Ordering::Relaxed);
            self.set_up(true);
        } else if self.failures.fetch_add(1, Ordering::Relaxed) + 1 >= FAILURES_TO_DOWN {
            self.set_up(false);
        }
    }

    fn set_up(&self, up: bool) {
        if self.up.swap(up, Ordering::Relaxed) == up {
            return;
        }
        if up {
            tracing::info!(endpoint = %self.name, "endpoint is up again");
        } else {
            tracing::warn!(endpoint = %self.name, "endpoint is down: its health check fails");
        }
    }
}
