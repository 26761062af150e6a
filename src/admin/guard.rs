//! Who may ask for what.
//!
//! The token opens everything. Without it a peer on this machine may read, and may change what is in force if it is not
//! a browser: a page that the operator visits can make their browser send a request here (a form, an image, a name that
//! is rebound to 127.0.0.1), but it cannot keep the browser from naming itself (`Origin`, `Sec-Fetch-*`, `Referer`) nor
//! from sending the name it was led to (`Host`). A request that came over another proxy is not of this machine, whoever
//! connected.

use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;

use http::{HeaderMap, StatusCode, header, request};
use subtle::ConstantTimeEq;

use super::OpenError;
use super::answer::{self, Answer};
use crate::config::settings::{AdminAddress, AdminSettings};

/// Where a connection comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    Unix,
    Loopback,
    Remote,
}

impl Peer {
    pub fn of(address: IpAddr) -> Self {
        if address.to_canonical().is_loopback() { Self::Loopback } else { Self::Remote }
    }
}

/// What a request wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Is the door alive, is it ready? Anybody may know.
    Health,
    Read,
    Change,
}

#[derive(Debug)]
pub struct Guard {
    token_file: Option<PathBuf>,
}

/// A longer one is not a token.
const MAX_TOKEN_BYTES: u64 = 4096;

impl Guard {
    /// # Errors
    /// The address is open to others and there is no token, or the token cannot be read.
    pub fn new(settings: &AdminSettings) -> Result<Self, OpenError> {
        let guard = Self { token_file: settings.token_file.clone() };
        guard
            .token()
            .map_err(|reason| OpenError::Token { path: guard.token_file.clone().unwrap_or_default(), reason })?;
        match settings.address {
            AdminAddress::Tcp(address) if Peer::of(address.ip()) == Peer::Remote && guard.token_file.is_none() => {
                Err(OpenError::NeedsToken { address: settings.address.to_string() })
            }
            _ => Ok(guard),
        }
    }

    /// # Errors
    /// The refusal to send.
    pub fn admit(&self, peer: Peer, request: &request::Parts, wish: Wish) -> Result<(), Box<Answer>> {
        if wish == Wish::Health {
            return Ok(());
        }
        if let Some(offered) = bearer(&request.headers) {
            return self.check_token(offered);
        }
        self.admit_without_token(peer, request, wish)
    }

    fn check_token(&self, offered: &[u8]) -> Result<(), Box<Answer>> {
        let token = self.token().map_err(|reason| {
            tracing::error!("admin.token_file cannot be read: {reason}");
            refusal(StatusCode::UNAUTHORIZED, "unauthorized", "the token cannot be checked: see the door's log")
        })?;
        match token {
            None => Err(refusal(
                StatusCode::UNAUTHORIZED,
                "unauthorized",
                "a token was sent, but admin.token_file is not set",
            )),
            Some(token) if bool::from(token.as_bytes().ct_eq(offered)) => Ok(()),
            Some(_) => Err(refusal(StatusCode::UNAUTHORIZED, "unauthorized", "this is not the token")),
        }
    }

    fn admit_without_token(&self, peer: Peer, request: &request::Parts, wish: Wish) -> Result<(), Box<Answer>> {
        let headers = &request.headers;
        if peer == Peer::Remote || was_forwarded(headers) {
            let detail = "from another machine every call needs `Authorization: Bearer TOKEN` (admin.token_file)";
            let mut answer = refusal(StatusCode::UNAUTHORIZED, "unauthorized", detail);
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, http::HeaderValue::from_static("Bearer"));
            return Err(answer);
        }
        if peer == Peer::Loopback && !host_is_loopback(request) {
            let detail = "the Host header names neither localhost nor a loopback address";
            return Err(refusal(StatusCode::FORBIDDEN, "forbidden", detail));
        }
        if wish == Wish::Change {
            refuse_browsers(headers)?;
        }
        Ok(())
    }

    /// Read anew each time, so that a rotated token needs no restart.
    fn token(&self) -> Result<Option<String>, String> {
        let Some(path) = &self.token_file else { return Ok(None) };
        let size = fs::metadata(path).map_err(|error| error.to_string())?.len();
        if size > MAX_TOKEN_BYTES {
            return Err(format!("{size} bytes, want at most {MAX_TOKEN_BYTES}"));
        }
        let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
        let token = text.trim();
        if token.is_empty() { Err("it is empty".to_owned()) } else { Ok(Some(token.to_owned())) }
    }
}

fn refusal(status: StatusCode, error: &str, detail: &str) -> Box<Answer> {
    Box::new(answer::problem(status, error, detail))
}

/// `Authorization: Bearer TOKEN`.
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

/// Another proxy, perhaps this very door, passed the request on for somebody who may be anywhere.
fn was_forwarded(headers: &HeaderMap) -> bool {
    ["x-forwarded-for", "x-forwarded-host", "x-real-ip", "forwarded", "via"]
        .iter()
        .any(|name| headers.contains_key(*name))
}

/// HTTP/1.0 clients may send no Host; browsers always do.
fn host_is_loopback(request: &request::Parts) -> bool {
    let absolute = request.uri.host();
    let mut named = request.headers.get_all(header::HOST).iter();
    let by_header = |value: &http::HeaderValue| value.to_str().is_ok_and(|host| is_loopback(without_port(host)));
    absolute.is_none_or(is_loopback) && named.all(by_header)
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

fn refuse_browsers(headers: &HeaderMap) -> Result<(), Box<Answer>> {
    let browsers = |name: &str| ["origin", "referer"].contains(&name) || name.starts_with("sec-fetch-");
    if let Some(found) = headers.keys().find(|name| browsers(name.as_str())) {
        let detail =
            format!("a call that changes something may not come from a browser (it has `{found}`); send the token");
        return Err(refusal(StatusCode::FORBIDDEN, "forbidden", &detail));
    }
    // A form can only send the three types that HTML knows, none of which is JSON.
    match headers.get(header::CONTENT_TYPE) {
        Some(sent) if !is_json(sent.as_bytes()) => {
            let detail = "want `Content-Type: application/json`, or no body";
            Err(refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail))
        }
        _ => Ok(()),
    }
}

fn is_json(content_type: &[u8]) -> bool {
    let essence = content_type.split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"application/json")
}
