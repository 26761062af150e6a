//! Between the door and the mirror: bounded in jobs and bytes, pushed to under a short lock, drained by a timer.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::job::{MirrorJob, RouteRef};
use super::token::Token;
use crate::evidence::Unproven;

/// Jobs that may wait or be under way. The byte budget is usually the tighter bound; this one is for tiny answers.
const MAX_JOBS: usize = 8 * 1024;

#[derive(Debug)]
pub struct Queue {
    /// Bytes that jobs may keep alive, waiting or under way.
    memory: usize,
    /// Of the copies that are made of the jobs.
    token: Token,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    waiting: Vec<MirrorJob>,
    drops: Drops,
    /// Jobs and bytes waiting or under way.
    jobs: usize,
    bytes: usize,
    closed: bool,
    given_up: bool,
}

/// What was dropped since the last drain: by route's name and stage, and reason.
pub type Drops = HashMap<DropKey, u64>;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DropKey {
    pub route: Arc<str>,
    pub stage: &'static str,
    pub reason: Unproven,
}

/// What a drain found.
#[derive(Debug, Default)]
pub struct Drained {
    pub jobs: Vec<MirrorJob>,
    pub drops: Drops,
    pub closed: bool,
}

impl Queue {
    pub fn new(memory: usize) -> Self {
        Self { memory, token: Token::random(), inner: Mutex::default() }
    }

    pub fn token(&self) -> &Token {
        &self.token
    }

    /// # Errors
    /// The job does not fit; it is handed back to be dropped outside the lock.
    pub fn push(&self, job: MirrorJob) -> Result<(), Box<(MirrorJob, Unproven)>> {
        let size = job.size();
        let mut inner = self.inner.lock();
        if inner.closed {
            return Err(Box::new((job, Unproven::Shutdown)));
        }
        if inner.jobs >= MAX_JOBS || inner.bytes + size > self.memory {
            return Err(Box::new((job, Unproven::QueueFull)));
        }
        inner.jobs += 1;
        inner.bytes += size;
        inner.waiting.push(job);
        Ok(())
    }

    /// Counts a sampled request that gets no comparison.
    pub fn note_drop(&self, route: &RouteRef, reason: Unproven) {
        let Some(name) = route.name() else { return };
        if let Some(meters) = route.meters() {
            meters.mirror_dropped(reason);
        }
        let key = DropKey { route: name.clone(), stage: route.stage(), reason };
        *self.inner.lock().drops.entry(key).or_default() += 1;
    }

    pub fn drain(&self) -> Drained {
        let mut inner = self.inner.lock();
        Drained {
            jobs: std::mem::take(&mut inner.waiting),
            drops: std::mem::take(&mut inner.drops),
            closed: inner.closed,
        }
    }

    pub fn drain_jobs(&self) -> Vec<MirrorJob> {
        std::mem::take(&mut self.inner.lock().waiting)
    }

    /// A job of this size is done or dropped: its place is free.
    pub fn release(&self, size: usize) {
        let mut inner = self.inner.lock();
        inner.jobs -= 1;
        inner.bytes -= size;
    }

    /// Takes bytes for answers that are asked for beside the copies: only while less than half of the budget is used.
    pub fn borrow(&self, bytes: usize) -> bool {
        let mut inner = self.inner.lock();
        let fits = !inner.closed && (inner.bytes + bytes) * 2 <= self.memory;
        inner.bytes += if fits { bytes } else { 0 };
        fits
    }

    pub fn give_back(&self, bytes: usize) {
        self.inner.lock().bytes -= bytes;
    }

    pub fn is_closed(&self) -> bool {
        self.inner.lock().closed
    }

    /// Nothing waits, is under way or is being compared.
    pub fn is_done(&self) -> bool {
        self.inner.lock().jobs == 0
    }

    /// Whatever is not compared yet will not be.
    pub fn give_up(&self) {
        self.inner.lock().given_up = true;
    }

    pub fn is_given_up(&self) -> bool {
        self.inner.lock().given_up
    }

    /// From now on nothing is taken in.
    pub fn close(&self) {
        self.inner.lock().closed = true;
    }
}
