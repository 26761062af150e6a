//! What the evidence is told of the routes: stage, gate, and where the origins are.

use crate::config::settings::{BackendId, Settings};
use crate::evidence::fact::RouteFact;
use crate::routing::{Origin, Share, Stage};

use super::rollbacks::RolledBack;
use super::snapshot::ProxiedRoute;

/// The routes that a backend answers, in file order. A route that is rolled back is at stage legacy.
pub fn facts(settings: &Settings, rollbacks: &RolledBack) -> Vec<RouteFact> {
    let proxied = settings.routes.iter().filter_map(|route| Some((&route.name, route.proxied()?)));
    let facts = proxied.map(|(name, proxied)| {
        let stage = if rollbacks.holds(name) { Stage::Legacy } else { proxied.policy.stage };
        let mirror = proxied.policy.mirror.unwrap_or(Share::NONE);
        RouteFact {
            name: name.to_string(),
            stage: stage.as_str().to_owned(),
            weight: stage.has_weight().then(|| proxied.policy.weight.percent()),
            mirrored: stage.may_mirror() && mirror != Share::NONE,
            gate: proxied.gate.clone(),
            rules: proxied.rules.own(),
            legacy_url: url(settings, proxied.backend(Origin::Legacy)),
            new_url: url(settings, proxied.backend(Origin::New)),
        }
    });
    facts.collect()
}

/// The first endpoint: where a person asks again.
fn url(settings: &Settings, backend: BackendId) -> Option<String> {
    let endpoint = settings.backends.get(backend.0)?.endpoints.first()?;
    endpoint.url()
}
