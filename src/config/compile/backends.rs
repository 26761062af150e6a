//! The backends: their names, where they are, how long they are waited for.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::{Files, backend_tls, bounds, names};
use crate::config::at::At;
use crate::config::mistake::{Findings, Hinge, Mistake};
use crate::config::settings::{
    Answer, BackendId, BackendSettings, Balance, EndpointAddress, HealthCheck, HostPort, Outliers, Protocol,
    RouteSettings, TimeoutOverrides, Timeouts,
};
use crate::config::spec::{BackendSpec, HealthCheckSpec, OutliersSpec, Spec, Text, TimeoutsSpec};
use crate::config::suggest;

const DEFAULT_TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(1),
    first_byte: Duration::from_secs(30),
    idle: Duration::from_secs(60),
    total: None,
};
const DEFAULT_HEALTH_PATH: &str = "/";
/// The time-to-live that public resolvers commonly give to a load balancer's name.
const DEFAULT_RESOLVE: Duration = Duration::from_secs(30);
const DEFAULT_HEALTH_INTERVAL: Duration = Duration::from_secs(5);
const MOST_IN_FLIGHT: u64 = 1_000_000;
/// Five in a row are no coincidence; twenty requests are more than one user's bad minute.
const DEFAULT_OUTLIERS: Outliers =
    Outliers { failures: 5, min_requests: 20, eject: Duration::from_secs(10), longest: Duration::from_secs(300) };
const MOST_FAILURES: u64 = 1_000;
const MOST_REQUESTS: u64 = 1_000_000;
/// What a unix socket's name may have (`sun_path` of unix(7), without its end).
pub const LONGEST_SOCKET_PATH: usize = 107;

/// The backends by name.
#[derive(Debug, Default)]
pub struct BackendNames {
    ids: HashMap<Arc<str>, BackendId>,
}

pub fn backends(
    spec: &Spec,
    files: Files<'_>,
    top: &At<'_>,
    findings: &mut Findings,
) -> (Vec<BackendSettings>, BackendNames) {
    let at = top.key("backends");
    let mut names = BackendNames::default();
    let Some(written) = spec.backends.as_ref().filter(|written| !written.is_empty()) else {
        findings.missing(&at, "is missing, want at least the backends that answer, by name");
        return (Vec::new(), names);
    };
    let mut settings = Vec::with_capacity(written.len());
    for (name, spec) in written.iter() {
        let at = at.key(name);
        names::name(name, &at, findings);
        let name: Arc<str> = name.as_str().into();
        names.ids.insert(name.clone(), BackendId(settings.len()));
        settings.push(backend(name.clone(), spec, files, &at, findings));
    }
    (settings, names)
}

fn backend(
    name: Arc<str>,
    spec: &BackendSpec,
    files: Files<'_>,
    at: &At<'_>,
    findings: &mut Findings,
) -> BackendSettings {
    let timeouts = timeouts(spec.timeouts.as_ref(), &at.key("timeouts"), findings).over(&DEFAULT_TIMEOUTS);
    let max_in_flight = bounds::count(spec.max_in_flight, 1..=MOST_IN_FLIGHT, &at.key("max_in_flight"), findings);
    let endpoints = endpoints(spec.endpoints.as_deref(), files.folder, &at.key("endpoints"), findings);
    let encrypted = endpoints.iter().any(|endpoint| matches!(endpoint, EndpointAddress::Https(_)));
    if spec.tls.is_some() && !encrypted {
        findings.wrong(&at.key("tls"), "is of no use: none of the endpoints is https://");
    }
    BackendSettings {
        name,
        endpoints,
        tls: backend_tls::tls(spec.tls.as_ref(), files, &at.key("tls"), findings),
        protocol: if spec.http2 == Some(true) { Protocol::Http2 } else { Protocol::Http1 },
        proxy_protocol: spec.proxy_protocol == Some(true),
        balance: balance(spec.balance.as_deref(), &at.key("balance"), findings),
        outliers: outliers(spec.outliers.as_ref(), &at.key("outliers"), findings),
        timeouts,
        max_in_flight,
        health_check: spec.health_check.as_ref().map(|check| health_check(check, &at.key("health_check"), findings)),
        resolve: bounds::time(spec.resolve, &at.key("resolve"), findings).unwrap_or(DEFAULT_RESOLVE),
    }
}

