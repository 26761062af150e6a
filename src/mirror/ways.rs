//! Two ways to one thread: what came by the first is taken before what came by the second.
//!
//! Unbounded by themselves: who sends knows how much may wait.

use crossbeam_channel::{Receiver, Select, Sender, unbounded};

#[derive(Debug, PartialEq, Eq)]
pub enum Came<F, S> {
    First(F),
    Second(S),
}

pub fn ways<F, S>() -> (WaysIn<F, S>, WaysOut<F, S>) {
    let (first, take_first) = unbounded();
    let (second, take_second) = unbounded();
    (WaysIn { first, second }, WaysOut { first: take_first, second: take_second })
}

#[derive(Debug)]
pub struct WaysIn<F, S> {
    first: Sender<F>,
    second: Sender<S>,
}

impl<F, S> WaysIn<F, S> {
    /// Nobody may be left to take it: then it is lost.
    pub fn send_first(&self, sent: F) {
        let _ = self.first.send(sent);
    }

    /// Nobody may be left to take it: then it is lost.
    pub fn send_second(&self, sent: S) {
        let _ = self.second.send(sent);
    }
}

#[derive(Debug)]
pub struct WaysOut<F, S> {
    first: Receiver<F>,
    second: Receiver<S>,
}

impl<F, S> Clone for WaysOut<F, S> {
    fn clone(&self) -> Self {
        Self { first: self.first.clone(), second: self.second.clone() }
    }
}

impl<F, S> WaysOut<F, S> {
    /// Waits for the next; `None`: nothing more will come.
    pub fn next(&self) -> Option<Came<F, S>> {
        let mut select = Select::new_biased();
        let first = select.recv(&self.first);
        select.recv(&self.second);
        let ready = select.select();
        // Both ways are closed at once, as far as anybody can tell: what is left on the other one is the rest.
        if ready.index() == first {
            ready.recv(&self.first).map(Came::First).or_else(|_| self.second.recv().map(Came::Second)).ok()
        } else {
            ready.recv(&self.second).map(Came::Second).or_else(|_| self.first.recv().map(Came::First)).ok()
        }
    }

    /// What is there already.
    pub fn waiting(&self) -> Option<Came<F, S>> {
        let second = || self.second.try_recv().map(Came::Second);
        self.first.try_recv().map(Came::First).or_else(|_| second()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_way_goes_first_and_nothing_is_lost_at_the_end() {
        let (into, out) = ways();
        (0..3).for_each(|at| into.send_second(at));
        into.send_first('a');
        assert_eq!(out.next(), Some(Came::First('a')));
        assert_eq!(out.next(), Some(Came::Second(0)));
        into.send_first('b');
        assert_eq!(out.waiting(), Some(Came::First('b')));
        assert_eq!(out.waiting(), Some(Came::Second(1)));
        into.send_first('c');
        drop(into);
        assert_eq!([out.next(), out.next()], [Some(Came::First('c')), Some(Came::Second(2))]);
        assert_eq!((out.next(), out.waiting()), (None, None));
    }

    #[test]
    fn who_waits_is_woken_by_either_way_and_by_the_end() {
        let (into, out) = ways();
        let taker = std::thread::spawn(move || std::iter::from_fn(|| out.next()).collect::<Vec<_>>());
        into.send_second(1);
        into.send_first('a');
        drop(into);
        let mut taken = taker.join().unwrap_or_default();
        taken.sort_by_key(|came| matches!(came, Came::First(_)));
        assert_eq!(taken, [Came::Second(1), Came::First('a')]);
    }
}
