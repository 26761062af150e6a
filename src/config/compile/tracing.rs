//! Where spans go, and of which requests there are any.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue};

use super::{Files, backend_tls, backends, bounds, names};
use crate::config::at::At;
use crate::config::mistake::Findings;
use crate::config::settings::{EndpointAddress, Parents, TracingSettings};
use crate::config::spec::{Entries, Percent, Spec, Text, TracingSpec};
use crate::routing::Share;

/// Where OTLP has its receivers of spans, for an endpoint that names no path.
const DEFAULT_PATH: &str = "/v1/traces";
const DEFAULT_SERVICE: &str = "matapalo";
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);
/// Told by the door itself, or of the connection.
const OWN_HEADERS: [&str; 7] =
    ["content-encoding", "content-length", "content-type", "connection", "expect", "host", "transfer-encoding"];

pub fn tracing(spec: &Spec, files: Files<'_>, top: &At<'_>, findings: &mut Findings) -> Option<Arc<TracingSettings>> {
    let written = spec.tracing.as_ref()?;
    let at = top.key("tracing");
    let percent = written.percent.map_or(Share::ALL, |Percent(share)| share);
    let parents = parents(written.parent.as_deref(), &at.key("parent"), findings);
    let timeout = bounds::time(written.timeout, &at.key("timeout"), findings).unwrap_or(DEFAULT_TIMEOUT);
    let headers = headers(written.headers.as_ref(), &at.key("headers"), findings);
    let tls = backend_tls::tls(written.tls.as_ref(), files, &at.key("tls"), findings);
    let attributes = attributes(written, &at, findings);
    let (endpoint, path) = endpoint(written.endpoint.as_deref(), &at.key("endpoint"), findings)?;
    if written.tls.is_some() && !matches!(endpoint, EndpointAddress::Https(_)) {
        findings.wrong(&at.key("tls"), "is of no use: the endpoint is not https://");
    }
    Some(Arc::new(TracingSettings { endpoint, path, tls, percent, parents, attributes, headers, timeout }))
}

fn parents(written: Option<&str>, at: &At<'_>, findings: &mut Findings) -> Parents {
    match written {
        None | Some("any") => Parents::Any,
        Some("trusted") => Parents::Trusted,
        Some(other) => {
            findings.wrong(at, format!("is {other:?}, want any or trusted"));
            Parents::Any
        }
    }
}

/// `http://host[:port][/path]`: the whole URL that is posted to.
fn endpoint(written: Option<&str>, at: &At<'_>, findings: &mut Findings) -> Option<(EndpointAddress, String)> {
    let Some(written) = written else {
        findings.missing(at, "is missing, want the URL of a collector such as http://127.0.0.1:4318/v1/traces");
        return None;
    };
    parsed(written).map_err(|says| findings.wrong(at, says)).ok()
}

fn parsed(written: &str) -> Result<(EndpointAddress, String), String> {
    let wanted = || format!("is {written:?}, want a URL such as http://127.0.0.1:4318/v1/traces");
    if !written.starts_with("http://") && !written.starts_with("https://") {
        return Err(wanted());
    }
    let url = url::Url::parse(written).map_err(|error| format!("{}: {error}", wanted()))?;
    let endpoint = backends::host_and_port(&url, written)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!("{}, without a query", wanted()));
    }
    let path = if url.path() == "/" { DEFAULT_PATH } else { url.path() };
    Ok((endpoint, path.to_owned()))
}

/// They may be secrets: what is wrong with a value is told without it.
fn headers(written: Option<&Entries<Text>>, at: &At<'_>, findings: &mut Findings) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers = Vec::new();
    for (name, value) in written.iter().flat_map(|entries| entries.iter()) {
        let at = at.key(name);
        let Some(name) = names::header(name, &at, findings) else { continue };
        if OWN_HEADERS.contains(&name.as_str()) {
            findings.wrong(&at, "is a header that the door sets itself");
        }
        match HeaderValue::from_str(value) {
            Ok(mut value) => {
                value.set_sensitive(true);
                headers.push((name, value));
            }
            Err(_) => findings.wrong(&at, "has a value that no header can have"),
        }
    }
    headers
}

fn attributes(written: &TracingSpec, at: &At<'_>, findings: &mut Findings) -> Vec<(String, String)> {
    let service = written.service_name.as_deref().unwrap_or(DEFAULT_SERVICE);
    if service.is_empty() {
        findings.wrong(&at.key("service_name"), "is \"\", want a name such as matapalo");
    }
    let mut attributes = vec![("service.name".to_owned(), service.to_owned())];
    let further = at.key("attributes");
    for (key, value) in written.attributes.iter().flat_map(|entries| entries.iter()) {
        if key.is_empty() {
            findings.wrong(&further, "has an empty key, want names such as deployment.environment.name");
        } else if key == "service.name" {
            findings.wrong(&further.key(key), "is what service_name says");
        }
        attributes.push((key.clone(), value.0.clone()));
    }
    attributes
}
