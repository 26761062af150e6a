//! Compares what has arrived, on a thread of its own: a comparison may take tens of milliseconds, and the thread that sends the
//! copies must not be late to see their answers, or it would blame the backend for it.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use super::job::MirrorJob;
use super::queue::Queue;
use crate::diff::Observation;
use crate::evidence::{Pair, Recorder, Unproven};
use crate::routing::Origin;

/// A job whose copy was answered.
#[derive(Debug)]
pub struct Arrived {
    pub job: MirrorJob,
    pub copy: Observation,
    pub copy_time: Duration,
}

/// The way in; the thread ends when this is dropped. Unbounded by itself: the queue's budget covers a job until it is compared.
#[derive(Debug)]
pub struct Comparer {
    arrived: Sender<Arrived>,
}

impl Comparer {
    /// # Errors
    /// The system gives no thread.
    pub fn start(queue: Arc<Queue>, recorder: Arc<Recorder>) -> io::Result<Self> {
        let (arrived, arrivals) = channel();
        std::thread::Builder::new().name("compare".into()).spawn(move || compare_all(&arrivals, &queue, &recorder))?;
        Ok(Self { arrived })
    }

    /// # Errors
    /// The thread is gone; the job comes back uncompared.
    pub fn compare(&self, arrived: Arrived) -> Result<(), Box<Arrived>> {
        self.arrived.send(arrived).map_err(|refused| Box::new(refused.0))
    }
}

fn compare_all(arrivals: &Receiver<Arrived>, queue: &Queue, recorder: &Recorder) {
    for arrived in arrivals {
        let (size, route) = (arrived.job.size(), arrived.job.route.clone());
        if queue.is_given_up() {
            queue.note_drop(&route, Unproven::Shutdown);
        } else if let Some(pair) = pair_of(arrived) {
            let outcome = recorder.record(pair);
            if let Some(meters) = route.meters() {
                meters.mirrored();
                meters.compared(outcome);
            }
        }
        queue.release(size);
    }
}

fn pair_of(Arrived { job, copy, copy_time }: Arrived) -> Option<Pair> {
    let authoritative = job.to.other();
    let (control, candidate, control_time, candidate_time) = match authoritative {
        Origin::Legacy => (job.answer, copy, job.answer_time, copy_time),
        Origin::New => (copy, job.answer, copy_time, job.answer_time),
    };
    Some(Pair {
        route: job.route.name()?.clone(),
        stage: job.route.stage(),
        rules: job.route.proxied()?.rules.clone(),
        request: job.request,
        request_body: job.body,
        authoritative,
        control,
        candidate,
        control_time,
        candidate_time,
        at: job.at,
        session: job.session,
    })
}
