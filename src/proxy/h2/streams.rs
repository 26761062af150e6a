//! A connection's streams, counted: how many are open, how many came to an end, how fast they are thrown away; and the bytes
//! that came, beside what they were good for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Notify;

/// Streams that a client may reset, or make the door reset, before their answer begins (CVE-2023-44487, CVE-2025-8671): a second,
/// beside what it may at once. gRPC does so with each deadline that is over.
const THROWN_AWAY_A_SECOND: f64 = 100.0;
/// And for each stream that is answered whole: a gateway is many clients.
const THROWN_AWAY_A_FINISHED_ONE: f64 = 0.5;
/// Bytes that are read before the streams in them are begun. What a client says about them later may be worth knowing first, but not
/// at any price.
const TURN: usize = 64 << 10;

/// Bytes that a client may send for nothing: settings, pings, priorities, window updates (CVE-2019-9512 and its kin). Once;
/// for each second that it stays; and for each byte of a body, either way, because small pieces cost more in frames.
const FREE: u64 = 1 << 20;
const FREE_A_SECOND: u64 = 8 << 10;
const FREE_A_BODY_BYTE: u64 = 16;

#[derive(Debug)]
pub struct Streams {
    open: AtomicUsize,
    over: AtomicUsize,
    thrown_away: Mutex<ThrownAway>,
    quiet: Notify,
    since: Instant,
    /// Bytes that a head may have.
    head: u64,
    read: AtomicU64,
    /// Since streams were last begun.
    read_in_turn: AtomicUsize,
    bodies: AtomicU64,
    overdone: Notify,
    held: Mutex<Held>,
}

/// What keeps the connection from writing.
#[derive(Debug, Default)]
struct Held {
    by: usize,
    writer: Option<Waker>,
}

/// As long as there is one, nothing is written: what is handed over meanwhile leaves together.
#[derive(Debug)]
pub struct Together(Arc<Streams>);

/// One stream's place; its end gives it back.
#[derive(Debug)]
pub struct Place {
    streams: Arc<Streams>,
    answered: AtomicBool,
    finished: AtomicBool,
}

/// How many more streams were thrown away of late than anybody needs to.
#[derive(Debug)]
struct ThrownAway {
    level: f64,
    most: f64,
    at: Instant,
}

impl ThrownAway {
    fn new(most: usize) -> Self {
        Self { level: 0.0, most: most as f64, at: Instant::now() }
    }

    fn changes(&mut self, by: f64, now: Instant) {
        let drained = now.duration_since(self.at).as_secs_f64() * THROWN_AWAY_A_SECOND;
        self.level = ((self.level - drained).max(0.0) + by).max(0.0);
        self.at = now;
    }

    fn are_too_many(&self) -> bool {
        self.level > self.most
    }
}

impl Streams {
    /// Of a client whose heads may have so many bytes, and that may throw away so many streams at once.
    pub fn new(head: usize, most_thrown_away: usize) -> Arc<Self> {
        Arc::new(Self {
            open: AtomicUsize::new(0),
            over: AtomicUsize::new(0),
            thrown_away: Mutex::new(ThrownAway::new(most_thrown_away)),
            quiet: Notify::new(),
            since: Instant::now(),
            head: head as u64,
            read: AtomicU64::new(0),
            read_in_turn: AtomicUsize::new(0),
            bodies: AtomicU64::new(0),
            overdone: Notify::new(),
            held: Mutex::default(),
        })
    }

    /// Bytes came on the connection.
    pub fn has_read(&self, bytes: usize) {
        self.read_in_turn.fetch_add(bytes, Ordering::Relaxed);
        let read = self.read.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64;
        if read > FREE && read > self.allowance() {
            self.overdone.notify_one();
        }
    }

    /// Whether more may be read before the streams that came are begun.
    pub fn may_read(&self) -> bool {
        self.read_in_turn.load(Ordering::Relaxed) < TURN
    }

