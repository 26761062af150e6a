//! How an `https://` endpoint is spoken to: made of the config once, laid over each peer, or spoken here where the library is not to
//! have all of a connection.

use std::fmt;
use std::hash::{Hash as _, Hasher as _};
use std::sync::Arc;

use pingora::protocols::tls::CaType;
use pingora::upstreams::peer::HttpPeer;
use pingora::utils::tls::{CertKey, WrappedX509, parse_x509};
use pingora::{Error, ErrorType, OrErr};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use xxhash_rust::xxh3::Xxh3Default;

use crate::config::settings::BackendTls;
use crate::socket::Stream as Socket;
use crate::tls::BackendTerms;

pub struct Tls {
    /// What the certificate must bear. Never empty: to the library no name means no check at all.
    pub name: String,
    verify: bool,
    /// `None`: whom the system trusts.
    ca: Option<Arc<CaType>>,
    client: Option<Arc<CertKey>>,
    group: u64,
    /// The same, for connections that are secured here.
    own: Result<Arc<ClientConfig>, String>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("name", &self.name).field("verify", &self.verify).finish_non_exhaustive()
    }
}

impl Tls {
    pub fn new(settings: &BackendTls, host: &str) -> Self {
        let certificates = |der: &Vec<u8>| WrappedX509::new(der.clone(), parse_x509);
        let ca: Vec<WrappedX509> = settings.ca.iter().map(certificates).collect();
        let client = settings.client.as_ref().map(|own| (own.chain.as_slice(), own.key.as_slice()));
        let own = BackendTerms { ca: &settings.ca, verify: settings.verify, client }.dial();
        Self {
            name: settings.sni.clone().unwrap_or_else(|| host.to_owned()),
            verify: settings.verify,
            ca: (!ca.is_empty()).then(|| ca.into()),
            client: settings.client.as_ref().map(|own| Arc::new(CertKey::new(own.chain.clone(), own.key.clone()))),
            group: group(settings),
            own,
        }
    }

    pub fn apply(&self, peer: &mut HttpPeer) {
        peer.options.verify_cert = self.verify;
        peer.options.verify_hostname = self.verify;
        peer.options.ca = self.ca.clone();
        peer.client_cert_key = self.client.clone();
        peer.group_key = self.group;
    }

    /// Speaks TLS on it, on the terms that the library has.
    ///
    /// # Errors
    /// Whoever answers is not the one who should, or speaks no TLS.
    pub(super) async fn secure(&self, socket: Socket) -> pingora::Result<TlsStream<Socket>> {
        let failed = |why: String| Error::explain(ErrorType::TLSHandshakeFailure, why);
        let config = self.own.clone().map_err(failed)?;
        let name = ServerName::try_from(self.name.clone()).map_err(|error| failed(error.to_string()))?;
        let secured = TlsConnector::from(config).connect(name, socket).await;
        secured.or_err(ErrorType::TLSHandshakeFailure, "when speaking TLS")
    }
}

/// Tells connections apart that were made under different settings: the library does not look at the authorities when it
/// takes a kept connection, and one that was never verified must not serve where verification is asked for.
pub fn group(settings: &BackendTls) -> u64 {
    let mut hasher = Xxh3Default::new();
    settings.hash(&mut hasher);
    hasher.finish()
}
