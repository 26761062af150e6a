//! Answers to clients of HTTP/1.0: they know no chunks, so one without a length ends with the connection.
//!
//! Pingora frames answers of HTTP/2 backends anew behind the last hook, and always in chunks. So for such an answer, and for no
//! other, a module takes the chunks off again where its head is written.

use std::any::Any;

use async_trait::async_trait;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderName, Method, StatusCode, Version};
use pingora::Result;
use pingora::http::ResponseHeader;
use pingora::modules::http::{HttpModule, HttpModuleBuilder, HttpModules, Module};
use pingora::proxy::Session;

use super::client_side::ClientSide;

/// Ends an answer with the connection if nothing else does.
///
/// # Errors
/// None in practice: every header was legal when it came.
pub fn frame(session: &mut Session, answer: &mut ResponseHeader) -> Result<()> {
    remove_in_order(answer, &TRANSFER_ENCODING)?;
    let without_body = session.req_header().method == Method::HEAD
        || matches!(answer.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if without_body || answer.headers.contains_key(CONTENT_LENGTH) {
        return Ok(());
    }
    session.set_keepalive(None);
    ClientSide::with(ClientSide::ends_the_answer);
    if answer.version == Version::HTTP_2 {
        let mut modules = HttpModules::new();
        modules.add_module(Box::new(Unchunk));
        session.downstream_modules_ctx = modules.build_ctx();
    }
    Ok(())
}

/// The library puts the last header in the place of one that is removed.
fn remove_in_order(answer: &mut ResponseHeader, name: &HeaderName) -> Result<()> {
    if !answer.headers.contains_key(name) {
        return Ok(());
    }
    if !answer.has_case() {
        answer.remove_header(name);
        return Ok(());
    }
    let mut ordered = ResponseHeader::build(answer.status, Some(answer.headers.len()))?;
    ordered.set_version(answer.version);
    ordered.set_reason_phrase(answer.get_reason_phrase())?;
    for (written, value) in answer.case_header_iter() {
        if !written.as_slice().eq_ignore_ascii_case(name.as_str().as_bytes()) {
            ordered.append_header(written.clone(), value.clone())?;
        }
    }
    *answer = ordered;
    Ok(())
}

struct Unchunk;

impl HttpModuleBuilder for Unchunk {
    fn init(&self) -> Module {
        Box::new(Self)
    }
}

#[async_trait]
impl HttpModule for Unchunk {
    async fn response_header_filter(&mut self, answer: &mut ResponseHeader, end: bool) -> Result<()> {
        answer.remove_header(&TRANSFER_ENCODING);
        if end {
            // No hook is told that nothing follows.
            ClientSide::with(ClientSide::has_the_whole_answer);
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
