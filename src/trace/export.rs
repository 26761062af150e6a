//! The thread that brings spans to the collector, batch by batch. A collector that is away for a while is waited for, with longer and
//! longer pauses, as long as the queue has room; one that is away for good costs spans and nothing else.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::watch;

use super::collector::{Collector, Failure};
use super::otlp;
use super::queue::Queue;
use crate::live::{Live, LostSpans};

/// Between two looks into the queue; nobody is woken by a span.
const LOOK: Duration = Duration::from_millis(100);
/// The same while there is no tracing.
const IDLE: Duration = Duration::from_secs(1);
/// Spans that are sent at once, and for which nobody waits longer.
const BATCH: usize = 512;
/// How long a smaller batch waits for more.
const GATHER: Duration = Duration::from_secs(1);
/// How long a batch is offered again before the next one has its turn.
const HOLD: Duration = Duration::from_secs(5);
/// The first pause after a failure; doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
/// Whatever a collector asks for.
const LONGEST_ASKED_PAUSE: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub struct Exporter {
    live: Arc<Live>,
    queue: Arc<Queue>,
    stop: watch::Receiver<bool>,
    /// Of the newest settings that had one.
    collector: Option<Collector>,
    /// The next pause, while the collector fails.
    pause: Option<Duration>,
}

impl Exporter {
    pub fn new(live: Arc<Live>, queue: Arc<Queue>, stop: watch::Receiver<bool>) -> Self {
        Self { live, queue, stop, collector: None, pause: None }
    }

    /// Until it is told to stop and everything was offered once more.
    pub async fn run(mut self) {
        let mut sent = Instant::now();
        while !self.is_stopping() {
            let is_on = self.live.snapshot().settings.tracing.is_some();
            self.rest(if is_on { LOOK } else { IDLE }).await;
            if self.queue.len() >= BATCH || sent.elapsed() >= GATHER || self.is_stopping() {
                self.send_all().await;
                sent = Instant::now();
            }
        }
        self.send_all().await;
    }

    async fn send_all(&mut self) {
        loop {
            self.follow_settings();
            // Before there is a first collector, spans go on waiting: what was taken and not sent would be counted by nobody.
            let Some(collector) = &self.collector else { return };
            let batch = self.queue.take(BATCH);
            if batch.is_empty() {
                return;
            }
            let body = otlp::request(&collector.settings.attributes, &batch).into();
            self.deliver(body, batch.len()).await;
        }
    }

    async fn deliver(&mut self, body: Bytes, spans: usize) {
        let begun = Instant::now();
        loop {
            self.follow_settings();
            let Some(collector) = &self.collector else { return };
            let failure = match collector.post(body.clone()).await {
                Ok(rejected) => return self.taken(spans, rejected),
                Err(failure) => failure,
            };
            collector.look_again();
            let pause = self.failed(&failure);
            let gives_up = !failure.may_pass() || begun.elapsed() >= HOLD || self.is_stopping();
            if gives_up {
                self.live.meters().lost_spans(failure.as_loss(), spans);
            }
            self.rest(pause).await;
            if gives_up {
                return;
            }
        }
    }

    fn taken(&mut self, spans: usize, rejected: Option<(usize, String)>) {
        if self.pause.take().is_some() {
            tracing::info!("tracing: the collector takes spans again");
        }
        let (lost, why) = rejected.unwrap_or_default();
        let lost = lost.min(spans);
        if lost > 0 {
            tracing::warn!(spans = lost, "tracing: the collector threw spans away: {why}");
        }
        self.live.meters().lost_spans(LostSpans::Rejected, lost);
        self.live.meters().exported_spans(spans - lost);
    }

    /// How long to leave the collector alone. Trouble is told once, and again when it is over.
    fn failed(&mut self, failure: &Failure) -> Duration {
        if self.pause.is_none()
            && let Some(collector) = &self.collector
        {
            tracing::warn!(collector = %collector.settings.endpoint, "tracing: spans are lost if this goes on: {failure}");
        }
        let pause = self.pause.unwrap_or(FIRST_PAUSE);
        self.pause = Some((pause * 2).min(LONGEST_PAUSE));
        match failure {
            Failure::Busy(_, Some(asked)) => pause.max((*asked).min(LONGEST_ASKED_PAUSE)),
            _ => pause,
        }
    }

    fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }

    /// Not at all once it is told to stop.
    async fn rest(&mut self, pause: Duration) {
        let mut stop = self.stop.clone();
        // An error: nobody is left who could stop it, nor who could leave spans.
        let _ = tokio::time::timeout(pause, stop.wait_for(|stopping| *stopping)).await;
    }

    /// Spans that were made before tracing was switched off still go where they were meant to.
    fn follow_settings(&mut self) {
        let snapshot = self.live.snapshot();
        let Some(settings) = &snapshot.settings.tracing else { return };
        if self.collector.as_ref().is_none_or(|collector| collector.settings != *settings) {
            self.collector = Some(Collector::new(settings.clone()));
        }
    }
}
