//! The address of an endpoint that has a name: asked for again and again, in the background.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use parking_lot::Mutex;

use crate::config::settings::HostPort;

/// How soon a name is asked for again that was never found, or whose address cannot be connected to: it may just have moved.
const IN_TROUBLE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub struct Lookup {
    address: ArcSwapOption<SocketAddr>,
    /// Milliseconds.
    every: AtomicU64,
    asked: Mutex<Instant>,
    under_way: AtomicBool,
}

impl Lookup {
    pub fn new() -> Self {
        Self {
            address: ArcSwapOption::empty(),
            every: AtomicU64::new(u64::MAX),
            asked: Mutex::new(Instant::now()),
            under_way: AtomicBool::new(false),
        }
    }

    /// `None` while the name was never found.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address.load().as_deref().copied()
    }

    pub fn repeat(&self, every: Duration) {
        self.every.store(every.as_millis() as u64, Ordering::Relaxed);
    }

    /// Whether it is time to ask; `in_trouble`: nobody can connect to the address.
    pub fn is_due(&self, in_trouble: bool) -> bool {
        let every = Duration::from_millis(self.every.load(Ordering::Relaxed));
        let every = if in_trouble || self.address.load().is_none() { every.min(IN_TROUBLE) } else { every };
        // A resolver that hangs is asked by one thread, not by more and more.
        !self.under_way.load(Ordering::Acquire) && self.asked.lock().elapsed() >= every
    }

    /// Asks, and waits for the answer. Two that ask at once take the answer of one.
    pub fn ask(&self, at: &HostPort, resolve: impl FnOnce(&HostPort) -> io::Result<Vec<SocketAddr>>) {
        if self.under_way.swap(true, Ordering::AcqRel) {
            return;
        }
        let _over = Over(&self.under_way);
        *self.asked.lock() = Instant::now();
        let Ok(answers) = resolve(at) else { return };
        let known = self.address();
        let Some(found) = settle(known, &answers) else { return };
        if let Some(known) = known {
            tracing::info!(endpoint = %at, from = %known, to = %found, "the endpoint's name has another address");
        }
        self.address.store(Some(Arc::new(found)));
    }
}

struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// As the system has it: its files, then DNS.
pub fn system(at: &HostPort) -> io::Result<Vec<SocketAddr>> {
    Ok((at.host.as_str(), at.port).to_socket_addrs()?.collect())
}

/// The address to take instead of the known one; `None`: it stays. That a name has no address any more is trouble of DNS,
/// which must not close the site; and of several addresses, whose order changes with each answer, a known one is as good as any.
fn settle(known: Option<SocketAddr>, answers: &[SocketAddr]) -> Option<SocketAddr> {
    let first = answers.first()?;
    let stays = known.is_some_and(|known| answers.contains(&known));
    (!stays).then_some(*first)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    fn at() -> HostPort {
        HostPort { host: "legacy.internal".into(), port: 80 }
    }

    fn address(last: u8) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, last], 80))
    }

    /// Where it is after each answer.
    fn after<const N: usize>(answers: [io::Result<Vec<SocketAddr>>; N]) -> [Option<SocketAddr>; N] {
        let lookup = Lookup::new();
        answers.map(|answer| {
            lookup.ask(&at(), |_| answer);
            lookup.address()
        })
    }

    #[test]
    fn a_name_that_moves_is_followed_and_one_that_is_lost_stays_where_it_was() {
        let fails = || Err(io::Error::other("no such host"));
        let found = after([fails(), Ok(vec![address(1)]), fails(), Ok(vec![]), Ok(vec![address(2)])]);
        assert_eq!(found, [None, Some(address(1)), Some(address(1)), Some(address(1)), Some(address(2))]);
    }

    #[test]
    fn of_several_addresses_one_is_kept_for_as_long_as_it_is_among_them() {
        let [one, two, three] = [1, 2, 3].map(address);
        let found = after([Ok(vec![one, two]), Ok(vec![two, one]), Ok(vec![three, one]), Ok(vec![two, three])]);
        assert_eq!(found, [Some(one), Some(one), Some(one), Some(two)]);
    }

    #[test]
    fn it_is_asked_again_in_time_and_never_twice_at_once() {
        let lookup = Lookup::new();
        lookup.repeat(Duration::ZERO);
        assert!(lookup.is_due(false));
        lookup.ask(&at(), |_| {
            assert!(!lookup.is_due(true));
            lookup.ask(&at(), |_| panic!("asked twice at once"));
            Ok(vec![address(1)])
        });
        assert!(lookup.is_due(false));
        lookup.repeat(Duration::from_secs(60));
        assert!(!lookup.is_due(false) && !lookup.is_due(true));
        *lookup.asked.lock() -= IN_TROUBLE;
        assert!(lookup.is_due(true) && !lookup.is_due(false));
    }
}
