//! What a client connection is waiting for, and until when. Written by the hooks, kept by the [`ClientStream`].
//!
//! Pingora gives a session one timeout per read; a front door needs one per phase: an idle connection, a request head as a
//! whole (slowloris), the pauses of a body, the first byte of an answer. The stream looks here whenever it has nothing to read.
//!
//! [`ClientStream`]: super::stream::ClientStream

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::time::{Sleep, sleep_until};

/// What the connection is waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// The first byte of a request: over means the client has left.
    Idle,
    /// The rest of a request's head: over means the client is too slow.
    Head,
    /// The next piece of a request's body: over means the client is too slow.
    Body,
    /// A place at a backend that has as much to do as it may have: what the wait may take is looked after elsewhere.
    Queue,
    /// The backend's first byte: over means the backend is too slow.
    FirstByte,
    /// The next piece of the backend's answer: over means the backend is too slow.
    Answer,
    /// Nothing with a bound of its own: a tunnel.
    Open,
    /// Never entered, only missed: the request as a whole took too long.
    Total,
    /// Never entered, only missed: the door has no more time for it.
    Cut,
}

/// Of one client's connection, or stream.
#[derive(Debug)]
pub struct Clock {
    epoch: Instant,
    phase: AtomicU8,
    /// Milliseconds since `epoch`; 0: no deadline.
    deadline: AtomicU64,
    /// The same, of the request as a whole: no phase lasts longer.
    bound: AtomicU64,
    /// Milliseconds that the phase may last without a sign of life; 0: for ever.
    limit: AtomicU64,
    /// The same, of a client that takes nothing of its answer.
    patience: AtomicU64,
    /// Until when the library must look at the client again, which it does not while it gives on what the client said; 0: it looks.
    looks_by: AtomicU64,
    /// It did not.
    given_up: AtomicBool,
    /// The phase whose deadline passed, plus one; 0: none.
    missed: AtomicU8,
    /// The door has no more time for what is under way.
    cut: AtomicBool,
}

impl Default for Clock {
    fn default() -> Self {
        Self {
            epoch: Instant::now(),
            phase: AtomicU8::new(Phase::Idle as u8),
            deadline: AtomicU64::new(0),
            bound: AtomicU64::new(0),
            limit: AtomicU64::new(0),
            patience: AtomicU64::new(0),
            looks_by: AtomicU64::new(0),
            given_up: AtomicBool::new(false),
            missed: AtomicU8::new(0),
            cut: AtomicBool::new(false),
        }
    }
}

impl Clock {
    /// Enters a phase that may last for `limit` from now; `None`: for ever.
    pub fn enter(&self, phase: Phase, limit: Option<Duration>) {
        self.phase.store(phase as u8, Ordering::Relaxed);
        if matches!(phase, Phase::Idle | Phase::Open) {
            self.bound(None);
        }
        self.limit.store(limit.map_or(0, millis), Ordering::Relaxed);
        self.arm();
    }

    /// All phases from now on, to the end of the request, may last for `total` together; `None`: for ever.
    pub fn bound(&self, total: Option<Duration>) {
        let bound = total.map_or(0, |total| self.now().saturating_add(millis(total)));
        self.bound.store(bound, Ordering::Relaxed);
    }

    /// Ends what is under way as soon as the connection's task looks here, and if it does not look, at once.
    pub fn cut(&self) {
        self.cut.store(true, Ordering::Relaxed);
        self.bound.store(1, Ordering::Relaxed);
        if self.looks_by.load(Ordering::Relaxed) > 0 {
            self.must_look_by(1);
        }
    }

