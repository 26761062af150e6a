//! TLS to a backend: whom it must be signed by, whose name it must bear, what the door shows of itself.
//!
//! Files are read together with the config, and all that would fail at the first connection fails here. PEM is RFC 7468.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pingora::tls::{CertificateDer, ClientConfig, PrivateKeyDer, RootCertStore, ServerName};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::Files;
use crate::config::at::At;
use crate::config::mistake::Findings;
use crate::config::settings::{BackendTls, ClientCertificate};
use crate::config::sources::read_tls_file;
use crate::config::spec::{BackendTlsSpec, Text};

pub fn tls(written: Option<&BackendTlsSpec>, files: Files<'_>, at: &At<'_>, findings: &mut Findings) -> BackendTls {
    let Some(written) = written else { return BackendTls::default() };
    let verify = written.verify.unwrap_or(true);
    if !verify {
        findings.warn(&at.key("verify"), "is false: whoever is on the way can answer in the backend's place");
    }
    BackendTls {
        ca: authorities(written.ca.as_ref(), files.folder, &at.key("ca"), findings),
        sni: name(written.sni.as_ref(), &at.key("sni"), findings),
        verify,
        client: client(written, files, at, findings),
    }
}

fn authorities(written: Option<&Text>, folder: &Path, at: &At<'_>, findings: &mut Findings) -> Vec<Vec<u8>> {
    let Some(file) = written else { return Vec::new() };
    let found = sections(folder, file, &["CERTIFICATE"]).and_then(|found| {
        match found.iter().try_for_each(|der| is_authority(der)) {
            Ok(()) => Ok(found),
            Err(says) => Err(format!("{file:?} holds a certificate that cannot be used: {says}", file = file.0)),
        }
    });
    found.unwrap_or_else(|says| {
        findings.wrong(at, says);
        Vec::new()
    })
}

fn is_authority(der: &[u8]) -> Result<(), String> {
    RootCertStore::empty().add(CertificateDer::from(der)).map_err(|error| error.to_string())?;
    is_readable(der)
}

/// The library reads a certificate's names once more when it connects, in this way, and panics where it cannot.
fn is_readable(der: &[u8]) -> Result<(), String> {
    X509Certificate::from_der(der).map(drop).map_err(|_| "not a certificate of X.509".to_owned())
}

fn name(written: Option<&Text>, at: &At<'_>, findings: &mut Findings) -> Option<String> {
    let name = written?;
    if ServerName::try_from(name.0.as_str()).is_err() {
        findings.wrong(at, format!("is {:?}, want a host name or an address", name.0));
        return None;
    }
    Some(name.0.clone())
}

fn client(
    written: &BackendTlsSpec,
    files: Files<'_>,
    at: &At<'_>,
    findings: &mut Findings,
) -> Option<ClientCertificate> {
    let (certificate, key) = match (&written.client_certificate, &written.client_key) {
        (None, None) => return None,
        (Some(certificate), Some(key)) => (certificate, key),
        (Some(_), None) => {
            findings.missing(&at.key("client_key"), "is missing, want it beside client_certificate");
            return None;
        }
        (None, Some(_)) => {
            findings.missing(&at.key("client_certificate"), "is missing, want it beside client_key");
            return None;
        }
    };
    let files_of_pair = files.named(certificate, key);
    let chain = sections(files.folder, certificate, &["CERTIFICATE"])
        .and_then(|chain| chain.iter().try_for_each(|der| is_readable(der)).map(|()| chain))
        .map_err(|says| (at.key("client_certificate"), says));
    let key = sections(files.folder, key, &["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"])
        .map(|mut keys| keys.swap_remove(0))
        .map_err(|says| (at.key("client_key"), says));
    let faults = match (chain, key) {
        (Ok(chain), Ok(key)) => {
            let client = ClientCertificate { files: files_of_pair.clone(), chain, key };
            match belong_together(&client) {
                Ok(()) => return Some(client),
                Err(says) => vec![(at.key("client_key"), says)],
            }
        }
        (chain, key) => chain.err().into_iter().chain(key.err()).collect(),
    };
    files.stand_in(files.client_certificate(&files_of_pair), faults, findings)
}

fn belong_together(client: &ClientCertificate) -> Result<(), String> {
    pingora::tls::install_default_crypto_provider();
    let key = PrivateKeyDer::try_from(client.key.clone()).map_err(str::to_owned)?;
    let chain = client.chain.iter().cloned().map(CertificateDer::from).collect();
    let config = ClientConfig::builder().with_root_certificates(RootCertStore::empty());
    config
        .with_client_auth_cert(chain, key)
        .map(drop)
        .map_err(|error| format!("does not go with the certificate: {error}"))
}

/// What stands between `BEGIN` and `END` of these labels; at least one.
fn sections(folder: &Path, file: &Text, labels: &[&str]) -> Result<Vec<Vec<u8>>, String> {
    let path = folder.join(&file.0);
    let content = read_tls_file(&path).map_err(|unreadable| format!("{} {}", path.display(), unreadable.says))?;
    let text = String::from_utf8_lossy(&content);
    let mut found = Vec::new();
    for label in labels {
        let (begin, end) = (format!("-----BEGIN {label}-----"), format!("-----END {label}-----"));
        for section in text.split(&begin).skip(1) {
            let body: String = section.split(&end).next().unwrap_or_default().split_whitespace().collect();
            let der = STANDARD.decode(body).map_err(|error| format!("{}: broken PEM: {error}", path.display()))?;
            found.push(der);
        }
    }
    if found.is_empty() {
        return Err(format!("{} holds no PEM section of {}", path.display(), labels.join(" or ")));
    }
    Ok(found)
}
