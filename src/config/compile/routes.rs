//! The routes of all files, in their order, and the one that answers what matches none.

use std::collections::HashMap;
use std::sync::Arc;

use super::policy::Context;
use super::{Written, blocks, matching, names};
use crate::config::at::At;
use crate::config::mistake::Findings;
use crate::config::settings::{Answer, RouteSettings};
use crate::config::spec::{RespondSpec, RouteSpec};
use crate::routing::{Matcher, RouteId, RouteTable};

/// The route of what matches no route.
pub const DEFAULT_ROUTE: &str = "default";

/// Routes, and beside each but the default one its matcher.
#[derive(Debug)]
pub struct Routes {
    pub matchers: Vec<Matcher>,
    pub settings: Vec<RouteSettings>,
}

pub fn routes(written: &Written, context: &Context<'_>, findings: &mut Findings) -> Routes {
    let mut routes = Routes { matchers: Vec::new(), settings: Vec::new() };
    let mut taken: HashMap<&str, (usize, usize)> = HashMap::new();
    for (file, index, spec) in written.routes() {
        let top = At::top(file);
        let list = top.key("routes");
        let at = list.index(index);
        let name = route_name(spec, &mut taken, (file, index), &at, findings);
        routes.matchers.push(matching::matcher(spec.r#match.as_ref(), &at.key("match"), findings));
        routes.settings.push(route(spec, name, context, &at, findings));
    }
    let name: Arc<str> = DEFAULT_ROUTE.into();
    let answer = Answer::Proxy(Box::new(context.default_route(&name, findings)));
    routes.settings.push(RouteSettings { name, path: None, answer });
    routes
}

fn route_name<'a>(
    spec: &'a RouteSpec,
    taken: &mut HashMap<&'a str, (usize, usize)>,
    here: (usize, usize),
    at: &At<'_>,
    findings: &mut Findings,
) -> Arc<str> {
    let at = at.key("name");
    let Some(written) = spec.name.as_deref() else {
        findings.missing(&at, "is missing, want a name by which commands, metrics and reports call the route");
        return "".into();
    };
    if written == DEFAULT_ROUTE {
        findings.wrong(&at, "is \"default\", which is the name of what matches no route");
    } else if names::name(written, &at, findings)
        && let Some((_, index)) = taken.insert(written, here)
    {
        findings.wrong(&at, format!("is {written:?}, which routes[{index}] is called already"));
    }
    written.into()
}

fn route(
    spec: &RouteSpec,
    name: Arc<str>,
    context: &Context<'_>,
    at: &At<'_>,
    findings: &mut Findings,
) -> RouteSettings {
    let answer = match &spec.respond {
        None => Answer::Proxy(Box::new(context.route(spec, &name, at, findings))),
        Some(respond) => respond_with(respond, spec, at, findings),
    };
    let path = spec.r#match.as_ref().and_then(matching::path_as_written);
    RouteSettings { name, path, answer }
}

/// Routes that can never win.
pub fn warn_of_unreachable(written: &Written, table: &RouteTable, findings: &mut Findings) {
    let dead = table.unreachable();
    if dead.is_empty() {
        return;
    }
    let routes: Vec<(usize, usize, &RouteSpec)> = written.routes().collect();
    for (RouteId(loser), RouteId(winner)) in dead {
        let (Some((file, index, _)), Some((_, _, by))) = (routes.get(loser as usize), routes.get(winner as usize))
        else {
            continue;
        };
        let top = At::top(*file);
        let list = top.key("routes");
        let by = by.name.as_deref().unwrap_or_default();
        findings.warn(&list.index(*index), format!("can never be reached: {by:?} always wins before it"));
    }
}

fn respond_with(respond: &RespondSpec, spec: &RouteSpec, at: &At<'_>, findings: &mut Findings) -> Answer {
    let beside = [
        ("stage", spec.stage.is_some()),
        ("group", spec.group.is_some()),
        ("legacy", spec.legacy.is_some()),
        ("new", spec.new.is_some()),
        ("canary", spec.canary.is_some()),
        ("mirror", spec.mirror.is_some()),
        ("noise", spec.noise.is_some()),
        ("fallback", spec.fallback.is_some()),
        ("diff", spec.diff.is_some()),
        ("readiness", spec.readiness.is_some()),
        ("timeouts", spec.timeouts.is_some()),
        ("limits", spec.limits.is_some()),
    ];
    for (key, _) in beside.iter().filter(|(_, written)| *written) {
        findings.wrong(&at.key(key), "stands beside respond: the door answers itself, so no backend is asked");
    }
    let at = at.key("respond");
    let at = at.key("status");
    let Some(status) = respond.status else {
        findings.missing(&at, "is missing, want a status such as 404");
        return Answer::Respond(http::StatusCode::NOT_FOUND);
    };
    Answer::Respond(blocks::status(status, &at, findings).unwrap_or(http::StatusCode::NOT_FOUND))
}
