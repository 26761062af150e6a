//! What a backend did to a request: one word of a small set, which the access log and the spans say as well, and a line of the door's
//! own log with what else is known. Never a header's value, a query or a body: of an error of the library only its kind is told,
//! because its text may quote what was read.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::HeaderValue;
use parking_lot::Mutex;
use pingora::{Error, ErrorSource, ErrorType};

use super::exchange::Exchange;
use super::fallback::Course;
use super::forward;
use super::over::Over;
use crate::upstream::{Backend, Endpoint};

pub const BACKEND_BUSY: &str = "backend_busy";
pub const NO_ENDPOINT: &str = "no_endpoint";
pub const CONNECT_TIMEOUT: &str = "connect_timeout";
pub const CONNECT_ERROR: &str = "connect_error";
/// Of the answer.
pub const TIMEOUT: &str = "timeout";
/// The backend broke off.
pub const BROKEN_RESPONSE: &str = "broken_response";
/// What came is no answer.
pub const MALFORMED: &str = "malformed";
/// No backend's doing: the door closed.
pub const CUT: &str = "drain_timeout";

/// Lines a second: enough to see what is wrong; the meters count the rest.
const MOST_TOLD: u32 = 10;
/// Characters of a path or an id.
const LONGEST_FIELD: usize = 2048;

/// Why there is no whole answer.
#[derive(Debug)]
pub struct Why {
    pub word: &'static str,
    pub said: Cow<'static, str>,
}

impl Why {
    pub fn timeout(said: &'static str) -> Self {
        Self { word: TIMEOUT, said: said.into() }
    }

    pub fn cut() -> Self {
        Self { word: CUT, said: "drain_timeout is over".into() }
    }

    pub fn malformed(said: &'static str) -> Self {
        Self { word: MALFORMED, said: said.into() }
    }

    /// Of a connection that could not be made.
    pub fn unconnected(e: &Error) -> Self {
        let word = if matches!(e.etype(), ErrorType::ConnectTimedout) { CONNECT_TIMEOUT } else { CONNECT_ERROR };
        Self { word, said: short(e) }
    }

    /// Of a connection that was made.
    pub fn of(e: &Error) -> Self {
        let word = match e.etype() {
            ErrorType::ReadTimedout | ErrorType::WriteTimedout => TIMEOUT,
            ErrorType::InvalidHTTPHeader | ErrorType::H1Error | ErrorType::InvalidH2 => MALFORMED,
            _ => BROKEN_RESPONSE,
        };
        Self { word, said: short(e) }
    }

    /// Whether the connection ended, rather than that the backend took too long or said what is no answer.
    pub fn is_broken(&self) -> bool {
        self.word == BROKEN_RESPONSE
    }
}

/// The kind of an error, and of what is behind it: both are words of the libraries or the system.
fn short(e: &Error) -> Cow<'static, str> {
    let kind = e.etype().as_str();
    let cause = e.root_cause();
    let behind = match (cause.downcast_ref::<io::Error>(), cause.downcast_ref::<h2::Error>()) {
        (Some(error), _) => Some(of_system(error)),
        (_, Some(error)) => Some(of_http2(error)),
        _ => None,
    };
    behind.map_or(kind.into(), |behind| format!("{kind}: {behind}").into())
}

fn of_http2(error: &h2::Error) -> String {
    match (error.get_io(), error.reason()) {
        (Some(error), _) => of_system(error),
        // Without the bytes that a GOAWAY may have.
        (_, Some(reason)) => reason.description().to_owned(),
        // What could not be done on this side.
        (None, None) => error.to_string(),
    }
}

fn of_system(error: &io::Error) -> String {
    let of_tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    // What the other end says in one of TLS's own words: that it wants a certificate of the door's, or another one.
    if let Some(rustls::Error::AlertReceived(alert)) = of_tls {
        return format!("TLS alert {alert:?}");
    }
    if error.raw_os_error().is_some() { error.to_string() } else { error.kind().to_string() }
}

/// The backend that failed the request, and how.
#[derive(Debug)]
pub struct Trouble {
    backend: Arc<Backend>,
    endpoint: Option<Arc<Endpoint>>,
    pub why: Why,
}

