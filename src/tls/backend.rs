//! On which terms the door speaks TLS to a backend where it does so itself: those on which the library does.

use std::sync::{Arc, LazyLock};

use pingora::tls::load_platform_certs_incl_env_into_store;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::provider;

/// What is spoken in it.
const HTTP1: &[u8] = b"http/1.1";

/// Whom the system trusts, read once.
static SYSTEM: LazyLock<Result<Arc<RootCertStore>, String>> = LazyLock::new(|| {
    let mut roots = RootCertStore::empty();
    load_platform_certs_incl_env_into_store(&mut roots).map_err(|error| error.to_string())?;
    Ok(Arc::new(roots))
});

/// Certificates and keys are in DER.
#[derive(Debug)]
pub struct BackendTerms<'a> {
    /// Empty: whom the system trusts.
    pub ca: &'a [Vec<u8>],
    pub verify: bool,
    /// Chain and key of the door itself.
    pub client: Option<(&'a [Vec<u8>], &'a [u8])>,
}

impl BackendTerms<'_> {
    /// # Errors
    /// What of them cannot be used.
    pub fn dial(&self) -> Result<Arc<ClientConfig>, String> {
        let told = |error: Error| error.to_string();
        let provider = provider();
        let builder = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
        let verifier: Arc<dyn ServerCertVerifier> = if self.verify {
            let verifier = WebPkiServerVerifier::builder_with_provider(self.roots()?, provider);
            verifier.build().map_err(|error| error.to_string())?
        } else {
            Arc::new(Anybody(provider))
        };
        let builder = builder.map_err(told)?.dangerous().with_custom_certificate_verifier(verifier);
        let mut config = match self.client {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => {
                let chain = chain.iter().map(|der| CertificateDer::from(der.clone())).collect();
                let key = PrivateKeyDer::try_from(key.to_vec()).map_err(str::to_owned)?;
                builder.with_client_auth_cert(chain, key).map_err(told)?
            }
        };
        config.alpn_protocols = vec![HTTP1.to_vec()];
        Ok(Arc::new(config))
    }

    fn roots(&self) -> Result<Arc<RootCertStore>, String> {
        if self.ca.is_empty() {
            return SYSTEM.clone();
        }
        let mut roots = RootCertStore::empty();
        for authority in self.ca {
            roots.add(CertificateDer::from(authority.as_slice())).map_err(|error| error.to_string())?;
        }
        Ok(Arc::new(roots))
    }
}

/// Takes whoever answers, because the config says so (`verify: false`); that he holds the key to what he shows is looked at all the same.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
