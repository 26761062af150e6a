//! Where the door listens, and what it speaks there: addresses, certificates, redirects to TLS.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::HeaderValue;
use ipnet::IpNet;

use super::{Files, bounds, server};
use crate::config::at::At;
use crate::config::mistake::Findings;
use crate::config::settings::{Address, Certificate, Listener, PairFiles, Tls};
use crate::config::sources::read_tls_file;
use crate::config::spec::{
    CertificateSpec, ClientAuthSpec, HstsSpec, ListenerSpec, RedirectSpec, Spec, Text, TlsSpec, TlsVersionSpec,
};
use crate::tls::{Authorities, ClientAuth, Fault, MinVersion, Pair, Terms};

const HTTPS_PORT: u16 = 443;
/// Of a unix socket: any process of this machine may connect, as to a port.
const DEFAULT_MODE: u32 = 0o666;
/// An end that is nearer than this is one that renewal has missed: it renews a month before.
const ENDS_SOON: Duration = Duration::from_secs(14 * DAY);
const DAY: u64 = 86_400;
/// Half a year: what the browsers' lists ask for at least, and long enough to cover rare visits.
const DEFAULT_HSTS: Duration = Duration::from_secs(180 * DAY);
const LONGEST_HSTS: Duration = Duration::from_secs(10 * 365 * DAY);
/// What the browsers' preload list wants.
const LEAST_PRELOAD: Duration = Duration::from_secs(365 * DAY);

pub fn listeners(spec: &Spec, files: Files<'_>, top: &At<'_>, findings: &mut Findings) -> Vec<Arc<Listener>> {
    let at = top.key("listeners");
    let Some(written) = &spec.listeners else {
        findings.missing(&at, "is missing, want where the door listens, such as [{address: \"0.0.0.0:8080\"}]");
        return Vec::new();
    };
    if written.is_empty() {
        findings.wrong(&at, "is empty, want at least one address to listen on");
    }
    let listener = |(index, spec)| listener(spec, files, &at.index(index), findings);
    written.iter().enumerate().filter_map(listener).map(Arc::new).collect()
}

fn listener(spec: &ListenerSpec, files: Files<'_>, at: &At<'_>, findings: &mut Findings) -> Option<Listener> {
    let tls = spec.tls.as_ref().and_then(|tls| self::tls(tls, files, &at.key("tls"), findings));
    fits_together(spec, at, findings);
    let redirect_https = redirect(spec.redirect_https, &at.key("redirect_https"), findings);
    let hsts = spec.hsts.as_ref().and_then(|hsts| self::hsts(hsts, &at.key("hsts"), findings));
    let most = 1..=server::MOST_CONNECTIONS;
    let max_connections = bounds::count(spec.max_connections, most, &at.key("max_connections"), findings);
    let Some(address) = &spec.address else {
        findings.missing(&at.key("address"), "is missing, want an address such as 0.0.0.0:8080");
        return None;
    };
    let address = server::address(address, files.folder, &at.key("address"), findings)?;
    let mode = mode(spec, &address, &at.key("mode"), findings);
    let proxy_protocol = spec.proxy_protocol == Some(true);
    let h2c = spec.h2c == Some(true);
    Some(Listener { address, mode, proxy_protocol, tls, h2c, redirect_https, hsts, max_connections })
}

/// As chmod has it: three octal digits, with or without a zero before them.
fn mode(spec: &ListenerSpec, address: &Address, at: &At<'_>, findings: &mut Findings) -> u32 {
    let Some(written) = &spec.mode else { return DEFAULT_MODE };
    if matches!(address, Address::Tcp(_)) {
        findings.wrong(at, "stands beside an IP address, want it beside a unix: one");
    }
    let digits = written.strip_prefix('0').filter(|rest| rest.len() == 3).unwrap_or(written);
    let octal = digits.len() == 3 && digits.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
    match u32::from_str_radix(digits, 8) {
        Ok(mode) if octal => mode,
        _ => {
            findings.wrong(at, format!("is {:?}, want three octal digits such as \"0660\"", written.0));
            DEFAULT_MODE
        }
    }
}