impl Exchange {
    /// The origin that is asked now has failed the request. The first one to do so is told, and its last word: it is why the user sees
    /// what he sees.
    pub fn is_failed(&mut self, endpoint: Option<Arc<Endpoint>>, why: Why) {
        let is_its_last = self.course == Course::Planned && self.attempt.moved_on;
        if self.trouble.is_none() || is_its_last {
            self.is_torn(endpoint, why);
        }
    }

    /// An answer that the user has the beginning of is not whole: whatever was before is not why.
    pub fn is_torn(&mut self, endpoint: Option<Arc<Endpoint>>, why: Why) {
        let backend = self.proxied().zip(self.origin()).map(|(proxied, origin)| proxied.backend(origin));
        let backend = backend.and_then(|backend| self.snapshot.backend(backend)).cloned();
        self.trouble = backend.map(|backend| Box::new(Trouble { backend, endpoint, why }));
    }

    /// A request that was sent again until nobody wanted to any more.
    pub fn is_given_up(&mut self, e: &Error) {
        if *e.esource() == ErrorSource::Upstream && e.retry() {
            self.is_failed(self.endpoint(), Why::of(e));
        }
    }

    /// That is asked now.
    pub fn endpoint(&self) -> Option<Arc<Endpoint>> {
        self.attempt.visit.as_ref().map(|visit| visit.endpoint().clone())
    }
}

/// Tells the door's own log what backends did, but not more than it can take.
#[derive(Debug, Default)]
pub struct Troubles(Mutex<Told>);

#[derive(Debug, Default)]
struct Told {
    second: Option<Instant>,
    lines: u32,
    /// Since the last line.
    left_out: u64,
}

impl Troubles {
    pub fn tell(&self, exchange: &Exchange, over: &Over<'_>) {
        let Some(trouble) = exchange.trouble.as_ref().filter(|trouble| trouble.why.word != CUT) else { return };
        let Some(left_out) = self.0.lock().takes(Instant::now()) else { return };
        let path = forward::split_target(forward::target(over.request)).0;
        let request_id = exchange.request_id.as_ref().map(HeaderValue::as_bytes).unwrap_or_default();
        let endpoint = trouble.endpoint.as_ref().map(|endpoint| tracing::field::display(&endpoint.name));
        tracing::warn!(
            backend = %trouble.backend.name,
            endpoint,
            method = %over.request.method,
            path = plain(path),
            status = over.status(),
            origin = exchange.answered_by.label(),
            error = trouble.why.word,
            request_id = plain(request_id),
            left_out = (left_out > 0).then_some(left_out),
            "a backend failed a request: {}",
            trouble.why.said
        );
    }
}

impl Told {
    /// `None`: there were enough in this second. Else how many were left out before.
    fn takes(&mut self, now: Instant) -> Option<u64> {
        if self.second.is_none_or(|began| now.duration_since(began) >= Duration::from_secs(1)) {
            (self.second, self.lines) = (Some(now), 0);
        }
        if self.lines == MOST_TOLD {
            self.left_out += 1;
            return None;
        }
        self.lines += 1;
        Some(std::mem::take(&mut self.left_out))
    }
}

/// In one line, and without what a terminal would obey.
fn plain(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    text.chars().take(LONGEST_FIELD).map(|character| if character.is_control() { '?' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_error_is_told_without_what_was_read() {
        let quoting = Error::because(ErrorType::InvalidHTTPHeader, "buf: Set-Cookie: secret", "Token secret");
        let why = Why::of(&quoting);
        assert_eq!((why.word, why.said.as_ref()), (MALFORMED, "InvalidHTTPHeader"));
        let reset = io::Error::from_raw_os_error(104);
        let why = Why::of(&Error::because(ErrorType::ReadError, "secret", reset));
        assert_eq!(
            (why.word, why.said.as_ref()),
            (BROKEN_RESPONSE, "ReadError: Connection reset by peer (os error 104)")
        );
    }

    #[test]
    fn a_second_has_so_many_lines_and_the_next_says_what_was_left_out() {
        let (mut told, began) = (Told::default(), Instant::now());
        for _ in 0..MOST_TOLD {
            assert_eq!(told.takes(began), Some(0));
        }
        assert_eq!((0..7).filter_map(|_| told.takes(began + Duration::from_millis(999))).count(), 0);
        let next = began + Duration::from_secs(1);
        assert_eq!((told.takes(next), told.takes(next)), (Some(7), Some(0)));
    }
}
