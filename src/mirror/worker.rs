//! Drains the queue by a timer, sends the copies, and passes on what arrives.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use pingora::http::RequestHeader;
use tokio::runtime::Handle;

use super::comparer::{Arrived, Comparer};
use super::job::MirrorJob;
use super::lanes::{Lanes, Next};
use super::queue::{Drops, Queue};
use super::restraint::Restraint;
use super::settler::Settler;
use super::token::{MIRROR_HEADER, Token};
use crate::diff::Observation;
use crate::evidence::{Recorder, Unproven};
use crate::trace::Purpose;
use crate::upstream::{Ask, CopyClient};

/// Between two looks into the queue while there is traffic: long enough to gather, short beside any page's own time.
const BUSY: Duration = Duration::from_millis(5);
/// Between two looks when the last [`PATIENCE`] found nothing: an idle door should not burn a timer.
const IDLE: Duration = Duration::from_millis(50);
const PATIENCE: u32 = 200;

/// What all senders share.
#[derive(Debug)]
pub struct Worker {
    queue: Arc<Queue>,
    recorder: Arc<Recorder>,
    lanes: Arc<Lanes>,
    restraint: Restraint,
    client: Arc<CopyClient>,
    comparer: Comparer,
}

impl Worker {
    /// # Errors
    /// The system gives no thread.
    pub fn new(queue: Arc<Queue>, recorder: Arc<Recorder>, runtime: Handle) -> std::io::Result<Self> {
        let client = Arc::new(CopyClient::new());
        let lanes = Arc::new(Lanes::default());
        let settler = Settler::new(queue.clone(), lanes.clone(), client.clone(), runtime);
        let comparer = Comparer::start(queue.clone(), recorder.clone(), settler)?;
        Ok(Self { queue, recorder, lanes, restraint: Restraint::default(), client, comparer })
    }

    /// Runs until the queue is closed and everything in it is done.
    pub async fn run(self: Arc<Self>) {
        let mut empty_looks = 0;
        loop {
            let drained = self.queue.drain();
            empty_looks = if drained.jobs.is_empty() { empty_looks + 1 } else { 0 };
            self.record_drops(drained.drops);
            for job in drained.jobs {
                self.join(job);
            }
            for job in self.lanes.stale(Instant::now()) {
                self.dropped(job, Unproven::InFlight);
            }
            if drained.closed && self.queue.is_done() {
                self.record_drops(self.queue.drain().drops);
                return;
            }
            tokio::time::sleep(if empty_looks > PATIENCE { IDLE } else { BUSY }).await;
        }
    }

    /// Counts what still waits as dropped by shutdown, and waits for the comparison that is under way.
    pub fn count_what_is_left(&self, patience: Duration) {
        for job in self.lanes.abandon().into_iter().chain(self.queue.drain_jobs()) {
            self.dropped(job, Unproven::Shutdown);
        }
        let end = Instant::now() + patience;
        loop {
            self.comparer.count_what_waits();
            if self.queue.is_done() && self.recorder.backlog().is_empty() || Instant::now() > end {
                break;
            }
            std::thread::sleep(BUSY);
        }
        self.record_drops(self.queue.drain().drops);
    }

    fn join(self: &Arc<Self>, job: MirrorJob) {
        let Some(route) = job.route.name().cloned() else { return };
        if self.lanes.join(&route, job) {
            tokio::spawn(self.clone().serve(route));
        }
    }

    /// One sender: takes job after job of a lane until there is none.
    async fn serve(self: Arc<Self>, route: Arc<str>) {
        loop {
            match self.lanes.next(&route, Instant::now()) {
                Next::Send(job) if self.restraint.may_send(&route, Instant::now()) => self.send(&route, *job).await,
                Next::Send(job) => self.dropped(*job, Unproven::HeldBack),
                Next::Stale(job) => self.dropped(*job, Unproven::InFlight),
                Next::Nothing => return,
            }
        }
    }

    async fn send(&self, route: &Arc<str>, job: MirrorJob) {
        let started = Instant::now();
        let under_way = UnderWay { worker: self, job: Some(job) };
        let answer = match &under_way.job {
            Some(job) => self.ask(job).await,
            None => return,
        };
        let Some(job) = under_way.arrived() else { return };
        match answer {
            Ok(copy) => {
                self.restraint.answered(route);
                self.comparer.compare(Arrived { job, copy, copy_time: started.elapsed() });
            }
            Err(reason) => {
                self.restraint.failed(route, reason, Instant::now());
                self.dropped(job, reason);
            }
        }
    }

    async fn ask(&self, job: &MirrorJob) -> Result<Observation, Unproven> {
        let proxied = job.route.proxied().ok_or(Unproven::Shutdown)?;
        let backend = job.route.snapshot.backend(proxied.backend(job.to)).ok_or(Unproven::ConnectError)?;
        let _slot = backend.in_flight().enter_copy().map_err(|_| Unproven::BackendBusy)?;
        let to = backend.visit(Some(job.session), &[]).ok_or(Unproven::ConnectError)?;
        let mut head = marked(&job.head, &job.body, self.queue.token());
        let span = job.trace.as_ref().map(|trace| trace.begin(&mut head, &to, Purpose::Mirror));
        let ask = Ask {
            to,
            head,
            body: job.body.clone(),
            timeouts: proxied.timeouts.over(&backend.timeouts),
            max_body: proxied.mirror.max_body,
            target: job.target.clone(),
            announcement: job.announcement.clone(),
            fresh: false,
        };
        let answer = self.client.ask(ask, proxied.mirror.timeout).await;
        if let Some(span) = span {
            span.end(&answer);
        }
        answer
    }

    /// Counted first: once its place is free, a door that ends waits for nothing more.
    fn dropped(&self, job: MirrorJob, reason: Unproven) {
        self.queue.note_drop(&job.route, reason);
        self.queue.release(job.size());
    }

    fn record_drops(&self, drops: Drops) {
        let now = SystemTime::now();
        for (key, count) in drops {
            for _ in 0..count {
                self.recorder.unproven(&key.route, key.stage, key.reason, now);
            }
        }
    }
}

/// A copy under way. Should the runtime end before its answer is there, it is counted as dropped by shutdown.
struct UnderWay<'a> {
    worker: &'a Worker,
    job: Option<MirrorJob>,
}

impl UnderWay<'_> {
    fn arrived(mut self) -> Option<MirrorJob> {
        self.job.take()
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if let Some(job) = self.job.take() {
            self.worker.dropped(job, Unproven::Shutdown);
        }
    }
}

/// The copy's head: the authoritative one's, marked, and without what only concerns the connection it came on.
pub fn marked(head: &RequestHeader, body: &[u8], token: &Token) -> Box<RequestHeader> {
    let mut head = Box::new(head.clone());
    head.remove_header(&http::header::EXPECT);
    // Header names and values that are constants are always legal.
    let _ = head.insert_header(MIRROR_HEADER, "1");
    token.sign(&mut head);
    // Pingora frames a chunked body after the point at which the head was kept.
    if !body.is_empty() && !head.headers.contains_key(http::header::CONTENT_LENGTH) {
        let _ = head.insert_header(http::header::TRANSFER_ENCODING, "chunked");
    }
    head
}
