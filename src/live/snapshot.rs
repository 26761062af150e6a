//! What one request sees from its first byte to its stored comparison: never altered, only replaced.

use std::sync::Arc;
use std::time::SystemTime;

use super::meters::RouteMeters;
use super::rollbacks::RolledBack;
use crate::config::settings::{Answer, Proxied, RouteSettings};
use crate::config::{BackendId, Settings};
use crate::routing::{RouteId, Stage};
use crate::upstream::Backend;

#[derive(Debug)]
pub struct Snapshot {
    pub settings: Arc<Settings>,
    /// Counts the configs that took effect, from 1. A rollback makes a new snapshot of the same generation.
    pub generation: u64,
    pub loaded_at: SystemTime,
    /// By [`BackendId`].
    pub backends: Arc<[Arc<Backend>]>,
    /// By [`RouteId`].
    pub meters: Arc<[Arc<RouteMeters>]>,
    /// By [`RouteId`]: whether a rollback is in force. Also true of every route while all are rolled back.
    pub(super) rolled_back: Box<[bool]>,
    pub(super) rollbacks: RolledBack,
}

impl Snapshot {
    pub fn route(&self, route: RouteId) -> Option<&RouteSettings> {
        self.settings.routes.get(route.0 as usize)
    }

    pub fn meters(&self, route: RouteId) -> Option<&Arc<RouteMeters>> {
        self.meters.get(route.0 as usize)
    }

    pub fn backend(&self, backend: BackendId) -> Option<&Arc<Backend>> {
        self.backends.get(backend.0)
    }

    pub fn is_rolled_back(&self, route: RouteId) -> bool {
        self.rolled_back.get(route.0 as usize).copied().unwrap_or(false)
    }

    /// What the operator's rollbacks say, routes that the config does not name included.
    pub fn rollbacks(&self) -> &RolledBack {
        &self.rollbacks
    }

    /// The stage that the file says, or legacy while the route is rolled back; `None`: the door answers itself.
    pub fn effective_stage(&self, route: RouteId) -> Option<Stage> {
        let proxied = self.route(route)?.proxied()?;
        if self.is_rolled_back(route) { Some(Stage::Legacy) } else { Some(proxied.policy.stage) }
    }

    pub fn routes(&self) -> impl Iterator<Item = (RouteId, &RouteSettings)> {
        self.settings.routes.iter().enumerate().map(|(index, route)| (RouteId(index as u32), route))
    }
}

/// Reading aids on what the config room defines.
pub trait ProxiedRoute {
    /// `None`: the door answers this route itself.
    fn proxied(&self) -> Option<&Proxied>;
}

impl ProxiedRoute for RouteSettings {
    fn proxied(&self) -> Option<&Proxied> {
        match &self.answer {
            Answer::Respond(_) => None,
            Answer::Proxy(proxied) => Some(proxied),
        }
    }
}
