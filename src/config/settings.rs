//! What the door runs on: everything parsed, resolved and checked. Illegal combinations cannot be written here.

mod backend;
mod route;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use ipnet::IpNet;

use crate::routing::{RouteId, RouteTable, Share};
pub use crate::socket::Address;
use crate::tls::Pair;
pub use backend::{
    BackendSettings, BackendTls, Balance, ClientCertificate, EndpointAddress, HealthCheck, HostPort, Outliers,
    Protocol, Timeouts,
};
pub use route::{
    Answer, BreakerRules, FallbackSettings, MirrorSettings, NoiseSettings, Override, Proxied, RateBy, RateLimit,
    RouteSettings, TimeoutOverrides,
};

/// Index into [`Settings::backends`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BackendId(pub usize);

#[derive(Debug)]
pub struct Settings {
    pub listeners: Vec<Arc<Listener>>,
    pub admin: AdminSettings,
    pub trusted_proxies: Vec<IpNet>,
    /// Threads of the door's own runtime.
    pub threads: usize,
    /// Whom the door becomes when its ports are bound; `None`: it stays who started it.
    pub run_as: Option<RunAs>,
    pub limits: Limits,
    /// Longest wait for requests in flight when the door is told to stop.
    pub drain_timeout: Duration,
    /// How long the readiness fails before the listeners close.
    pub drain_delay: Duration,
    pub request_id: RequestIds,
    pub backends: Vec<BackendSettings>,
    pub session: Session,
    /// The headers by which routes, sessions and requests are told apart: no other may read as one of them.
    pub telling_headers: Vec<HeaderName>,
    pub store: StoreSettings,
    /// `None`: no access log is written.
    pub access_log: Option<AccessLogSettings>,
    /// `None`: no spans are made, and what says whose trace a request belongs to passes as it is.
    pub tracing: Option<Arc<TracingSettings>>,
    pub table: RouteTable,
    /// By [`RouteId`], in file order; the last one is `default`, which answers what matches no route.
    pub routes: Vec<RouteSettings>,
    /// Hash over the content of the config file and all its includes, in hex.
    pub hash: String,
    /// The hash, and another one over the certificates and keys that it names: changes whenever any of it does.
    pub content: String,
    /// The config file and its includes, in the order they were read.
    pub files: Vec<PathBuf>,
    pub warnings: Vec<String>,
    /// Pairs of files that could not be read anew, where what they held before is in these settings too; located.
    pub kept: Vec<String>,
}

impl Settings {
    /// The route of what matches no route: named `default`, made of the `defaults` block.
    pub fn default_route(&self) -> RouteId {
        RouteId(self.routes.len().saturating_sub(1) as u32)
    }
}

/// Where users come in. Only the address is taken once, when the door starts; the rest holds for the next connection.
#[derive(Debug)]
pub struct Listener {
    pub address: Address,
    /// Who may open a unix socket, as of chmod.
    pub mode: u32,
    /// A PROXY header comes first, and says who the client is.
    pub proxy_protocol: bool,
    /// `None`: plain HTTP.
    pub tls: Option<Tls>,
    /// HTTP/2 without TLS is spoken too, to clients that begin with it.
    pub h2c: bool,
    /// The port that plain requests are sent to, over TLS.
    pub redirect_https: Option<u16>,
    /// Strict-Transport-Security, for answers that have none.
    pub hsts: Option<HeaderValue>,
    /// That came in here, within [`Limits::max_connections`]; `None`: no bound of its own.
    pub max_connections: Option<usize>,
}

#[derive(Debug)]
pub struct Tls {
    pub server: Arc<rustls::ServerConfig>,
    /// In the order in which they were written.
    pub certificates: Vec<Certificate>,
}

/// A certificate with its key, and where it was read.
#[derive(Debug, Clone)]
pub struct Certificate {
    pub files: PairFiles,
    pub pair: Pair,
}

/// By these a pair is known again after a reload.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PairFiles {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminSettings {
    pub address: Address,
    pub token_file: Option<PathBuf>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// From the first byte of a request to the end of its head.
    pub header_timeout: Duration,
    /// Between two reads of a request body.
    pub body_timeout: Duration,
    /// An idle client connection is closed after this.
    pub keep_alive: Duration,
    pub head: HeadLimits,
    pub max_connections: usize,
    /// Of one client address; `None`: no bound.
    pub max_connections_per_client: Option<usize>,
    /// On one connection, which then ends; `None`: no bound.
    pub max_requests: Option<u32>,
    /// Requests under way on one HTTP/2 connection.
    pub max_streams: u32,
    /// Bytes of requests and answers that copies may keep, waiting or under way, over all routes.
    pub mirror_memory: usize,
}

/// How large the head of a request may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadLimits {
    /// The whole, bytes.
    pub bytes: usize,
    /// Header lines.
    pub headers: usize,
    /// The target: path and query, bytes.
    pub uri: usize,
}

/// Where a session's key comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// A cookie of the door's own that pins visitors without a key; `None`: the door sets no cookie.
    pub cookie: Option<String>,
    /// The first that is present is the key.
    pub key: Vec<KeySource>,
    /// What stands in where none is present.
    pub fallback: FallbackKey,
}

/// The key of a session that has none of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FallbackKey {
    ClientIp,
    /// All visitors without a key count as one session, the last one to be moved to `new`.
    None,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    Cookie(String),
    Header(HeaderName),
}

/// A user of the system, and a group instead of his own. Whether there are such, only the machine that runs the door knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunAs {
    pub user: String,
    pub group: Option<String>,
}

/// What requests are called by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestIds {
    /// Where trusted proxies say it, and backends and clients are told it.
    pub header: HeaderName,
    /// Whether backends are told.
    pub send: bool,
    /// Whether clients are told.
    pub answer: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessLogSettings {
    /// `None`: standard output.
    pub path: Option<PathBuf>,
    pub format: AccessLogFormat,
    /// Of the requests that are written; answers of 5xx always are.
    pub percent: Share,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessLogFormat {
    /// One object a line.
    Json,
    /// As nginx and Apache write it, with the route, stage and origin behind.
    Combined,
}

/// Which requests leave spans, and where these go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TracingSettings {
    /// A collector that speaks OTLP over HTTP.
    pub endpoint: EndpointAddress,
    /// What is posted to there.
    pub path: String,
    /// How an `https://` endpoint is spoken to.
    pub tls: BackendTls,
    /// Of the requests that belong to nobody's trace yet.
    pub percent: Share,
    pub parents: Parents,
    /// What is said of the door itself, its name first.
    pub attributes: Vec<(String, String)>,
    /// Sent with each batch.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// For one batch: connect, send, receive.
    pub timeout: Duration,
}

/// Whose `traceparent` says which trace a request belongs to, and whether it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parents {
    Any,
    /// That of trusted proxies only.
    Trusted,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreSettings {
    pub path: PathBuf,
    /// Bytes on disk.
    pub max_size: u64,
}