    pub fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Relaxed)
    }

    /// The library gives on what it has read, and may take so long for that.
    pub fn gives_on(&self, limit: Duration) {
        self.must_look_by(self.now().saturating_add(millis(limit)));
    }

    /// Once there is no more time, at once.
    fn must_look_by(&self, moment: u64) {
        self.looks_by.store(if self.is_cut() { 1 } else { moment }, Ordering::Relaxed);
    }

    /// The library looks at the client, or has something else to do.
    pub fn looks(&self) {
        self.looks_by.store(0, Ordering::Relaxed);
    }

    /// Ready when the library has not looked at the client for too long: it will not see any more that anything is over.
    pub async fn is_not_looked_at(&self) {
        let mut alarm = Alarm::default();
        let over = || {
            let looks_by = self.at(&self.looks_by)?;
            earlier(Some(looks_by), self.at(&self.bound))
        };
        poll_fn(|cx| alarm.poll_until(over(), cx)).await;
        self.given_up.store(true, Ordering::Relaxed);
    }

    pub fn is_given_up(&self) -> bool {
        self.given_up.load(Ordering::Relaxed)
    }

    /// How long a client may take nothing of what is written to it.
    pub fn set_patience(&self, patience: Duration) {
        self.patience.store(millis(patience), Ordering::Relaxed);
    }

    /// When a client that took nothing since then is given up, or the request as a whole is.
    pub fn untaken_until(&self, since: Instant) -> Option<Instant> {
        let patience = Some(self.patience.load(Ordering::Relaxed)).filter(|millis| *millis > 0);
        let taken = patience.and_then(|patience| since.checked_add(Duration::from_millis(patience)));
        earlier(taken, self.at(&self.bound))
    }

    /// Milliseconds since `epoch`.
    fn now(&self) -> u64 {
        self.epoch.elapsed().as_millis() as u64
    }

    /// A piece of the answer or of the request has moved on while there is an answer: the pause begins anew.
    pub fn moved(&self) {
        if self.phase() == Phase::Answer {
            self.arm();
        }
    }

    fn arm(&self) {
        let deadline = match self.limit.load(Ordering::Relaxed) {
            0 => 0,
            limit => self.now().saturating_add(limit),
        };
        self.deadline.store(deadline, Ordering::Relaxed);
        // Where nobody looks at that, somebody else does, but gives the client its own time to take what there is.
        if self.looks_by.load(Ordering::Relaxed) > 0 {
            let patience = self.now().saturating_add(self.patience.load(Ordering::Relaxed));
            self.must_look_by(deadline.max(patience));
        }
    }

    pub fn phase(&self) -> Phase {
        Phase::from_u8(self.phase.load(Ordering::Relaxed))
    }

    /// When the phase is over, or the request.
    pub fn deadline(&self) -> Option<Instant> {
        earlier(self.at(&self.deadline), self.at(&self.bound))
    }

    /// `None`: there is no such moment.
    fn at(&self, moment: &AtomicU64) -> Option<Instant> {
        let millis = Some(moment.load(Ordering::Relaxed)).filter(|millis| *millis > 0)?;
        self.epoch.checked_add(Duration::from_millis(millis))
    }

    /// The deadline has passed: it does not pass twice.
    pub fn miss(&self) -> Phase {
        let over = |bound| bound > 0 && bound <= self.now();
        let phase = match over(self.bound.load(Ordering::Relaxed)) {
            true if self.is_cut() => Phase::Cut,
            true => Phase::Total,
            false => self.phase(),
        };
        self.bound(None);
        self.missed.store(phase as u8 + 1, Ordering::Relaxed);
        self.deadline.store(0, Ordering::Relaxed);
        phase
    }

    /// The phase whose deadline passed since the last call.
    pub fn take_missed(&self) -> Option<Phase> {
        self.missed.swap(0, Ordering::Relaxed).checked_sub(1).map(Phase::from_u8)
    }
}

fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// Never 0, which means for ever.
fn millis(limit: Duration) -> u64 {
    u64::try_from(limit.as_millis()).unwrap_or(u64::MAX).max(1)
}

impl Phase {
    fn from_u8(value: u8) -> Self {
        match value {
            0 => Self::Idle,
            1 => Self::Head,
            2 => Self::Body,
            3 => Self::Queue,
            4 => Self::FirstByte,
            5 => Self::Answer,
            7 => Self::Total,
            8 => Self::Cut,
            _ => Self::Open,
        }
    }
}

/// Wakes a task when its clock's phase is over.
#[derive(Debug, Default)]
pub struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    /// Ready once the phase's deadline has passed; otherwise the task is woken when it does.
    ///
    /// Deadlines move with every phase of every request, nearly always further away. Setting the alarm each time would
    /// cost more than a phase lasts, so it is moved only when it would ring too late, and looks again when it rings too early.
    pub fn poll(&mut self, clock: &Clock, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_until(clock.deadline(), cx)
    }

    /// The same for any deadline; `None`: never.
    pub fn poll_until(&mut self, deadline: Option<Instant>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = deadline.map(tokio::time::Instant::from_std) else { return Poll::Pending };
        let alarm = self.0.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if alarm.deadline() > deadline {
            alarm.as_mut().reset(deadline);
        }
        while alarm.as_mut().poll(cx).is_ready() {
            if tokio::time::Instant::now() >= deadline {
                return Poll::Ready(());
            }
            alarm.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_waited_for_as_long_as_it_may_pause_or_the_request_may_last() {
        let (clock, since) = (Clock::default(), Instant::now());
        assert_eq!(clock.untaken_until(since), None);
        clock.set_patience(Duration::from_secs(5));
        assert_eq!(clock.untaken_until(since), Some(since + Duration::from_secs(5)));
        clock.bound(Some(Duration::from_secs(2)));
        assert!(clock.untaken_until(since).is_some_and(|until| until < since + Duration::from_secs(4)));
    }
}
