//! Between those who leave spans and the thread that sends them: bounded in bytes, pushed to under a short lock.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

use super::span::Span;
use crate::live::{LostSpans, Meters};

/// Bytes of spans that may wait: some seconds of a busy door that keeps every trace.
const ROOM: usize = 16 << 20;

#[derive(Debug)]
pub struct Queue {
    meters: Arc<Meters>,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    waiting: VecDeque<Span>,
    bytes: usize,
}

impl Queue {
    pub fn new(meters: Arc<Meters>) -> Self {
        Self { meters, inner: Mutex::default() }
    }

    /// All of them or none: half a trace tells what was not so.
    pub fn push(&self, spans: Vec<Span>) {
        let size: usize = spans.iter().map(Span::size).sum();
        let mut inner = self.inner.lock();
        if inner.bytes + size > ROOM {
            drop(inner);
            return self.meters.lost_spans(LostSpans::QueueFull, spans.len());
        }
        inner.bytes += size;
        inner.waiting.extend(spans);
    }

    pub fn len(&self) -> usize {
        self.inner.lock().waiting.len()
    }

    /// The oldest ones, at most so many.
    pub fn take(&self, most: usize) -> Vec<Span> {
        let mut inner = self.inner.lock();
        let most = most.min(inner.waiting.len());
        let taken: Vec<Span> = inner.waiting.drain(..most).collect();
        inner.bytes -= taken.iter().map(Span::size).sum::<usize>();
        taken
    }

    /// Counts what still waits as lost; says how many these are.
    pub fn abandon(&self) -> usize {
        let left = self.take(usize::MAX).len();
        self.meters.lost_spans(LostSpans::Shutdown, left);
        left
    }
}
