//! What the door answers itself: refusals, gateway errors, and the routes that say `respond:`.

use std::time::{Duration, Instant, SystemTime};

use bytes::{Bytes, BytesMut};
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, LOCATION, RETRY_AFTER, STRICT_TRANSPORT_SECURITY,
};
use http::{HeaderValue, StatusCode, Version};
use pingora::http::ResponseHeader;
use pingora::protocols::Shutdown;
use pingora::protocols::http::HttpTask;
use pingora::proxy::Session;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::client_side::Refused;
use super::clock::{Clock, Phase};
use super::request_id::Unread;
use super::wire::Wire;
use super::{request_id, secure};
use crate::config::settings::Listener;
use crate::live::rates::Exceeded;

/// How long a client that has its answer may pause in sending what nobody wants, and how long it may go on at most.
const LISTENS: Duration = Duration::from_secs(2);
const LISTENS_AT_MOST: Duration = Duration::from_secs(10);

/// Why a request goes to no backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    BadRequest(&'static str),
    MethodNotAllowed,
    HeadTooLarge,
    TooManyHeaders,
    UriTooLong,
    BodyTooLarge,
    UnknownCoding,
}

impl Refusal {
    pub fn status(self) -> StatusCode {
        match self {
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::HeadTooLarge | Self::TooManyHeaders => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::UriTooLong => StatusCode::URI_TOO_LONG,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnknownCoding => StatusCode::NOT_IMPLEMENTED,
        }
    }

    pub fn text(self) -> &'static str {
        match self {
            Self::BadRequest(why) => why,
            Self::MethodNotAllowed => "the door does not pass this method on",
            Self::HeadTooLarge => "the request's head is larger than limits.max_header_bytes",
            Self::TooManyHeaders => "the request has more headers than limits.max_headers",
            Self::UriTooLong => "the request's target is longer than limits.max_uri_bytes",
            Self::BodyTooLarge => "the request's body is larger than this route's limits.max_body",
            Self::UnknownCoding => "the door knows no transfer coding but chunked",
        }
    }
}

/// What is written to a client whose request cannot be read, in the place of what the library would say, or is given up; with what the
/// listener says to all of its clients.
pub fn unread(Refused { status, name }: &Refused, listener: &Listener) -> BytesMut {
    let why = match *status {
        StatusCode::METHOD_NOT_ALLOWED => Refusal::MethodNotAllowed.text(),
        StatusCode::URI_TOO_LONG => {
            "the request's target is longer than 65,534 bytes, which is all that the door can hold"
        }
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => status.canonical_reason().unwrap_or(""),
        _ => "the request is malformed, or reads in two ways (RFC 9112)",
    };
    let body = format!("{} {why}\n", status.as_u16());
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nCache-Control: no-store\r\nDate: {}\r\nConnection: close\r\n",
        body.len(),
        httpdate::fmt_http_date(SystemTime::now()),
    );
    let mut answer = BytesMut::from(head.as_bytes());
    let id = name.as_ref().and_then(Unread::told);
    for (name, id) in id.into_iter().chain(listener.hsts.as_ref().map(|hsts| (&STRICT_TRANSPORT_SECURITY, hsts))) {
        for part in [name.as_str().as_bytes(), b": ", id.as_bytes(), b"\r\n"] {
            answer.extend_from_slice(part);
        }
    }
    if *status == StatusCode::SERVICE_UNAVAILABLE {
        answer.extend_from_slice(b"Retry-After: 1\r\n");
    }
    answer.extend_from_slice(b"\r\n");
    answer.extend_from_slice(body.as_bytes());
    answer
}

/// Tells a client whom the library has no more, and listens to what it goes on sending.
pub async fn tell(mut client: Wire, refused: &Refused, listener: &Listener) {
    let telling = async {
        client.write_all(&unread(refused, listener)).await?;
        client.flush().await?;
        Shutdown::shutdown(&mut client).await;
        let mut piece = vec![0; 16 << 10];
        while tokio::time::timeout(LISTENS, client.read(&mut piece)).await?? > 0 {}
        Ok::<(), std::io::Error>(())
    };
    // A client that is gone cannot be told.
    let _ = tokio::time::timeout(LISTENS_AT_MOST, telling).await;
}

/// Answers with a refusal and closes the connection: what follows on it may be part of the trick.
///
/// # Errors
/// The client is gone.
pub async fn refuse(session: &mut Session, refusal: Refusal) -> pingora::Result<()> {
    session.set_keepalive(None);
    send(session, refusal.status(), refusal.text()).await
}

/// Ends the connection of a client that has its whole answer, as far as the door speaks on it. The library lets go of it when a request has
/// failed, whatever was told, and over TLS that looks like a cut.
pub async fn end(session: &mut Session) {
    // Who speaks HTTP/2 has other streams.
    if session.req_header().version != Version::HTTP_2 {
        session.as_mut().shutdown().await;
    }
}

/// Takes what a client goes on sending after its answer. Closed over bytes that nobody read, a connection is reset, and with
/// it goes the answer that the client has not read yet (RFC 9112, section 9.6). A stream of HTTP/2 is reset without its connection,
/// which takes nothing from the answer (RFC 9113, section 8.1), but Debian 12's curl gives the answer up with it.
pub async fn listen_on(session: &mut Session) {
    // Who waits for leave sends nothing.
    if session.req_header().headers.contains_key(EXPECT) || session.as_mut().is_body_done() {
        return;
    }
    Clock::with(|clock| clock.bound(Some(LISTENS_AT_MOST)));
    // The clock is looked at in a pause only.
    let begun = Instant::now();
    while begun.elapsed() < LISTENS_AT_MOST {
        Clock::with(|clock| clock.enter(Phase::Body, Some(LISTENS)));
        if !matches!(session.as_mut().read_request_body().await, Ok(Some(_))) {
            return;
        }
    }
    session.set_keepalive(None);
}

/// Whether the user has the head of an answer, or a tunnel: after that, nobody else can answer, nor the door say a word.
pub fn has_begun(session: &Session) -> bool {
    session.response_written().is_some_and(|head| is_final(head.status))
}

pub fn is_final(status: StatusCode) -> bool {
    !status.is_informational() || status == StatusCode::SWITCHING_PROTOCOLS
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
    session.write_response_tasks(vec![HttpTask::Header(Box::new(head), true)]).await?;
    Ok(())
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
    let mut whole = vec![HttpTask::Header(Box::new(head), bodiless)];
    if !bodiless {
        whole.push(HttpTask::Body(Some(body), true));
    }
    session.write_response_tasks(whole).await?;
    Ok(())
}

/// RFC 9110, section 6.4.1.
fn has_body(status: StatusCode) -> bool {
    !(status.is_informational() || status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED)
}
