//! How an `https://` endpoint is spoken to: made of the config once, laid over each peer.

use std::hash::{Hash as _, Hasher as _};
use std::sync::Arc;

use pingora::protocols::tls::CaType;
use pingora::upstreams::peer::HttpPeer;
use pingora::utils::tls::{CertKey, WrappedX509, parse_x509};
use xxhash_rust::xxh3::Xxh3Default;

use crate::config::settings::BackendTls;

pub struct Tls {
    /// What the certificate must bear. Never empty: to the library no name means no check at all.
    pub name: String,
    verify: bool,
    /// `None`: whom the system trusts.
    ca: Option<Arc<CaType>>,
    client: Option<Arc<CertKey>>,
    group: u64,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("name", &self.name).field("verify", &self.verify).finish_non_exhaustive()
    }
}

impl Tls {
    pub fn new(settings: &BackendTls, host: &str) -> Self {
        let certificates = |der: &Vec<u8>| WrappedX509::new(der.clone(), parse_x509);
        let ca: Vec<WrappedX509> = settings.ca.iter().map(certificates).collect();
        Self {
            name: settings.sni.clone().unwrap_or_else(|| host.to_owned()),
            verify: settings.verify,
            ca: (!ca.is_empty()).then(|| ca.into()),
            client: settings.client.as_ref().map(|own| Arc::new(CertKey::new(own.chain.clone(), own.key.clone()))),
            group: group(settings),
        }
    }

    pub fn apply(&self, peer: &mut HttpPeer) {
        peer.options.verify_cert = self.verify;
        peer.options.verify_hostname = self.verify;
        peer.options.ca = self.ca.clone();
        peer.client_cert_key = self.client.clone();
        peer.group_key = self.group;
    }
}

/// Tells connections apart that were made under different settings: the library does not look at the authorities when it
/// takes a kept connection, and one that was never verified must not serve where verification is asked for.
pub fn group(settings: &BackendTls) -> u64 {
    let mut hasher = Xxh3Default::new();
    settings.hash(&mut hasher);
    hasher.finish()
}
