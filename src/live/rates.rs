//! How many requests of a route one asker may make. The library does the sums; here is whose they are.
//!
//! Askers are told apart by a keyed hash of 64 bits, which nobody can choose and no two share. Their number is bounded, so that nobody
//! can fill the memory with accounts: where a newcomer finds no room, those go who have not asked for longest. They may then begin
//! anew; a newcomer never pays for what somebody else did. An account that is full again is forgotten.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use governor::clock::{Clock, DefaultClock};
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::{Quota, RateLimiter};
use http::StatusCode;
use parking_lot::Mutex;

use crate::config::settings::RateLimit;

/// Accounts of one route: a quarter of a million, some ten megabytes while all of them are in use.
const ACCOUNTS: usize = 1 << 18;
/// Parts that they are kept in, each with a lock of its own.
const DRAWERS: usize = 16;
/// What is full again sooner than this is kept for so long all the same: maps are not thrown away for every other request.
const SHORTEST: Duration = Duration::from_secs(1);

/// One route's. Kept by its name over reloads, as long as the rule is the same.
pub struct Rates {
    rule: RateLimit,
    drawers: [RateLimiter<u64, Drawer, DefaultClock>; DRAWERS],
    clock: DefaultClock,
    hashing: RandomState,
}

/// Some of the accounts. The two halves make the order of their use: who asks is put among the recent, and when those are half of all,
/// or have been gathered for so long that all others are full again, the others are forgotten at once.
#[derive(Debug)]
struct Drawer(Mutex<Accounts>);

#[derive(Debug)]
struct Accounts {
    recent: Half,
    earlier: Half,
    /// When the last half was begun.
    since: Instant,
    /// In this time an empty account is full again.
    lasts: Duration,
}

type Half = HashMap<u64, Nanos, BuildHasherDefault<AsItIs>>;

/// What is hashed is a keyed hash already.
#[derive(Debug, Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {}

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

impl StateStore for Drawer {
    type Key = u64;

    fn measure_and_replace<T, F, E>(&self, asker: &u64, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut accounts = self.0.lock();
        accounts.make_room(Instant::now());
        let account = accounts.account(*asker);
        let (measured, left) = measure(account)?;
        accounts.recent.insert(*asker, left);
        Ok(measured)
    }
}

impl Drawer {
    fn new(fills_in: Duration) -> Self {
        let (recent, earlier) = (Half::default(), Half::default());
        let lasts = fills_in.max(SHORTEST);
        Self(Mutex::new(Accounts { recent, earlier, since: Instant::now(), lasts }))
    }
}

impl Accounts {
    /// In the time of one assignment, however many are forgotten.
    fn make_room(&mut self, now: Instant) {
        if self.recent.len() >= ACCOUNTS / DRAWERS / 2 || now.duration_since(self.since) > self.lasts {
            self.earlier = std::mem::take(&mut self.recent);
            self.since = now;
        }
    }

    /// Somebody's, from now on among the recent ones. `None`: he is new here.
    fn account(&mut self, asker: u64) -> Option<Nanos> {
        if let Some(account) = self.recent.get(&asker) {
            return Some(*account);
        }
        let account = self.earlier.remove(&asker)?;
        self.recent.insert(asker, account);
        Some(account)
    }
}

/// An asker has asked too often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exceeded {
    /// To answer with.
    pub status: StatusCode,
    /// Until it may ask again.
    pub wait: Duration,
}

impl std::fmt::Debug for Rates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rates").field("rule", &self.rule).finish_non_exhaustive()
    }
}

impl Rates {
    /// `None`: there is no time between two requests of the rule.
    pub fn new(rule: RateLimit) -> Option<Self> {
        let quota = Quota::with_period(rule.per / rule.requests.get())?.allow_burst(rule.burst);
        let clock = DefaultClock::default();
        let fills_in = quota.burst_size_replenished_in();
        let drawer = |_| RateLimiter::new(quota, Drawer::new(fills_in), clock.clone());
        let drawers = std::array::from_fn(drawer);
        Some(Self { rule, drawers, clock, hashing: RandomState::new() })
    }

    pub fn rule(&self) -> &RateLimit {
        &self.rule
    }

