//! Health checks: who is down is asked nothing, from the first request on.

use std::net::SocketAddr;

use crate::harness::{Config, Door, Origin, Site};
use crate::upgrade::Successor;

const LEGACY: &str = "- {name: all, match: {path: {prefix: /}}, stage: legacy}";
const CHECKED: &str = "health_check: {path: /healthz, interval: 100ms}";
/// Longer than any story lasts: what the first check finds is all that is known.
const ONCE: &str = "health_check: {path: /healthz, interval: 1h}";

/// Fails its check, and answers users with a 500.
fn ill() -> Origin {
    Origin::answering(|_, wire| wire.answer("500 Internal Server Error", &[], "ill"))
}

fn site() -> Site {
    Site::of(Origin::saying("well"), Origin::dead())
}

fn among(ill: &Origin, site: &Site, keys: &str) -> String {
    format!(
        "endpoints: [\"http://{}\", \"http://{}\"], outliers: {{failures: 0}}, {keys}",
        ill.address, site.legacy.address
    )
}

fn checked(ill: &Origin, site: &Site, keys: &str) -> Config {
    let mut config = site.config(LEGACY);
    config.legacy = among(ill, site, keys);
    config
}

fn up(door: &Door, backend: &str, endpoint: SocketAddr) -> f64 {
    door.metric("backend_up", &[("backend", backend), ("endpoint", &endpoint.to_string())])
}

fn all_are_well(door: &Door) {
    for _ in 0..12 {
        assert_eq!(door.get("/").text(), "well");
    }
}

#[test]
fn an_endpoint_that_goes_down_gets_no_requests() {
    let moody = Origin::answering(|asked, wire| match asked.target().as_str() {
        "/healthz" => wire.answer("503 Service Unavailable", &[], "ill"),
        _ => wire.ok("ill"),
    });
    let site = site();
    let door = site.open_with(&checked(&moody, &site, CHECKED));
    all_are_well(&door);
    assert_eq!(up(&door, "legacy", moody.address), 0.0);
}

#[test]
fn a_door_that_opens_knows_already_who_is_down() {
    let (ill, site) = (ill(), site());
    all_are_well(&site.open_with(&checked(&ill, &site, ONCE)));
}

/// It takes its place only then.
#[test]
fn so_does_a_new_binary() {
    let (ill, site) = (ill(), site());
    let mut door = site.open_with(&checked(&ill, &site, ONCE));
    door.signal("USR2");
    let _successor = Successor::of(&door);
    assert_eq!(door.await_exit().code(), Some(0));
    all_are_well(&door);
}

/// Nobody waits for a new endpoint's first check: those that are known are asked until then.
#[test]
fn an_endpoint_that_a_reload_adds_is_checked_before_it_is_asked() {
    let (ill, site) = (ill(), site());
    let mut config = site.config(LEGACY);
    let all = among(&ill, &site, ONCE);
    config.legacy = all.replace(&format!("\"http://{}\", ", ill.address), "");
    let door = site.open_with(&config);
    door.edit_and_await(&config.legacy, &all);
    all_are_well(&door);
}

/// The site may have nothing else, and a check may be wrong.
#[test]
fn endpoints_that_are_all_down_are_asked() {
    let site = site();
    let (first, second) = (ill(), ill());
    let mut config = site.config(LEGACY);
    config.legacy = format!("endpoints: [\"http://{}\", \"http://{}\"], {CHECKED}", first.address, second.address);
    assert_eq!(site.open_with(&config).get("/").text(), "ill");
}

/// What the other one says of its endpoints, before it or behind it, changes nothing: no check, and no other one.
#[test]
fn a_backend_has_its_own_check_of_what_another_one_names_too() {
    for other in ["health_check: {path: /other}", "timeouts: {first_byte: 2m}"] {
        let fails_one = Origin::answering(|asked, wire| match asked.target().as_str() {
            "/other" => wire.ok("well"),
            _ => wire.answer("500 Internal Server Error", &[], "ill"),
        });
        let site = site();
        let (strict, lenient) = (among(&fails_one, &site, CHECKED), among(&fails_one, &site, other));
        for strict_first in [true, false] {
            let mut config = site.config(&LEGACY.replace("legacy", if strict_first { "legacy" } else { "new" }));
            (config.legacy, config.new) =
                if strict_first { (strict.clone(), lenient.clone()) } else { (lenient.clone(), strict.clone()) };
            let door = site.open_with(&config);
            let (asked, left) = if strict_first { ("legacy", "new") } else { ("new", "legacy") };
            all_are_well(&door);
            door.edit_and_await("{name: all,", "{name: everything,");
            all_are_well(&door);
            assert_eq!(
                (up(&door, asked, fails_one.address), up(&door, left, fails_one.address)),
                (0.0, 1.0),
                "{other}"
            );
        }
    }
}
