//! Who may ask for what.
//!
//! The token opens everything. Without it a peer on this machine may read, and may change what is in force if it is not
//! a browser: a page that the operator visits can make their browser send a request here (a form, an image, a name that
//! is rebound to 127.0.0.1), but it cannot keep the browser from naming itself (`Origin`, `Sec-Fetch-*`, `Referer`) nor
//! from sending the name it was led to (`Host`). A request that came over another proxy is not of this machine, whoever
//! connected.

use std::net::IpAddr;
use std::path::PathBuf;

use http::{HeaderMap, StatusCode, header, request};
use subtle::ConstantTimeEq;

use super::OpenError;
use super::answer::{self, Answer};
use crate::config::settings::{Address, AdminSettings};
use crate::config::token;

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

impl Guard {
    /// # Errors
    /// The address is open to others and there is no token, or the token cannot be read.
    pub fn new(settings: &AdminSettings) -> Result<Self, OpenError> {
        let guard = Self { token_file: settings.token_file.clone() };
        guard
            .token()
            .map_err(|reason| OpenError::Token { path: guard.token_file.clone().unwrap_or_default(), reason })?;
        match settings.address {
            Address::Tcp(address) if Peer::of(address.ip()) == Peer::Remote && guard.token_file.is_none() => {
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
        token::read(path).map(Some)
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
    match headers.get(header::CONTENT_TYPE) {
        Some(sent) if !may_hold_json(sent.as_bytes()) => {
            let detail = "want `Content-Type: application/json`, or no body";
            Err(refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail))
        }
        _ => Ok(()),
    }
}

/// JSON, or the type that curl and scripts put on any body unless they are told otherwise: a form's own body of that type is
/// no JSON, because its braces are escaped. The other two types that a form can send could smuggle some.
fn may_hold_json(content_type: &[u8]) -> bool {
    let essence = content_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    [&b"application/json"[..], b"application/x-www-form-urlencoded"]
        .iter()
        .any(|known| essence.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;

    use super::*;

    fn guard(token: Option<&str>) -> (Guard, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let token_file = token.map(|token| {
            let path = folder.path().join("token");
            fs::write(&path, token).unwrap();
            path
        });
        (Guard { token_file }, folder)
    }

    /// The status of the refusal; 200: admitted.
    fn asked(guard: &Guard, peer: Peer, wish: Wish, lines: &[(&str, &str)]) -> u16 {
        let mut request = http::Request::builder().uri("/api/v1/rollback");
        for (name, value) in lines {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        guard.admit(peer, &parts, wish).err().map_or(200, |refused| refused.status().as_u16())
    }

    #[test]
    fn this_machine_may_change_things_but_no_browser_on_it() {
        let (guard, _folder) = guard(None);
        let change = |lines: &[(&str, &str)]| asked(&guard, Peer::Loopback, Wish::Change, lines);
        for host in ["localhost", "localhost:9901", "127.0.0.1:9901", "[::1]:9901", "127.9.9.9"] {
            assert_eq!(change(&[("host", host)]), 200, "{host}");
        }
        for host in
            ["site.example", "127.0.0.1.site.example:9901", "localhost.site.example", "", "0.0.0.0", "[::ffff:8.8.8.8]"]
        {
            assert_eq!(change(&[("host", host)]), 403, "{host}");
        }
        for name in ["origin", "referer", "sec-fetch-site", "sec-fetch-mode"] {
            assert_eq!(change(&[("host", "localhost"), (name, "null")]), 403, "{name}");
        }
        for form in ["text/plain", "multipart/form-data; boundary=x", ""] {
            assert_eq!(change(&[("host", "localhost"), ("content-type", form)]), 415, "{form}");
        }
        for tool in ["Application/JSON; charset=utf-8", "application/x-www-form-urlencoded"] {
            assert_eq!(change(&[("host", "localhost"), ("content-type", tool)]), 200, "{tool}");
        }
        assert_eq!(
            asked(&guard, Peer::Unix, Wish::Change, &[("host", "anything")]),
            200,
            "a socket's file has its own rights"
        );
        assert_eq!(asked(&guard, Peer::Unix, Wish::Change, &[("origin", "https://site.example")]), 403);
    }

    #[test]
    fn others_need_the_token_for_all_but_health() {
        let (guard, _folder) = guard(Some("correct-horse\n"));
        for wish in [Wish::Read, Wish::Change] {
            assert_eq!(asked(&guard, Peer::Remote, wish, &[("host", "localhost")]), 401);
            assert_eq!(asked(&guard, Peer::Remote, wish, &[("authorization", "Bearer correct-horse")]), 200);
            for wrong in [
                "Bearer correct-horsf",
                "Bearer correct-hors",
                "Bearer correct-horse2",
                "Basic correct-horse",
                "Bearer ",
            ] {
                assert_eq!(asked(&guard, Peer::Remote, wish, &[("authorization", wrong)]), 401, "{wrong}");
            }
            for proxied in ["x-forwarded-for", "forwarded", "via"] {
                assert_eq!(
                    asked(&guard, Peer::Loopback, wish, &[("host", "localhost"), (proxied, "x")]),
                    401,
                    "{proxied}"
                );
            }
        }
        assert_eq!(asked(&guard, Peer::Remote, Wish::Health, &[("host", "10.0.0.1")]), 200);
    }

    #[test]
    fn a_rotated_token_needs_no_restart_and_an_empty_one_opens_nothing() {
        let (guard, _folder) = guard(Some("one"));
        let with = |line: &str| asked(&guard, Peer::Remote, Wish::Read, &[("authorization", line)]);
        assert_eq!(with("Bearer one"), 200);
        fs::write(guard.token_file.as_ref().unwrap(), "two").unwrap();
        assert_eq!((with("Bearer one"), with("Bearer two")), (401, 200));
        fs::write(guard.token_file.as_ref().unwrap(), " \n").unwrap();
        assert_eq!((with("Bearer two"), with("Bearer  ")), (401, 401));
    }

    #[test]
    fn an_address_open_to_others_without_a_token_is_refused() {
        let settings = AdminSettings { address: Address::Tcp("0.0.0.0:9901".parse().unwrap()), token_file: None };
        assert!(matches!(Guard::new(&settings), Err(OpenError::NeedsToken { .. })));
        let missing = AdminSettings { token_file: Some("/nowhere/token".into()), ..settings };
        assert!(Guard::new(&missing).unwrap_err().to_string().starts_with("admin.token_file /nowhere/token: "));
    }
}
