//! What requests leave that no user waits for: copies, and what is asked again. They hang on the span of the request that they are
//! copies of, and come long after it.

use std::sync::Arc;
use std::time::SystemTime;

use pingora::http::RequestHeader;

use super::context::{Context, TRACEPARENT};
use super::outbound::Outbound;
use super::{Beginning, Tracer};
use crate::diff::Observation;
use crate::evidence::Unproven;
use crate::upstream::Visit;

/// A request's trace, for those who come after it.
#[derive(Debug, Clone)]
pub struct CopyTrace {
    tracer: Arc<Tracer>,
    of: Context,
    state: Arc<str>,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The other answer.
    Mirror,
    /// The same once more, to tell noise from bugs.
    Again,
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Self::Mirror => "mirror",
            Self::Again => "again",
        }
    }
}

/// A request that is being sent.
#[derive(Debug)]
pub struct CopySpan {
    trace: CopyTrace,
    context: Context,
    purpose: Purpose,
    method: http::Method,
    path: Vec<u8>,
    at: Visited,
    began: SystemTime,
}

/// Who is asked. Not the visit itself, whose place is free again when the answer is there.
#[derive(Debug)]
struct Visited {
    backend: Arc<crate::upstream::Backend>,
    endpoint: Arc<crate::upstream::Endpoint>,
}

impl CopyTrace {
    pub fn new(tracer: Arc<Tracer>, request: &Beginning) -> Self {
        Self { tracer, of: request.context, state: request.state.clone() }
    }

    /// Writes into a head whose work it is.
    pub fn begin(&self, head: &mut RequestHeader, to: &Visit, purpose: Purpose) -> CopySpan {
        let context = self.tracer.child(self.of);
        if let Some(value) = context.header() {
            // A header's name and value that are ours are always legal.
            let _ = head.insert_header(TRACEPARENT, value);
        }
        let path = head.raw_path().split(|byte| *byte == b'?').next().unwrap_or_default().to_vec();
        let at = Visited { backend: to.backend().clone(), endpoint: to.endpoint().clone() };
        let method = head.method.clone();
        CopySpan { trace: self.clone(), context, purpose, method, path, at, began: SystemTime::now() }
    }
}

impl CopySpan {
    pub fn end(self, answer: &Result<Observation, Unproven>) {
        let outbound = Outbound {
            context: self.context,
            parent: self.trace.of.span,
            state: &self.trace.state,
            method: &self.method,
            path: &self.path,
            backend: &self.at.backend,
            endpoint: Some(&self.at.endpoint),
            purpose: self.purpose.name(),
            began: self.began,
            ended: SystemTime::now(),
            status: answer.as_ref().ok().map(|answer| answer.status),
            error: answer.as_ref().err().map(|reason| reason.name()),
        };
        self.trace.tracer.push(vec![outbound.span()]);
    }
}