    /// Takes one request of this asker's account.
    ///
    /// # Errors
    /// There is none left.
    pub fn take(&self, asker: impl Hash) -> Result<(), Exceeded> {
        let asker = self.hashing.hash_one(asker);
        // By other bits than those that the map looks at.
        let Some(drawer) = self.drawers.get((asker >> 32) as usize % DRAWERS) else { return Ok(()) };
        let exceeded = |wait| Exceeded { status: self.rule.status, wait };
        drawer.check_key(&asker).map_err(|until| exceeded(until.wait_time_from(self.clock.now())))
    }
}

/// A client has one IPv4 address, but any number of IPv6 addresses of one network.
pub fn client_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::num::NonZeroU32;

    use super::*;
    use crate::config::settings::RateBy;

    fn rule(requests: u32, per: Duration, burst: u32) -> RateLimit {
        let [requests, burst] = [requests, burst].map(|count| NonZeroU32::new(count).unwrap());
        RateLimit { requests, per, burst, by: RateBy::Client, status: StatusCode::TOO_MANY_REQUESTS }
    }

    #[test]
    fn each_client_has_an_account_of_its_own() {
        let rates = Rates::new(rule(1, Duration::from_secs(3600), 3)).unwrap();
        assert!((0..3).all(|_| rates.take("one").is_ok()));
        let wait = rates.take("one").unwrap_err().wait;
        assert!(wait > Duration::from_secs(3000) && wait <= Duration::from_secs(3600), "{wait:?}");
        assert!(rates.take("two").is_ok());
    }

    #[test]
    fn a_newcomer_never_pays_for_strangers() {
        let rates = Rates::new(rule(1, Duration::from_secs(3600), 1)).unwrap();
        assert!((0..1_000_000).all(|client| rates.take(client).is_ok()));
        assert!((0..1000).all(|client| rates.take(("another", client)).is_ok()));
        assert!((999_000..1_000_000).all(|client| rates.take(client).is_err()), "the latest are remembered");
    }

    #[test]
    fn who_goes_on_asking_is_not_forgotten_for_others() {
        let rates = Rates::new(rule(1, Duration::from_secs(3600), 1)).unwrap();
        assert!(rates.take("eager").is_ok());
        assert!(
            (0..500_000)
                .all(|client| rates.take(client).is_ok() && (client % 1000 > 0 || rates.take("eager").is_err()))
        );
    }

    fn count(drawer: &Drawer) -> usize {
        let accounts = drawer.0.lock();
        accounts.recent.len() + accounts.earlier.len()
    }

    fn take(drawer: &Drawer, asker: u64) -> Option<Nanos> {
        drawer.measure_and_replace(&asker, |left| Ok::<_, ()>((left, Nanos::new(asker)))).unwrap()
    }

    #[test]
    fn accounts_are_bounded_and_those_that_are_full_again_are_forgotten() {
        let drawer = Drawer::new(Duration::from_secs(3600));
        for asker in 0..100_000 {
            assert_eq!(take(&drawer, asker), None);
            assert!(count(&drawer) <= ACCOUNTS / DRAWERS);
        }
        assert!(count(&drawer) >= ACCOUNTS / DRAWERS / 2, "{}", count(&drawer));
        assert_eq!(take(&drawer, 99_999), Some(Nanos::new(99_999)));
        let mut accounts = drawer.0.lock();
        let later = accounts.since + Duration::from_secs(3601);
        accounts.make_room(later);
        accounts.make_room(later + Duration::from_secs(3600));
        assert!(!accounts.earlier.is_empty(), "they may not be full yet");
        accounts.make_room(later + Duration::from_secs(3601));
        assert!(accounts.recent.is_empty() && accounts.earlier.is_empty());
    }

    #[test]
    fn a_network_of_ipv6_is_one_client() {
        let client = |address: &str| client_of(address.parse().unwrap());
        assert_eq!(client("2001:db8:0:1::1"), client("2001:db8:0:1:ffff::2"));
        assert_ne!(client("2001:db8:0:1::1"), client("2001:db8:0:2::1"));
        assert_eq!(client("::ffff:192.0.2.1"), client("192.0.2.1"));
        assert_ne!(client("192.0.2.1"), client("192.0.2.2"));
    }
}
