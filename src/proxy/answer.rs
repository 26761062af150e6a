//! What the door answers itself: refusals, gateway errors, and the routes that say `respond:`.

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use pingora::http::ResponseHeader;
use pingora::proxy::Session;

use super::{request_id, secure};
use crate::live::rates::Exceeded;

/// Why a request goes to no backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    BadRequest(&'static str),
    MethodNotAllowed,
    HeadTooLarge,
    UnknownCoding,
}

impl Refusal {
    pub fn status(self) -> StatusCode {
        match self {
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::UnknownCoding => StatusCode::NOT_IMPLEMENTED,
        }
    }

    pub fn text(self) -> &'static str {
        match self {
            Self::BadRequest(why) => why,
            Self::MethodNotAllowed => "the door does not pass this method on",
            Self::HeadTooLarge => "the request's head is larger than limits.max_header_bytes",
            Self::UnknownCoding => "the door knows no transfer coding but chunked",
        }
    }
}

/// Answers with a refusal and closes the connection: what follows on it may be part of the trick.
///
/// # Errors
/// The client is gone.
pub async fn refuse(session: &mut Session, refusal: Refusal) -> pingora::Result<()> {
    session.set_keepalive(None);
    send(session, refusal.status(), refusal.text()).await
}

/// Whether the user has the head of an answer, or a tunnel: after that, nobody else can answer, nor the door say a word.
pub fn has_begun(session: &Session) -> bool {
    let said = |status: StatusCode| !status.is_informational() || status == StatusCode::SWITCHING_PROTOCOLS;
    session.response_written().is_some_and(|head| said(head.status))
}

/// Answers with a status and its name.
///
/// # Errors
/// The client is gone.
pub async fn respond(session: &mut Session, status: StatusCode) -> pingora::Result<()> {
    send(session, status, status.canonical_reason().unwrap_or("")).await
}

/// Sends a plain request to the same place over TLS, or refuses one whose host no browser could be sent to.
///
/// # Errors
/// The client is gone.
pub async fn redirect(session: &mut Session, location: Option<HeaderValue>) -> pingora::Result<()> {
    let Some(location) = location else {
        return refuse(session, Refusal::BadRequest("the Host header is not a host")).await;
    };
    // 308: the method and the body stay what they are (RFC 9110, section 15.4.9).
    let mut head = ResponseHeader::build(StatusCode::PERMANENT_REDIRECT, Some(4))?;
    head.insert_header(LOCATION, location)?;
    request_id::answer(&mut head)?;
    head.insert_header(CONTENT_LENGTH, 0)?;
    session.write_response_header(Box::new(head), true).await
}

/// Tells a client that it asks too often, and when it may again.
///
/// # Errors
/// The client is gone.
pub async fn come_later(session: &mut Session, exceeded: Exceeded) -> pingora::Result<()> {
    let body = Bytes::from(format!("{} too many requests\n", exceeded.status.as_u16()));
    let mut head = ResponseHeader::build(exceeded.status, Some(4))?;
    head.insert_header(CONTENT_TYPE, "text/plain; charset=utf-8")?;
    head.insert_header(CONTENT_LENGTH, body.len())?;
    head.insert_header(CACHE_CONTROL, "no-store")?;
    // Whole seconds, and never one too few.
    head.insert_header(RETRY_AFTER, exceeded.wait.as_secs() + 1)?;
    finish(session, head, body).await
}

async fn send(session: &mut Session, status: StatusCode, text: &str) -> pingora::Result<()> {
    let body = if has_body(status) { Bytes::from(format!("{} {text}\n", status.as_u16())) } else { Bytes::new() };
    let mut head = ResponseHeader::build(status, Some(6))?;
    if has_body(status) {
        head.insert_header(CONTENT_TYPE, "text/plain; charset=utf-8")?;
        head.insert_header(CONTENT_LENGTH, body.len())?;
    }
    head.insert_header(CACHE_CONTROL, "no-store")?;
    match status {
        StatusCode::METHOD_NOT_ALLOWED => head.insert_header(ALLOW, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")?,
        StatusCode::SERVICE_UNAVAILABLE => head.insert_header(RETRY_AFTER, "1")?,
        _ => {}
    }
    finish(session, head, body).await
}

async fn finish(session: &mut Session, mut head: ResponseHeader, body: Bytes) -> pingora::Result<()> {
    secure::keep_secure(&mut head)?;
    request_id::answer(&mut head)?;
    let bodiless = body.is_empty() || session.req_header().method == http::Method::HEAD;
    session.write_response_header(Box::new(head), bodiless).await?;
    if !bodiless {
        session.write_response_body(Some(body), true).await?;
    }
    Ok(())
}

/// RFC 9110, section 6.4.1.
fn has_body(status: StatusCode) -> bool {
    !(status.is_informational() || status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED)
}
