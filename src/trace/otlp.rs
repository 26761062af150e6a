//! Spans as OTLP writes them.

use std::time::{SystemTime, UNIX_EPOCH};

use prost::Message;

use super::message::{
    Any, AnyValue, ExportRequest, ExportResponse, KeyValue, PARENT_IS_KNOWN, PARENT_IS_REMOTE, Resource, ResourceSpans,
    Scope, ScopeSpans, Span as Written, SpanKind, Status, StatusCode,
};
use super::span::{Kind, Span, Value};

const NAME: &str = env!("CARGO_PKG_NAME");
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// One batch, of a door of which this is said.
pub fn request(door: &[(String, String)], spans: &[Span]) -> Vec<u8> {
    let said = door.iter().map(|(key, value)| attribute(key, Any::StringValue(value.clone())));
    let attributes = said.chain([attribute("service.version", Any::StringValue(VERSION.to_owned()))]).collect();
    let scope = Scope { name: NAME.to_owned(), version: VERSION.to_owned() };
    let spans = spans.iter().map(written).collect();
    let scope_spans = vec![ScopeSpans { scope: Some(scope), spans }];
    let resource = Some(Resource { attributes });
    ExportRequest { resource_spans: vec![ResourceSpans { resource, scope_spans }] }.encode_to_vec()
}

/// How many spans of a batch that was taken were thrown away, and why.
pub fn rejected(answer: &[u8]) -> Option<(usize, String)> {
    let partial = ExportResponse::decode(answer).ok()?.partial_success?;
    let rejected = usize::try_from(partial.rejected_spans).ok().filter(|rejected| *rejected > 0)?;
    Some((rejected, partial.error_message))
}

fn written(span: &Span) -> Written {
    let kind = match span.kind {
        Kind::Server => SpanKind::Server,
        Kind::Client => SpanKind::Client,
    };
    let remote = if span.parent_is_remote { PARENT_IS_REMOTE } else { 0 };
    let code = if span.failed { StatusCode::Error } else { StatusCode::Unset };
    Written {
        trace_id: span.context.trace.0.to_vec(),
        span_id: span.context.span.0.to_vec(),
        parent_span_id: span.parent.map(|parent| parent.0.to_vec()).unwrap_or_default(),
        trace_state: span.state.to_string(),
        flags: u32::from(span.context.flags) | PARENT_IS_KNOWN | remote,
        name: span.name.clone(),
        kind: kind.into(),
        start_time_unix_nano: nanos(span.began),
        end_time_unix_nano: nanos(span.ended),
        attributes: span.attributes.0.iter().map(|(key, value)| attribute(key, any(value))).collect(),
        status: Some(Status { code: code.into() }),
    }
}

fn any(value: &Value) -> Any {
    match value {
        Value::Text(text) => Any::StringValue(text.clone()),
        Value::Number(number) => Any::IntValue(*number),
    }
}

fn attribute(key: &str, value: Any) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }) }
}

fn nanos(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
