//! How the window answers: JSON, text or a page, never cached, never framed.

use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Bytes;
use serde::Serialize;

pub type Answer = Response<Full<Bytes>>;

/// Every refusal and failure: a word for programs, a sentence for people.
#[derive(Debug, Clone, Serialize, serde::Deserialize)]
pub struct Problem {
    pub error: String,
    pub detail: String,
}

pub fn json(status: StatusCode, value: &impl Serialize) -> Answer {
    match serde_json::to_vec_pretty(value) {
        Ok(mut text) => {
            text.push(b'\n');
            with(status, "application/json", text)
        }
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, "internal", error),
    }
}

pub fn problem(status: StatusCode, error: &str, detail: impl std::fmt::Display) -> Answer {
    let problem = Problem { error: error.to_owned(), detail: detail.to_string() };
    let text = serde_json::to_vec(&problem).unwrap_or_default();
    with(status, "application/json", text)
}

pub fn text(status: StatusCode, text: impl Into<Bytes>) -> Answer {
    with(status, "text/plain; charset=utf-8", text)
}

pub fn metrics(text: Vec<u8>) -> Answer {
    with(StatusCode::OK, prometheus::TEXT_FORMAT, text)
}

pub fn page(html: String) -> Answer {
    let mut answer = with(StatusCode::OK, "text/html; charset=utf-8", html);
    let policy =
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'";
    answer.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    answer
}

pub fn not_found(what: impl std::fmt::Display) -> Answer {
    problem(StatusCode::NOT_FOUND, "not_found", what)
}

pub fn method_not_allowed(allow: &'static str) -> Answer {
    let detail = format!("this resource answers {allow}");
    let mut answer = problem(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail);
    answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
    answer
}

pub fn timed_out() -> Answer {
    problem(StatusCode::SERVICE_UNAVAILABLE, "timed_out", "the answer took too long; try again")
}

fn with(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}
