//! A request's pace: while its client takes nothing of the answer, nothing more of it is read.
//!
//! The library reads ahead, on the very task that waits for the client: some eight pieces of 64 KiB a stream, and what they
//! cost is for the client to decide. Two things hold it. In one turn the task takes only so many steps, counted by the budget
//! that every socket and channel of the runtime draws on ([`tokio::task::coop`]): so it notices soon that the client is slow.
//! And while it waits for the client, it has no turns at all.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use parking_lot::Mutex;
use tokio::task::coop::{self, RestoreOnPending};

/// Steps of a turn: a head or piece is read and passed on, then another one.
const TURN: usize = 4;
/// More than the runtime's own budget; a task without one has nothing to spend.
const MOST_STEPS: usize = 256;

/// Of one request.
#[derive(Debug, Default)]
pub struct Pace {
    /// It waits for the client,
    stalled: AtomicBool,
    /// who has since moved, or had its time.
    woken: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl Pace {
    /// Runs a request at this pace, on a task of its own.
    pub async fn run<F: Future>(self: Arc<Self>, request: F) -> F::Output {
        let mut request = pin!(request);
        poll_fn(|cx| {
            self.task.lock().get_or_insert_with(|| cx.waker().clone()).clone_from(cx.waker());
            if self.stalled.load(Ordering::Acquire) && !self.woken.load(Ordering::Acquire) {
                return Poll::Pending;
            }
            spend_all_but(TURN);
            request.as_mut().poll(cx)
        })
        .await
    }

    /// Waits for the client, and for nothing else: the rest of the request has no turn until then.
    pub async fn wait<F: Future>(self: &Arc<Self>, client: F) -> F::Output {
        let mut client = pin!(client);
        let waker = Waker::from(self.clone());
        let _over = Over(self);
        poll_fn(|_| {
            self.woken.store(false, Ordering::Release);
            let polled = client.as_mut().poll(&mut Context::from_waker(&waker));
            if polled.is_pending() {
                self.stalled.store(true, Ordering::Release);
                // What else this turn would do, the reading ahead, is left undone.
                spend_all_but(0);
            }
            polled
        })
        .await
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

/// Leaves the running task so many steps of its turn.
fn spend_all_but(steps: usize) {
    let mut cx = Context::from_waker(Waker::noop());
    let mut last: [Option<RestoreOnPending>; TURN] = Default::default();
    let mut taken = 0;
    while taken < MOST_STEPS && coop::has_budget_remaining() {
        let Poll::Ready(step) = coop::poll_proceed(&mut cx) else { break };
        // A step that is dropped as it is was not taken, nor were those after it.
        if let Some(Some(before)) = last.get_mut(taken % TURN).map(|place| place.replace(step)) {
            before.made_progress();
        }
        taken += 1;
    }
    let kept = steps.min(taken);
    for age in 1..=TURN.min(taken) {
        let step = last.get_mut((taken - age) % TURN).and_then(Option::take);
        if let Some(step) = step
            && age != kept
        {
            step.made_progress();
        }
    }
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
        for (left, expected) in [(0, 0), (1, 1), (3, 3), (TURN, TURN)] {
            tokio::task::yield_now().await;
            let found = tokio::spawn(async move {
                spend_all_but(left);
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
