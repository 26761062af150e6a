//! A backend: where its endpoints are, how they are spoken to, and which of them is asked.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::PairFiles;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackendSettings {
    pub name: Arc<str>,
    pub endpoints: Vec<EndpointAddress>,
    /// How its `https://` endpoints are spoken to.
    pub tls: BackendTls,
    pub protocol: Protocol,
    /// Each connection begins with a PROXY header.
    pub proxy_protocol: bool,
    pub balance: Balance,
    pub outliers: Outliers,
    pub timeouts: Timeouts,
    /// Requests under way at this backend; `None`: no bound.
    pub max_in_flight: Option<usize>,
    pub health_check: Option<HealthCheck>,
    /// How often the names of its endpoints are asked for again.
    pub resolve: Duration,
}

/// What a backend is spoken to in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Protocol {
    #[default]
    Http1,
    /// By prior knowledge, over TLS agreed on in the handshake.
    Http2,
}

/// Where one endpoint is. A name is resolved in the background.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum EndpointAddress {
    /// `http://host:port`
    Http(HostPort),
    /// `https://host:port`
    Https(HostPort),
    /// `unix:/path`: HTTP over a unix socket.
    Unix(PathBuf),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostPort {
    pub host: String,
    pub port: u16,
}

impl EndpointAddress {
    /// `None`: a unix socket has no URL that a command line could ask.
    pub fn url(&self) -> Option<String> {
        match self {
            Self::Http(at) => Some(format!("http://{at}")),
            Self::Https(at) => Some(format!("https://{at}")),
            Self::Unix(_) => None,
        }
    }

    pub fn host_port(&self) -> Option<&HostPort> {
        match self {
            Self::Http(at) | Self::Https(at) => Some(at),
            Self::Unix(_) => None,
        }
    }
}

/// As it stands in metrics and messages; `http://` goes without saying.
impl std::fmt::Display for EndpointAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Http(at) => write!(f, "{at}"),
            Self::Https(at) => write!(f, "https://{at}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl std::fmt::Display for HostPort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// TLS to a backend. Certificates are in DER, read and checked together with the config.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BackendTls {
    /// Who may have signed the backend's certificate; empty: whom the system trusts.
    pub ca: Vec<Vec<u8>>,
    /// The name that the certificate must bear; `None`: the endpoint's host.
    pub sni: Option<String>,
    pub verify: bool,
    /// What the door shows of itself.
    pub client: Option<ClientCertificate>,
}

impl Default for BackendTls {
    fn default() -> Self {
        Self { ca: Vec::new(), sni: None, verify: true, client: None }
    }
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ClientCertificate {
    pub files: PairFiles,
    /// The leaf first.
    pub chain: Vec<Vec<u8>>,
    pub key: Vec<u8>,
}

/// Not the key.
impl std::fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientCertificate").field("certificates", &self.chain.len()).finish_non_exhaustive()
    }
}

/// Which of a backend's endpoints is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Balance {
    #[default]
    RoundRobin,
    LeastInFlight,
    /// By the session's key, so that a session stays at one endpoint while that one is well.
    Hash,
}

/// When an endpoint that fails users is left alone for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outliers {
    /// In a row; 0: never.
    pub failures: u32,
    /// Requests that an endpoint must have had before its answers of 5xx count.
    pub min_requests: u32,
    /// How long it is left alone; doubled each time that it fails again.
    pub eject: Duration,
    pub longest: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeouts {
    pub connect: Duration,
    /// From the end of the request to the first byte of the answer.
    pub first_byte: Duration,
    /// Between two reads or writes of a body, and how long a kept connection is reused.
    pub idle: Duration,
    /// From choosing the endpoint to the last byte of the answer; `None`: no bound.
    pub total: Option<Duration>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    pub path: String,
    pub interval: Duration,
}
