//! What the door answers itself: refusals, gateway errors, and the routes that say `respond:`.

use bytes::Bytes;
use http::StatusCode;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use pingora::http::ResponseHeader;
use pingora::proxy::Session;

/// Why a request goes to no backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    BadRequest(&'static str),
    MethodNotAllowed,
    HeadTooLarge,
}

impl Refusal {
    pub fn status(self) -> StatusCode {
        match self {
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::BadRequest(why) => why,
            Self::MethodNotAllowed => "the door does not pass this method on",
            Self::HeadTooLarge => "the request's head is larger than limits.max_header_bytes",
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

/// Answers with a status and its name.
///
/// # Errors
/// The client is gone.
pub async fn respond(session: &mut Session, status: StatusCode) -> pingora::Result<()> {
    send(session, status, status.canonical_reason().unwrap_or("")).await
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
