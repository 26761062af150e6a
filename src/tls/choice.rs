//! Which certificate a client is shown: the one that names the host it asks for, otherwise the first.

use std::collections::HashMap;
use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::pair::Pair;

/// Of several certificates for one name (RSA and ECDSA, say), the first whose key the client understands is shown.
#[derive(Debug)]
pub struct Choice {
    by_name: HashMap<String, Vec<Arc<CertifiedKey>>>,
    /// In the order in which they were written.
    all: Vec<Arc<CertifiedKey>>,
}

impl Choice {
    pub fn of(pairs: &[Pair]) -> Self {
        let mut by_name: HashMap<String, Vec<Arc<CertifiedKey>>> = HashMap::new();
        for pair in pairs {
            for name in &pair.names {
                by_name.entry(name.clone()).or_default().push(pair.certified.clone());
            }
        }
        Self { by_name, all: pairs.iter().map(|pair| pair.certified.clone()).collect() }
    }

    /// A wildcard stands for exactly one label (RFC 6125, section 6.4.3); a name written out beats it.
    pub fn find(&self, host: Option<&str>, schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let host = host.map(str::to_ascii_lowercase);
        let exact = host.as_ref().and_then(|host| self.by_name.get(host));
        let wildcard = || {
            let (_, parent) = host.as_ref()?.split_once('.')?;
            self.by_name.get(&format!("*.{parent}"))
        };
        let named = exact.or_else(wildcard).and_then(|named| understood(named, schemes));
        named.or_else(|| understood(&self.all, schemes)).or_else(|| self.all.first()).cloned()
    }
}

fn understood<'a>(keys: &'a [Arc<CertifiedKey>], schemes: &[SignatureScheme]) -> Option<&'a Arc<CertifiedKey>> {
    keys.iter().find(|certified| certified.key.choose_scheme(schemes).is_some())
}

impl ResolvesServerCert for Choice {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.find(hello.server_name(), hello.signature_schemes())
    }
}
