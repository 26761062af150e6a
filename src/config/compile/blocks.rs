//! The blocks that a route may lay over `defaults`: each key checked where it is written, still absent where it is not.

use std::time::Duration;

use http::{HeaderName, StatusCode};
use ipnet::IpNet;

use super::{bounds, names, visitors};
use crate::config::at::At;
use crate::config::mistake::Findings;
use crate::config::settings::{KeySource, TimeoutOverrides};
use crate::config::spec::{BreakerSpec, CanarySpec, FallbackSpec, MirrorSpec, NoiseSpec, Percent, RouteLimitsSpec};
use crate::routing::{MethodSet, Share};

/// Larger bodies than this are not worth comparing within the mirror's budget.
const MOST_MIRRORED_BODY: u64 = 64 << 20;
/// Copies of one route under way.
const MOST_MIRRORED: u64 = 100_000;
/// The proxy engine keeps this much of a request body for a replay, and no more.
const MOST_REPLAYED_BODY: u64 = 64 << 10;
/// Who counts in signed numbers counts no further.
const MOST_BODY: u64 = i64::MAX as u64;
/// A count that no route reaches in a window.
const MOST_COUNTED: u64 = 1_000_000_000;
const STATUSES: std::ops::RangeInclusive<u64> = 200..=599;
const FAILURES: std::ops::RangeInclusive<u64> = 400..=599;

#[derive(Debug, Clone, Default)]
pub struct CanaryBlock {
    pub weight: Option<Share>,
    pub by: Option<KeySource>,
    pub from: Option<Vec<IpNet>>,
}

#[derive(Debug, Clone, Default)]
pub struct MirrorBlock {
    pub percent: Option<Share>,
    pub methods: Option<MethodSet>,
    pub max_body: Option<usize>,
    pub timeout: Option<Duration>,
    pub max_in_flight: Option<usize>,
}

#[derive(Debug, Clone, Copy, Default)]
pub struct NoiseBlock {
    pub percent: Option<Share>,
    pub settle: Option<bool>,
    pub budget: Option<Share>,
}

#[derive(Debug, Clone, Default)]
pub struct FallbackBlock {
    pub status: Option<Vec<StatusCode>>,
    pub header: Option<HeaderName>,
    pub connect_error: Option<bool>,
    pub timeout: Option<bool>,
    pub methods: Option<MethodSet>,
    pub max_body: Option<usize>,
    pub breaker: Option<BreakerBlock>,
}

#[derive(Debug, Clone, Copy, Default)]
pub struct BreakerBlock {
    pub failures: Option<Share>,
    pub min_requests: Option<u32>,
    pub window: Option<Duration>,
    pub open: Option<Duration>,
}

pub fn canary(written: Option<&CanarySpec>, at: &At<'_>, findings: &mut Findings) -> CanaryBlock {
    let Some(written) = written else { return CanaryBlock::default() };
    let mut block = CanaryBlock { weight: written.weight.map(|Percent(share)| share), ..CanaryBlock::default() };
    let Some(tester) = &written.r#override else { return block };
    let at = at.key("override");
    if tester.cookie.is_some() || tester.header.is_some() {
        block.by = visitors::key_source(tester.cookie.as_ref(), tester.header.as_ref(), &at, findings);
    } else if tester.from.is_none() {
        findings.missing(&at, "is empty, want {header: NAME} or {cookie: NAME}");
    }
    block.from = tester.from.as_deref().map(|from| names::networks(from, &at.key("from"), findings));
    block
}

pub fn mirror(written: &MirrorSpec, at: &At<'_>, findings: &mut Findings) -> MirrorBlock {
    let max_body = bounds::size(written.max_body, 0..=MOST_MIRRORED_BODY, &at.key("max_body"), findings);
    MirrorBlock {
        percent: written.percent.map(|Percent(share)| share),
        methods: written.methods.as_deref().map(|methods| names::methods(methods, &at.key("methods"), findings)),
        max_body: max_body.map(|size| size as usize),
        timeout: bounds::time(written.timeout, &at.key("timeout"), findings),
        max_in_flight: bounds::count(written.max_in_flight, 1..=MOST_MIRRORED, &at.key("max_in_flight"), findings),
    }
}

pub fn noise(written: &NoiseSpec, at: &At<'_>, findings: &mut Findings) -> NoiseBlock {
    let share = |percent: Option<Percent>| percent.map(|Percent(share)| share);
    if written.settle == Some(true) && share(written.budget) == Some(Share::NONE) {
        findings.warn(&at.key("budget"), "is 0: only the first mismatches are settled");
    }
    NoiseBlock { percent: share(written.percent), settle: written.settle, budget: share(written.budget) }
}

