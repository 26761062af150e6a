//! A request's pace: while its client takes nothing of the answer, nothing more of it is read.
//!
//! The library reads ahead, on the very task that waits for the client: some ten pieces of 64 KiB a request, and what they
//! cost is for the client to decide. Two things hold it. In one turn the task takes only so many steps, counted by the budget
//! that every socket and channel of the runtime draws on ([`tokio::task::coop`]): so it notices soon that the client is slow.
//! And while it waits for the client, it has no turns at all; nor does it read in the turn that its client's move wakes it for.

use std::cell::Cell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use parking_lot::Mutex;
use tokio::task::coop::{self, RestoreOnPending};

use super::clock::{Clock, Phase};

/// Steps of a turn that waits for an answer: its head is read and passed on, and what came with it.
const FIRST_TURN: usize = 3;
/// Steps of a turn in an answer: a piece is read and passed on, or taken and written. With more, pieces gather, and the library
/// copies several into a larger one; what that takes, it keeps.
const TURN: usize = 2;
/// The longest of both.
const LONGEST_TURN: usize = FIRST_TURN;
/// More than the runtime's own budget; a task without one has nothing to spend.
const MOST_STEPS: usize = 256;

/// Of the requests of one task, one after the other.
#[derive(Debug, Default)]
pub struct Pace {
    /// It waits for the client,
    stalled: AtomicBool,
    /// who has since moved, or had its time.
    woken: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl Pace {
    /// Runs a request at this pace, on the task that serves it.
    pub async fn run<F: Future>(self: Arc<Self>, request: F) -> F::Output {
        let mut request = pin!(request);
        self.stalled.store(false, Ordering::Release);
        poll_fn(|cx| {
            self.task.lock().get_or_insert_with(|| cx.waker().clone()).clone_from(cx.waker());
            let stalled = self.stalled.load(Ordering::Acquire);
            // Once the door has no more time, the request is to notice.
            let cut = || Clock::with(Clock::is_cut).is_some_and(|cut| cut);
            if stalled && !self.woken.load(Ordering::Acquire) && !cut() {
                return Poll::Pending;
            }
            if stalled {
                // The client first: what it woke the task for is not to be spent on reading ahead.
                begin_turn(0);
            } else if let Some(steps) = Clock::with(steps).unwrap_or(Some(TURN)) {
                begin_turn(steps);
            }
            request.as_mut().poll(cx)
        })
        .await
    }

    /// Waits for the client, and for nothing else: the rest of the request has no turn until then.
    pub async fn wait<F: Future>(self: &Arc<Self>, client: F) -> F::Output {
        let mut client = pin!(client);
        let _over = Over(self);
        poll_fn(|_| self.poll_wait(|cx| client.as_mut().poll(cx))).await
    }

    /// The same for who polls by hand, and does so again until it is ready.
    pub fn poll_wait<T>(self: &Arc<Self>, client: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        let waker = Waker::from(self.clone());
        self.woken.store(false, Ordering::Release);
        // Beyond the budget: with nothing left of it the task would be woken again at once, and again.
        let polled = pin!(coop::unconstrained(poll_fn(client))).poll(&mut Context::from_waker(&waker));
        self.stalled.store(polled.is_pending(), Ordering::Release);
        if polled.is_pending() {
            // What else this turn would do, the reading ahead, is left undone.
            end_turn();
        }
        polled
    }
}

/// `None`: as many as the runtime gives, for what is read is the user's request, whose pace is the backend's.
fn steps(clock: &Clock) -> Option<usize> {
    match clock.phase() {
        Phase::FirstByte => Some(FIRST_TURN),
        Phase::Answer => Some(TURN),
        _ => None,
    }
}

impl Wake for Pace {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        if let Some(task) = &*self.task.lock() {
            task.wake_by_ref();
        }
    }
}

/// The wait is over, one way or another.
struct Over<'a>(&'a Pace);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.stalled.store(false, Ordering::Release);
    }
}

