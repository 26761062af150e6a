//! What a span of the door's own says of the request that it is about.

use http::header::{HOST, USER_AGENT};
use http::{HeaderValue, Version};
use pingora::http::RequestHeader;

use super::client::Client;
use super::forward;
use crate::live::AnsweredBy;
use crate::trace::{Attributes, tell_method};

/// What is known of a request when it is over.
#[derive(Debug)]
pub struct Told<'a> {
    pub request: &'a RequestHeader,
    pub client: &'a Client,
    pub route: &'a str,
    /// The paths that the route is for.
    pub path: Option<&'a str>,
    pub stage: &'a str,
    pub answered_by: AnsweredBy,
    /// `None`: the client left before it was answered.
    pub code: Option<u16>,
    /// Why the answer is not whole, in one word.
    pub broken: Option<&'static str>,
    pub request_id: &'a [u8],
}

/// The client did not wait for the end of its answer.
pub const CLIENT_LEFT: &str = "client_left";

impl Told<'_> {
    pub fn attributes(&self) -> Attributes {
        let mut attributes = Attributes::default();
        self.tell_request(&mut attributes);
        if let Some(code) = self.code {
            attributes.number("http.response.status_code", code);
        }
        attributes.text("error.type", self.error().unwrap_or_default().as_bytes());
        attributes.text("matapalo.route", self.route.as_bytes());
        attributes.text("matapalo.stage", self.stage.as_bytes());
        attributes.text("matapalo.origin", self.answered_by.label().as_bytes());
        attributes.text("matapalo.request_id", self.request_id);
        attributes
    }

    /// What the client did wrong is no failure of ours.
    pub fn is_failed(&self) -> bool {
        self.server_error().is_some() || self.broken.is_some_and(|broken| broken != CLIENT_LEFT)
    }

    fn server_error(&self) -> Option<String> {
        self.code.filter(|code| *code >= 500).map(|code| code.to_string())
    }

    fn error(&self) -> Option<String> {
        let left = self.code.is_none().then_some(CLIENT_LEFT);
        self.server_error().or(self.broken.or(left).map(str::to_owned))
    }

    /// Of the target only the path, because queries carry tokens.
    fn tell_request(&self, attributes: &mut Attributes) {
        let (request, client) = (self.request, self.client);
        tell_method(&request.method, attributes);
        attributes.text("url.path", forward::split_target(forward::target(request)).0);
        attributes.text("url.scheme", client.scheme.as_bytes());
        attributes.text("http.route", self.path.unwrap_or_default().as_bytes());
        let header = |name| request.headers.get(name).map(HeaderValue::as_bytes).unwrap_or_default();
        tell_host(header(HOST), attributes);
        attributes.text("client.address", client.address.to_string().as_bytes());
        if client.peer != client.address {
            attributes.text("network.peer.address", client.peer.to_string().as_bytes());
        }
        attributes.text("network.protocol.version", version(request.version).as_bytes());
        attributes.text("user_agent.original", header(USER_AGENT));
    }
}

/// `site.example:8080`, `[::1]:8080` or without a port.
fn tell_host(host: &[u8], attributes: &mut Attributes) {
    let Ok(host) = std::str::from_utf8(host) else { return };
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, port.parse::<u16>().ok()),
        _ => (host, None),
    };
    attributes.text("server.address", name.trim_start_matches('[').trim_end_matches(']').as_bytes());
    if let Some(port) = port {
        attributes.number("server.port", port);
    }
}

fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        _ => "1.1",
    }
}
