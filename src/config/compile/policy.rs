//! What is done with a route's requests: its blocks, laid key by key over those of `defaults`.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use ipnet::IpNet;

use super::backends::{BackendNames, timeouts};
use super::blocks::{
    BreakerBlock, CanaryBlock, FallbackBlock, MirrorBlock, NoiseBlock, canary, fallback, max_body, mirror, noise,
};
use super::rate::{RateBlock, wants_a_number};
use super::{names, visitors};
use crate::config::at::At;
use crate::config::mistake::Findings;
use crate::config::settings::{
    BackendId, BreakerRules, FallbackSettings, MirrorSettings, NoiseSettings, Override, Proxied, TimeoutOverrides,
};
use crate::config::spec::{DefaultsSpec, NoiseSpec, RouteSpec, Spec, Text, overlay};
use crate::diff::{Rules, RulesSpec};
use crate::evidence::{Gate, GateSpec};
use crate::routing::{MethodSet, Policy, Share, Stage};

const DEFAULT_MIRROR: MirrorSettings =
    MirrorSettings { max_body: 256 << 10, timeout: Duration::from_secs(5), max_in_flight: 64 };
/// Per cent of the copied requests of which each origin is compared with itself.
const DEFAULT_CONTROL: f64 = 1.0;
/// Per cent: a tenth more than the copies is load that a backend which can bear its copies can bear too.
const DEFAULT_BUDGET: f64 = 10.0;
/// Per cent of a route's requests: half of them is no accident.
const DEFAULT_FAILURES: f64 = 50.0;
const DEFAULT_REPLAYED_BODY: usize = 64 << 10;

/// What every route is compiled against.
#[derive(Debug)]
pub struct Context<'a> {
    pub names: &'a BackendNames,
    testers: Vec<IpNet>,
    pub defaults: Defaults,
}

/// The `defaults` block, compiled once.
#[derive(Debug)]
pub struct Defaults {
    stage: Stage,
    legacy: BackendId,
    new: BackendId,
    canary: CanaryBlock,
    mirror: MirrorBlock,
    noise: NoiseBlock,
    fallback: FallbackBlock,
    timeouts: TimeoutOverrides,
    rate: RateBlock,
    max_body: Option<u64>,
    rules_spec: Option<RulesSpec>,
    rules: Arc<Rules>,
    gate: Gate,
}

/// What a route says beside its name and match.
#[derive(Debug)]
struct Said<'a> {
    stage: Option<Stage>,
    group: Option<&'a Text>,
    legacy: Option<&'a Text>,
    new: Option<&'a Text>,
    canary: CanaryBlock,
    mirror: Option<MirrorBlock>,
    noise: NoiseBlock,
    fallback: FallbackBlock,
    timeouts: TimeoutOverrides,
    rate: RateBlock,
    max_body: Option<u64>,
    diff: Option<&'a RulesSpec>,
    readiness: Option<&'a GateSpec>,
}

impl<'a> Context<'a> {
    pub fn new(spec: &Spec, names: &'a BackendNames, trusted_proxies: &[IpNet], findings: &mut Findings) -> Self {
        let top = At::top(0);
        let at = top.key("defaults");
        let nothing = DefaultsSpec::default();
        let written = spec.defaults.as_ref().unwrap_or(&nothing);
        let defaults = Defaults::compile(written, names, &at, findings);
        Self { names, testers: visitors::default_testers(trusted_proxies), defaults }
    }

