//! Where is it? Endpoints, their choice and state, in-flight limits, and the client used for copies.
//!
//! State (up or down, requests in flight, who is left alone) outlives a reload: it is kept by backend name and endpoint address in
//! [`Backends`], and settings that come into force get the same objects again. Two backends that name the same address know nothing
//! of each other: each has a health check of its own, and what one's users ask of it, and how much they bear, is their affair.

mod announcement;
mod balance;
mod copy;
mod dial;
mod endpoint;
mod http2;
mod limit;
mod lookup;
mod outlier;
mod probe;
mod raw_target;
mod resolve;
mod sound;
mod tls;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use parking_lot::Mutex;

pub use announcement::Announcement;
pub use balance::Visit;
pub use copy::{Ask, CopyClient, append as append_trailers};
pub use dial::{Dial, Line, as_stream};
pub use endpoint::Endpoint;
pub use http2::{authority, is_leaving, is_lost, is_reset, is_unprocessed};
pub use limit::{InFlight, NoRoom, Slot};
pub use probe::Prober;
pub use raw_target::RawTarget;
pub use sound::is_sound;

use crate::config::Settings;
use crate::config::settings::{BackendSettings, Balance, EndpointAddress, HealthCheck, Outliers, Protocol, Timeouts};

/// One backend of the config, with the state that outlives a reload.
#[derive(Debug)]
pub struct Backend {
    pub name: Arc<str>,
    pub timeouts: Timeouts,
    pub health_check: Option<HealthCheck>,
    endpoints: Vec<Arc<Endpoint>>,
    in_flight: Arc<InFlight>,
    balance: Balance,
    outliers: Outliers,
    next: AtomicUsize,
}

impl Backend {
    pub fn endpoints(&self) -> &[Arc<Endpoint>] {
        &self.endpoints
    }

    pub fn in_flight(&self) -> &Arc<InFlight> {
        &self.in_flight
    }

    /// Whether users are kept away from an endpoint for a while, because it failed too many of them.
    pub fn is_ejected(&self, endpoint: &Endpoint) -> bool {
        self.outliers.failures > 0 && endpoint.record.is_ejected()
    }
}

/// All backends that any settings in force name.
#[derive(Debug, Default)]
pub struct Backends {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    endpoints: HashMap<EndpointKey, Arc<Endpoint>>,
    in_flight: HashMap<Arc<str>, Arc<InFlight>>,
    /// Endpoints whose names nobody has asked for yet.
    fresh: Vec<Arc<Endpoint>>,
}

/// Whose it is and where, in what it is spoken to, whether it is told for whom, and under which settings of TLS.
type EndpointKey = (Arc<str>, EndpointAddress, Protocol, bool, u64);

fn key_of(address: &EndpointAddress, backend: &BackendSettings) -> EndpointKey {
    let encrypted = matches!(address, EndpointAddress::Https(_));
    let group = if encrypted { tls::group(&backend.tls) } else { 0 };
    (backend.name.clone(), address.clone(), backend.protocol, backend.proxy_protocol, group)
}

impl Backends {
    /// The backends of these settings, in the order of `settings.backends`. Endpoints already known keep their state;
    /// names not yet known are resolved here, so this may wait for DNS, a second at most: never call it on the request path.
    pub fn of(&self, settings: &Settings) -> Vec<Arc<Backend>> {
        let mut known = self.known.lock();
        let backends: Vec<_> = settings.backends.iter().map(|spec| Arc::new(known.backend(spec))).collect();
        known.forget_all_but(settings);
        // Before the prober sees them: of a name that is being asked for it would hear nothing, and call the endpoint down.
        resolve::all(std::mem::take(&mut known.fresh));
        backends
    }

    /// Every endpoint in force, for the prober.
    fn endpoints(&self) -> Vec<Arc<Endpoint>> {
        self.known.lock().endpoints.values().cloned().collect()
    }
}

impl Known {
    fn backend(&mut self, spec: &BackendSettings) -> Backend {
        let endpoints = spec
            .endpoints
            .iter()
            .map(|address| {
                let fresh = || {
                    let endpoint = Endpoint::new(address.clone(), spec.protocol, &spec.tls);
                    let endpoint = Arc::new(if spec.proxy_protocol { endpoint.announced() } else { endpoint });
                    if !endpoint.is_found() {
                        self.fresh.push(endpoint.clone());
                    }
                    endpoint
                };
                let endpoint = self.endpoints.entry(key_of(address, spec)).or_insert_with(fresh);
                endpoint.watch_with(spec.health_check.clone());
                endpoint.lookup.repeat(spec.resolve);
                endpoint.clone()
            })
            .collect();
        Backend {
            name: spec.name.clone(),
            timeouts: spec.timeouts.clone(),
            health_check: spec.health_check.clone(),
            endpoints,
            in_flight: self.in_flight(&spec.name, spec.max_in_flight),
            balance: spec.balance,
            outliers: spec.outliers,
            next: AtomicUsize::new(0),
        }
    }

    /// The backend's counter goes on unless its limit changed; then requests in flight are counted out on the old one.
    fn in_flight(&mut self, name: &Arc<str>, limit: Option<usize>) -> Arc<InFlight> {
        if let Some(known) = self.in_flight.get(name)
            && known.limit() == limit
        {
            return known.clone();
        }
        let fresh = Arc::new(InFlight::new(limit));
        self.in_flight.insert(name.clone(), fresh.clone());
        fresh
    }

    fn forget_all_but(&mut self, settings: &Settings) {
        let named = |key: &EndpointKey| {
            let keys = |backend| move |address| key_of(address, backend) == *key;
            settings.backends.iter().any(|backend| backend.endpoints.iter().any(keys(backend)))
        };
        self.endpoints.retain(|key, _| named(key));
        self.in_flight.retain(|name, _| settings.backends.iter().any(|backend| backend.name == *name));
    }
}

#[cfg(test)]
mod tests;
