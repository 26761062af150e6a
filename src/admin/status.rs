//! What `/api/v1/status` says, `matapalo status` prints and the dashboard shows: one value for the three.

use serde::{Deserialize, Serialize};

use super::Shown;
use crate::config::settings::RouteSettings;
use crate::live::meters::Traffic;
use crate::live::rollbacks::{RolledBack, rfc3339};
use crate::live::{ProxiedRoute, Reload, RouteMeters, Snapshot};
use crate::routing::RouteId;
use crate::upstream::Backend;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    pub version: String,
    pub pid: u32,
    pub uptime_seconds: u64,
    pub ready: bool,
    /// `starting`, `ready` or `draining`.
    pub state: String,
    pub generation: u64,
    pub hash: String,
    pub loaded_at: String,
    pub config_files: Vec<String>,
    pub last_reload: LastReload,
    /// Keys of the config whose change takes a restart.
    pub restart_needed: Vec<String>,
    pub store: StoreStatus,
    pub connections: i64,
    pub rollbacks: RolledBack,
    pub routes: Vec<RouteStatus>,
    pub backends: Vec<BackendStatus>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastReload {
    pub ok: bool,
    pub at: String,
    /// Whether the newest config is not in force at all. If it is not ok and not refused, some certificates are those of before.
    #[serde(default)]
    pub refused: bool,
    pub errors: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreStatus {
    pub path: String,
    pub ok: bool,
    pub error: Option<String>,
    /// How many pairs wait to be compared and since when, if it is too long: until they are, nothing is ready.
    #[serde(default)]
    pub behind: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RouteStatus {
    pub route: String,
    /// What the config says; `respond 404` where the door answers itself.
    pub stage: String,
    /// What is done: legacy while rolled back.
    pub effective_stage: String,
    /// Percent of the sessions that new answers, at stage canary.
    pub weight: Option<f64>,
    /// Never of a route that the door answers itself: nothing changes there.
    pub rolled_back: bool,
    /// `closed`, `open` or `trying`; `None`: the route has no breaker.
    #[serde(default)]
    pub breaker: Option<String>,
    /// Answered since the door started, by whom.
    pub requests: Traffic,
    /// Copies sent and answered whole.
    pub mirrored: u64,
    /// Sampled requests that prove nothing.
    pub dropped: u64,
    pub compared: u64,
    pub mismatched: u64,
    /// `ready`, `not yet` or `inconclusive`; `None`: the store does not know the route.
    pub verdict: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackendStatus {
    pub name: String,
    pub in_flight: usize,
    pub endpoints: Vec<EndpointStatus>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointStatus {
    pub address: String,
    pub up: bool,
    /// Users are kept away from it for a while, because it failed too many of them (`outliers`).
    #[serde(default)]
    pub ejected: bool,
    /// Where its name leads now; `None`: it has no name, or one that was never found.
    #[serde(default)]
    pub leads_to: Option<String>,
}

/// The verdict on a route, by its name.
pub type Verdicts = std::collections::HashMap<String, String>;

impl Status {
    pub fn of(shown: &Shown, verdicts: &Verdicts) -> Self {
        let snapshot = shown.live.snapshot();
        let reload = shown.live.last_reload();
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            uptime_seconds: shown.since.elapsed().as_secs(),
            ready: shown.readiness.is_open(),
            state: shown.readiness.word().to_owned(),
            generation: snapshot.generation,
            hash: snapshot.settings.hash.clone(),
            loaded_at: rfc3339(snapshot.loaded_at),
            config_files: snapshot.settings.files.iter().map(|file| file.display().to_string()).collect(),
            restart_needed: reload.restart_needed.clone(),
            last_reload: LastReload::of(&reload),
            store: StoreStatus::of(shown, &snapshot),
            connections: shown.live.meters().connections.get(),
            rollbacks: snapshot.rollbacks().clone(),
            routes: routes(&snapshot, verdicts),
            backends: snapshot.backends.iter().map(|backend| BackendStatus::of(backend)).collect(),
        }
    }
}

impl LastReload {
    /// What went wrong, for people; `None`: nothing.
    pub fn trouble(&self) -> Option<(&'static str, &'static str)> {
        match (self.ok, self.refused) {
            (true, _) => None,
            (false, true) => Some(("config refused", "the one before is in force")),
            (false, false) => Some(("config in force but for certificates", "those before them go on")),
        }
    }

    fn of(reload: &Reload) -> Self {
        Self { ok: reload.ok(), at: rfc3339(reload.at), refused: reload.refused, errors: reload.errors.clone() }
    }
}

impl StoreStatus {
    fn of(shown: &Shown, snapshot: &Snapshot) -> Self {
        let health = shown.live.recorder().health();
        let error = health.error();
        // Another one in the config waits for a restart.
        let path = health.path.as_ref().unwrap_or(&snapshot.settings.store.path).display().to_string();
        Self { path, ok: error.is_none(), error, behind: health.behind }
    }
}

fn routes(snapshot: &Snapshot, verdicts: &Verdicts) -> Vec<RouteStatus> {
    let one = |((id, route), meters): ((RouteId, &RouteSettings), &std::sync::Arc<RouteMeters>)| {
        let said = stage_said(route);
        RouteStatus {
            route: route.name.to_string(),
            effective_stage: snapshot.effective_stage(id).map_or_else(|| said.clone(), |stage| stage.to_string()),
            stage: said,
            weight: weight(route),
            rolled_back: snapshot.is_rolled_back(id) && route.proxied().is_some(),
            breaker: breaker(route, meters),
            requests: meters.traffic(),
            mirrored: meters.total_mirrored(),
            dropped: meters.total_dropped(),
            compared: meters.total_compared(),
            mismatched: meters.total_mismatched(),
            verdict: verdicts.get(route.name.as_ref()).cloned(),
        }
    };
    snapshot.routes().zip(snapshot.meters.iter()).map(one).collect()
}

fn stage_said(route: &RouteSettings) -> String {
    match &route.answer {
        crate::config::settings::Answer::Respond(status) => format!("respond {}", status.as_u16()),
        crate::config::settings::Answer::Proxy(proxied) => proxied.policy.stage.to_string(),
    }
}

fn breaker(route: &RouteSettings, meters: &RouteMeters) -> Option<String> {
    route.proxied()?.fallback.breaker?;
    Some(meters.breaker.state().label().to_owned())
}

/// Only a canary has a weight that says anything.
fn weight(route: &RouteSettings) -> Option<f64> {
    let policy = &route.proxied()?.policy;
    (policy.stage.as_str() == "canary").then(|| policy.weight.percent())
}

impl BackendStatus {
    fn of(backend: &Backend) -> Self {
        let endpoints = backend.endpoints().iter();
        Self {
            name: backend.name.to_string(),
            in_flight: backend.in_flight().count(),
            endpoints: endpoints
                .map(|endpoint| EndpointStatus {
                    address: endpoint.name.to_string(),
                    up: endpoint.is_up(),
                    ejected: backend.is_ejected(endpoint),
                    leads_to: endpoint.leads_to().map(|address| address.to_string()),
                })
                .collect(),
        }
    }
}

impl EndpointStatus {
    /// `up`, `down`, `ejected`.
    pub fn word(&self) -> &'static str {
        match (self.up, self.ejected) {
            (false, _) => "down",
            (true, true) => "ejected",
            (true, false) => "up",
        }
    }

    /// `legacy.internal:80 (10.0.0.7)`.
    pub fn place(&self) -> String {
        match &self.leads_to {
            Some(address) => format!("{} ({address})", self.address),
            None => self.address.clone(),
        }
    }
}

impl RouteStatus {
    /// `canary 10 %`, `new, rolled back`.
    pub fn stage_for_people(&self) -> String {
        let weight = self.weight.map(|weight| format!(" {weight} %")).unwrap_or_default();
        let rolled_back = if self.rolled_back { ", rolled back" } else { "" };
        let breaker = match self.breaker.as_deref() {
            None | Some("closed") => String::new(),
            Some(state) => format!(", breaker {state}"),
        };
        format!("{}{weight}{rolled_back}{breaker}", self.stage)
    }
}
