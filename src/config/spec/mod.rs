//! The YAML as written, and nothing more: every key of the config, all optional here. The only place that knows serde_yaml.
//!
//! What must be there, what is in range and what fits together is said by [`compile`](super::compile); how a file is read,
//! with all its mistakes at once, by [`read`].

pub mod listener;
pub mod overlay;
pub mod read;
pub mod route;
mod rules_file;
mod sentence;
pub mod text;
mod tracing;
pub mod units;

use serde::{Deserialize, Deserializer};

pub use listener::{CertificateSpec, ClientAuthSpec, HstsSpec, ListenerSpec, RedirectSpec, TlsSpec, TlsVersionSpec};
pub use route::{
    BreakerSpec, CanarySpec, DefaultsSpec, FallbackOnSpec, FallbackSpec, MatchSpec, MirrorSpec, NoiseSpec,
    OverrideSpec, PathSpec, RateSpec, RespondSpec, RouteLimitsSpec, RouteSpec,
};
pub use rules_file::read_rules;
pub use text::{Entries, Text};
pub use tracing::TracingSpec;
pub use units::{Percent, Size, Time};

/// A key that is there has a value: `stage:` with nothing behind it is half a sentence, not a wish for the default.
fn written<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// The whole config file.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "a mapping with keys such as version, listeners, backends and routes"
)]
pub struct Spec {
    /// Of the config's format: 1.
    #[serde(deserialize_with = "written")]
    pub version: Option<u64>,
    #[serde(deserialize_with = "written")]
    pub listeners: Option<Vec<ListenerSpec>>,
    #[serde(deserialize_with = "written")]
    pub admin: Option<AdminSpec>,
    #[serde(deserialize_with = "written")]
    pub trusted_proxies: Option<Vec<Text>>,
    #[serde(deserialize_with = "written")]
    pub threads: Option<u64>,
    #[serde(deserialize_with = "written")]
    pub user: Option<Text>,
    #[serde(deserialize_with = "written")]
    pub group: Option<Text>,
    #[serde(deserialize_with = "written")]
    pub limits: Option<LimitsSpec>,
    #[serde(deserialize_with = "written")]
    pub drain_timeout: Option<Time>,
    #[serde(deserialize_with = "written")]
    pub drain_delay: Option<Time>,
    #[serde(deserialize_with = "written")]
    pub request_id: Option<RequestIdSpec>,
    #[serde(deserialize_with = "written")]
    pub backends: Option<Entries<BackendSpec>>,
    #[serde(deserialize_with = "written")]
    pub session: Option<SessionSpec>,
    #[serde(deserialize_with = "written")]
    pub store: Option<StoreSpec>,
    #[serde(deserialize_with = "written")]
    pub access_log: Option<AccessLogSpec>,
    #[serde(deserialize_with = "written")]
    pub tracing: Option<TracingSpec>,
    #[serde(deserialize_with = "written")]
    pub defaults: Option<DefaultsSpec>,
    /// Patterns of further files, relative to this one's folder.
    #[serde(deserialize_with = "written")]
    pub include: Option<Vec<Text>>,
    #[serde(deserialize_with = "written")]
    pub routes: Option<Vec<RouteSpec>>,
}

