//! A pair as it is kept: what was asked, what both said, where they differ, and how to ask again. Redacted and bounded.

use std::sync::Arc;

use http::HeaderMap;
use serde::{Deserialize, Serialize};

use super::pair::Pair;
use super::redact::Redactor;
use super::time::{millis, rfc3339};
use crate::diff::{Comparison, Difference, Observation, decode};
use crate::routing::Origin;

mod curl;
#[cfg(test)]
mod tests;

pub use curl::{Curl, curl};

/// Bytes of each body that are kept.
pub const MAX_BODY: usize = 16 * 1024;
/// Bytes looked at beyond, so that a secret which the cut would halve is seen whole.
const BEYOND: usize = 1024;
/// Differences kept with a sample.
const MAX_DIFFERENCES: usize = 50;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    pub route: String,
    pub stage: String,
    /// RFC 3339, UTC.
    pub at: String,
    /// Whose answer the user got.
    pub authoritative: Origin,
    /// Tells one user's samples from another's within a run of the door, and nothing else.
    pub session: String,
    pub fingerprints: Vec<String>,
    pub request: SampleRequest,
    /// Legacy's answer.
    pub control: SampleAnswer,
    /// New's answer.
    pub candidate: SampleAnswer,
    pub differences: Vec<Difference>,
    /// Differences beyond those kept.
    pub more: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SampleRequest {
    pub method: String,
    pub scheme: String,
    pub host: String,
    /// Path and query, raw but for secrets.
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: SampleBody,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SampleAnswer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: SampleBody,
    pub took_ms: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SampleBody {
    /// As it came over the wire.
    pub bytes: u64,
    /// Its beginning, secrets replaced; `None`: it is binary.
    pub text: Option<String>,
    /// Whether the text goes on.
    pub cut: bool,
}

impl Sample {
    pub fn of(pair: &Pair, comparison: &Comparison, fingerprints: &[Arc<str>], redactor: &Redactor) -> Self {
        let kept = comparison.differences.iter().take(MAX_DIFFERENCES);
        let beyond = comparison.differences.len().saturating_sub(MAX_DIFFERENCES) as u64;
        Self {
            route: pair.route.to_string(),
            stage: pair.stage.to_owned(),
            at: rfc3339(millis(pair.at)),
            authoritative: pair.authoritative,
            session: redactor.mark(&pair.session.to_string()),
            fingerprints: fingerprints.iter().map(ToString::to_string).collect(),
            request: SampleRequest {
                method: pair.request.method.to_string(),
                scheme: pair.request.scheme.to_owned(),
                host: pair.request.host.clone(),
                target: redactor.text(&pair.request.target),
                headers: headers(&pair.request.headers, redactor),
                body: body(&pair.request_body, &pair.request.headers, redactor),
            },
            control: answer(&pair.control, pair.control_time, redactor),
            candidate: answer(&pair.candidate, pair.candidate_time, redactor),
            differences: kept.map(|difference| redactor.difference(difference)).collect(),
            more: beyond + u64::from(comparison.more),
        }
    }
}

fn answer(observation: &Observation, took: std::time::Duration, redactor: &Redactor) -> SampleAnswer {
    SampleAnswer {
        status: observation.status.as_u16(),
        headers: headers(&observation.headers, redactor),
        body: body(&observation.body, &observation.headers, redactor),
        took_ms: (took.as_secs_f64() * 1e6).round() / 1e3,
    }
}

fn headers(headers: &HeaderMap, redactor: &Redactor) -> Vec<(String, String)> {
    let cleaned = headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes());
        (name.to_string(), redactor.header(name.as_str(), &value))
    });
    cleaned.collect()
}

fn body(body: &[u8], headers: &HeaderMap, redactor: &Redactor) -> SampleBody {
    let bytes = body.len() as u64;
    let binary = SampleBody { bytes, text: None, cut: false };
    // A body that is not what its coding says is told as binary; what is wrong with it is among the differences.
    let Ok(decoded) = decode::undo(headers, body) else { return binary };
    let looked_at = &decoded[..decoded.len().min(MAX_BODY + BEYOND)];
    if looked_at.contains(&0) {
        return binary;
    }
    let text = redactor.text(&decode::text(headers, looked_at).text);
    let cut = text.len() > MAX_BODY || decoded.len() > looked_at.len();
    SampleBody { bytes, text: Some(shortened(text)), cut }
}

fn shortened(mut text: String) -> String {
    if text.len() > MAX_BODY {
        text.truncate(text.floor_char_boundary(MAX_BODY));
    }
    text
}
