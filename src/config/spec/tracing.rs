//! `tracing:` as written: where spans go, and of which requests.

use serde::Deserialize;

use super::{BackendTlsSpec, Entries, Percent, Text, Time, written};

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a mapping with keys such as endpoint and percent")]
pub struct TracingSpec {
    #[serde(deserialize_with = "written")]
    pub endpoint: Option<Text>,
    #[serde(deserialize_with = "written")]
    pub percent: Option<Percent>,
    #[serde(deserialize_with = "written")]
    pub parent: Option<Text>,
    #[serde(deserialize_with = "written")]
    pub service_name: Option<Text>,
    #[serde(deserialize_with = "written")]
    pub attributes: Option<Entries<Text>>,
    #[serde(deserialize_with = "written")]
    pub headers: Option<Entries<Text>>,
    #[serde(deserialize_with = "written")]
    pub timeout: Option<Time>,
    #[serde(deserialize_with = "written")]
    pub tls: Option<BackendTlsSpec>,
}