/// Who connects by a unix socket has no address of his own, and with PROXY headers somebody must be believed.
pub fn whom_to_believe(listeners: &[Arc<Listener>], trusted: &[IpNet], top: &At<'_>, findings: &mut Findings) {
    let trusts_loopback = trusted.iter().any(|net| net.contains(&IpAddr::V4(Ipv4Addr::LOCALHOST)));
    let at = top.key("listeners");
    for (index, listener) in listeners.iter().enumerate() {
        let at = at.index(index);
        match &listener.address {
            Address::Tcp(_) if listener.proxy_protocol && trusted.is_empty() => {
                findings.wrong(&at.key("proxy_protocol"), "wants trusted_proxies: whose PROXY headers are believed");
            }
            Address::Unix(_) if !listener.proxy_protocol && !trusts_loopback => findings.warn(
                &at.key("address"),
                "is a unix socket, whose users all count as 127.0.0.1: want it in trusted_proxies, or proxy_protocol",
            ),
            _ => {}
        }
    }
}

fn fits_together(spec: &ListenerSpec, at: &At<'_>, findings: &mut Findings) {
    let redirects = !matches!(spec.redirect_https, None | Some(RedirectSpec::Wanted(false)));
    if spec.tls.is_some() && redirects {
        findings.wrong(&at.key("redirect_https"), "stands on a listener with TLS, want it on a plain one");
    }
    if spec.tls.is_some() && spec.h2c == Some(true) {
        findings.wrong(&at.key("h2c"), "stands on a listener with TLS, where HTTP/2 is spoken anyway");
    }
    if spec.tls.is_none() && spec.hsts.is_some() {
        findings.wrong(&at.key("hsts"), "stands on a listener without TLS, where browsers ignore it (RFC 6797)");
    }
}

fn redirect(written: Option<RedirectSpec>, at: &At<'_>, findings: &mut Findings) -> Option<u16> {
    match written? {
        RedirectSpec::Wanted(wanted) => wanted.then_some(HTTPS_PORT),
        RedirectSpec::Port(port) => match u16::try_from(port) {
            Ok(port) if port > 0 => Some(port),
            _ => {
                findings.wrong(at, format!("is {port}, want true or a port of 1 to 65535"));
                None
            }
        },
    }
}

/// The header's value.
fn hsts(written: &HstsSpec, at: &At<'_>, findings: &mut Findings) -> Option<HeaderValue> {
    let max_age = written.max_age.map_or(DEFAULT_HSTS, |time| time.0);
    if max_age > LONGEST_HSTS {
        findings.wrong(&at.key("max_age"), format!("is {}, want at most 3650d", bounds::show_time(max_age)));
    }
    let (subdomains, preload) = (written.include_subdomains == Some(true), written.preload == Some(true));
    if preload && (!subdomains || max_age < LEAST_PRELOAD) {
        let says = "is true, for which the browsers' list wants include_subdomains: true and max_age of at least 365d";
        findings.warn(&at.key("preload"), says);
    }
    let mut value = format!("max-age={}", max_age.as_secs());
    for (wanted, directive) in [(subdomains, "includeSubDomains"), (preload, "preload")] {
        if wanted {
            // Writing to a string does not fail.
            let _ = write!(value, "; {directive}");
        }
    }
    HeaderValue::from_str(&value).ok()
}

fn tls(written: &TlsSpec, files: Files<'_>, at: &At<'_>, findings: &mut Findings) -> Option<Tls> {
    let certificates = certificates(written.certificates.as_deref(), files, &at.key("certificates"), findings);
    let clients = clients(written, files.folder, at, findings);
    let min_version = match written.min_version {
        None | Some(TlsVersionSpec::Tls12) => MinVersion::Tls12,
        Some(TlsVersionSpec::Tls13) => MinVersion::Tls13,
    };
    let certificates = certificates.filter(|certificates| !certificates.is_empty())?;
    let pairs: Vec<Pair> = certificates.iter().map(|certificate| certificate.pair.clone()).collect();
    match (Terms { min_version, clients: clients.ok()? }).serve(&pairs) {
        Ok(server) => Some(Tls { server, certificates }),
        Err(says) => {
            findings.wrong(at, says);
            None
        }
    }
}

/// `None`: at least one of them cannot be used, and that was told.
fn certificates(
    written: Option<&[CertificateSpec]>,
    files: Files<'_>,
    at: &At<'_>,
    findings: &mut Findings,
) -> Option<Vec<Certificate>> {
    let Some(written) = written.filter(|written| !written.is_empty()) else {
        findings.missing(at, "is missing, want at least one {certificate: FILE, key: FILE}");
        return None;
    };
    let all: Vec<Option<Certificate>> =
        written.iter().enumerate().map(|(index, spec)| certificate(spec, files, &at.index(index), findings)).collect();
    all.into_iter().collect()
}