pub fn timeouts(written: Option<&TimeoutsSpec>, at: &At<'_>, findings: &mut Findings) -> TimeoutOverrides {
    let Some(written) = written else { return TimeoutOverrides::default() };
    TimeoutOverrides {
        connect: bounds::time(written.connect, &at.key("connect"), findings),
        first_byte: bounds::time(written.first_byte, &at.key("first_byte"), findings),
        idle: bounds::time(written.idle, &at.key("idle"), findings),
        total: bounds::time(written.total, &at.key("total"), findings),
    }
}

fn health_check(written: &HealthCheckSpec, at: &At<'_>, findings: &mut Findings) -> HealthCheck {
    let path = written.path.as_deref().unwrap_or(DEFAULT_HEALTH_PATH);
    let legal = path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic()) && !path.contains('#');
    if !legal {
        findings.wrong(&at.key("path"), format!("is {path:?}, want a path such as /healthz"));
    }
    let interval = bounds::time(written.interval, &at.key("interval"), findings);
    HealthCheck { path: path.to_owned(), interval: interval.unwrap_or(DEFAULT_HEALTH_INTERVAL) }
}

fn balance(written: Option<&str>, at: &At<'_>, findings: &mut Findings) -> Balance {
    match written {
        None | Some("round_robin") => Balance::RoundRobin,
        Some("least_in_flight") => Balance::LeastInFlight,
        Some("hash") => Balance::Hash,
        Some(other) => {
            findings.wrong(at, format!("is {other:?}, want round_robin, least_in_flight or hash"));
            Balance::RoundRobin
        }
    }
}

fn outliers(written: Option<&OutliersSpec>, at: &At<'_>, findings: &mut Findings) -> Outliers {
    let Some(written) = written else { return DEFAULT_OUTLIERS };
    let default = DEFAULT_OUTLIERS;
    let eject = bounds::time(written.eject, &at.key("eject"), findings).unwrap_or(default.eject);
    let longest = bounds::time(written.longest, &at.key("longest"), findings).unwrap_or(default.longest.max(eject));
    if longest < eject {
        findings.wrong(&at.key("longest"), "is shorter than eject");
    }
    let failures = bounds::count(written.failures, 0..=MOST_FAILURES, &at.key("failures"), findings);
    let requests = bounds::count(written.min_requests, 0..=MOST_REQUESTS, &at.key("min_requests"), findings);
    Outliers {
        failures: failures.map_or(default.failures, |count| count as u32),
        min_requests: requests.map_or(default.min_requests, |count| count as u32),
        eject,
        longest,
    }
}

fn endpoints(written: Option<&[Text]>, folder: &Path, at: &At<'_>, findings: &mut Findings) -> Vec<EndpointAddress> {
    let Some(written) = written else {
        findings.missing(at, "is missing, want at least one URL such as http://127.0.0.1:9000");
        return Vec::new();
    };
    if written.is_empty() {
        findings.wrong(at, "is empty, want at least one URL such as http://127.0.0.1:9000");
    }
    let mut endpoints: Vec<EndpointAddress> = Vec::with_capacity(written.len());
    for (index, url) in written.iter().enumerate() {
        let at = at.index(index);
        match endpoint(url, folder) {
            Ok(endpoint) if endpoints.contains(&endpoint) => {
                findings.wrong(&at, format!("is {:?}, which is in the list already", url.0));
            }
            Ok(endpoint) => endpoints.push(endpoint),
            Err(says) => findings.wrong(&at, says),
        }
    }
    endpoints
}

