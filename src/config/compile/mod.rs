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

use http::HeaderName;

use super::at::At;
use super::mistake::Findings;
use super::settings::{Certificate, ClientCertificate, KeySource, PairFiles, RequestIds, Session, Settings};
use super::spec::{RouteSpec, Spec, Text};
use crate::routing::{Matcher, RouteTable};

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

/// Where the files are that a config names, and what of theirs is in force.
#[derive(Debug, Clone, Copy)]
pub struct Files<'a> {
    /// What relative paths start from.
    pub folder: &'a Path,
    pub held: Held<'a>,
}

/// What goes on where a pair of files is not what it was: a renewal that went wrong is to cost neither the certificate nor what
/// else is edited.
#[derive(Debug, Clone, Copy)]
pub enum Held<'a> {
    /// Such a pair is a mistake like any other.
    Nothing,
    /// What is in force.
    By(&'a Settings),
    /// Who edits the config or asks about it knows only what is written there, and may not even be allowed to read the files.
    Elsewhere,
}

impl<'a> Files<'a> {
    fn in_force(&self) -> Option<&'a Settings> {
        match self.held {
            Held::By(settings) => Some(settings),
            Held::Nothing | Held::Elsewhere => None,
        }
    }

    /// What stands in for a pair that is at fault: mistakes where nothing does.
    fn stand_in<T>(&self, held: Option<T>, faults: Vec<(At<'_>, String)>, findings: &mut Findings) -> Option<T> {
        for (at, says) in faults {
            match (self.held, &held) {
                (Held::Elsewhere, _) => {}
                (_, Some(_)) => findings.keep(&at, says),
                (_, None) => findings.wrong(&at, says),
            }
        }
        held
    }

    fn named(&self, certificate: &Text, key: &Text) -> PairFiles {
        PairFiles { certificate: self.folder.join(&certificate.0), key: self.folder.join(&key.0) }
    }

    /// What a listener shows of these files.
    fn certificate(&self, files: &PairFiles) -> Option<Certificate> {
        let listeners = &self.in_force()?.listeners;
        let mut held = listeners.iter().filter_map(|listener| listener.tls.as_ref()).flat_map(|tls| &tls.certificates);
        held.find(|held| held.files == *files).cloned()
    }

    /// What the door shows of these files where it is a client.
    fn client_certificate(&self, files: &PairFiles) -> Option<ClientCertificate> {
        let settings = self.in_force()?;
        let backends = settings.backends.iter().map(|backend| &backend.tls);
        let all = backends.chain(settings.tracing.iter().map(|tracing| &tracing.tls));
        all.filter_map(|tls| tls.client.as_ref()).find(|held| held.files == *files).cloned()
    }
}

/// Compiles; the settings are to be used only if no mistake was found.
pub fn compile(written: &Written, files: Files<'_>, findings: &mut Findings) -> Settings {
    let folder = files.folder;
    let top = At::top(0);
    let spec = &written.main;
    server::version(spec, &top, findings);
    let trusted_proxies = server::trusted_proxies(spec, &top, findings);
    let listeners = listeners::listeners(spec, files, &top, findings);
    let admin = server::admin(spec, folder, &top, findings);
    listeners::whom_to_believe(&listeners, &trusted_proxies, &top, findings);
    server::no_address_twice(&listeners, &admin, &top, findings);
    let (backends, names) = backends::backends(spec, files, &top, findings);
    let context = policy::Context::new(spec, &names, &trusted_proxies, findings);
    let routes = routes::routes(written, &context, findings);
    names.warn_of_unwatched(&backends, &routes.settings, &top, findings);
    let session = visitors::session(spec.session.as_ref(), &top.key("session"), findings);
    let request_id = server::request_id(spec, &top, findings);
    let telling_headers = telling_headers(&routes.matchers, &session, &request_id);
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
        request_id,
        backends,
        session,
        telling_headers,
        store: server::store(spec, folder, &top, findings),
        access_log: server::access_log(spec, folder, &top, findings),
        tracing: tracing::tracing(spec, files, &top, findings),
        table,
        routes: routes.settings,
        trusted_proxies,
        hash: String::new(),
        content: String::new(),
        files: Vec::new(),
        warnings: Vec::new(),
        kept: Vec::new(),
    }
}

fn telling_headers(matchers: &[Matcher], session: &Session, request_id: &RequestIds) -> Vec<HeaderName> {
    let of_routes = matchers.iter().flat_map(|matcher| &matcher.headers).map(|(name, _)| name);
    let of_sessions = session.key.iter().filter_map(|source| match source {
        KeySource::Header(name) => Some(name),
        KeySource::Cookie(_) => None,
    });
    let mut names: Vec<HeaderName> = of_routes.chain(of_sessions).chain([&request_id.header]).cloned().collect();
    names.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
    names.dedup();
    names
}
