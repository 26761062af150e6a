//! Answers of HTTP/2 backends that say that they are empty, before anybody knows whether they are.
//!
//! In HTTP/1 an answer of no bytes is over with its head, and pingora looks no further. What such a backend sends all the same makes
//! the answer malformed (RFC 9113, section 8.1.1), and the user would have it whole. So where the end does not come with the head, the
//! answer goes out in chunks, of which the last one is written when there is an end.

use std::any::Any;

use async_trait::async_trait;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderValue, Method, StatusCode, Version};
use pingora::Result;
use pingora::http::ResponseHeader;
use pingora::modules::http::{HttpModule, HttpModuleBuilder, HttpModules, Module};
use pingora::proxy::Session;

/// Waits for the end of an answer whose length is none. (Clients of HTTP/1.0 know no chunks, and those of HTTP/2 are told otherwise.)
pub fn await_end(session: &mut Session, answer: &ResponseHeader) {
    let without_body = session.req_header().method == Method::HEAD
        || matches!(answer.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let is_none = |length: &HeaderValue| length.as_bytes().iter().all(|digit| *digit == b'0');
    if answer.version != Version::HTTP_2
        || session.req_header().version != Version::HTTP_11
        || without_body
        || !answer.headers.get(CONTENT_LENGTH).is_some_and(is_none)
    {
        return;
    }
    let mut modules = HttpModules::new();
    modules.add_module(Box::new(Unmeasured));
    session.downstream_modules_ctx = modules.build_ctx();
}

struct Unmeasured;

impl HttpModuleBuilder for Unmeasured {
    fn init(&self) -> Module {
        Box::new(Self)
    }
}

#[async_trait]
impl HttpModule for Unmeasured {
    async fn response_header_filter(&mut self, answer: &mut ResponseHeader, end: bool) -> Result<()> {
        if !end {
            answer.remove_header(&CONTENT_LENGTH);
            answer.insert_header(TRANSFER_ENCODING, HeaderValue::from_static("chunked"))?;
        }
        Ok(())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}
