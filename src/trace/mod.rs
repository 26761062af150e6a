//! What did a request go through? Spans, and their way to a collector that speaks OTLP.
//!
//! Whoever is asked for a trace gets one only if it is to be kept ([`Tracer::begin`]); of all other requests nothing is made,
//! and nothing is written into them. What is kept is pushed into the [`queue`] under a short lock, bounded in bytes, and
//! [`export`] takes it from there on a thread of its own: nobody ever waits for the collector, and what it does not take is counted.
//!
//! [`context`] is the W3C's Trace Context, [`span`] what is told of a piece of work, [`outbound`] of a request to a backend, [`otlp`]
//! and [`message`] how it is written. Which moments of a request are told is the business of the door and the mirror.

mod collector;
mod context;
mod copy;
mod export;
mod ids;
mod message;
mod otlp;
mod outbound;
mod queue;
mod span;

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use http::HeaderMap;
use parking_lot::Mutex;
use tokio::sync::watch;

pub use context::{Context, SpanId, TRACEPARENT, TRACESTATE, TraceId};
pub use copy::{CopyTrace, Purpose};
pub use ids::Lots;
pub use outbound::{Outbound, known_method, tell_method};
pub use span::{Attributes, Kind, Span};

use crate::config::settings::TracingSettings;
use crate::live::Live;
use crate::routing::Bucket;
use context::Incoming;
use export::Exporter;
use queue::Queue;

/// The way in, and the thread behind it.
#[derive(Debug)]
pub struct Tracer {
    lots: Lots,
    queue: Arc<Queue>,
    stop: watch::Sender<bool>,
    /// Closed when the thread has ended.
    ended: Mutex<Receiver<()>>,
}

/// A request that leaves spans.
#[derive(Debug)]
pub struct Beginning {
    /// Of the span that is the door's own.
    pub context: Context,
    /// Whose it is a part of.
    pub parent: Option<Context>,
    /// What others keep with the trace, as it came; it belongs to the parent, and goes with it.
    pub state: Arc<str>,
}

impl Tracer {
    /// Where spans go is asked of the settings in force, batch by batch.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(live: Arc<Live>) -> io::Result<Self> {
        let queue = Arc::new(Queue::new(live.meters().clone()));
        let (stop, stopped) = watch::channel(false);
        let (end, ended) = channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let exporter = Exporter::new(live, queue.clone(), stopped);
        std::thread::Builder::new().name("traces".into()).spawn(move || {
            runtime.block_on(exporter.run());
            drop(end);
        })?;
        Ok(Self { lots: Lots::random(), queue, stop, ended: Mutex::new(ended) })
    }

    /// The trace of a request with these headers, if it is to be kept: what the parent says, or else the share of those that
    /// have none. `believed`: whether the sender may say so.
    pub fn begin(&self, settings: &TracingSettings, headers: &HeaderMap, believed: Believed) -> Option<Beginning> {
        let parent = match (believed, context::incoming(headers)) {
            (Believed::Yes, Incoming::Parent(parent)) => Some(parent),
            _ => None,
        };
        if let Some(parent) = parent {
            let context = Context { span: self.lots.span(), ..parent };
            let state = context::state(headers).into();
            return parent.is_sampled().then_some(Beginning { context, parent: Some(parent), state });
        }
        let context = Context { trace: self.lots.trace(), span: self.lots.span(), flags: context::SAMPLED };
        // By the id, which is as good as a lot.
        let place = context.trace.low() % u64::from(Bucket::COUNT);
        let sampled = Bucket::from_index(place as u16).is_some_and(|bucket| settings.percent.holds_low(bucket));
        sampled.then(|| Beginning { context, parent: None, state: "".into() })
    }

    /// Another span of the same trace.
    pub fn child(&self, of: Context) -> Context {
        Context { span: self.lots.span(), ..of }
    }

    /// Takes what a request left, or counts it as dropped. Never waits.
    pub fn push(&self, spans: Vec<Span>) {
        self.queue.push(spans);
    }

    /// Sends what is left, within `patience`; what could not be sent is told.
    pub fn stop(&self, patience: Duration) {
        self.stop.send_replace(true);
        // An error by hanging up: nothing is ever sent on it.
        let _ = self.ended.lock().recv_timeout(patience);
        let lost = self.queue.abandon();
        if lost > 0 {
            tracing::warn!(spans = lost, "tracing: the collector did not take the last spans in time");
        }
    }
}

/// Whether whoever sent a request may say what trace it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Believed {
    Yes,
    No,
}

#[cfg(test)]
mod tests;
