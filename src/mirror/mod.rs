//! Send the copy: [`Mirror::offer`] takes a job without waiting, and everything else happens on a runtime of its own.
//!
//! The door's threads only ever push into the [`queue`] under a short lock. A timer on the mirror's runtime drains it: a
//! wake-up per request would cost the user's request more than the whole copy (measured: 25 to 30 µs against 11).

mod comparer;
mod job;
mod lanes;
mod queue;
mod restraint;
mod settler;
mod token;
mod ways;
mod worker;

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

pub use job::{MirrorJob, RouteRef};
pub use token::{LOOP_HEADER, MIRROR_HEADER, Token};

use crate::evidence::{Recorder, Unproven};
use queue::Queue;
use worker::Worker;

/// Threads of the mirror's runtime, for sending; comparing has a thread of its own.
const THREADS: usize = 1;

/// How long the mirror's thread may take, when told to stop, to end what it is at. It never works; but others may.
const LAST_STEP: Duration = Duration::from_secs(1);

/// How long the comparison that is under way then may take: many times what one costs, for its thread may hardly get a processor.
const LAST_COMPARISON: Duration = Duration::from_secs(5);

/// The way in for the door, and the runtime behind it.
#[derive(Debug)]
pub struct Mirror {
    queue: Arc<Queue>,
    recorder: Arc<Recorder>,
    worker: Arc<Worker>,
    running: Mutex<Option<(Runtime, JoinHandle<()>)>>,
    /// Who waits for copies is to wait no longer.
    hurry: Notify,
}

impl Mirror {
    /// `memory`: bytes of requests and answers that may wait or be under way, over all routes.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(recorder: Arc<Recorder>, memory: usize) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("mirror")
            .enable_all()
            .build()?;
        let queue = Arc::new(Queue::new(memory));
        let worker = Arc::new(Worker::new(queue.clone(), recorder.clone(), runtime.handle().clone())?);
        let task = runtime.spawn(worker.clone().run());
        let running = Mutex::new(Some((runtime, task)));
        Ok(Self { queue, recorder, worker, running, hurry: Notify::new() })
    }

    /// Takes the copy of a finished request. Never waits.
    ///
    /// # Errors
    /// Why not; it is counted.
    pub fn offer(&self, job: MirrorJob) -> Result<(), Unproven> {
        self.queue.push(job).map_err(|refused| {
            self.queue.note_drop(&refused.0.route, refused.1);
            refused.1
        })
    }

    /// What this door's own copies carry.
    pub fn token(&self) -> &Token {
        self.queue.token()
    }

    /// Counts a sampled request of which there can be no copy.
    pub fn decline(&self, route: &RouteRef, reason: Unproven) {
        self.queue.note_drop(route, reason);
    }

    /// Lets what waits or is under way finish, at most for `patience`; what is left counts as dropped by shutdown. Then
    /// everything recorded is written out.
    pub fn stop(&self, patience: Duration) {
        self.queue.close();
        self.end(&mut self.running.lock(), patience, LAST_COMPARISON);
        self.recorder.close();
    }

    /// As [`Mirror::stop`], for who has no patience: what is under way counts as dropped by shutdown at once, also if another
    /// thread waits for it. Takes no longer than `within`, of which the writing has half at least.
    pub fn stop_now(&self, within: Duration) {
        let end = Instant::now() + within;
        self.queue.close();
        self.hurry.notify_one();
        if let Some(mut running) = self.running.try_lock_for(within / 4) {
            self.end(&mut running, Duration::ZERO, within / 4);
        }
        self.recorder.close_within(end.saturating_duration_since(Instant::now()));
    }

    /// `last`: for the comparison that is under way then.
    fn end(&self, running: &mut Option<(Runtime, JoinHandle<()>)>, patience: Duration, last: Duration) {
        let Some((runtime, task)) = running.take() else { return };
        let finished = runtime.block_on(async {
            tokio::select! {
                biased;
                finished = tokio::time::timeout(patience, task) => finished.is_ok(),
                () = self.hurry.notified() => false,
            }
        });
        if !finished {
            self.queue.give_up();
        }
        runtime.shutdown_timeout(LAST_STEP.min(last));
        self.worker.count_what_is_left(last);
    }
}

#[cfg(test)]
mod tests;
