//! The door itself: whom it trusts, its limits, its store, its window.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use ipnet::IpNet;

use super::{bounds, names};
use crate::config::at::At;
use crate::config::mistake::Findings;
use crate::config::settings::{
    AccessLogFormat, AccessLogSettings, Address, AdminSettings, HeadLimits, Limits, Listener, RequestIds, RunAs,
    StoreSettings,
};
use crate::config::spec::{LimitsSpec, Percent, Spec, StoreSpec, Text};
use crate::routing::Share;

/// What a key says whose effect belongs to a later version: refused, never silently accepted.
pub const NOT_YET: &str = "is not in this version yet";

const FORMAT: u64 = 1;
const MOST_THREADS: u64 = 1024;
const DEFAULT_ADMIN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9901);
const DEFAULT_DRAIN: Duration = Duration::from_secs(30);
/// So that a balancer that asks often sends nothing to a closed door.
const DEFAULT_DRAIN_DELAY: Duration = Duration::from_millis(200);
const DEFAULT_REQUEST_ID: &str = "x-request-id";
const DEFAULT_STORE: &str = "matapalo.db";
const DEFAULT_STORE_SIZE: u64 = 256 << 20;
/// Below this not even the tallies of a mid-sized site fit.
const LEAST_STORE_SIZE: u64 = 1 << 20;
const MOST_STORE_SIZE: u64 = 1 << 40;
/// A head of less than this fits no browser's.
const LEAST_HEADER_BYTES: u64 = 1 << 10;
const MOST_HEADER_BYTES: u64 = 1 << 20;
/// The proxy engine's maps hold twice as many, so that what the door adds has room.
const MOST_HEADERS: u64 = 16_384;
/// As many as nginx's 32 KiB hold of the shortest.
const USUAL_HEADERS: usize = 8_192;
const LEAST_MIRROR_MEMORY: u64 = 1 << 20;
const MOST_MIRROR_MEMORY: u64 = 64 << 30;
pub const MOST_CONNECTIONS: u64 = 10_000_000;
const MOST_REQUESTS: u64 = 1_000_000_000;
const MOST_STREAMS: u64 = 10_000;

pub fn version(spec: &Spec, top: &At<'_>, findings: &mut Findings) {
    match spec.version {
        None => findings.missing(&top.key("version"), format!("is missing, want `version: {FORMAT}`")),
        Some(FORMAT) => {}
        Some(other) => findings.wrong(&top.key("version"), format!("is {other}, want {FORMAT}")),
    }
}

pub fn trusted_proxies(spec: &Spec, top: &At<'_>, findings: &mut Findings) -> Vec<IpNet> {
    names::networks(spec.trusted_proxies.as_deref().unwrap_or_default(), &top.key("trusted_proxies"), findings)
}

pub fn threads(spec: &Spec, top: &At<'_>, findings: &mut Findings) -> usize {
    bounds::count(spec.threads, 1..=MOST_THREADS, &top.key("threads"), findings)
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
}

pub fn drain_timeout(spec: &Spec, top: &At<'_>, findings: &mut Findings) -> Duration {
    bounds::time(spec.drain_timeout, &top.key("drain_timeout"), findings).unwrap_or(DEFAULT_DRAIN)
}

pub fn drain_delay(spec: &Spec, top: &At<'_>, findings: &mut Findings) -> Duration {
    bounds::time(spec.drain_delay, &top.key("drain_delay"), findings).unwrap_or(DEFAULT_DRAIN_DELAY)
}

pub fn run_as(spec: &Spec, top: &At<'_>, findings: &mut Findings) -> Option<RunAs> {
    let mut name = |written: &Option<Text>, key| {
        let name = written.as_deref()?;
        let legal = |byte: u8| byte.is_ascii_graphic() && byte != b':';
        if name.is_empty() || !name.bytes().all(legal) {
            findings.wrong(&top.key(key), format!("is {name:?}, want a name of this system's"));
        }
        Some(name.to_owned())
    };
    let (user, group) = (name(&spec.user, "user"), name(&spec.group, "group"));
    if user.is_none() && group.is_some() {
        findings.wrong(&top.key("group"), "stands without a user");
    }
    Some(RunAs { user: user?, group })
}