    /// What is done with a route's requests.
    pub fn route(&self, written: &RouteSpec, name: &Arc<str>, at: &At<'_>, findings: &mut Findings) -> Proxied {
        let said = Said {
            stage: written.stage,
            group: written.group.as_ref(),
            legacy: written.legacy.as_ref(),
            new: written.new.as_ref(),
            canary: canary(written.canary.as_ref(), &at.key("canary"), findings),
            mirror: written.mirror.as_ref().map(|block| mirror(block, &at.key("mirror"), findings)),
            noise: noise_of(written.noise.as_ref(), at, findings),
            fallback: fallback(written.fallback.as_ref(), &at.key("fallback"), findings),
            timeouts: timeouts(written.timeouts.as_ref(), &at.key("timeouts"), findings),
            rate: RateBlock::of(written.limits.as_ref(), &at.key("limits"), findings),
            max_body: max_body(written.limits.as_ref(), &at.key("limits"), findings),
            diff: written.diff.as_ref(),
            readiness: written.readiness.as_ref(),
        };
        wants_a_number(written.limits.as_ref(), &said.rate.over(&self.defaults.rate), &at.key("limits"), findings);
        let proxied = self.proxied(said, name, at, findings);
        if let Some(block) = &written.fallback {
            let nothing_named = block.on.is_none() && proxied.policy.fallback_methods.is_none();
            if nothing_named {
                findings.missing(
                    &at.key("fallback").key("on"),
                    "is missing, want when legacy stands in, such as {status: [404]}",
                );
            }
        }
        proxied
    }

    /// The route of what matches no route: the defaults alone.
    pub fn default_route(&self, name: &Arc<str>, findings: &mut Findings) -> Proxied {
        let said = Said {
            stage: None,
            group: None,
            legacy: None,
            new: None,
            canary: CanaryBlock::default(),
            mirror: None,
            noise: NoiseBlock::default(),
            fallback: FallbackBlock::default(),
            timeouts: TimeoutOverrides::default(),
            rate: RateBlock::default(),
            max_body: None,
            diff: None,
            readiness: None,
        };
        let top = At::top(0);
        self.proxied(said, name, &top.key("defaults"), findings)
    }

    fn proxied(&self, said: Said<'_>, name: &Arc<str>, at: &At<'_>, findings: &mut Findings) -> Proxied {
        let defaults = &self.defaults;
        let stage = said.stage.unwrap_or(defaults.stage);
        let mirror_written = said.mirror.is_some();
        let canary = said.canary.over(&defaults.canary);
        let mirror = said.mirror.unwrap_or_default().over(&defaults.mirror);
        let fallback = said.fallback.over(&defaults.fallback);
        let weight = self.weight(stage, &canary, at, findings);
        let policy = Policy {
            stage,
            weight,
            mirror: copies(stage, mirror_written).then(|| mirror.percent.unwrap_or(Share::ALL)),
            mirror_methods: mirror.methods.clone().unwrap_or_else(reading_methods),
            fallback_methods: fallback.is_on().then(|| fallback.methods.clone().unwrap_or_else(reading_methods)),
        };
        warn_of_copied_writes(&policy, at, findings);
        Proxied {
            policy,
            salt: self.salt(said.group, name, at, findings),
            legacy: self.backend(said.legacy, defaults.legacy, &at.key("legacy"), findings),
            new: self.backend(said.new, defaults.new, &at.key("new"), findings),
            timeouts: said.timeouts.laid_over(&defaults.timeouts),
            override_by: self.override_by(canary, at, findings),
            mirror: mirror.settings(),
            noise: said.noise.over(&defaults.noise).settings(),
            fallback: fallback.settings(),
            rate_limit: said.rate.over(&defaults.rate).limit(),
            max_body: said.max_body.or(defaults.max_body).filter(|bytes| *bytes > 0),
            rules: self.rules(said.diff, &at.key("diff"), findings),
            gate: said.readiness.map_or_else(
                || defaults.gate.clone(),
                |written| gate(written, &defaults.gate, &at.key("readiness"), findings),
            ),
        }
    }

    fn weight(&self, stage: Stage, canary: &CanaryBlock, at: &At<'_>, findings: &mut Findings) -> Share {
        let at = at.key("canary");
        let at = at.key("weight");
        if stage != Stage::Canary {
            return canary.weight.unwrap_or(Share::NONE);
        }
        let Some(weight) = canary.weight else {
            findings.missing(&at, "is missing, want the per cent of sessions that new answers");
            return Share::NONE;
        };
        if weight == Share::NONE {
            findings.warn(&at, "is 0: new answers nobody, as at stage shadow");
        } else if weight == Share::ALL {
            findings.warn(&at, "is 100: new answers everybody, as at stage new");
        }
        weight
    }

