//! A request of the door's to a backend: what is told of each, whether a user waits for it or not.

use std::sync::Arc;
use std::time::SystemTime;

use http::{Method, StatusCode};

use super::context::{Context, SpanId};
use super::span::{Attributes, Kind, Span};
use crate::config::settings::EndpointAddress;
use crate::upstream::{Backend, Endpoint};

/// Methods that a span may be named after: the conventions want few names, and clients can send any.
const METHODS: [&str; 10] = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"];

#[derive(Debug)]
pub struct Outbound<'a> {
    pub context: Context,
    pub parent: SpanId,
    pub state: &'a Arc<str>,
    pub method: &'a Method,
    /// Without the query.
    pub path: &'a [u8],
    pub backend: &'a Backend,
    /// `None`: there was none to ask.
    pub endpoint: Option<&'a Endpoint>,
    /// `answer`, `mirror` or `again`.
    pub purpose: &'static str,
    pub began: SystemTime,
    pub ended: SystemTime,
    pub status: Option<StatusCode>,
    /// In one word; also where there was a status, but the rest was missing.
    pub error: Option<&'static str>,
}

/// A method as the conventions name it.
pub fn known_method(method: &Method) -> Option<&str> {
    METHODS.contains(&method.as_str()).then_some(method.as_str())
}

pub fn tell_method(method: &Method, attributes: &mut Attributes) {
    attributes.text("http.request.method", known_method(method).unwrap_or("_OTHER").as_bytes());
    if known_method(method).is_none() {
        attributes.text("http.request.method_original", method.as_str().as_bytes());
    }
}

impl Outbound<'_> {
    pub fn span(&self) -> Span {
        let mut attributes = Attributes::default();
        tell_method(self.method, &mut attributes);
        self.tell_where(&mut attributes);
        attributes.text("matapalo.backend", self.backend.name.as_bytes());
        attributes.text("matapalo.purpose", self.purpose.as_bytes());
        if let Some(status) = self.status {
            attributes.number("http.response.status_code", status.as_u16());
        }
        let refused = self.status.filter(|status| status.is_client_error() || status.is_server_error());
        if let Some(error) = self.error.or(refused.as_ref().map(StatusCode::as_str)) {
            attributes.text("error.type", error.as_bytes());
        }
        let method = known_method(self.method).unwrap_or("HTTP");
        let what = if self.purpose == "answer" { String::new() } else { format!(" ({})", self.purpose) };
        Span {
            context: self.context,
            parent: Some(self.parent),
            parent_is_remote: false,
            state: self.state.clone(),
            name: format!("{method} {}{what}", self.backend.name),
            kind: Kind::Client,
            began: self.began,
            ended: self.ended.max(self.began),
            attributes,
            failed: self.error.is_some() || refused.is_some(),
        }
    }

    fn tell_where(&self, attributes: &mut Attributes) {
        let Some(endpoint) = self.endpoint else { return };
        match &endpoint.name {
            EndpointAddress::Http(at) | EndpointAddress::Https(at) => {
                attributes.text("server.address", at.host.as_bytes());
                attributes.number("server.port", at.port);
                let base = endpoint.name.url().unwrap_or_default();
                attributes.text("url.full", &[base.as_bytes(), self.path].concat());
            }
            EndpointAddress::Unix(path) => attributes.text("server.address", path.as_os_str().as_encoded_bytes()),
        }
    }
}