pub fn request_id(spec: &Spec, top: &At<'_>, findings: &mut Findings) -> RequestIds {
    let written = spec.request_id.clone().unwrap_or_default();
    let at = top.key("request_id");
    let at_header = at.key("header");
    let header = written.header.as_deref().and_then(|name| names::header(name, &at_header, findings));
    if let Some(header) = &header
        && !header.as_str().ends_with("-id")
    {
        findings.wrong(&at_header, format!("is {:?}, want a name that ends in -Id", header.as_str()));
    }
    RequestIds {
        header: header.unwrap_or(HeaderName::from_static(DEFAULT_REQUEST_ID)),
        send: written.send.unwrap_or(true),
        answer: written.answer.unwrap_or(false),
    }
}

pub fn socket_address(written: &str, at: &At<'_>, findings: &mut Findings) -> Option<SocketAddr> {
    let parsed = written.parse().ok();
    if parsed.is_none() {
        findings.wrong(at, format!("is {written:?}, want an IP address and a port, such as 0.0.0.0:8080 or [::]:8080"));
    }
    parsed
}

pub fn admin(spec: &Spec, folder: &Path, top: &At<'_>, findings: &mut Findings) -> AdminSettings {
    let admin = spec.admin.clone().unwrap_or_default();
    let at = top.key("admin");
    let token_file = admin.token_file.as_deref().map(|path| folder.join(path));
    let address = admin
        .address
        .and_then(|address| self::address(&address, folder, &at.key("address"), findings))
        .unwrap_or(Address::Tcp(DEFAULT_ADMIN));
    if let Address::Tcp(open) = &address
        && !open.ip().is_loopback()
        && token_file.is_none()
    {
        let says = format!(
            "is {open}, which others can reach: want admin.token_file beside it, or a loopback or unix address"
        );
        findings.wrong(&at.key("address"), says);
    }
    AdminSettings { address, token_file }
}

/// `IP:PORT` or `unix:PATH`, relative to the config's folder.
pub fn address(written: &Text, folder: &Path, at: &At<'_>, findings: &mut Findings) -> Option<Address> {
    match written.strip_prefix("unix:") {
        Some("") => {
            findings.wrong(at, "is \"unix:\", want a path behind it");
            None
        }
        Some(path) => Some(Address::Unix(folder.join(path))),
        None => socket_address(written, at, findings).map(Address::Tcp),
    }
}

/// Port 0 asks the system for a free port, so that several of them are not the same.
pub fn no_address_twice(listeners: &[Arc<Listener>], admin: &AdminSettings, top: &At<'_>, findings: &mut Findings) {
    let mut taken: HashMap<Address, String> = HashMap::new();
    let at = top.key("listeners");
    for (index, listener) in listeners.iter().enumerate().filter(|(_, listener)| !listener.address.is_any_port()) {
        if let Some(by) = taken.insert(listener.address.clone(), format!("listeners[{index}]")) {
            let at = at.index(index);
            findings.wrong(&at.key("address"), format!("is {}, which {by} already listens on", listener.address));
        }
    }
    if let Some(by) = taken.get(&admin.address) {
        let says = format!("is {}, which {by} already listens on", admin.address);
        findings.wrong(&top.key("admin").key("address"), says);
    }
}