/// A file named by `include`: routes and nothing else.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a mapping with the one key routes")]
pub struct IncludedSpec {
    #[serde(deserialize_with = "written")]
    pub routes: Option<Vec<RouteSpec>>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a mapping with the keys address and token_file")]
pub struct AdminSpec {
    #[serde(deserialize_with = "written")]
    pub address: Option<Text>,
    #[serde(deserialize_with = "written")]
    pub token_file: Option<Text>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a mapping with the keys header, send and answer")]
pub struct RequestIdSpec {
    #[serde(deserialize_with = "written")]
    pub header: Option<Text>,
    #[serde(deserialize_with = "written")]
    pub send: Option<bool>,
    #[serde(deserialize_with = "written")]
    pub answer: Option<bool>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a mapping with the keys path, format and percent")]
pub struct AccessLogSpec {
    #[serde(deserialize_with = "written")]
    pub path: Option<Text>,
    #[serde(deserialize_with = "written")]
    pub format: Option<Text>,
    #[serde(deserialize_with = "written")]
    pub percent: Option<Percent>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a mapping with keys such as header_timeout and max_connections")]
pub struct LimitsSpec {
    #[serde(deserialize_with = "written")]
    pub header_timeout: Option<Time>,
    #[serde(deserialize_with = "written")]
    pub body_timeout: Option<Time>,
    #[serde(deserialize_with = "written")]
    pub keep_alive: Option<Time>,
    #[serde(deserialize_with = "written")]
    pub max_header_bytes: Option<Size>,
    #[serde(deserialize_with = "written")]
    pub max_headers: Option<u64>,
    #[serde(deserialize_with = "written")]
    pub max_uri_bytes: Option<Size>,
    #[serde(deserialize_with = "written")]
    pub max_connections: Option<u64>,
    #[serde(deserialize_with = "written")]
    pub max_connections_per_client: Option<u64>,
    #[serde(deserialize_with = "written")]
    pub max_requests: Option<u64>,
    #[serde(deserialize_with = "written")]
    pub max_streams: Option<u64>,
    #[serde(deserialize_with = "written")]
    pub mirror_memory: Option<Size>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a mapping with the key endpoints")]
pub struct BackendSpec {
    #[serde(deserialize_with = "written")]
    pub endpoints: Option<Vec<Text>>,
    #[serde(deserialize_with = "written")]
    pub timeouts: Option<TimeoutsSpec>,
    #[serde(deserialize_with = "written")]
    pub health_check: Option<HealthCheckSpec>,
    #[serde(deserialize_with = "written")]
    pub max_in_flight: Option<u64>,
    #[serde(deserialize_with = "written")]
    pub tls: Option<BackendTlsSpec>,
    #[serde(deserialize_with = "written")]
    pub http2: Option<bool>,
    #[serde(deserialize_with = "written")]
    pub proxy_protocol: Option<bool>,
    #[serde(deserialize_with = "written")]
    pub balance: Option<Text>,
    #[serde(deserialize_with = "written")]
    pub outliers: Option<OutliersSpec>,
    #[serde(deserialize_with = "written")]
    pub resolve: Option<Time>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a mapping with keys such as ca, sni and verify")]
pub struct BackendTlsSpec {
    #[serde(deserialize_with = "written")]
    pub ca: Option<Text>,
    #[serde(deserialize_with = "written")]
    pub sni: Option<Text>,
    #[serde(deserialize_with = "written")]
    pub verify: Option<bool>,
    #[serde(deserialize_with = "written")]
    pub client_certificate: Option<Text>,
    #[serde(deserialize_with = "written")]
    pub client_key: Option<Text>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a mapping with keys such as failures and eject")]
pub struct OutliersSpec {
    #[serde(deserialize_with = "written")]
    pub failures: Option<u64>,
    #[serde(deserialize_with = "written")]
    pub min_requests: Option<u64>,
    #[serde(deserialize_with = "written")]
    pub eject: Option<Time>,
    #[serde(deserialize_with = "written")]
    pub longest: Option<Time>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a mapping with the keys connect, first_byte, idle and total")]
pub struct TimeoutsSpec {
    #[serde(deserialize_with = "written")]
    pub connect: Option<Time>,
    #[serde(deserialize_with = "written")]
    pub first_byte: Option<Time>,
    #[serde(deserialize_with = "written")]
    pub idle: Option<Time>,
    #[serde(deserialize_with = "written")]
    pub total: Option<Time>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a mapping with the keys path and interval")]
pub struct HealthCheckSpec {
    #[serde(deserialize_with = "written")]
    pub path: Option<Text>,
    #[serde(deserialize_with = "written")]
    pub interval: Option<Time>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a mapping with the keys cookie, key and fallback_key")]
pub struct SessionSpec {
    #[serde(deserialize_with = "written")]
    pub cookie: Option<Text>,
    #[serde(deserialize_with = "written")]
    pub key: Option<Vec<KeySourceSpec>>,
    #[serde(deserialize_with = "written")]
    pub fallback_key: Option<FallbackKeySpec>,
}

/// Exactly one of its keys.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a mapping with one key, cookie or header")]
pub struct KeySourceSpec {
    #[serde(deserialize_with = "written")]
    pub cookie: Option<Text>,
    #[serde(deserialize_with = "written")]
    pub header: Option<Text>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a mapping with the keys path and max_size")]
pub struct StoreSpec {
    #[serde(deserialize_with = "written")]
    pub path: Option<Text>,
    #[serde(deserialize_with = "written")]
    pub max_size: Option<Size>,
    #[serde(deserialize_with = "written")]
    pub url: Option<Text>,
}
/// What the key of a session is that has none of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FallbackKeySpec {
    ClientIp,
    None,
}