/// `http://host[:port]`, `https://host[:port]` or `unix:/path`, and no more: the path of a request is the user's.
fn endpoint(written: &str, folder: &Path) -> Result<EndpointAddress, String> {
    let wanted =
        || format!("is {written:?}, want a URL such as http://127.0.0.1:9000, https://new.internal or unix:/path");
    if let Some(path) = written.strip_prefix("unix:") {
        return Ok(EndpointAddress::Unix(socket_path(path, folder)?));
    }
    if !written.starts_with("https://") && !written.starts_with("http://") {
        return Err(wanted());
    }
    let url = url::Url::parse(written).map_err(|error| format!("{}: {error}", wanted()))?;
    let at = host_and_port(&url, written)?;
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(format!("is {written:?}, want only host and port: the path is sent on as the user sent it"));
    }
    Ok(at)
}

/// Where an `http://` or `https://` URL leads.
pub fn host_and_port(url: &url::Url, written: &str) -> Result<EndpointAddress, String> {
    // Whoever wrote a password is not shown it again in the log.
    if !url.username().is_empty() || url.password().is_some() {
        return Err("is a URL with a user in it, want only host and port".to_owned());
    }
    let host = url.host_str().ok_or_else(|| format!("is {written:?}, want a host"))?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let at = match url.port_or_known_default() {
        None | Some(0) => return Err(format!("is {written:?}, want a port of 1 to 65535")),
        Some(port) => HostPort { host: host.to_owned(), port },
    };
    Ok(if url.scheme() == "https" { EndpointAddress::Https(at) } else { EndpointAddress::Http(at) })
}

/// The path of a unix socket.
pub fn socket_path(written: &str, folder: &Path) -> Result<PathBuf, String> {
    if written.is_empty() || written.contains('\0') {
        return Err(format!("is \"unix:{written}\", want a path behind unix:"));
    }
    let path = folder.join(written);
    match path.as_os_str().len() {
        0..=LONGEST_SOCKET_PATH => Ok(path),
        bytes => Err(format!("is a path of {bytes} bytes, of which a socket's may have {LONGEST_SOCKET_PATH}")),
    }
}

impl BackendNames {
    /// The backend of this name; told as a mistake of the naming place if there is none.
    pub fn resolve(&self, name: &str, at: &At<'_>, findings: &mut Findings) -> BackendId {
        if let Some(id) = self.ids.get(name) {
            return *id;
        }
        if self.ids.is_empty() {
            // That there are none has been told.
            return BackendId(0);
        }
        let hint = match suggest::nearest(name, self.ids.keys().map(AsRef::as_ref)) {
            Some(known) => format!(", did you mean {known:?}?"),
            None => String::new(),
        };
        let hinge = At::top(0);
        let hinge = hinge.key("backends");
        let hinges_on = Some(Hinge { file: 0, path: hinge.key(name).path() });
        let says = format!("names the backend {name:?}, which is not in `backends`{hint}");
        findings.mistakes.push(Mistake { hinges_on, ..Mistake::new(at.file, at.path(), says) });
        BackendId(0)
    }

    /// A backend that answers and is never asked how it is.
    pub fn warn_of_unwatched(
        &self,
        backends: &[BackendSettings],
        routes: &[RouteSettings],
        top: &At<'_>,
        findings: &mut Findings,
    ) {
        let mut used = vec![false; backends.len()];
        for route in routes {
            let Answer::Proxy(proxied) = &route.answer else { continue };
            for BackendId(id) in [proxied.legacy, proxied.new] {
                if let Some(used) = used.get_mut(id) {
                    *used = true;
                }
            }
        }
        let at = top.key("backends");
        for (backend, used) in backends.iter().zip(used) {
            let at = at.key(&backend.name);
            if !used {
                findings.warn(&at, "is used by no route");
            } else if backend.health_check.is_none() {
                findings.warn(&at, "has no health_check: an endpoint that is down is found out by users");
            }
        }
    }
}
