//! Which routes change from one config to another, and how.

use std::collections::HashMap;
use std::fmt::Display;

use serde::Serialize;

use super::load::Loaded;
use super::settings::{Answer, Proxied, Settings};
use super::spec::RouteSpec;
use crate::routing::MethodSet;

/// A route that is not what it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RouteChange {
    pub route: String,
    pub what: What,
    /// Empty for a route that came or went.
    pub keys: Vec<KeyChange>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    Added,
    Removed,
    Changed,
}

/// One thing that is said otherwise; `None`: it has no short form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyChange {
    pub key: &'static str,
    pub was: Option<String>,
    pub is: Option<String>,
}

/// In the order of the new config; what is gone comes last.
pub fn changes(old: &Loaded, new: &Loaded) -> Vec<RouteChange> {
    let (old, new) = (View::of(old), View::of(new));
    let mut changes: Vec<RouteChange> = new.names().filter_map(|name| change(name, &old, &new)).collect();
    let gone = old.names().filter(|name| new.answer(name).is_none());
    changes.extend(gone.map(|name| RouteChange { route: name.to_owned(), what: What::Removed, keys: Vec::new() }));
    changes
}

fn change(name: &str, old: &View<'_>, new: &View<'_>) -> Option<RouteChange> {
    let route = name.to_owned();
    let (Some(was), Some(is)) = (old.answer(name), new.answer(name)) else {
        return Some(RouteChange { route, what: What::Added, keys: Vec::new() });
    };
    let mut keys = Keys(Vec::new());
    let (was_written, is_written) = (old.written(name), new.written(name));
    keys.silent("match", was_written.map(|route| &route.r#match) != is_written.map(|route| &route.r#match));
    match (was, is) {
        (Answer::Respond(was), Answer::Respond(is)) => keys.shown("respond", was.as_u16(), is.as_u16()),
        (Answer::Proxy(was), Answer::Proxy(is)) => {
            proxied(&mut keys, (&old.loaded.settings, was), (&new.loaded.settings, is));
            keys.silent("diff", old.diff(name) != new.diff(name));
        }
        (was, is) => keys.shown("answer", kind(was), kind(is)),
    }
    (!keys.0.is_empty()).then_some(RouteChange { route, what: What::Changed, keys: keys.0 })
}

fn kind(answer: &Answer) -> String {
    match answer {
        Answer::Respond(status) => format!("respond {}", status.as_u16()),
        Answer::Proxy(proxied) => format!("stage {}", proxied.policy.stage),
    }
}

fn proxied(keys: &mut Keys, (old, was): (&Settings, &Proxied), (new, is): (&Settings, &Proxied)) {
    let backend = |settings: &Settings, id: super::BackendId| {
        settings.backends.get(id.0).map(|backend| backend.name.to_string()).unwrap_or_default()
    };
    let share = |share: Option<crate::routing::Share>| share.map_or_else(|| "off".to_owned(), percent);
    let (before, after) = (&was.policy, &is.policy);
    keys.shown("stage", before.stage, after.stage);
    keys.shown("canary.weight", percent(before.weight), percent(after.weight));
    keys.shown("legacy", backend(old, was.legacy), backend(new, is.legacy));
    keys.shown("new", backend(old, was.new), backend(new, is.new));
    keys.shown("group", &was.salt, &is.salt);
    keys.shown("mirror.percent", share(before.mirror), share(after.mirror));
    keys.shown("mirror.methods", methods(&before.mirror_methods), methods(&after.mirror_methods));
    keys.silent("mirror", was.mirror != is.mirror);
    keys.silent("noise", was.noise != is.noise);
    let falls_back = |methods_of: &Option<MethodSet>| methods_of.as_ref().map_or_else(|| "off".to_owned(), methods);
    keys.shown("fallback.methods", falls_back(&before.fallback_methods), falls_back(&after.fallback_methods));
    keys.silent("fallback", was.fallback != is.fallback);
    keys.silent("limits.rate", was.rate_limit != is.rate_limit);
    keys.silent("limits.max_body", was.max_body != is.max_body);
    keys.silent("canary.override", was.override_by != is.override_by);
    keys.silent("timeouts", was.timeouts != is.timeouts);
    keys.silent("readiness", was.gate != is.gate);
}

fn percent(share: crate::routing::Share) -> String {
    format!("{} %", share.percent())
}

fn methods(methods: &MethodSet) -> String {
    let names: Vec<&str> = methods.iter().map(http::Method::as_str).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(" ") }
}

struct Keys(Vec<KeyChange>);

impl Keys {
    fn shown<T: Display>(&mut self, key: &'static str, was: T, is: T) {
        let (was, is) = (was.to_string(), is.to_string());
        if was != is {
            self.0.push(KeyChange { key, was: Some(was), is: Some(is) });
        }
    }

    fn silent(&mut self, key: &'static str, differs: bool) {
        if differs {
            self.0.push(KeyChange { key, was: None, is: None });
        }
    }
}

/// A config with its routes by name.
struct View<'a> {
    loaded: &'a Loaded,
    answers: HashMap<&'a str, &'a Answer>,
    written: HashMap<&'a str, &'a RouteSpec>,
}

impl<'a> View<'a> {
    fn of(loaded: &'a Loaded) -> Self {
        let answers = loaded.settings.routes.iter().map(|route| (&*route.name, &route.answer)).collect();
        let named = |(_, _, route): (usize, usize, &'a RouteSpec)| Some((route.name.as_deref()?, route));
        Self { loaded, answers, written: loaded.written.routes().filter_map(named).collect() }
    }

    fn names(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.loaded.settings.routes.iter().map(|route| &*route.name)
    }

    fn answer(&self, name: &str) -> Option<&'a Answer> {
        self.answers.get(name).copied()
    }

    fn written(&self, name: &str) -> Option<&'a RouteSpec> {
        self.written.get(name).copied()
    }

    /// Both blocks that the rules of a route are laid together from.
    fn diff(&self, name: &str) -> impl PartialEq + use<'a> {
        let defaults = self.loaded.written.main.defaults.as_ref().and_then(|defaults| defaults.diff.as_ref());
        (defaults, self.written(name).and_then(|route| route.diff.as_ref()))
    }
}