    fn salt(&self, group: Option<&Text>, name: &Arc<str>, at: &At<'_>, findings: &mut Findings) -> Arc<str> {
        let Some(group) = group else { return name.clone() };
        names::name(group, &at.key("group"), findings);
        group.0.as_str().into()
    }

    fn backend(&self, name: Option<&Text>, default: BackendId, at: &At<'_>, findings: &mut Findings) -> BackendId {
        name.map_or(default, |name| self.names.resolve(name, at, findings))
    }

    fn override_by(&self, canary: CanaryBlock, at: &At<'_>, findings: &mut Findings) -> Option<Override> {
        let Some(by) = canary.by else {
            if canary.from.is_some() {
                let at = at.key("canary");
                findings.missing(&at.key("override"), "says neither cookie nor header, want one of them");
            }
            return None;
        };
        Some(Override { by, from: canary.from.unwrap_or_else(|| self.testers.clone()) })
    }

    fn rules(&self, own: Option<&RulesSpec>, at: &At<'_>, findings: &mut Findings) -> Arc<Rules> {
        let defaults = &self.defaults;
        let Some(own) = own else { return defaults.rules.clone() };
        let laid = overlay::laid(Some(own), defaults.rules_spec.as_ref());
        match laid.as_ref().map(Rules::compile) {
            Some(Ok(rules)) => Arc::new(rules),
            // Compiled alone, so that positions in lists are the ones that are written there.
            _ => compiled_rules(own, at, findings),
        }
    }
}

impl Defaults {
    fn compile(written: &DefaultsSpec, names: &BackendNames, at: &At<'_>, findings: &mut Findings) -> Self {
        let origin = |name: &Option<Text>, key, findings: &mut Findings| {
            names.resolve(name.as_deref().unwrap_or(key), &at.key(key), findings)
        };
        let legacy = origin(&written.legacy, "legacy", findings);
        let new = origin(&written.new, "new", findings);
        let mirror =
            written.mirror.as_ref().map(|block| mirror(block, &at.key("mirror"), findings)).unwrap_or_default();
        let fallback = fallback(written.fallback.as_ref(), &at.key("fallback"), findings);
        only_reading(mirror.methods.as_ref(), &at.key("mirror"), findings);
        only_reading(fallback.methods.as_ref(), &at.key("fallback"), findings);
        Self {
            stage: written.stage.unwrap_or(Stage::Legacy),
            legacy,
            new,
            canary: canary(written.canary.as_ref(), &at.key("canary"), findings),
            mirror,
            noise: noise_of(written.noise.as_ref(), at, findings),
            fallback,
            timeouts: timeouts(written.timeouts.as_ref(), &at.key("timeouts"), findings),
            rate: RateBlock::of(written.limits.as_ref(), &at.key("limits"), findings),
            max_body: max_body(written.limits.as_ref(), &at.key("limits"), findings),
            rules: match &written.diff {
                None => Arc::default(),
                Some(diff) => compiled_rules(diff, &at.key("diff"), findings),
            },
            rules_spec: written.diff.clone(),
            gate: match &written.readiness {
                None => Gate::default(),
                Some(written) => gate(written, &Gate::default(), &at.key("readiness"), findings),
            },
        }
    }
}

/// Which routes are copied at all. A ported route is copied back to legacy only if it says so itself: what `defaults` says
/// of the mirror is meant for routes that are being proven.
fn copies(stage: Stage, written: bool) -> bool {
    stage != Stage::New || written
}

fn reading_methods() -> MethodSet {
    [http::Method::GET, http::Method::HEAD].into_iter().collect()
}

