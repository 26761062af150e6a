//! Asks both origins again, to tell noise from bugs: a few at a time, behind the copies, on connections of their own.
//!
//! What to ask and what it means is the evidence's business ([`crate::evidence::noise`]); what is asked goes back to the
//! [`super::comparer`], also if there was no answer. Nobody waits for it but the pair itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use pingora::http::RequestHeader;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::comparer::Way;
use super::job::RouteRef;
use super::lanes::Lanes;
use super::queue::Queue;
use super::worker::marked;
use crate::diff::{Comparison, Observation};
use crate::evidence::Pair;
use crate::evidence::noise::{Asking, FieldKey, Settlement};
use crate::routing::Origin;
use crate::trace::{CopyTrace, Purpose};
use crate::upstream::{Announcement, Ask, CopyClient, RawTarget};

/// Requests under way to either origin, over all routes: low priority means few.
const UNDER_WAY: usize = 4;
/// Pairs that may wait for a place. What is more is counted as it stands.
const WAITING: usize = 256;
/// How long a pair waits for a place before it is counted as it stands.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a door that is told to stop lets what is asked be answered.
const GRACE: Duration = Duration::from_millis(300);
const LOOK: Duration = Duration::from_millis(50);

/// A compared pair that is asked again.
#[derive(Debug)]
pub struct Settling {
    pub route: RouteRef,
    pub head: Box<RequestHeader>,
    /// Of the head, if that cannot hold it.
    pub target: Option<RawTarget>,
    pub trace: Option<CopyTrace>,
    pub announcement: Announcement,
    pub pair: Pair,
    pub comparison: Comparison,
    pub fields: Vec<FieldKey>,
    pub why: Why,
    /// Chosen by lot to be compared with itself, whatever else is asked.
    pub sampled: bool,
    /// When it was compared.
    pub begun: Instant,
    /// Legacy's and new's answers; `None`: not asked yet, or one of them did not answer.
    pub answers: Option<(Observation, Observation)>,
    /// Bytes that its job holds in the queue, and those borrowed for the answers.
    pub size: usize,
    pub borrowed: usize,
}

#[derive(Debug)]
pub enum Why {
    /// It is not counted yet.
    Mismatch { asking: Asking, settlement: Option<Settlement> },
    /// Each origin is to be compared with itself; it is counted already.
    Control,
}

#[derive(Debug)]
pub struct Settler {
    queue: Arc<Queue>,
    lanes: Arc<Lanes>,
    client: Arc<CopyClient>,
    runtime: Handle,
    places: Semaphore,
    waiting: AtomicUsize,
}

impl Settler {
    pub fn new(queue: Arc<Queue>, lanes: Arc<Lanes>, client: Arc<CopyClient>, runtime: Handle) -> Arc<Self> {
        let places = Semaphore::new(UNDER_WAY);
        Arc::new(Self { queue, lanes, client, runtime, places, waiting: AtomicUsize::new(0) })
    }

    /// Whether another pair of this route may wait here. Not while copies of it wait: they come first.
    pub fn has_room_for(&self, route: &RouteRef) -> bool {
        self.waiting.load(Ordering::Relaxed) < WAITING && !route.name().is_some_and(|name| self.lanes.is_waiting(name))
    }

    /// Asks after a while; the pair comes back in any case.
    pub fn ask(self: &Arc<Self>, settling: Box<Settling>, after: Duration, back: Arc<Way>) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let under_way = UnderWay { settler: self.clone(), settling: Some(settling), back };
        self.runtime.spawn(under_way.run(after));
    }

    async fn ask_both(&self, settling: &Settling) -> Option<(Observation, Observation)> {
        let _place = tokio::time::timeout(PATIENCE, self.places.acquire()).await.ok()?.ok()?;
        let (legacy, new) = tokio::join!(self.one(settling, Origin::Legacy), self.one(settling, Origin::New));
        let (legacy, new) = (legacy?, new?);
        // Asked too much, or down: that says nothing about what it answered before.
        let refuses = |again: &Observation, first: &Observation| is_refusal(again) && !is_refusal(first);
        if refuses(&legacy, &settling.pair.control) || refuses(&new, &settling.pair.candidate) {
            return None;
        }
        Some((legacy, new))
    }

    async fn one(&self, settling: &Settling, origin: Origin) -> Option<Observation> {
        let route = &settling.route;
        let proxied = route.proxied()?;
        let backend = route.snapshot.backend(proxied.backend(origin))?;
        let _slot = backend.in_flight().enter_copy().ok()?;
        let to = backend.visit(Some(settling.pair.session), &[])?;
        let mut head = marked(&settling.head, &[], self.queue.token());
        let span = settling.trace.as_ref().map(|trace| trace.begin(&mut head, &to, Purpose::Again));
        let ask = Ask {
            to,
            head,
            body: Bytes::new(),
            timeouts: proxied.timeouts.over(&backend.timeouts),
            max_body: proxied.mirror.max_body,
            target: settling.target.clone(),
            announcement: settling.announcement.clone(),
            fresh: true,
        };
        let answer = self.client.ask(ask, proxied.mirror.timeout).await;
        if let Some(span) = span {
            span.end(&answer);
        }
        answer.ok()
    }

    /// Ends a moment after the queue was closed.
    async fn closed(&self) {
        while !self.queue.is_closed() {
            tokio::time::sleep(LOOK).await;
        }
        tokio::time::sleep(GRACE).await;
    }
}

fn is_refusal(answer: &Observation) -> bool {
    answer.status.is_server_error() || matches!(answer.status.as_u16(), 408 | 429)
}

/// Should the runtime end before the answers are there, the pair goes back without them.
struct UnderWay {
    settler: Arc<Settler>,
    settling: Option<Box<Settling>>,
    back: Arc<Way>,
}

impl UnderWay {
    async fn run(mut self, after: Duration) {
        let Some(settling) = &self.settling else { return };
        let asked = async {
            tokio::time::sleep(after).await;
            self.settler.ask_both(settling).await
        };
        let answers = tokio::select! {
            answers = asked => answers,
            () = self.settler.closed() => None,
        };
        if let Some(settling) = &mut self.settling {
            settling.answers = answers;
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.settler.waiting.fetch_sub(1, Ordering::Relaxed);
        if let Some(settling) = self.settling.take() {
            self.back.send_first(settling);
        }
    }
}
