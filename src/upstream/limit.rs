//! How many requests may be under way at one backend. Users come first: copies only get what is left over.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Requests under way at one backend, and the bound on them.
#[derive(Debug)]
pub struct InFlight {
    limit: Option<usize>,
    slots: Arc<Semaphore>,
    users: AtomicUsize,
    copies: AtomicUsize,
    waiting: AtomicUsize,
}

/// The backend has as much to do as the operator allows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the backend has max_in_flight requests under way")]
pub struct NoRoom;

/// A request under way; its end frees the place.
#[derive(Debug)]
pub struct Slot {
    in_flight: Arc<InFlight>,
    whose: Whose,
    _permit: Option<OwnedSemaphorePermit>,
}

#[derive(Debug, Clone, Copy)]
enum Whose {
    User,
    Copy,
}

impl InFlight {
    pub fn new(limit: Option<usize>) -> Self {
        Self {
            limit,
            slots: Arc::new(Semaphore::new(limit.unwrap_or(Semaphore::MAX_PERMITS).min(Semaphore::MAX_PERMITS))),
            users: AtomicUsize::new(0),
            copies: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
        }
    }

    pub fn limit(&self) -> Option<usize> {
        self.limit
    }

    /// Users' requests and copies under way.
    pub fn count(&self) -> usize {
        self.users.load(Ordering::Relaxed) + self.copies.load(Ordering::Relaxed)
    }

    /// A place for a user's request. Waits at most `patience`, behind at most `limit` others.
    ///
    /// # Errors
    /// [`NoRoom`] when the queue is full or the wait is over.
    pub async fn enter(self: &Arc<Self>, patience: Duration) -> Result<Slot, NoRoom> {
        let Some(limit) = self.limit else { return Ok(self.slot(Whose::User, None)) };
        if let Ok(permit) = self.slots.clone().try_acquire_owned() {
            return Ok(self.slot(Whose::User, Some(permit)));
        }
        let _place = QueuePlace::take(&self.waiting, limit).ok_or(NoRoom)?;
        let Ok(Ok(permit)) = tokio::time::timeout(patience, self.slots.clone().acquire_owned()).await else {
            return Err(NoRoom);
        };
        Ok(self.slot(Whose::User, Some(permit)))
    }

    /// A place for a copy: at most half of the limit, only while no user waits, and never the last free place.
    ///
    /// # Errors
    /// [`NoRoom`] at once; a copy does not wait.
    pub fn enter_copy(self: &Arc<Self>) -> Result<Slot, NoRoom> {
        let Some(limit) = self.limit else { return Ok(self.slot(Whose::Copy, None)) };
        let copies = self.copies.load(Ordering::Relaxed);
        let only_place = limit == 1 && self.count() == 0;
        let spare = self.slots.available_permits() > 1 && copies < limit.div_ceil(2);
        if self.waiting.load(Ordering::Relaxed) > 0 || !(spare || only_place) {
            return Err(NoRoom);
        }
        let permit = self.slots.clone().try_acquire_owned().map_err(|_| NoRoom)?;
        Ok(self.slot(Whose::Copy, Some(permit)))
    }

    fn slot(self: &Arc<Self>, whose: Whose, permit: Option<OwnedSemaphorePermit>) -> Slot {
        self.counter(whose).fetch_add(1, Ordering::Relaxed);
        Slot { in_flight: self.clone(), whose, _permit: permit }
    }

    fn counter(&self, whose: Whose) -> &AtomicUsize {
        match whose {
            Whose::User => &self.users,
            Whose::Copy => &self.copies,
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.in_flight.counter(self.whose).fetch_sub(1, Ordering::Relaxed);
    }
}

/// A place in the bounded queue before a full backend; given back also when the waiting client goes away.
struct QueuePlace<'a>(&'a AtomicUsize);

impl<'a> QueuePlace<'a> {
    fn take(waiting: &'a AtomicUsize, limit: usize) -> Option<Self> {
        let taken = waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| (n < limit).then_some(n + 1));
        taken.is_ok().then(|| Self(waiting))
    }
}

impl Drop for QueuePlace<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
