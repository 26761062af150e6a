//! Answers to clients of HTTP/1.0: they know no chunks, so one without a length ends with the connection.
//!
//! Pingora frames answers of HTTP/2 backends anew behind the last hook, and always in chunks. So for such an answer, and for no
//! other, a module takes the chunks off again where its head is written.

use std::any::Any;

use async_trait::async_trait;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{Method, StatusCode, Version};
use pingora::Result;
use pingora::http::ResponseHeader;
use pingora::modules::http::{HttpModule, HttpModuleBuilder, HttpModules, Module};
use pingora::proxy::Session;

/// Ends an answer with the connection if nothing else does.
pub fn frame(session: &mut Session, answer: &mut ResponseHeader) {
    answer.remove_header(&TRANSFER_ENCODING);
    let without_body = session.req_header().method == Method::HEAD
        || matches!(answer.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if without_body || answer.headers.contains_key(CONTENT_LENGTH) {
        return;
    }
    session.set_keepalive(None);
    if answer.version == Version::HTTP_2 {
        let mut modules = HttpModules::new();
        modules.add_module(Box::new(Unchunk));
        session.downstream_modules_ctx = modules.build_ctx();
    }
}

struct Unchunk;

impl HttpModuleBuilder for Unchunk {
    fn init(&self) -> Module {
        Box::new(Self)
    }
}

#[async_trait]
impl HttpModule for Unchunk {
    async fn response_header_filter(&mut self, answer: &mut ResponseHeader, _end: bool) -> Result<()> {
        answer.remove_header(&TRANSFER_ENCODING);
        Ok(())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}
