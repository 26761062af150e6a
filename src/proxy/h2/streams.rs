//! A connection's streams, counted: how many are open, how many came to an end, how many were thrown away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

/// Streams that a client may reset before their answer is complete, beyond as many as it let finish: browsers do so when
/// somebody leaves a page, but not without reading most of what they ask for (CVE-2023-44487).
const THROWN_AWAY: usize = 100;

#[derive(Debug)]
pub struct Streams {
    open: AtomicUsize,
    finished: AtomicUsize,
    thrown_away: AtomicUsize,
    quiet: Notify,
}

/// One stream's place; its end gives it back.
#[derive(Debug)]
pub struct Place {
    streams: Arc<Streams>,
    finished: AtomicBool,
}

impl Streams {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            open: AtomicUsize::new(0),
            finished: AtomicUsize::new(0),
            thrown_away: AtomicUsize::new(0),
            quiet: Notify::new(),
        })
    }

    pub fn enter(streams: &Arc<Self>) -> Place {
        streams.open.fetch_add(1, Ordering::AcqRel);
        Place { streams: streams.clone(), finished: AtomicBool::new(false) }
    }

    pub fn open(&self) -> usize {
        self.open.load(Ordering::Acquire)
    }

    pub fn any_yet(&self) -> bool {
        let over = self.finished.load(Ordering::Relaxed) + self.thrown_away.load(Ordering::Relaxed);
        over + self.open() > 0
    }

    pub fn are_thrown_away(&self) -> bool {
        self.thrown_away.load(Ordering::Relaxed) > THROWN_AWAY + self.finished.load(Ordering::Relaxed)
    }

    /// Returns once no stream has been open for this long.
    pub async fn quiet_for(&self, patience: Duration) {
        loop {
            let quiet = self.quiet.notified();
            if self.open() == 0 {
                break;
            }
            quiet.await;
        }
        // A stream that comes meanwhile ends this wait, because whoever waits here takes it.
        tokio::time::sleep(patience).await;
    }
}

impl Place {
    /// The answer is complete, or it is not the client's doing that it is not.
    pub fn finished(&self) {
        self.finished.store(true, Ordering::Relaxed);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let how = if *self.finished.get_mut() { &self.streams.finished } else { &self.streams.thrown_away };
        how.fetch_add(1, Ordering::Relaxed);
        if self.streams.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.streams.quiet.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_may_throw_away_as_much_as_it_takes_and_some() {
        let streams = Streams::new();
        for _ in 0..THROWN_AWAY + 1 {
            Streams::enter(&streams).finished();
            drop(Streams::enter(&streams));
        }
        assert!(!streams.are_thrown_away());
        for _ in 0..THROWN_AWAY + 1 {
            drop(Streams::enter(&streams));
        }
        assert!(streams.are_thrown_away());
        assert_eq!(streams.open(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn quiet_begins_when_the_last_stream_ends() {
        let streams = Streams::new();
        let place = Streams::enter(&streams);
        let waiting = streams.quiet_for(Duration::from_secs(5));
        tokio::pin!(waiting);
        assert!(tokio::time::timeout(Duration::from_secs(60), &mut waiting).await.is_err());
        drop(place);
        assert!(tokio::time::timeout(Duration::from_secs(4), &mut waiting).await.is_err());
        assert!(tokio::time::timeout(Duration::from_secs(2), &mut waiting).await.is_ok());
    }
}
