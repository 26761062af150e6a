//! On which terms a listener speaks TLS: versions, client certificates, session tickets.

use std::sync::{Arc, LazyLock};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::{ProducesTickets, WebPkiClientVerifier};
use rustls::version::TLS13;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};

use super::choice::Choice;
use super::pair::Pair;
use super::provider;

/// What a client and the door may agree on, the better one first.
const PROTOCOLS: [&[u8]; 2] = [HTTP2, b"http/1.1"];
/// HTTP/2 as it is called in a handshake: RFC 9113, section 3.2.
pub const HTTP2: &[u8] = b"h2";

static ONLY_TLS13: [&SupportedProtocolVersion; 1] = [&TLS13];

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MinVersion {
    #[default]
    Tls12,
    Tls13,
}

/// What a client without a certificate is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAuth {
    /// Welcome; one with a wrong certificate is not.
    Optional,
    /// Not welcome.
    Required,
}

/// Whose signature makes a client certificate a good one.
#[derive(Debug, Clone)]
pub struct Authorities(Arc<RootCertStore>);

impl Authorities {
    /// # Errors
    /// A predicate: what of the content is wrong.
    pub fn read(pem: &[u8]) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| format!("is no PEM that can be read: {error}"))?;
            roots.add(certificate).map_err(|error| format!("holds a certificate that cannot be used: {error}"))?;
        }
        if roots.is_empty() {
            return Err("holds no certificate, want PEM with BEGIN CERTIFICATE".to_owned());
        }
        Ok(Self(Arc::new(roots)))
    }
}

#[derive(Debug, Clone, Default)]
pub struct Terms {
    pub min_version: MinVersion,
    pub clients: Option<(ClientAuth, Authorities)>,
}

/// Of all listeners that ask for no client certificate, so that a session can be resumed after a reload.
static TICKETS: LazyLock<Option<Arc<dyn ProducesTickets>>> = LazyLock::new(tickets);

/// `None`: the system gives no random bytes; sessions are then not resumed by ticket.
fn tickets() -> Option<Arc<dyn ProducesTickets>> {
    rustls::crypto::ring::Ticketer::new().ok()
}

impl Terms {
    /// Everything a listener needs to greet its clients.
    ///
    /// # Errors
    /// A predicate, such as `cannot be used: …`.
    pub fn serve(&self, pairs: &[Pair]) -> Result<Arc<ServerConfig>, String> {
        let unusable = |error: String| format!("cannot be used: {error}");
        let builder = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(self.versions())
            .map_err(|error| unusable(error.to_string()))?;
        let builder = match &self.clients {
            None => builder.with_no_client_auth(),
            Some((auth, Authorities(roots))) => {
                let verifier = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider());
                let verifier = match auth {
                    ClientAuth::Optional => verifier.allow_unauthenticated(),
                    ClientAuth::Required => verifier,
                };
                builder.with_client_cert_verifier(verifier.build().map_err(|error| unusable(error.to_string()))?)
            }
        };
        let mut config = builder.with_cert_resolver(Arc::new(Choice::of(pairs)));
        config.alpn_protocols = PROTOCOLS.iter().map(|protocol| protocol.to_vec()).collect();
        // A ticket stands in for the client's certificate: one of another listener, or of other terms, must not.
        let tickets = if self.clients.is_some() { tickets() } else { TICKETS.clone() };
        if let Some(tickets) = tickets {
            config.ticketer = tickets;
        }
        Ok(Arc::new(config))
    }

    fn versions(&self) -> &'static [&'static SupportedProtocolVersion] {
        match self.min_version {
            MinVersion::Tls12 => rustls::DEFAULT_VERSIONS,
            MinVersion::Tls13 => &ONLY_TLS13,
        }
    }
}