fn certificate(
    written: &CertificateSpec,
    files: Files<'_>,
    at: &At<'_>,
    findings: &mut Findings,
) -> Option<Certificate> {
    let (at_certificate, at_key) = (at.key("certificate"), at.key("key"));
    let certificate = named(written.certificate.as_ref(), &at_certificate, findings);
    let key = named(written.key.as_ref(), &at_key, findings);
    let (certificate, key) = (certificate?, key?);
    let files_of_pair = files.named(certificate, key);
    let read = match pair(&files_of_pair) {
        Ok(pair) => Some(Certificate { files: files_of_pair, pair }),
        Err(faults) => {
            let told = |fault| match fault {
                Fault::Certificate(says) => (at.key("certificate"), which(certificate, &says)),
                Fault::Key(says) => (at.key("key"), which(key, &says)),
            };
            files.stand_in(files.certificate(&files_of_pair), faults.into_iter().map(told).collect(), findings)
        }
    };
    if let Some(Certificate { pair, .. }) = &read {
        judge_age(pair, &at_certificate, findings);
        if !pair.is_for_somebody {
            findings
                .warn(&at_certificate, "is a certificate without subjectAltName: it is for nobody, clients refuse it");
        }
    }
    read
}

fn pair(files: &PairFiles) -> Result<Pair, Vec<Fault>> {
    let certificate = read_tls_file(&files.certificate).map_err(|unreadable| Fault::Certificate(unreadable.says));
    let key = read_tls_file(&files.key).map_err(|unreadable| Fault::Key(unreadable.says));
    match (certificate, key) {
        (Ok(certificate), Ok(key)) => Pair::read(&certificate, &key).map_err(|fault| vec![fault]),
        (certificate, key) => Err(certificate.err().into_iter().chain(key.err()).collect()),
    }
}

fn named<'a>(written: Option<&'a Text>, at: &At<'_>, findings: &mut Findings) -> Option<&'a Text> {
    let path = written.filter(|path| !path.is_empty());
    if path.is_none() {
        findings.missing(at, "is missing, want the path of a PEM file");
    }
    path
}

fn which(path: &Text, says: &str) -> String {
    format!("is {:?}, which {says}", path.0)
}

/// A warning only: an old certificate still serves those who do not care, and refusing it would close the door.
fn judge_age(pair: &Pair, at: &At<'_>, findings: &mut Findings) {
    let now = SystemTime::now();
    let days = |time: Duration| match time.as_secs() / DAY {
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    };
    let until_valid = pair.not_before.duration_since(now).unwrap_or_default();
    if !until_valid.is_zero() {
        findings.warn(at, format!("is a certificate that begins to be valid only in {}", days(until_valid)));
    }
    match pair.not_after.duration_since(now) {
        Err(past) => findings.warn(at, format!("is a certificate that expired {} ago", days(past.duration()))),
        Ok(left) if left < ENDS_SOON => findings.warn(at, format!("is a certificate that expires in {}", days(left))),
        Ok(_) => {}
    }
}

/// What is asked of clients. `Err`: it cannot be said, and that was told.
fn clients(
    written: &TlsSpec,
    folder: &Path,
    at: &At<'_>,
    findings: &mut Findings,
) -> Result<Option<(ClientAuth, Authorities)>, ()> {
    let auth = match written.client_auth {
        Some(ClientAuthSpec::Optional) => ClientAuth::Optional,
        None | Some(ClientAuthSpec::Required) => ClientAuth::Required,
    };
    let Some(path) = &written.client_ca else {
        if written.client_auth.is_some() {
            findings.wrong(&at.key("client_auth"), "wants client_ca beside it: whose certificates are good ones");
            return Err(());
        }
        return Ok(None);
    };
    let at = at.key("client_ca");
    let path = named(Some(path), &at, findings).ok_or(())?;
    let pem = read_tls_file(&folder.join(&path.0)).map_err(|unreadable| unreadable.says);
    let authorities = pem.and_then(|pem| Authorities::read(&pem));
    let authorities = authorities.map_err(|says| findings.wrong(&at, which(path, &says)))?;
    Ok(Some((auth, authorities)))
}
