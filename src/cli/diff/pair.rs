//! A line of `--pairs`: `{id, request?, control:{status,headers,body|body_base64}, candidate:{…}, diff?:{…}}`.

use anyhow::Context;
use base64::Engine;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use crate::diff::{Observation, Request, RulesSpec};

#[derive(Debug, Deserialize)]
pub struct PairLine {
    #[serde(default)]
    pub id: Value,
    #[serde(default)]
    pub request: Option<RequestPart>,
    pub control: AnswerPart,
    pub candidate: AnswerPart,
    #[serde(default)]
    pub diff: Option<RulesSpec>,
}

/// What was asked; every part may be left out.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct RequestPart {
    pub method: Option<String>,
    /// Absolute, or path and query.
    #[serde(alias = "target", alias = "path", alias = "uri")]
    pub url: Option<String>,
    pub scheme: Option<String>,
    pub host: Option<String>,
    pub headers: Value,
}

#[derive(Debug, Deserialize)]
pub struct AnswerPart {
    #[serde(default = "ok")]
    pub status: u16,
    /// `{name: value}`, `{name: [value, …]}` or `[[name, value], …]`.
    #[serde(default)]
    pub headers: Value,
    #[serde(default)]
    pub body: Option<String>,
    #[serde(default)]
    pub body_base64: Option<String>,
}

fn ok() -> u16 {
    StatusCode::OK.as_u16()
}

/// The request behind two bare files: nothing is known of it.
pub fn unknown_request() -> Request {
    Request {
        method: Method::GET,
        scheme: "http",
        host: "localhost".to_owned(),
        target: "/".to_owned(),
        headers: HeaderMap::new(),
    }
}

impl PairLine {
    pub fn request(&self) -> anyhow::Result<Request> {
        let mut request = unknown_request();
        let Some(part) = &self.request else { return Ok(request) };
        request.headers = headers(&part.headers).context("request.headers")?;
        if let Some(method) = &part.method {
            request.method = method.parse().with_context(|| format!("request.method: {method:?} is no HTTP method"))?;
        }
        if let Some(url) = &part.url {
            read_url(url, &mut request);
        }
        if let Some(host) = request.headers.get("host").and_then(|host| host.to_str().ok()) {
            request.host = host.to_owned();
        }
        if let Some(host) = &part.host {
            request.host = host.clone();
        }
        match &part.scheme {
            Some(scheme) => request.scheme = if scheme.eq_ignore_ascii_case("https") { "https" } else { "http" },
            None if part.url.as_ref().is_none_or(|url| !url.contains("://")) && self.is_https(&request.host) => {
                request.scheme = "https";
            }
            None => {}
        }
        Ok(request)
    }

    /// Do the answers say which scheme the site has that the request does not name?
    fn is_https(&self, host: &str) -> bool {
        let mentions = |scheme: &str| {
            ["", "\\"].iter().any(|escape| {
                let own = format!("{scheme}:{escape}/{escape}/{host}");
                [&self.control, &self.candidate].iter().any(|answer| {
                    answer.headers.to_string().contains(&own)
                        || answer.body.as_ref().is_some_and(|body| body.contains(&own))
                })
            })
        };
        mentions("https") && !mentions("http")
    }
}

/// Takes an absolute URL apart, without changing a byte of its path.
fn read_url(url: &str, request: &mut Request) {
    let Some((scheme, rest)) = url.split_once("://").filter(|(scheme, _)| !scheme.contains('/')) else {
        request.target = url.to_owned();
        return;
    };
    request.scheme = if scheme.eq_ignore_ascii_case("https") { "https" } else { "http" };
    let path = rest.find(['/', '?']).unwrap_or(rest.len());
    let (host, target) = rest.split_at(path);
    request.host = host.to_owned();
    request.target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
}

impl AnswerPart {
    pub fn observation(&self, side: &str) -> anyhow::Result<Observation> {
        let status = StatusCode::from_u16(self.status)
            .with_context(|| format!("{side}.status: {} is no HTTP status", self.status))?;
        let headers = headers(&self.headers).with_context(|| format!("{side}.headers"))?;
        let body = match (&self.body, &self.body_base64) {
            (Some(_), Some(_)) => anyhow::bail!("{side}: body and body_base64 exclude each other"),
            (Some(text), None) => text.clone().into_bytes(),
            (None, Some(coded)) => base64::engine::general_purpose::STANDARD
                .decode(coded)
                .with_context(|| format!("{side}.body_base64 is no base64"))?,
            (None, None) => Vec::new(),
        };
        Ok(Observation { status, headers, body: body.into() })
    }
}

fn headers(written: &Value) -> anyhow::Result<HeaderMap> {
    let mut found = HeaderMap::new();
    match written {
        Value::Null => {}
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::Array(values) => values.iter().try_for_each(|value| add(&mut found, name, value))?,
                    value => add(&mut found, name, value)?,
                }
            }
        }
        Value::Array(list) => {
            for entry in list {
                match entry.as_array().map(Vec::as_slice) {
                    Some([Value::String(name), value]) => add(&mut found, name, value)?,
                    _ => anyhow::bail!("want [name, value], found {entry}"),
                }
            }
        }
        other => anyhow::bail!("want {{name: value}} or [[name, value], …], found {other}"),
    }
    Ok(found)
}

fn add(headers: &mut HeaderMap, name: &str, value: &Value) -> anyhow::Result<()> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        other => anyhow::bail!("{name}: want text, found {other}"),
    };
    let key = HeaderName::from_bytes(name.as_bytes()).with_context(|| format!("{name:?} is no header name"))?;
    let value =
        HeaderValue::from_bytes(text.as_bytes()).with_context(|| format!("{name}: {text:?} is no header value"))?;
    headers.append(key, value);
    Ok(())
}
