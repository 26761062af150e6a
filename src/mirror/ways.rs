//! Two ways to one thread: what came by the first is taken before what came by the second.
//!
//! Unbounded by themselves: who sends knows how much may wait. How long it waits the recorder knows, until what was taken is done with.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Select, Sender, unbounded};

use crate::evidence::record::{Backlog, Uncounted};

#[derive(Debug, PartialEq, Eq)]
pub enum Came<F, S> {
    First(F),
    Second(S),
}

/// What came, and the note that it waits: to be let go when it does no more.
pub type Taken<F, S> = (Came<F, S>, Uncounted);

pub fn ways<F, S>(backlog: &Arc<Backlog>) -> (WaysIn<F, S>, WaysOut<F, S>) {
    let (first, take_first) = unbounded();
    let (second, take_second) = unbounded();
    (WaysIn { first, second, backlog: Arc::clone(backlog) }, WaysOut { first: take_first, second: take_second })
}

#[derive(Debug)]
pub struct WaysIn<F, S> {
    first: Sender<(F, Uncounted)>,
    second: Sender<(S, Uncounted)>,
    backlog: Arc<Backlog>,
}

impl<F, S> WaysIn<F, S> {
    /// Nobody may be left to take it: then it is lost.
    pub fn send_first(&self, sent: F) {
        let _ = self.first.send((sent, self.backlog.add()));
    }

    /// Nobody may be left to take it: then it is lost.
    pub fn send_second(&self, sent: S) {
        let _ = self.second.send((sent, self.backlog.add()));
    }
}

#[derive(Debug)]
pub struct WaysOut<F, S> {
    first: Receiver<(F, Uncounted)>,
    second: Receiver<(S, Uncounted)>,
}

impl<F, S> Clone for WaysOut<F, S> {
    fn clone(&self) -> Self {
        Self { first: self.first.clone(), second: self.second.clone() }
    }
}

impl<F, S> WaysOut<F, S> {
    /// Waits for the next; `None`: nothing more will come.
    pub fn next(&self) -> Option<Taken<F, S>> {
        let mut select = Select::new_biased();
        let first = select.recv(&self.first);
        select.recv(&self.second);
        let ready = select.select();
        // Both ways are closed at once, as far as anybody can tell: what is left on the other one is the rest.
        if ready.index() == first {
            ready.recv(&self.first).map(by_first).or_else(|_| self.second.recv().map(by_second)).ok()
        } else {
            ready.recv(&self.second).map(by_second).or_else(|_| self.first.recv().map(by_first)).ok()
        }
    }

    /// What is there already.
    pub fn waiting(&self) -> Option<Taken<F, S>> {
        let second = || self.second.try_recv().map(by_second);
        self.first.try_recv().map(by_first).or_else(|_| second()).ok()
    }
}

fn by_first<F, S>((sent, uncounted): (F, Uncounted)) -> Taken<F, S> {
    (Came::First(sent), uncounted)
}

fn by_second<F, S>((sent, uncounted): (S, Uncounted)) -> Taken<F, S> {
    (Came::Second(sent), uncounted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn what<F, S>((came, _): Taken<F, S>) -> Came<F, S> {
        came
    }

    #[test]
    fn the_first_way_goes_first_and_nothing_is_lost_at_the_end() {
        let (into, out) = ways(&Arc::default());
        let (next, waiting) = (|| out.next().map(what), || out.waiting().map(what));
        (0..3).for_each(|at| into.send_second(at));
        into.send_first('a');
        assert_eq!(next(), Some(Came::First('a')));
        assert_eq!(next(), Some(Came::Second(0)));
        into.send_first('b');
        assert_eq!(waiting(), Some(Came::First('b')));
        assert_eq!(waiting(), Some(Came::Second(1)));
        into.send_first('c');
        drop(into);
        assert_eq!([next(), next()], [Some(Came::First('c')), Some(Came::Second(2))]);
        assert_eq!((next(), waiting()), (None, None));
    }

    #[test]
    fn who_waits_is_woken_by_either_way_and_by_the_end() {
        let (into, out) = ways(&Arc::default());
        let taker = std::thread::spawn(move || std::iter::from_fn(|| out.next().map(what)).collect::<Vec<_>>());
        into.send_second(1);
        into.send_first('a');
        drop(into);
        let mut taken = taker.join().unwrap_or_default();
        taken.sort_by_key(|came| matches!(came, Came::First(_)));
        assert_eq!(taken, [Came::Second(1), Came::First('a')]);
    }

    #[test]
    fn what_is_sent_waits_until_it_is_done_with() {
        let backlog = Arc::default();
        let (into, out) = ways::<(), ()>(&backlog);
        into.send_second(());
        let taken = out.next();
        assert!(taken.is_some() && !backlog.is_empty());
        drop(taken);
        assert!(backlog.is_empty());
    }
}
