//! Which endpoint is asked, and what its answer says of it.
//!
//! Endpoints that are well come first, of these the ones that a probe has seen so. If none is, the ones that are only ejected are
//! asked, then those that probes find down: neither a failing probe nor a bad minute may close the site.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use http::StatusCode;
use pingora::upstreams::peer::HttpPeer;
use smallvec::SmallVec;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::outlier::Fault;
use super::{Backend, Endpoint};
use crate::config::settings::Balance;

/// One request at one endpoint; its end frees the place.
#[derive(Debug)]
pub struct Visit {
    backend: Arc<Backend>,
    endpoint: Arc<Endpoint>,
}

impl Backend {
    /// The endpoint to be asked for a session, but for those that were tried in vain. `None`: no endpoint is left whose name
    /// could be resolved.
    pub fn visit(self: &Arc<Self>, session: Option<u64>, tried: &[Arc<Endpoint>]) -> Option<Visit> {
        let endpoint = match self.endpoints() {
            [only] if tried.is_empty() && only.is_found() => only,
            _ => self.choose(session, tried)?,
        };
        endpoint.visits.fetch_add(1, Ordering::Relaxed);
        Some(Visit { backend: self.clone(), endpoint: endpoint.clone() })
    }

    fn choose(&self, session: Option<u64>, tried: &[Arc<Endpoint>]) -> Option<&Arc<Endpoint>> {
        let up = |endpoint: &Endpoint| endpoint.is_up() && endpoint.is_found();
        let well = |endpoint: &Endpoint| self.is_well(endpoint);
        let known = |endpoint: &Endpoint| self.is_well(endpoint) && endpoint.is_known();
        // A second try of one request takes nobody's turn.
        let turn = if tried.is_empty() {
            self.next.fetch_add(1, Ordering::Relaxed)
        } else {
            self.next.load(Ordering::Relaxed)
        };
        let among = |fit: &dyn Fn(&Endpoint) -> bool| {
            self.pick(session, turn, &|endpoint: &Arc<Endpoint>| {
                fit(endpoint) && !tried.iter().any(|other| Arc::ptr_eq(other, endpoint))
            })
        };
        among(&known).or_else(|| among(&well)).or_else(|| among(&up)).or_else(|| among(&Endpoint::is_found))
    }

    fn is_well(&self, endpoint: &Endpoint) -> bool {
        endpoint.is_up() && !self.is_ejected(endpoint) && endpoint.is_found()
    }

    /// Those that fit take turns among themselves: the share of one that does not goes to all of them, not to its neighbour.
    fn pick(&self, session: Option<u64>, turn: usize, fits: &dyn Fn(&Arc<Endpoint>) -> bool) -> Option<&Arc<Endpoint>> {
        let fit: SmallVec<[&Arc<Endpoint>; 8]> = self.endpoints().iter().filter(|endpoint| fits(endpoint)).collect();
        let first = turn.checked_rem(fit.len())?;
        let (later, sooner) = fit.split_at(first);
        let mut in_turn = sooner.iter().chain(later).copied();
        match (self.balance, session) {
            (Balance::RoundRobin, _) | (Balance::Hash, None) => in_turn.next(),
            (Balance::LeastInFlight, _) => in_turn.min_by_key(|endpoint| endpoint.visits.load(Ordering::Relaxed)),
            (Balance::Hash, Some(session)) => in_turn.max_by_key(|endpoint| weight(endpoint, session)),
        }
    }

    /// Leaves an endpoint alone for a while: at most half of a backend's, and never the last that is well.
    fn eject(&self, endpoint: &Endpoint, fault: Fault) {
        let ejected = self.endpoints().iter().filter(|other| other.record.is_ejected()).count();
        let is_other = |other: &Endpoint| !std::ptr::eq(other, endpoint);
        let mut others = self.endpoints().iter().filter(|other| is_other(other) && self.is_well(other));
        if (ejected + 1) * 2 > self.endpoints().len() || others.next().is_none() {
            return;
        }
        let pause = endpoint.record.eject(&self.outliers);
        let what = match fault {
            Fault::Connection => "it could not be connected to",
            Fault::Answer => "its answers are 5xx or late",
        };
        tracing::warn!(backend = %self.name, endpoint = %endpoint.name, ?pause, "endpoint is left alone: {what}");
    }
}

/// Rendezvous hashing: each session ranks the endpoints in an order of its own, so that one endpoint's absence moves only the
/// sessions that it had.
fn weight(endpoint: &Endpoint, session: u64) -> u64 {
    xxh3_64_with_seed(endpoint.place.as_bytes(), session)
}

impl Visit {
    pub fn backend(&self) -> &Arc<Backend> {
        &self.backend
    }

    pub fn endpoint(&self) -> &Arc<Endpoint> {
        &self.endpoint
    }

    pub fn connected(&self) {
        self.endpoint.is_reached();
    }

    /// A user could not be connected to this peer. Whether the endpoint's name leads to another one.
    pub fn refused(&self, peer: &HttpPeer, why: &pingora::Error) -> bool {
        let leads_elsewhere = self.refused_copy(peer, why);
        if !leads_elsewhere {
            self.failed(Fault::Connection);
        }
        leads_elsewhere
    }

    /// A copy could not be connected: the log may know, users' requests are judged by users' requests.
    pub fn refused_copy(&self, peer: &HttpPeer, why: &pingora::Error) -> bool {
        let leads_elsewhere = self.endpoint.leads_elsewhere(peer, why);
        if !leads_elsewhere {
            self.endpoint.cannot_be_reached(why);
        }
        leads_elsewhere
    }

    /// A user's answer has begun.
    pub fn answered(&self, status: StatusCode) {
        if status.is_server_error() {
            self.failed(Fault::Answer);
        } else if self.endpoint.record.went_well(&self.backend.outliers) {
            tracing::info!(backend = %self.backend.name, endpoint = %self.endpoint.name, "endpoint serves users again");
        }
    }

    /// A user's answer did not come, or not in time.
    pub fn broke_off(&self) {
        self.failed(Fault::Answer);
    }

    fn failed(&self, fault: Fault) {
        if self.endpoint.record.failed(fault, &self.backend.outliers) {
            self.backend.eject(&self.endpoint, fault);
        }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.endpoint.visits.fetch_sub(1, Ordering::Relaxed);
    }
}
