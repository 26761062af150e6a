//! The addresses of an endpoint that has a name: asked for again and again, in the background. One of them is in use, for as long as
//! the name has it and it can be connected to.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use parking_lot::Mutex;

use crate::config::settings::HostPort;

/// How soon a name is asked for again that was never found, or whose address cannot be connected to: it may just have moved.
const IN_TROUBLE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub struct Lookup {
    known: ArcSwap<Known>,
    /// Milliseconds.
    every: AtomicU64,
    asked: Mutex<Instant>,
    under_way: AtomicBool,
}

/// Where a name leads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Known {
    /// The one in use first.
    addresses: Vec<SocketAddr>,
    /// So many of them, the last ones, could not be connected to since one could.
    refused: usize,
}

/// What becomes of an address that could not be connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Another one is in use now.
    Taken(SocketAddr),
    /// Another one was in use already.
    Known,
    /// All of them are like it; they are tried in turn.
    None,
}

impl Lookup {
    pub fn new() -> Self {
        Self {
            known: ArcSwap::default(),
            every: AtomicU64::new(u64::MAX),
            asked: Mutex::new(Instant::now()),
            under_way: AtomicBool::new(false),
        }
    }

    /// The one in use; `None` while the name was never found.
    pub fn address(&self) -> Option<SocketAddr> {
        self.known.load().addresses.first().copied()
    }

    /// Whether there is more than one.
    pub fn has_others(&self) -> bool {
        self.known.load().addresses.len() > 1
    }

    /// Nobody can connect to this one.
    pub fn pass_over(&self, address: SocketAddr) -> Next {
        let before = self.known.rcu(|known| known.without(address));
        let now = self.known.load();
        match now.addresses.first() {
            Some(next) if now.refused < now.addresses.len() => {
                if before.addresses.first() == Some(&address) {
                    Next::Taken(*next)
                } else {
                    Next::Known
                }
            }
            _ => Next::None,
        }
    }

    /// Somebody could connect to the one in use.
    pub fn reached(&self) {
        // Nearly always a load is enough.
        if self.known.load().refused > 0 {
            self.known.rcu(|known| Known { refused: 0, ..known.as_ref().clone() });
        }
    }

    pub fn repeat(&self, every: Duration) {
        self.every.store(every.as_millis() as u64, Ordering::Relaxed);
    }

    /// Whether it is time to ask; `in_trouble`: nobody can connect to the address.
    pub fn is_due(&self, in_trouble: bool) -> bool {
        let every = Duration::from_millis(self.every.load(Ordering::Relaxed));
        let every = if in_trouble || self.address().is_none() { every.min(IN_TROUBLE) } else { every };
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
        let before = self.known.rcu(|known| known.answered(&answers));
        if let (Some(from), Some(to)) = (before.addresses.first().copied(), self.address())
            && !answers.contains(&from)
            && from != to
        {
            tracing::info!(endpoint = %at, %from, %to, "the endpoint's name has another address");
        }
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

impl Known {
    /// What it is after an answer. That a name has no address any more is trouble of DNS, which must not close the site; and of
    /// several addresses, whose order changes with each answer, the one in use is as good as any, unless nobody can connect to it.
    fn answered(&self, answers: &[SocketAddr]) -> Self {
        if answers.is_empty() {
            return self.clone();
        }
        let (sound, refused) = self.addresses.split_at(self.addresses.len() - self.refused);
        let stays = sound.first().filter(|first| answers.contains(first));
        let refused: Vec<SocketAddr> = refused.iter().filter(|address| answers.contains(address)).copied().collect();
        let mut addresses: Vec<SocketAddr> = stays.copied().into_iter().collect();
        for address in answers {
            if !addresses.contains(address) && !refused.contains(address) {
                addresses.push(*address);
            }
        }
        addresses.extend(&refused);
        Self { addresses, refused: refused.len() }
    }

    /// What it is after nobody could connect to this address.
    fn without(&self, address: SocketAddr) -> Self {
        let mut known = self.clone();
        if known.addresses.first() == Some(&address) {
            known.addresses.rotate_left(1);
            known.refused = (known.refused + 1).min(known.addresses.len());
        }
        known
    }
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
    fn an_address_that_nobody_can_connect_to_is_passed_over_until_all_are_like_it() {
        let [one, two, three] = [1, 2, 3].map(address);
        let lookup = Lookup::new();
        let is_asked = |answers: &[SocketAddr]| lookup.ask(&at(), |_| Ok(answers.to_vec()));
        is_asked(&[one, two]);
        assert_eq!(lookup.pass_over(one), Next::Taken(two));
        assert_eq!((lookup.pass_over(one), lookup.address()), (Next::Known, Some(two)), "told twice");
        is_asked(&[one, two]);
        assert_eq!(lookup.address(), Some(two), "an answer makes it no better");
        assert_eq!((lookup.pass_over(two), lookup.address()), (Next::None, Some(one)), "all are tried in turn");
        assert_eq!((lookup.pass_over(one), lookup.address()), (Next::None, Some(two)));
        is_asked(&[one, two]);
        assert_eq!(lookup.address(), Some(two));
        is_asked(&[one, three, two]);
        assert_eq!(lookup.address(), Some(three), "nobody has tried it yet");
        lookup.reached();
        is_asked(&[two, one, three]);
        assert_eq!(
            (lookup.pass_over(three), lookup.address()),
            (Next::Taken(two), Some(two)),
            "all are as good as new"
        );
    }

    #[test]
    fn the_only_address_has_no_other() {
        let lookup = Lookup::new();
        assert_eq!(lookup.pass_over(address(1)), Next::None);
        lookup.ask(&at(), |_| Ok(vec![address(1), address(1)]));
        assert_eq!((lookup.pass_over(address(1)), lookup.address()), (Next::None, Some(address(1))));
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
