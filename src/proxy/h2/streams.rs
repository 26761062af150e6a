//! A connection's streams, counted: how many are open, how many came to an end, how many were thrown away; and the bytes
//! that came, beside what they were good for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// Streams that a client may reset before their answer is complete, beyond as many as it let finish: browsers do so when
/// somebody leaves a page, but not without reading most of what they ask for (CVE-2023-44487).
const THROWN_AWAY: usize = 100;

/// Bytes that a client may send for nothing: settings, pings, priorities, window updates (CVE-2019-9512 and its kin). Once;
/// for each second that it stays; and for each byte of a body, either way, because small pieces cost more in frames.
const FREE: u64 = 1 << 20;
const FREE_A_SECOND: u64 = 8 << 10;
const FREE_A_BODY_BYTE: u64 = 16;

#[derive(Debug)]
pub struct Streams {
    open: AtomicUsize,
    finished: AtomicUsize,
    thrown_away: AtomicUsize,
    quiet: Notify,
    since: Instant,
    /// Bytes that a head may have.
    head: u64,
    read: AtomicU64,
    bodies: AtomicU64,
    overdone: Notify,
}

/// One stream's place; its end gives it back.
#[derive(Debug)]
pub struct Place {
    streams: Arc<Streams>,
    finished: AtomicBool,
}

impl Streams {
    /// Of a client whose heads may have so many bytes.
    pub fn new(head: usize) -> Arc<Self> {
        Arc::new(Self {
            open: AtomicUsize::new(0),
            finished: AtomicUsize::new(0),
            thrown_away: AtomicUsize::new(0),
            quiet: Notify::new(),
            since: Instant::now(),
            head: head as u64,
            read: AtomicU64::new(0),
            bodies: AtomicU64::new(0),
            overdone: Notify::new(),
        })
    }

    /// Bytes came on the connection.
    pub fn has_read(&self, bytes: usize) {
        let read = self.read.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64;
        if read > FREE && read > self.allowance() {
            self.overdone.notify_one();
        }
    }

    fn allowance(&self) -> u64 {
        let for_bodies = FREE_A_BODY_BYTE.saturating_mul(self.bodies.load(Ordering::Relaxed));
        let for_heads = self.head * self.begun() as u64;
        FREE + FREE_A_SECOND * self.since.elapsed().as_secs() + for_heads + for_bodies
    }

    /// Returns once the client has sent far more than its requests can explain, or has thrown away too much.
    pub async fn are_overdone(&self) {
        self.overdone.notified().await;
    }

    fn begun(&self) -> usize {
        self.finished.load(Ordering::Relaxed) + self.thrown_away.load(Ordering::Relaxed) + self.open()
    }

    pub fn enter(streams: &Arc<Self>) -> Place {
        streams.open.fetch_add(1, Ordering::AcqRel);
        Place { streams: streams.clone(), finished: AtomicBool::new(false) }
    }

    pub fn open(&self) -> usize {
        self.open.load(Ordering::Acquire)
    }

    pub fn any_yet(&self) -> bool {
        self.begun() > 0
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
    /// Bytes of a body, the request's or the answer's.
    pub fn moved(&self, bytes: usize) {
        self.streams.bodies.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// The answer is complete, or it is not the client's doing that it is not.
    pub fn finished(&self) {
        self.finished.store(true, Ordering::Relaxed);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let how = if *self.finished.get_mut() { &self.streams.finished } else { &self.streams.thrown_away };
        how.fetch_add(1, Ordering::Relaxed);
        // No further stream may come that would show it.
        if self.streams.are_thrown_away() {
            self.streams.overdone.notify_one();
        }
        if self.streams.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.streams.quiet.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    #[test]
    fn a_client_may_throw_away_as_much_as_it_takes_and_some() {
        let streams = Streams::new(1024);
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
        assert!(pin!(streams.are_overdone()).poll(&mut Context::from_waker(Waker::noop())).is_ready());
    }

    #[test]
    fn a_client_may_send_what_its_requests_explain_and_some() {
        let streams = Streams::new(1024);
        let overdone = || pin!(streams.are_overdone()).poll(&mut Context::from_waker(Waker::noop())).is_ready();
        Streams::enter(&streams).moved(1 << 20);
        streams.has_read(17 << 20);
        assert!(!overdone());
        streams.has_read(1 << 20);
        assert!(overdone());
    }

    #[tokio::test(start_paused = true)]
    async fn quiet_begins_when_the_last_stream_ends() {
        let streams = Streams::new(1024);
        let place = Streams::enter(&streams);
        let waiting = streams.quiet_for(Duration::from_secs(5));
        tokio::pin!(waiting);
        assert!(tokio::time::timeout(Duration::from_secs(60), &mut waiting).await.is_err());
        drop(place);
        assert!(tokio::time::timeout(Duration::from_secs(4), &mut waiting).await.is_err());
        assert!(tokio::time::timeout(Duration::from_secs(2), &mut waiting).await.is_ok());
    }
}
