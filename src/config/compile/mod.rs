//! Turns what the operator wrote into what the door runs on, and finds every mistake on the way: a wrong value is told and
//! a harmless one stands in for it, so that the rest is looked at too. Settings come out only when nothing was wrong.
//!
//! One file per area of the config. Nothing here knows YAML or lines: places are told by their keys. The only files read are
//! certificates, so that a bad one refuses the config instead of the first user.

mod backend_tls;
mod backends;
mod blocks;
mod bounds;
mod listeners;
mod matching;
mod names;
mod policy;
mod rate;
mod routes;
mod server;
mod tracing;
mod visitors;

use std::path::Path;

use super::at::At;
use super::mistake::Findings;
use super::settings::Settings;
use super::spec::{RouteSpec, Spec};
use crate::routing::RouteTable;

pub use backends::BackendNames;
pub use routes::DEFAULT_ROUTE;

/// A config as written, all files of it.
#[derive(Debug)]
pub struct Written {
    pub main: Spec,
    /// Routes of the included files, with the index of their file.
    pub included: Vec<(usize, Vec<RouteSpec>)>,
}

impl Written {
    /// Every route as written, with the file it is in and its place there.
    pub fn routes(&self) -> impl Iterator<Item = (usize, usize, &RouteSpec)> {
        let main = self.main.routes.iter().flatten().enumerate().map(|(index, route)| (0, index, route));
        let included = self
            .included
            .iter()
            .flat_map(|(file, routes)| routes.iter().enumerate().map(|(index, route)| (*file, index, route)));
        main.chain(included)
    }
}

/// Compiles; the settings are to be used only if no mistake was found. `folder` is what relative paths start from.
pub fn compile(written: &Written, folder: &Path, findings: &mut Findings) -> Settings {
    let top = At::top(0);
    let spec = &written.main;
    server::version(spec, &top, findings);
    let trusted_proxies = server::trusted_proxies(spec, &top, findings);
    let listeners = listeners::listeners(spec, folder, &top, findings);
    let admin = server::admin(spec, folder, &top, findings);
    listeners::whom_to_believe(&listeners, &trusted_proxies, &top, findings);
    server::no_address_twice(&listeners, &admin, &top, findings);
    let (backends, names) = backends::backends(spec, folder, &top, findings);
    let context = policy::Context::new(spec, &names, &trusted_proxies, findings);
    let routes = routes::routes(written, &context, findings);
    names.warn_of_unwatched(&backends, &routes.settings, &top, findings);
    let table = RouteTable::build(routes.matchers);
    routes::warn_of_unreachable(written, &table, findings);
    Settings {
        listeners,
        admin,
        threads: server::threads(spec, &top, findings),
        run_as: server::run_as(spec, &top, findings),
        limits: server::limits(spec, &top, findings),
        drain_timeout: server::drain_timeout(spec, &top, findings),
        drain_delay: server::drain_delay(spec, &top, findings),
        request_id: server::request_id(spec, &top, findings),
        backends,
        session: visitors::session(spec.session.as_ref(), &top.key("session"), findings),
        store: server::store(spec, folder, &top, findings),
        access_log: server::access_log(spec, folder, &top, findings),
        tracing: tracing::tracing(spec, folder, &top, findings),
        table,
        routes: routes.settings,
        trusted_proxies,
        hash: String::new(),
        content: String::new(),
        files: Vec::new(),
        warnings: Vec::new(),
    }
}
