//! Who answers at each stage, and that a session stays where it is.

use std::collections::BTreeMap;

use crate::harness::site::await_that;
use crate::harness::{Config, Door, Site};

const EVERYTHING: &str = "match: {path: {prefix: /}}";

/// Sessions are told apart by the cookie of the site.
const BY_COOKIE: &str = "session: {key: [{cookie: AURSID}]}";

fn route(name: &str, rest: &str) -> String {
    format!("- {{name: {name}, {EVERYTHING}, {rest}}}")
}

fn cookie(user: usize) -> String {
    format!("Cookie: theme=dark; AURSID=session-{user}")
}

/// Who answers each of these users.
fn sides(door: &Door, path: &str, users: usize) -> BTreeMap<usize, String> {
    let mut client = door.client();
    (0..users).map(|user| (user, client.get(path, &[&cookie(user)]).text())).collect()
}

fn on_new(sides: &BTreeMap<usize, String>) -> usize {
    sides.values().filter(|side| *side == "new").count()
}

fn canary(site: &Site, weight: &str) -> Config {
    site.config(&route("all", &format!("stage: canary, canary: {{weight: {weight}}}"))).and(BY_COOKIE)
}

#[test]
fn at_stage_legacy_new_hears_of_nothing() {
    let site = Site::named();
    let door = site.open(&route("all", "stage: legacy, mirror: {percent: 100}"));
    for _ in 0..20 {
        assert_eq!(door.get("/packages").text(), "legacy");
    }
    door.await_metric("requests_total", &[("route", "all"), ("origin", "legacy"), ("code", "200")], 20.0);
    assert_eq!(site.new.seen().len(), 0, "new got a request at stage legacy");
}

#[test]
fn at_stage_shadow_legacy_answers_and_new_gets_a_copy() {
    let site = Site::named();
    let door = site.open(&route("all", "stage: shadow, mirror: {percent: 100}"));
    for _ in 0..5 {
        assert_eq!(door.get("/packages?K=vim").text(), "legacy");
    }
    let seen = site.new.await_seen(5);
    assert!(seen.iter().all(|seen| seen.is_copy() && seen.target() == "/packages?K=vim"));
    assert!(site.legacy.seen().iter().all(|seen| !seen.is_copy()), "the user's own request is marked as a copy");
    let line = door.await_accounted("all", 5);
    assert_eq!(line.count("mismatched"), 5, "`legacy` is not `new`: {}", line.0);
}

#[test]
fn at_stage_new_legacy_hears_of_nothing_unless_a_reverse_shadow_is_asked_for() {
    let site = Site::named();
    let door = site.open(&route("all", "stage: new"));
    assert_eq!(door.get("/a").text(), "new");
    door.await_metric("requests_total", &[("route", "all"), ("origin", "new")], 1.0);
    assert_eq!(site.legacy.seen().len(), 0);

    let site = Site::named();
    let door = site.open(&route("all", "stage: new, mirror: {percent: 100}"));
    assert_eq!(door.get("/a").text(), "new");
    assert!(site.legacy.await_seen(1)[0].is_copy());
    let line = door.await_accounted("all", 1);
    assert_eq!(line.count("mismatched"), 1);
}

#[test]
fn a_canary_takes_its_share_and_each_session_stays_on_its_side() {
    let site = Site::named();
    let door = site.open_with(&canary(&site, "30"));
    let first = sides(&door, "/", 400);
    // 400 sessions at 30 %: 120 expected, a standard deviation of 9.2; three of them either way.
    assert!((92..=148).contains(&on_new(&first)), "{} of 400 on new at 30 %", on_new(&first));
    assert_eq!(sides(&door, "/other/page", 400), first, "a session changed sides between two requests");

    let other = Site::named();
    let second_door = other.open_with(&canary(&other, "30"));
    assert_eq!(sides(&second_door, "/", 400), first, "another door decided otherwise");

    let door = door.restarted();
    assert_eq!(sides(&door, "/", 400), first, "a restart moved sessions");
}

#[test]
fn a_weight_moves_sessions_in_one_direction_only() {
    let site = Site::named();
    let door = site.open_with(&canary(&site, "10"));
    let mut before = sides(&door, "/", 300);
    let mut weight = 10.0;
    for next in [10.01, 25.0, 60.0, 100.0, 40.0, 5.5, 0.0] {
        door.edit_and_await(&format!("weight: {weight}"), &format!("weight: {next}"));
        let now = sides(&door, "/", 300);
        let (from, to) = if next > weight { ("legacy", "new") } else { ("new", "legacy") };
        for (user, side) in &now {
            let moved = side != &before[user];
            assert!(!moved || (before[user] == from && side == to), "{weight} → {next}: session {user} went to {side}");
        }
        (before, weight) = (now, next);
    }
    assert_eq!(on_new(&before), 0, "weight 0 brings everybody back");
}

#[test]
fn a_user_is_on_one_side_for_all_routes_of_a_group() {
    let site = Site::named();
    let route = |name: &str, group: &str| {
        format!(
            "- {{name: {name}, match: {{path: {{prefix: /{name}}}}}, group: {group}, stage: canary, canary: {{weight: 50}}}}\n"
        )
    };
    let routes = route("form", "account") + &route("submit", "account") + &route("rss", "feeds");
    let door = site.open_with(&site.config(&routes).and(BY_COOKIE));
    let form = sides(&door, "/form", 100);
    assert_eq!(sides(&door, "/submit", 100), form, "one group, two sides");
    assert_ne!(sides(&door, "/rss", 100), form, "another group is salted otherwise");
}