    /// All streams that came are begun. Whether there was more to read.
    pub fn are_begun(&self) -> bool {
        self.read_in_turn.swap(0, Ordering::Relaxed) >= TURN
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

    /// Ready when the connection may write.
    pub fn poll_let_go(&self, cx: &Context<'_>) -> Poll<()> {
        let mut held = self.held.lock();
        if held.by == 0 {
            return Poll::Ready(());
        }
        held.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    fn begun(&self) -> usize {
        self.over.load(Ordering::Relaxed) + self.open()
    }

    pub fn enter(streams: &Arc<Self>) -> Place {
        streams.open.fetch_add(1, Ordering::AcqRel);
        Place { streams: streams.clone(), answered: AtomicBool::new(false), finished: AtomicBool::new(false) }
    }

    pub fn open(&self) -> usize {
        self.open.load(Ordering::Acquire)
    }

    pub fn any_yet(&self) -> bool {
        self.begun() > 0
    }

    pub fn are_thrown_away(&self) -> bool {
        self.thrown_away.lock().are_too_many()
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

    /// The answer has begun: who wants no more of it has not asked for nothing.
    pub fn answered(&self) {
        self.answered.store(true, Ordering::Relaxed);
    }

    /// For moments only, and not while the client is waited for.
    pub fn together(&self) -> Together {
        self.streams.held.lock().by += 1;
        Together(self.streams.clone())
    }

    /// The answer is complete, or it is not the client's doing that it is not.
    pub fn finished(&self) {
        self.finished.store(true, Ordering::Relaxed);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.streams.over.fetch_add(1, Ordering::Relaxed);
        match (*self.finished.get_mut(), *self.answered.get_mut()) {
            (true, _) => self.streams.thrown_away.lock().changes(-THROWN_AWAY_A_FINISHED_ONE, Instant::now()),
            (false, true) => {}
            (false, false) => self.streams.thrown_away.lock().changes(1.0, Instant::now()),
        }
        // No further stream may come that would show it.
        if self.streams.are_thrown_away() {
            self.streams.overdone.notify_one();
        }
        if self.streams.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.streams.quiet.notify_waiters();
        }
    }
}

impl Drop for Together {
    fn drop(&mut self) {
        let writer = {
            let mut held = self.0.held.lock();
            held.by -= 1;
            if held.by == 0 { held.writer.take() } else { None }
        };
        // Woken elsewhere at once, it would wait for the lock.
        writer.inspect(Waker::wake_by_ref);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    #[test]
    fn who_throws_away_hundreds_at_once_is_told_from_who_takes_most_or_has_seen_some() {
        let streams = Streams::new(1024, 200);
        for _ in 0..1_000 {
            Streams::enter(&streams).finished();
            Streams::enter(&streams).finished();
            drop(Streams::enter(&streams));
            Streams::enter(&streams).answered();
        }
        assert!(!streams.are_thrown_away());
        for _ in 0..1_000 {
            drop(Streams::enter(&streams));
        }
        assert!(streams.are_thrown_away());
        assert_eq!(streams.open(), 0);
        assert!(pin!(streams.are_overdone()).poll(&mut Context::from_waker(Waker::noop())).is_ready());
    }

    #[test]
    fn what_was_thrown_away_is_forgotten_in_time() {
        let mut thrown_away = ThrownAway::new(200);
        let began = thrown_away.at;
        for cancelled in 0..10_000 {
            thrown_away.changes(1.0, began + Duration::from_millis(11) * cancelled);
        }
        assert!(!thrown_away.are_too_many());
        for cancelled in 0..10_000 {
            thrown_away.changes(1.0, thrown_away.at + Duration::from_millis(5) * (cancelled % 2));
        }
        assert!(thrown_away.are_too_many());
    }

    #[test]
    fn a_turn_has_so_many_bytes_and_the_next_one_as_many() {
        let streams = Streams::new(1024, 200);
        streams.has_read(TURN - 1);
        assert!(streams.may_read() && !streams.are_begun());
        streams.has_read(TURN);
        assert!(!streams.may_read());
        assert!(streams.are_begun() && streams.may_read());
    }

    #[test]
    fn a_client_may_send_what_its_requests_explain_and_some() {
        let streams = Streams::new(1024, 200);
        let overdone = || pin!(streams.are_overdone()).poll(&mut Context::from_waker(Waker::noop())).is_ready();
        Streams::enter(&streams).moved(1 << 20);
        streams.has_read(17 << 20);
        assert!(!overdone());
        streams.has_read(1 << 20);
        assert!(overdone());
    }

    #[test]
    fn nothing_is_written_while_answers_are_handed_over() {
        let streams = Streams::new(1024, 200);
        let may_write = || streams.poll_let_go(&Context::from_waker(Waker::noop())).is_ready();
        assert!(may_write());
        let place = Streams::enter(&streams);
        let both = [place.together(), place.together()];
        assert!(!may_write());
        drop(both);
        assert!(may_write());
    }

    #[tokio::test(start_paused = true)]
    async fn quiet_begins_when_the_last_stream_ends() {
        let streams = Streams::new(1024, 200);
        let place = Streams::enter(&streams);
        let waiting = streams.quiet_for(Duration::from_secs(5));
        tokio::pin!(waiting);
        assert!(tokio::time::timeout(Duration::from_secs(60), &mut waiting).await.is_err());
        drop(place);
        assert!(tokio::time::timeout(Duration::from_secs(4), &mut waiting).await.is_err());
        assert!(tokio::time::timeout(Duration::from_secs(2), &mut waiting).await.is_ok());
    }
}
