//! One lane per route: at most `mirror.max_in_flight` of its copies are under way, the others wait in line, not for long.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

use super::job::MirrorJob;

#[derive(Debug, Default)]
pub struct Lanes(Mutex<HashMap<Arc<str>, Lane>>);

#[derive(Debug, Default)]
struct Lane {
    waiting: VecDeque<MirrorJob>,
    under_way: usize,
}

/// What a lane has to say to a free sender.
#[derive(Debug)]
pub enum Next {
    Send(Box<MirrorJob>),
    /// Waited longer than the copy may take: by now it would be answered from another state of the site.
    Stale(Box<MirrorJob>),
    Nothing,
}

impl Lanes {
    /// Puts a job in line. `true`: a sender may start on this lane, and has its place.
    pub fn join(&self, route: &Arc<str>, job: MirrorJob) -> bool {
        let bound = job.route.proxied().map_or(0, |proxied| proxied.mirror.max_in_flight);
        let mut lanes = self.0.lock();
        let lane = lanes.entry(route.clone()).or_default();
        lane.waiting.push_back(job);
        let may_start = lane.under_way < bound;
        lane.under_way += usize::from(may_start);
        may_start
    }

    /// Whether a job stands in line.
    pub fn is_waiting(&self, route: &Arc<str>) -> bool {
        self.0.lock().get(route).is_some_and(|lane| !lane.waiting.is_empty())
    }

    /// The next job of the lane; with [`Next::Nothing`] the sender has given up its place.
    pub fn next(&self, route: &Arc<str>, now: Instant) -> Next {
        let mut lanes = self.0.lock();
        let Some(lane) = lanes.get_mut(route) else { return Next::Nothing };
        if let Some(job) = lane.waiting.pop_front() {
            return if is_stale(&job, now) { Next::Stale(Box::new(job)) } else { Next::Send(Box::new(job)) };
        }
        lane.under_way -= 1;
        if lane.under_way == 0 {
            lanes.remove(route);
        }
        Next::Nothing
    }

    /// Takes out what has waited too long although no sender came free to notice.
    pub fn stale(&self, now: Instant) -> Vec<MirrorJob> {
        let mut lanes = self.0.lock();
        let mut stale = Vec::new();
        for lane in lanes.values_mut() {
            while lane.waiting.front().is_some_and(|job| is_stale(job, now)) {
                stale.extend(lane.waiting.pop_front());
            }
        }
        stale
    }

    /// Everything that still waits, in no order.
    pub fn abandon(&self) -> Vec<MirrorJob> {
        self.0.lock().values_mut().flat_map(|lane| std::mem::take(&mut lane.waiting)).collect()
    }
}

fn is_stale(job: &MirrorJob, now: Instant) -> bool {
    job.route.proxied().is_none_or(|proxied| now.duration_since(job.done) > proxied.mirror.timeout)
}
