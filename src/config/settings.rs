//! What the door runs on: everything parsed, resolved and checked. Illegal combinations cannot be written here.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{HeaderName, HeaderValue, StatusCode};
use ipnet::IpNet;

use crate::diff::Rules;
use crate::evidence::Gate;
use crate::routing::{Origin, Policy, RouteId, RouteTable, Share};
pub use crate::socket::Address;

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
    /// The hash, and another one over the files that the listeners name: changes whenever any of it does.
    pub content: String,
    /// The config file and its includes, in the order they were read.
    pub files: Vec<PathBuf>,
    pub warnings: Vec<String>,
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
}

#[derive(Debug)]
pub struct Tls {
    pub server: Arc<rustls::ServerConfig>,
    /// In the order in which they were written.
    pub certificates: Vec<CertificateFacts>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFacts {
    pub names: Vec<String>,
    pub not_after: SystemTime,
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
    /// Request head, bytes.
    pub max_header_bytes: usize,
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

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackendSettings {
    pub name: Arc<str>,
    pub endpoints: Vec<EndpointAddress>,
    /// How its `https://` endpoints are spoken to.
    pub tls: BackendTls,
    pub protocol: Protocol,
    pub balance: Balance,
    pub outliers: Outliers,
    pub timeouts: Timeouts,
    /// Requests under way at this backend; `None`: no bound.
    pub max_in_flight: Option<usize>,
    pub health_check: Option<HealthCheck>,
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
}

/// A route's `timeouts:` block, laid over its backend's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TimeoutOverrides {
    pub connect: Option<Duration>,
    pub first_byte: Option<Duration>,
    pub idle: Option<Duration>,
}

impl TimeoutOverrides {
    pub fn over(&self, backend: &Timeouts) -> Timeouts {
        Timeouts {
            connect: self.connect.unwrap_or(backend.connect),
            first_byte: self.first_byte.unwrap_or(backend.first_byte),
            idle: self.idle.unwrap_or(backend.idle),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    pub path: String,
    pub interval: Duration,
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

#[derive(Debug)]
pub struct RouteSettings {
    pub name: Arc<str>,
    /// The paths that it is for, as written; `None`: all of them.
    pub path: Option<Arc<str>>,
    pub answer: Answer,
}

/// Who answers a route: the door itself, or a backend.
#[derive(Debug)]
pub enum Answer {
    Respond(StatusCode),
    Proxy(Box<Proxied>),
}

#[derive(Debug)]
pub struct Proxied {
    pub policy: Policy,
    /// What the buckets are salted with: the group's name, or the route's.
    pub salt: Arc<str>,
    pub legacy: BackendId,
    pub new: BackendId,
    /// The route's own timeouts; what is `None` is the backend's.
    pub timeouts: TimeoutOverrides,
    pub override_by: Option<Override>,
    pub mirror: MirrorSettings,
    pub noise: NoiseSettings,
    pub fallback: FallbackSettings,
    pub rate_limit: Option<RateLimit>,
    pub rules: Arc<Rules>,
    pub gate: Gate,
}

impl Proxied {
    pub fn backend(&self, origin: Origin) -> BackendId {
        match origin {
            Origin::Legacy => self.legacy,
            Origin::New => self.new,
        }
    }
}

/// A tester's way to choose the origin, value `legacy` or `new`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    pub by: KeySource,
    /// Client addresses that may.
    pub from: Vec<IpNet>,
}

impl Override {
    pub fn allows(&self, client: IpAddr) -> bool {
        self.from.iter().any(|net| net.contains(&client))
    }
}

/// How copies of a route are bounded. Which sessions and methods are copied is in [`Policy`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MirrorSettings {
    /// Bytes of request body, and of each answer, that are kept for the copy and the comparison.
    pub max_body: usize,
    /// For the whole copy: connect, send, receive.
    pub timeout: Duration,
    /// Copies of this route under way.
    pub max_in_flight: usize,
}

/// What is asked beside the copies to tell noise from bugs. Only GET and HEAD are ever asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoiseSettings {
    /// Of the copied requests: both origins are asked again, and each is compared with itself.
    pub control: Share,
    /// Whether both are asked again after a mismatch.
    pub settle: bool,
    /// Requests that settling may send to each origin, of the copied ones; a small number is free.
    pub budget: Share,
}

impl NoiseSettings {
    pub fn is_off(&self) -> bool {
        !self.settle && self.control == Share::NONE
    }
}

/// When a request that `new` did not answer goes to legacy. With which methods is in [`Policy`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FallbackSettings {
    pub status: Vec<StatusCode>,
    /// A response header by which `new` says "not mine".
    pub header: Option<HeaderName>,
    pub connect_error: bool,
    pub timeout: bool,
    /// Bytes of request body that are kept for the replay.
    pub max_body: usize,
    /// When `new` is not even asked; `None`: it always is.
    pub breaker: Option<BreakerRules>,
}

/// When requests that may fall back go straight to legacy, because `new` keeps failing them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerRules {
    /// Of the requests in a window.
    pub failures: Share,
    /// That a window must have had before failures count.
    pub min_requests: u32,
    pub window: Duration,
    /// How long `new` is left alone before one request tries it.
    pub open: Duration,
}

/// How many requests of a route one asker may make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    pub requests: NonZeroU32,
    pub per: Duration,
    /// At once, after a pause.
    pub burst: NonZeroU32,
    pub by: RateBy,
    /// Of the answer to who asks too often.
    pub status: StatusCode,
}

/// Whose requests are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateBy {
    /// By address.
    Client,
    Session,
    /// Everybody's.
    Route,
}
