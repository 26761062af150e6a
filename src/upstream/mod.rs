//! Where is it? Endpoints, their choice and state, in-flight limits, and the client used for copies.

use std::sync::Arc;

use crate::config::Settings;

/// One backend of the config, with the state that survives a reload.
#[derive(Debug)]
pub struct Backend {
    pub name: Arc<str>,
}

/// All backends that any settings in force name; state is kept by backend name and endpoint address.
#[derive(Debug, Default)]
pub struct Backends {}

impl Backends {
    /// The backends of these settings, in the order of `settings.backends`; endpoints already known keep their state.
    pub fn of(&self, settings: &Settings) -> Vec<Arc<Backend>> {
        settings.backends.iter().map(|backend| Arc::new(Backend { name: backend.name.clone() })).collect()
    }
}
