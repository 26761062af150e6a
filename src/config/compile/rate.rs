//! `limits.rate`: how many requests of a route one asker may make.

use std::num::NonZeroU32;
use std::time::Duration;

use http::StatusCode;

use super::{blocks, bounds};
use crate::config::at::At;
use crate::config::mistake::Findings;
use crate::config::settings::{RateBy, RateLimit};
use crate::config::spec::{RateSpec, RouteLimitsSpec, Text};

const MOST_REQUESTS: u64 = 1_000_000;
const DEFAULT_PER: Duration = Duration::from_secs(1);

/// What is written, to be laid over the defaults key by key.
#[derive(Debug, Clone, Copy, Default)]
pub struct RateBlock {
    /// 0: no limit, whatever the defaults say.
    requests: Option<u32>,
    per: Option<Duration>,
    burst: Option<NonZeroU32>,
    by: Option<RateBy>,
    status: Option<StatusCode>,
}

impl RateBlock {
    pub fn of(limits: Option<&RouteLimitsSpec>, at: &At<'_>, findings: &mut Findings) -> Self {
        let Some(written) = limits.and_then(|limits| limits.rate.as_ref()) else { return Self::default() };
        let at = at.key("rate");
        if *written == RateSpec::default() {
            findings.missing(&at, "is empty, want at least {requests: N}");
        }
        let count = |written, least, key: &str, findings: &mut Findings| {
            let count = bounds::count(written, least..=MOST_REQUESTS, &at.key(key), findings);
            count.and_then(|count| u32::try_from(count).ok())
        };
        Self {
            requests: count(written.requests, 0, "requests", findings),
            per: bounds::time(written.per, &at.key("per"), findings),
            burst: count(written.burst, 1, "burst", findings).and_then(NonZeroU32::new),
            by: written.by.as_ref().and_then(|by| read_by(by, &at.key("by"), findings)),
            status: written.status.and_then(|status| blocks::failure(status, &at.key("status"), findings)),
        }
    }

    pub fn over(self, below: &Self) -> Self {
        Self {
            requests: self.requests.or(below.requests),
            per: self.per.or(below.per),
            burst: self.burst.or(below.burst),
            by: self.by.or(below.by),
            status: self.status.or(below.status),
        }
    }

    /// `None`: there is no limit.
    pub fn limit(self) -> Option<RateLimit> {
        let requests = NonZeroU32::new(self.requests?)?;
        Some(RateLimit {
            requests,
            per: self.per.unwrap_or(DEFAULT_PER),
            burst: self.burst.unwrap_or(requests),
            by: self.by.unwrap_or(RateBy::Client),
            status: self.status.unwrap_or(StatusCode::TOO_MANY_REQUESTS),
        })
    }
}

/// A route that says something of its rate, but no number of requests, neither itself nor by the defaults.
pub fn wants_a_number(limits: Option<&RouteLimitsSpec>, laid: &RateBlock, at: &At<'_>, findings: &mut Findings) {
    let says = limits.and_then(|limits| limits.rate.as_ref()).is_some_and(|rate| {
        // An empty block and a wrong number were told already.
        *rate != RateSpec::default() && rate.requests.is_none()
    });
    if says && laid.requests.is_none() {
        let at = at.key("rate");
        findings.missing(&at.key("requests"), "is missing, want how many requests one client may make");
    }
}

fn read_by(written: &Text, at: &At<'_>, findings: &mut Findings) -> Option<RateBy> {
    match written.0.as_str() {
        "client" => Some(RateBy::Client),
        "session" => Some(RateBy::Session),
        "route" => Some(RateBy::Route),
        other => {
            findings.wrong(at, format!("is {other:?}, want client, session or route"));
            None
        }
    }
}