pub fn limits(spec: &Spec, top: &At<'_>, findings: &mut Findings) -> Limits {
    let written = spec.limits.clone().unwrap_or_default();
    let at = top.key("limits");
    let seconds = Duration::from_secs;
    Limits {
        header_timeout: bounds::time(written.header_timeout, &at.key("header_timeout"), findings)
            .unwrap_or(seconds(10)),
        body_timeout: bounds::time(written.body_timeout, &at.key("body_timeout"), findings).unwrap_or(seconds(60)),
        keep_alive: bounds::time(written.keep_alive, &at.key("keep_alive"), findings).unwrap_or(seconds(60)),
        head: head_limits(&written, &at, findings),
        max_connections: bounds::count(
            written.max_connections,
            1..=MOST_CONNECTIONS,
            &at.key("max_connections"),
            findings,
        )
        .unwrap_or(20_000),
        max_connections_per_client: bounds::count(
            written.max_connections_per_client,
            1..=MOST_CONNECTIONS,
            &at.key("max_connections_per_client"),
            findings,
        ),
        max_requests: bounds::count(written.max_requests, 1..=MOST_REQUESTS, &at.key("max_requests"), findings)
            .and_then(|requests| u32::try_from(requests).ok()),
        max_streams: bounds::count(written.max_streams, 1..=MOST_STREAMS, &at.key("max_streams"), findings)
            .and_then(|streams| u32::try_from(streams).ok())
            .unwrap_or(100),
        mirror_memory: bounds::size(
            written.mirror_memory,
            LEAST_MIRROR_MEMORY..=MOST_MIRROR_MEMORY,
            &at.key("mirror_memory"),
            findings,
        )
        .map_or(64 << 20, |size| size as usize),
    }
}

pub fn store(spec: &Spec, folder: &Path, top: &At<'_>, findings: &mut Findings) -> StoreSettings {
    let written = spec.store.clone().unwrap_or_default();
    let at = top.key("store");
    store_url(&written, &at, findings);
    if written.path.as_deref() == Some("") {
        findings.wrong(&at.key("path"), "is \"\", want the path of a file");
    }
    let bounds = LEAST_STORE_SIZE..=MOST_STORE_SIZE;
    let max_size = bounds::size(written.max_size, bounds, &at.key("max_size"), findings).unwrap_or(DEFAULT_STORE_SIZE);
    StoreSettings { path: folder.join(written.path.as_deref().unwrap_or(DEFAULT_STORE)), max_size }
}

pub fn access_log(spec: &Spec, folder: &Path, top: &At<'_>, findings: &mut Findings) -> Option<AccessLogSettings> {
    let written = spec.access_log.as_ref()?;
    let at = top.key("access_log");
    let path = match written.path.as_deref() {
        None | Some("") => {
            findings.missing(&at.key("path"), "is missing, want the path of a file, or - for standard output");
            return None;
        }
        Some("-") => None,
        Some(path) => Some(folder.join(path)),
    };
    let format = match written.format.as_deref() {
        None | Some("json") => AccessLogFormat::Json,
        Some("combined") => AccessLogFormat::Combined,
        Some(other) => {
            findings.wrong(&at.key("format"), format!("is {other:?}, want json or combined"));
            return None;
        }
    };
    let percent = written.percent.map_or(Share::ALL, |Percent(share)| share);
    Some(AccessLogSettings { path, format, percent })
}

fn store_url(written: &StoreSpec, at: &At<'_>, findings: &mut Findings) {
    let Some(url) = &written.url else { return };
    let at_url = at.key("url");
    if written.path.is_some() {
        findings.wrong(&at_url, "stands beside store.path, want one of them");
    }
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        findings.wrong(&at_url, NOT_YET);
    } else {
        // The URL may hold a password: it is not repeated.
        findings.wrong(&at_url, "is no URL that begins with postgres://");
    }
}

fn head_limits(written: &LimitsSpec, at: &At<'_>, findings: &mut Findings) -> HeadLimits {
    let bounds = LEAST_HEADER_BYTES..=MOST_HEADER_BYTES;
    let bytes = bounds::size(written.max_header_bytes, bounds.clone(), &at.key("max_header_bytes"), findings);
    let bytes = bytes.map_or(64 << 10, |size| size as usize);
    let uri = bounds::size(written.max_uri_bytes, bounds, &at.key("max_uri_bytes"), findings);
    let headers = bounds::count(written.max_headers, 1..=MOST_HEADERS, &at.key("max_headers"), findings);
    HeadLimits {
        bytes,
        headers: headers.unwrap_or(USUAL_HEADERS),
        // Longer than the whole head it is never.
        uri: uri.map_or(bytes, |size| size as usize),
    }
}
