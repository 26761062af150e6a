//! A certificate and its key, read from PEM and found to belong together.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::provider;

/// A certificate with its chain, the key that belongs to it, and what the certificate says of itself.
#[derive(Debug, Clone)]
pub struct Pair {
    pub(super) certified: Arc<CertifiedKey>,
    /// The DNS names that it is for, in lower case; `*.` in front of a wildcard's.
    pub names: Vec<String>,
    /// Whether it is for anybody: a name or an IP address.
    pub is_for_somebody: bool,
    pub not_before: SystemTime,
    pub not_after: SystemTime,
}

/// Which of the two files is at fault, and how: a predicate, such as `holds no certificate`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    Certificate(String),
    Key(String),
}

impl Pair {
    /// Reads both files' content. The chain's first certificate is the server's own.
    ///
    /// # Errors
    /// One of them is not what it should be, or they do not belong together.
    pub fn read(certificate: &[u8], key: &[u8]) -> Result<Self, Fault> {
        let chain = chain(certificate).map_err(Fault::Certificate)?;
        let says = all_facts(&chain).map_err(Fault::Certificate)?;
        let key = private_key(key).map_err(Fault::Key)?;
        let certified = CertifiedKey::from_der(chain, key, &provider()).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => Fault::Key("does not belong to the certificate beside it".to_owned()),
            rustls::Error::InvalidCertificate(error) => Fault::Certificate(format!("cannot be used: {error:?}")),
            error => Fault::Key(format!("cannot be used: {error}")),
        })?;
        Ok(Self {
            certified: Arc::new(certified),
            names: says.names,
            is_for_somebody: says.is_for_somebody,
            not_before: says.not_before,
            not_after: says.not_after,
        })
    }
}

fn chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let mut chain = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let position = chain.len() + 1;
        let certificate =
            certificate.map_err(|error| format!("is no PEM that can be read, at certificate {position}: {error}"))?;
        chain.push(certificate);
    }
    if chain.is_empty() {
        return Err("holds no certificate, want PEM with BEGIN CERTIFICATE".to_owned());
    }
    Ok(chain)
}

fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    if memchr::memmem::find(pem, b"ENCRYPTED").is_some() {
        return Err("is encrypted: nobody is there to type its passphrase, want it without one".to_owned());
    }
    // What went wrong may quote the file: it is not repeated.
    PrivateKeyDer::from_pem_slice(pem).map_err(|_| "holds no private key, want PEM with BEGIN PRIVATE KEY".to_owned())
}

struct Facts {
    names: Vec<String>,
    is_for_somebody: bool,
    not_before: SystemTime,
    not_after: SystemTime,
}

/// Of the server's own. The others are only read: a client that is shown one it cannot read goes away.
fn all_facts(chain: &[CertificateDer<'_>]) -> Result<Facts, String> {
    let mut all = chain.iter().zip(1..).map(|(der, position)| {
        facts(der).map_err(|says| format!("holds a certificate that cannot be read, number {position} of it: {says}"))
    });
    let own = all.next().unwrap_or_else(|| Err("holds no certificate".to_owned()))?;
    all.try_for_each(|other| other.map(drop))?;
    Ok(own)
}

fn facts(der: &[u8]) -> Result<Facts, String> {
    let certificate = match X509Certificate::from_der(der) {
        Ok(([], certificate)) => certificate,
        Ok((rest, _)) => return Err(format!("{} bytes follow it that are none of its own", rest.len())),
        Err(error) => return Err(error.to_string()),
    };
    let validity = certificate.validity();
    let (mut names, mut addresses) = (Vec::new(), 0);
    // Clients have not looked at the common name for years.
    if let Ok(Some(alternatives)) = certificate.subject_alternative_name() {
        let general = &alternatives.value.general_names;
        addresses = general.iter().filter(|name| matches!(name, GeneralName::IPAddress(_))).count();
        names.extend(general.iter().filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
            _ => None,
        }));
    }
    let is_for_somebody = !names.is_empty() || addresses > 0;
    Ok(Facts {
        names,
        is_for_somebody,
        not_before: at(validity.not_before.timestamp()),
        not_after: at(validity.not_after.timestamp()),
    })
}

fn at(seconds: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
}
