//! How many requests of a route one asker may make. The library keeps the accounts; here is whose they are.
//!
//! Askers are told apart by a keyed hash with a bounded number of values, so that nobody can fill the memory with accounts,
//! and nobody can choose whose account he shares. An account that is full again is forgotten.

use std::hash::{BuildHasher, Hash, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use http::StatusCode;

use crate::config::settings::RateLimit;

/// Accounts of one route: a quarter of a million, some ten megabytes while all of them are in use.
const ACCOUNTS: u64 = 1 << 18;
/// Parts that they are kept in, each with a lock of its own: tidying up one takes a fraction of a millisecond.
const DRAWERS: usize = 16;
/// Requests between two rounds of tidying up, at least; otherwise as many as there are accounts.
const TIDY_EVERY: u32 = 1024;

/// One route's. Kept by its name over reloads, as long as the rule is the same.
pub struct Rates {
    rule: RateLimit,
    drawers: [Drawer; DRAWERS],
    clock: DefaultClock,
    hashing: RandomState,
}

struct Drawer {
    limiter: RateLimiter<u32, HashMapStateStore<u32>, DefaultClock>,
    /// Requests until it is tidied up.
    due: AtomicU32,
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
        let drawers = std::array::from_fn(|_| Drawer {
            limiter: RateLimiter::new(quota, HashMapStateStore::default(), clock.clone()),
            due: AtomicU32::new(TIDY_EVERY),
        });
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
        let account = (self.hashing.hash_one(asker) % ACCOUNTS) as u32;
        let Some(drawer) = self.drawers.get(account as usize % DRAWERS) else { return Ok(()) };
        drawer.tidy_when_due();
        let exceeded = |wait| Exceeded { status: self.rule.status, wait };
        drawer.limiter.check_key(&account).map_err(|until| exceeded(until.wait_time_from(self.clock.now())))
    }

    #[cfg(test)]
    fn accounts(&self) -> usize {
        self.drawers.iter().map(|drawer| drawer.limiter.len()).sum()
    }
}

impl Drawer {
    /// As rarely as there are accounts to look at: over many requests it costs each the same little.
    fn tidy_when_due(&self) {
        if self.due.fetch_sub(1, Ordering::Relaxed) != 1 {
            return;
        }
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
        let accounts = u32::try_from(self.limiter.len()).unwrap_or(u32::MAX);
        self.due.store(accounts.max(TIDY_EVERY), Ordering::Relaxed);
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
    fn accounts_are_bounded_and_those_that_are_full_again_are_forgotten() {
        let slow = Rates::new(rule(1, Duration::from_secs(3600), 1)).unwrap();
        (0..1_000_000).for_each(|client| _ = slow.take(client));
        assert!(slow.accounts() > 200_000 && slow.accounts() as u64 <= ACCOUNTS, "{}", slow.accounts());
        let quick = Rates::new(rule(1000, Duration::from_secs(1), 1)).unwrap();
        (0..100_000).for_each(|client| _ = quick.take(client));
        std::thread::sleep(Duration::from_millis(20));
        (0..1_000_000).for_each(|_| _ = quick.take("one and the same"));
        (0..DRAWERS as u32 * 8 * TIDY_EVERY).for_each(|client| _ = quick.take(client % 1000));
        assert!(quick.accounts() < 2_000, "{}", quick.accounts());
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