/// A method that changes something is executed twice when it is copied or replayed: each route has to want that itself.
fn only_reading(methods: Option<&MethodSet>, at: &At<'_>, findings: &mut Findings) {
    let at = at.key("methods");
    for (index, method) in methods.into_iter().flat_map(MethodSet::iter).enumerate() {
        if !names::is_safe(method) {
            findings.wrong(
                &at.index(index),
                format!("is \"{method}\", which may be sent twice only where a route names it itself, not in defaults"),
            );
        }
    }
}

fn warn_of_copied_writes(policy: &Policy, at: &At<'_>, findings: &mut Findings) {
    if policy.mirror.is_none_or(|share| share == Share::NONE) || policy.stage == Stage::Legacy {
        return;
    }
    let writes: Vec<&str> =
        policy.mirror_methods.iter().filter(|method| !names::is_safe(method)).map(http::Method::as_str).collect();
    if !writes.is_empty() {
        let at = at.key("mirror");
        let says = format!("copies writes: each {} is executed by both backends", writes.join(" and "));
        findings.warn(&at.key("methods"), says);
    }
}

fn compiled_rules(written: &RulesSpec, at: &At<'_>, findings: &mut Findings) -> Arc<Rules> {
    let errors = match Rules::compile(written) {
        Ok(rules) => return Arc::new(rules),
        Err(errors) => errors,
    };
    for error in errors {
        findings.wrong_below(at, &error.at, format!("cannot be used: {}", error.message));
    }
    Arc::default()
}

fn gate(written: &GateSpec, defaults: &Gate, at: &At<'_>, findings: &mut Findings) -> Gate {
    Gate::compile(written, defaults).unwrap_or_else(|errors| {
        for (key, says) in errors {
            findings.wrong(&at.key(key), says);
        }
        defaults.clone()
    })
}

impl MirrorBlock {
    fn settings(&self) -> MirrorSettings {
        MirrorSettings {
            max_body: self.max_body.unwrap_or(DEFAULT_MIRROR.max_body),
            timeout: self.timeout.unwrap_or(DEFAULT_MIRROR.timeout),
            max_in_flight: self.max_in_flight.unwrap_or(DEFAULT_MIRROR.max_in_flight),
        }
    }
}

fn noise_of(written: Option<&NoiseSpec>, at: &At<'_>, findings: &mut Findings) -> NoiseBlock {
    written.map(|block| noise(block, &at.key("noise"), findings)).unwrap_or_default()
}

impl NoiseBlock {
    fn settings(self) -> NoiseSettings {
        let percent = |percent| Share::from_percent(percent).unwrap_or(Share::NONE);
        NoiseSettings {
            control: self.percent.unwrap_or_else(|| percent(DEFAULT_CONTROL)),
            settle: self.settle.unwrap_or(true),
            budget: self.budget.unwrap_or_else(|| percent(DEFAULT_BUDGET)),
        }
    }
}

impl FallbackBlock {
    fn settings(self) -> FallbackSettings {
        FallbackSettings {
            status: self.status.unwrap_or_default(),
            header: self.header,
            connect_error: self.connect_error.unwrap_or_default(),
            timeout: self.timeout.unwrap_or_default(),
            max_body: self.max_body.unwrap_or(DEFAULT_REPLAYED_BODY),
            breaker: self.breaker.and_then(BreakerBlock::rules),
        }
    }

    fn is_on(&self) -> bool {
        self.status.as_deref().is_some_and(|status: &[StatusCode]| !status.is_empty())
            || self.header.is_some()
            || self.connect_error == Some(true)
            || self.timeout == Some(true)
    }
}

impl BreakerBlock {
    /// `None`: no share of failures is ever too much.
    fn rules(self) -> Option<BreakerRules> {
        let failures = self.failures.or_else(|| Share::from_percent(DEFAULT_FAILURES))?;
        (failures != Share::NONE).then(|| BreakerRules {
            failures,
            min_requests: self.min_requests.unwrap_or(20),
            window: self.window.unwrap_or(Duration::from_secs(10)),
            open: self.open.unwrap_or(Duration::from_secs(30)),
        })
    }
}