#[test]
fn a_tester_chooses_the_side_from_a_trusted_network_only() {
    let site = Site::named();
    let canary = |from: &str| {
        site.config(&route(
            "all",
            &format!("stage: canary, canary: {{weight: 0, override: {{header: X-Stage{from}}}}}"),
        ))
    };
    let new = ["X-Stage: new"];
    let door = site.open_with(&canary(""));
    assert_eq!(door.ask("GET", "/", &new, b"").text(), "new", "loopback may by default");
    assert_eq!(door.ask("GET", "/", &["X-Stage: legacy"], b"").text(), "legacy");
    assert_eq!(door.ask("GET", "/", &["X-Stage: neither"], b"").text(), "legacy", "not a side: the bucket decides");
    drop(door);

    let door = site.open_with(&canary(", from: [10.0.0.0/8]"));
    assert_eq!(door.ask("GET", "/", &new, b"").text(), "legacy", "127.0.0.1 is not in 10.0.0.0/8");
    let spoofed = ["X-Stage: new", "X-Forwarded-For: 10.1.2.3"];
    assert_eq!(door.ask("GET", "/", &spoofed, b"").text(), "legacy", "an untrusted peer claims an address");
    drop(door);

    let door = site.open_with(&canary(", from: [10.0.0.0/8]").and("trusted_proxies: [127.0.0.0/8]"));
    assert_eq!(door.ask("GET", "/", &spoofed, b"").text(), "new", "a trusted proxy says where the tester is");
    let outside = ["X-Stage: new", "X-Forwarded-For: 10.1.2.3, 203.0.113.7"];
    assert_eq!(door.ask("GET", "/", &outside, b"").text(), "legacy", "the right-most untrusted address counts");
}

#[test]
fn a_cookie_can_be_the_override() {
    let site = Site::named();
    let door = site.open(&route("all", "stage: canary, canary: {weight: 0, override: {cookie: stage}}"));
    assert_eq!(door.ask("GET", "/", &["Cookie: a=b; stage=new"], b"").text(), "new");
    assert_eq!(door.ask("GET", "/", &["Cookie: stage_=new"], b"").text(), "legacy");
}

#[test]
fn a_small_canary_and_a_small_mirror_are_cut_from_opposite_ends() {
    let site = Site::named();
    let config =
        site.config(&route("all", "stage: canary, canary: {weight: 10}, mirror: {percent: 20}")).and(BY_COOKIE);
    let door = site.open_with(&config);
    let sides = sides(&door, "/", 300);
    let copied = |origin: &crate::harness::Origin| origin.copies().len();
    await_that("copies of legacy's sessions at new", || {
        if copied(&site.new) > 30 { Ok(()) } else { Err(format!("{} copies", copied(&site.new))) }
    });
    assert!(on_new(&sides) > 10, "{} of 300 on new at 10 %", on_new(&sides));
    assert_eq!(copied(&site.legacy), 0, "the mirror's 20 % lie at the other end than the canary's 10 %");
}

#[test]
fn the_door_itself_answers_what_neither_backend_may_show() {
    let site = Site::named();
    let routes = format!(
        "- {{name: hidden, match: {{path: {{prefix: /metrics}}}}, respond: {{status: 404}}}}\n{}",
        route("all", "stage: new")
    );
    let door = site.open(&routes);
    for hidden in ["/metrics", "/metrics/", "/metrics/x?y"] {
        assert_eq!(door.get(hidden).status(), 404, "{hidden}");
    }
    assert_eq!(door.get("/metricsx").text(), "new", "a prefix means whole segments");
    assert_eq!(site.new.seen().len() + site.legacy.seen().len(), 1);
}

#[test]
fn what_no_route_matches_follows_the_defaults() {
    let site = Site::named();
    let routes = "- {name: api, match: {path: {prefix: /api}}, stage: new}";
    let door = site.open(routes);
    assert_eq!(door.get("/elsewhere").text(), "legacy");
    assert_eq!(door.get("/api").text(), "new");
    door.await_metric("requests_total", &[("route", "default"), ("origin", "legacy")], 1.0);
}

#[test]
fn requests_go_round_the_endpoints_of_a_backend() {
    let (first, second) = (crate::harness::Origin::saying("first"), crate::harness::Origin::saying("second"));
    let site = Site::named();
    let mut config = site.config(&route("all", "stage: new"));
    config.new = format!("endpoints: [\"http://{}\", \"http://{}\"]", first.address, second.address);
    let door = site.open_with(&config);
    for _ in 0..20 {
        door.get("/");
    }
    assert_eq!((first.seen().len(), second.seen().len()), (10, 10));
}

#[test]
fn a_path_that_reads_as_two_routes_is_refused() {
    let site = Site::named();
    let routes = format!(
        "- {{name: hidden, match: {{path: {{prefix: /admin}}}}, respond: {{status: 404}}}}\n{}",
        route("all", "stage: legacy")
    );
    let door = site.open(&routes);
    for trick in
        ["/x/../admin", "/%61dmin", "//admin", "/x/%2e%2e/admin", "/x%2F..%2Fadmin", "/admin;v=1", "/x\\..\\admin"]
    {
        let status = door.get(trick).status();
        assert!([400, 404].contains(&status), "{trick} was answered with {status}");
    }
    assert_eq!(site.legacy.seen().len(), 0, "a bypass reached the backend");
    assert_eq!(door.get("/packages/a%2Fb").text(), "legacy", "an application's own %2F passes");
}