pub fn fallback(written: Option<&FallbackSpec>, at: &At<'_>, findings: &mut Findings) -> FallbackBlock {
    let Some(written) = written else { return FallbackBlock::default() };
    let on = written.on.clone().unwrap_or_default();
    let at_on = at.key("on");
    let max_body = bounds::size(written.max_body, 0..=MOST_REPLAYED_BODY, &at.key("max_body"), findings);
    FallbackBlock {
        status: on.status.map(|codes| statuses(&codes, &at_on.key("status"), findings)),
        header: on.header.and_then(|name| names::header(&name, &at_on.key("header"), findings)),
        connect_error: on.connect_error,
        timeout: on.timeout,
        methods: written.methods.as_deref().map(|methods| names::methods(methods, &at.key("methods"), findings)),
        max_body: max_body.map(|size| size as usize),
        breaker: written.breaker.as_ref().map(|block| breaker(block, &at.key("breaker"), findings)),
    }
}

/// Of a request, in bytes; 0: no bound, whatever the defaults say.
pub fn max_body(limits: Option<&RouteLimitsSpec>, at: &At<'_>, findings: &mut Findings) -> Option<u64> {
    bounds::size(limits?.max_body, 0..=MOST_BODY, &at.key("max_body"), findings)
}

fn breaker(written: &BreakerSpec, at: &At<'_>, findings: &mut Findings) -> BreakerBlock {
    let floor = bounds::count(written.min_requests, 1..=MOST_COUNTED, &at.key("min_requests"), findings);
    BreakerBlock {
        failures: written.failures.map(|Percent(share)| share),
        min_requests: floor.and_then(|count| u32::try_from(count).ok()),
        window: bounds::time(written.window, &at.key("window"), findings),
        open: bounds::time(written.open, &at.key("open"), findings),
    }
}

fn statuses(written: &[u64], at: &At<'_>, findings: &mut Findings) -> Vec<StatusCode> {
    written.iter().enumerate().filter_map(|(index, code)| status(*code, &at.index(index), findings)).collect()
}

/// A status by which a request is refused.
pub fn failure(written: u64, at: &At<'_>, findings: &mut Findings) -> Option<StatusCode> {
    if !FAILURES.contains(&written) {
        findings.wrong(at, format!("is {written}, want a failure, {} to {}", FAILURES.start(), FAILURES.end()));
        return None;
    }
    status(written, at, findings)
}

pub fn status(written: u64, at: &At<'_>, findings: &mut Findings) -> Option<StatusCode> {
    if !STATUSES.contains(&written) {
        findings.wrong(at, format!("is {written}, want a final status, {} to {}", STATUSES.start(), STATUSES.end()));
        return None;
    }
    u16::try_from(written).ok().and_then(|code| StatusCode::from_u16(code).ok())
}

impl CanaryBlock {
    pub fn over(self, base: &Self) -> Self {
        Self {
            weight: self.weight.or(base.weight),
            by: self.by.or_else(|| base.by.clone()),
            from: self.from.or_else(|| base.from.clone()),
        }
    }
}

impl MirrorBlock {
    pub fn over(self, base: &Self) -> Self {
        Self {
            percent: self.percent.or(base.percent),
            methods: self.methods.or_else(|| base.methods.clone()),
            max_body: self.max_body.or(base.max_body),
            timeout: self.timeout.or(base.timeout),
            max_in_flight: self.max_in_flight.or(base.max_in_flight),
        }
    }
}

impl NoiseBlock {
    pub fn over(self, base: &Self) -> Self {
        Self {
            percent: self.percent.or(base.percent),
            settle: self.settle.or(base.settle),
            budget: self.budget.or(base.budget),
        }
    }
}

impl FallbackBlock {
    pub fn over(self, base: &Self) -> Self {
        Self {
            status: self.status.or_else(|| base.status.clone()),
            header: self.header.or_else(|| base.header.clone()),
            connect_error: self.connect_error.or(base.connect_error),
            timeout: self.timeout.or(base.timeout),
            methods: self.methods.or_else(|| base.methods.clone()),
            max_body: self.max_body.or(base.max_body),
            breaker: match (self.breaker, base.breaker) {
                (Some(own), Some(base)) => Some(own.over(base)),
                (own, base) => own.or(base),
            },
        }
    }
}

impl BreakerBlock {
    fn over(self, base: Self) -> Self {
        Self {
            failures: self.failures.or(base.failures),
            min_requests: self.min_requests.or(base.min_requests),
            window: self.window.or(base.window),
            open: self.open.or(base.open),
        }
    }
}

impl TimeoutOverrides {
    /// These, and those of `base` that are not said here.
    pub(super) fn laid_over(&self, base: &Self) -> Self {
        Self {
            connect: self.connect.or(base.connect),
            first_byte: self.first_byte.or(base.first_byte),
            idle: self.idle.or(base.idle),
            total: self.total.or(base.total),
        }
    }
}
