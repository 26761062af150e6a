//! Health checks and DNS, in the background: one thread for all endpoints in force.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use super::{Backends, Endpoint};
use crate::config::settings::{EndpointAddress, HealthCheck};

/// How often the prober looks whether a check is due.
const TICK: Duration = Duration::from_millis(100);
/// How often a name is asked for again: the time-to-live that public resolvers commonly give to a load balancer's name.
const RESOLVE_EVERY: Duration = Duration::from_secs(30);
/// A probe slower than this has failed, whatever its interval.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);
/// Enough of an answer to hold its status line.
const STATUS_LINE_BYTES: usize = 64;

/// The background thread; ends when dropped.
#[derive(Debug)]
pub struct Prober {
    _stop: Sender<()>,
}

impl Prober {
    /// # Errors
    /// When the system gives no thread.
    pub fn start(backends: Arc<Backends>) -> std::io::Result<Self> {
        let (stop, stopped) = channel();
        std::thread::Builder::new().name("prober".into()).spawn(move || probe_until(&stopped, &backends))?;
        Ok(Self { _stop: stop })
    }
}

fn probe_until(stopped: &Receiver<()>, backends: &Backends) {
    let mut due = HashMap::new();
    let mut resolve_at = Instant::now() + RESOLVE_EVERY;
    while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(TICK) {
        let endpoints = backends.endpoints();
        if Instant::now() >= resolve_at {
            endpoints.iter().filter(|endpoint| endpoint.is_name()).for_each(|endpoint| endpoint.resolve());
            resolve_at = Instant::now() + RESOLVE_EVERY;
        }
        due.retain(|address: &EndpointAddress, _| endpoints.iter().any(|endpoint| endpoint.name == *address));
        probe_what_is_due(&endpoints, &mut due);
    }
}

/// Probes in parallel, so that a hanging endpoint does not delay the others' probes.
fn probe_what_is_due(endpoints: &[Arc<Endpoint>], due: &mut HashMap<EndpointAddress, Instant>) {
    std::thread::scope(|scope| {
        for endpoint in endpoints {
            let Some(check) = endpoint.check() else { continue };
            let now = Instant::now();
            if due.get(&endpoint.name).is_some_and(|at| now < *at) {
                continue;
            }
            due.insert(endpoint.name.clone(), now + check.interval);
            scope.spawn(move || endpoint.probed(is_alive(endpoint, &check)));
        }
    });
}

fn is_alive(endpoint: &Endpoint, check: &HealthCheck) -> bool {
    if endpoint.address().is_none() {
        endpoint.resolve();
    }
    endpoint.address().is_some_and(|address| ask(address, &endpoint.name, check).unwrap_or(false))
}

/// An endpoint is alive when it answers the check's path with a status of 200 to 399, as Kubernetes' probes have it.
fn ask(address: SocketAddr, name: &EndpointAddress, check: &HealthCheck) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect_timeout(&address, PROBE_TIMEOUT)?;
    stream.set_read_timeout(Some(PROBE_TIMEOUT))?;
    stream.set_write_timeout(Some(PROBE_TIMEOUT))?;
    let head = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: matapalo-health-check\r\nConnection: close\r\n\r\n",
        check.path, name
    );
    stream.write_all(head.as_bytes())?;
    let mut answer = Vec::with_capacity(STATUS_LINE_BYTES);
    stream.take(STATUS_LINE_BYTES as u64).read_to_end(&mut answer)?;
    Ok(status_of(&answer).is_some_and(|status| (200..400).contains(&status)))
}

fn status_of(answer: &[u8]) -> Option<u16> {
    let rest = answer.strip_prefix(b"HTTP/1.")?.get(2..5)?;
    std::str::from_utf8(rest).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::status_of;

    #[test]
    fn the_status_is_read_from_either_version_and_nothing_else() {
        assert_eq!(status_of(b"HTTP/1.1 200 OK\r\n"), Some(200));
        assert_eq!(status_of(b"HTTP/1.0 503"), Some(503));
        assert_eq!(status_of(b"HTTP/1.1 2"), None);
        assert_eq!(status_of(b"SSH-2.0-OpenSSH"), None);
        assert_eq!(status_of(b""), None);
    }
}