thread_local! {
    /// A step that was begun when one more than [`LONGEST_TURN`] were left. Given up, it leaves its thread's running task so many again,
    /// which is cheaper than spending all the others each time.
    static FIRST_STEP: Cell<Option<RestoreOnPending>> = const { Cell::new(None) };
}

/// Leaves the running task so many steps of its turn, at most [`LONGEST_TURN`].
fn begin_turn(steps: usize) {
    drop(FIRST_STEP.take().or_else(find_first_step));
    FIRST_STEP.set(next_step());
    for _ in steps..LONGEST_TURN {
        next_step().inspect(RestoreOnPending::made_progress);
    }
}

fn end_turn() {
    (0..MOST_STEPS).map_while(|_| next_step()).for_each(|step| step.made_progress());
}

/// `None`: no step is left.
fn next_step() -> Option<RestoreOnPending> {
    let mut cx = Context::from_waker(Waker::noop());
    match coop::has_budget_remaining().then(|| coop::poll_proceed(&mut cx)) {
        Some(Poll::Ready(step)) => Some(step),
        Some(Poll::Pending) | None => None,
    }
}

/// Takes all the steps there are, so as to know which one is the last but [`LONGEST_TURN`]. `None`: there is no end of them.
fn find_first_step() -> Option<RestoreOnPending> {
    let mut last = VecDeque::with_capacity(LONGEST_TURN + 2);
    for _ in 0..MOST_STEPS {
        let Some(step) = next_step() else {
            let first = last.pop_front();
            // Given up in any order, the others would leave what they found.
            last.iter().for_each(RestoreOnPending::made_progress);
            return first;
        };
        last.push_back(step);
        if last.len() > LONGEST_TURN + 1 {
            last.pop_front().inspect(RestoreOnPending::made_progress);
        }
    }
    last.iter().for_each(RestoreOnPending::made_progress);
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::atomic::AtomicUsize;
    use std::time::Duration;

    use super::*;

    fn steps_left() -> usize {
        let mut cx = Context::from_waker(Waker::noop());
        let mut steps = 0;
        while steps < MOST_STEPS && coop::has_budget_remaining() {
            if let Poll::Ready(step) = coop::poll_proceed(&mut cx) {
                step.made_progress();
                steps += 1;
            }
        }
        steps
    }

    #[tokio::test]
    async fn a_turn_has_few_steps() {
        for (left, expected) in
            [(0, 0), (1, 1), (TURN, TURN), (LONGEST_TURN, LONGEST_TURN), (0, 0), (LONGEST_TURN, LONGEST_TURN)]
        {
            tokio::task::yield_now().await;
            let found = tokio::spawn(async move {
                begin_turn(left);
                steps_left()
            });
            assert_eq!(found.await.unwrap(), expected);
        }
    }

    /// A client that waits, beside a reader that is always ready: both on one task.
    #[tokio::test]
    async fn who_waits_for_the_client_reads_nothing_and_does_not_spin() {
        let (pace, turns, read) =
            (Arc::new(Pace::default()), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (taking, taken) = tokio::sync::oneshot::channel::<()>();
        let request = {
            let (pace, turns, read) = (pace.clone(), turns.clone(), read.clone());
            async move {
                let client = pace.wait(taken);
                let reader = async {
                    loop {
                        coop::consume_budget().await;
                        read.fetch_add(1, Ordering::Relaxed);
                    }
                };
                let (mut client, mut reader) = (pin!(client), pin!(reader));
                poll_fn(|cx| {
                    turns.fetch_add(1, Ordering::Relaxed);
                    let polled = client.as_mut().poll(cx);
                    if polled.is_pending() {
                        assert!(reader.as_mut().poll(cx).is_pending());
                    }
                    polled
                })
                .await
            }
        };
        let request = tokio::spawn(pace.run(request));
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!((turns.load(Ordering::Relaxed), read.load(Ordering::Relaxed)), (1, 0));
        taking.send(()).unwrap();
        request.await.unwrap().unwrap();
    }
}
