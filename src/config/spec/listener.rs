//! `listeners:` as written.

use std::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer};

use super::{Text, Time, written};

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a mapping with the key address")]
pub struct ListenerSpec {
    #[serde(deserialize_with = "written")]
    pub address: Option<Text>,
    #[serde(deserialize_with = "written")]
    pub mode: Option<Text>,
    #[serde(deserialize_with = "written")]
    pub tls: Option<TlsSpec>,
    #[serde(deserialize_with = "written")]
    pub h2c: Option<bool>,
    #[serde(deserialize_with = "written")]
    pub proxy_protocol: Option<bool>,
    #[serde(deserialize_with = "written")]
    pub redirect_https: Option<RedirectSpec>,
    #[serde(deserialize_with = "written")]
    pub hsts: Option<HstsSpec>,
    #[serde(deserialize_with = "written")]
    pub max_connections: Option<u64>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a mapping with the key certificates")]
pub struct TlsSpec {
    #[serde(deserialize_with = "written")]
    pub certificates: Option<Vec<CertificateSpec>>,
    #[serde(deserialize_with = "written")]
    pub client_ca: Option<Text>,
    #[serde(deserialize_with = "written")]
    pub client_auth: Option<ClientAuthSpec>,
    #[serde(deserialize_with = "written")]
    pub min_version: Option<TlsVersionSpec>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a mapping with the keys certificate and key")]
pub struct CertificateSpec {
    #[serde(deserialize_with = "written")]
    pub certificate: Option<Text>,
    #[serde(deserialize_with = "written")]
    pub key: Option<Text>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuthSpec {
    Optional,
    Required,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a mapping with the keys max_age, include_subdomains and preload")]
pub struct HstsSpec {
    #[serde(deserialize_with = "written")]
    pub max_age: Option<Time>,
    #[serde(deserialize_with = "written")]
    pub include_subdomains: Option<bool>,
    #[serde(deserialize_with = "written")]
    pub preload: Option<bool>,
}

/// `1.2` or `1.3`, with or without quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsVersionSpec {
    Tls12,
    Tls13,
}

struct TlsVersionVisitor;

impl Visitor<'_> for TlsVersionVisitor {
    type Value = TlsVersionSpec;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("1.2 or 1.3")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<TlsVersionSpec, E> {
        match text {
            "1.2" => Ok(TlsVersionSpec::Tls12),
            "1.3" => Ok(TlsVersionSpec::Tls13),
            other => Err(E::custom(format_args!("is {other:?}, want 1.2 or 1.3"))),
        }
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<TlsVersionSpec, E> {
        self.visit_str(&number.to_string())
    }
}

impl<'de> Deserialize<'de> for TlsVersionSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TlsVersionVisitor)
    }
}

/// `true`, `false`, or the port that serves TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedirectSpec {
    Wanted(bool),
    Port(u64),
}

struct RedirectVisitor;

impl Visitor<'_> for RedirectVisitor {
    type Value = RedirectSpec;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true, false or a port")
    }

    fn visit_bool<E: de::Error>(self, wanted: bool) -> Result<RedirectSpec, E> {
        Ok(RedirectSpec::Wanted(wanted))
    }

    fn visit_u64<E: de::Error>(self, port: u64) -> Result<RedirectSpec, E> {
        Ok(RedirectSpec::Port(port))
    }
}

impl<'de> Deserialize<'de> for RedirectSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RedirectVisitor)
    }
}
