//! Several endpoints: who is asked, and who is left alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::harness::client::request;
use crate::harness::site::await_that;
use crate::harness::{Config, Origin, Signal, Site, Wire};

const LEGACY: &str = "- {name: all, match: {path: {prefix: /}}, stage: legacy}";

/// A backend of these origins.
fn among(site: &Site, origins: &[&Origin], keys: &str) -> Config {
    let endpoints: Vec<String> = origins.iter().map(|origin| format!("\"http://{}\"", origin.address)).collect();
    let mut config = site.config(LEGACY);
    config.legacy = format!("endpoints: [{}]{keys}", endpoints.join(", "));
    config.and("session: {key: [{cookie: AURSID}]}")
}

fn site() -> Site {
    Site::of(Origin::saying("a"), Origin::dead())
}

#[test]
fn in_turn_by_default() {
    let (site, b) = (site(), Origin::saying("b"));
    let door = site.open_with(&among(&site, &[&site.legacy, &b], ""));
    let answers: Vec<String> = (0..10).map(|_| door.get("/").text()).collect();
    assert_eq!(answers.iter().filter(|text| *text == "a").count(), 5, "{answers:?}");
}

/// One that is away has its share done by all the others, not by its neighbour.
#[test]
fn the_share_of_an_absent_endpoint_is_everybodys() {
    let ill = Origin::answering(|_, wire| wire.answer("500 Internal Server Error", &[], "ill"));
    let (site, b, c) = (site(), Origin::saying("b"), Origin::saying("c"));
    let keys = ", health_check: {path: /up, interval: 100ms}";
    let door = site.open_with(&among(&site, &[&site.legacy, &ill, &b, &c], keys));
    door.await_metric("backend_up", &[("backend", "legacy"), ("endpoint", &ill.address.to_string())], 0.0);
    let answers: Vec<String> = (0..90).map(|_| door.get("/").text()).collect();
    for name in ["a", "b", "c"] {
        assert_eq!(answers.iter().filter(|text| *text == name).count(), 30, "{name}: {answers:?}");
    }
}

/// Nor while it is not known yet to be away.
#[test]
fn whoever_is_refused_by_one_goes_to_all_the_others() {
    let (site, dead, b, c) = (site(), Origin::dead(), Origin::saying("b"), Origin::saying("c"));
    let door = site.open_with(&among(&site, &[&site.legacy, &dead, &b, &c], ", outliers: {failures: 0}"));
    let answers: Vec<String> = (0..120).map(|_| door.get("/").text()).collect();
    for name in ["a", "b", "c"] {
        let count = answers.iter().filter(|text| *text == name).count();
        assert!((36..=44).contains(&count), "{name} {count} times: {answers:?}");
    }
}

/// One backend's users learn nothing of an endpoint from what another one's ask of it.
#[test]
fn what_a_backend_bears_is_its_own_affair() {
    let ill_for_some = Origin::answering(|asked, wire| match asked.target().as_str() {
        "/legacy" => wire.answer("500 Internal Server Error", &[], "ill"),
        _ => wire.ok("a"),
    });
    let (site, b) = (Site::of(ill_for_some, Origin::dead()), Origin::saying("b"));
    let endpoints = format!("endpoints: [\"http://{}\", \"http://{}\"]", site.legacy.address, b.address);
    let mut config = site.config(
        "- {name: old, match: {path: {exact: /legacy}}, stage: legacy}\n- {name: all, match: {path: {prefix: /}}, stage: new}",
    );
    for (never, keys) in [(true, ", outliers: {failures: 0}"), (false, "")] {
        config.legacy = format!("{endpoints}, outliers: {{failures: 3, min_requests: 4, eject: 60s}}");
        config.new = format!("{endpoints}{keys}");
        let door = site.open_with(&config);
        (0..30).for_each(|_| drop(door.get("/legacy")));
        let ill = site.legacy.address.to_string();
        let ejected = |backend| door.metric("backend_ejected", &[("backend", backend), ("endpoint", &ill)]);
        assert_eq!((ejected("legacy"), ejected("new")), (1.0, 0.0), "never: {never}");
        let answers: Vec<String> = (0..20).map(|_| door.get("/").text()).collect();
        assert_eq!(answers.iter().filter(|text| *text == "a").count(), 10, "{answers:?}");
    }
}

#[test]
fn by_hash_a_session_stays_at_one_endpoint_and_moves_only_if_that_one_goes() {
    // Where an origin listens is drawn, and with that its share: among so many each has some.
    const USERS: usize = 200;
    let (site, b, c) = (site(), Origin::saying("b"), Origin::saying("c"));
    let door = site.open_with(&among(&site, &[&site.legacy, &b, &c], ", balance: hash"));
    let place = |user: usize| door.ask("GET", "/", &[&format!("Cookie: AURSID=user-{user}")], b"").text();
    let before: Vec<String> = (0..USERS).map(place).collect();
    assert_eq!(before, (0..USERS).map(place).collect::<Vec<_>>());
    for name in ["a", "b", "c"] {
        assert!(before.iter().filter(|text| *text == name).count() > 4, "{before:?}");
    }
    drop(c);
    let after: Vec<String> = (0..USERS).map(place).collect();
    for (was, is) in before.iter().zip(&after) {
        assert!(was == is || (was == "c" && is != "c"), "{before:?} {after:?}");
    }
}

#[test]
fn least_in_flight_avoids_the_busy_endpoint() {
    let release = Signal::new();
    let held = release.clone();
    let busy = Origin::answering(move |seen, wire| {
        if seen.target() == "/slow" {
            held.wait();
        }
        wire.ok("busy");
    });
    let site = Site::of(busy, Origin::dead());
    let idle = Origin::answering(|seen, wire| if seen.target() == "/slow" { wire.hang() } else { wire.ok("idle") });
    let door = site.open_with(&among(&site, &[&site.legacy, &idle], ", balance: least_in_flight"));
    let mut waiting = door.client();
    waiting.send(request("GET", "/slow", &[], b""));
    await_that("the slow request", || {
        (site.legacy.seen().len() + idle.seen().len() > 0).then_some(()).ok_or("not seen".to_owned())
    });
    let free = if site.legacy.seen().is_empty() { "busy" } else { "idle" };
    // One connection: its next request begins when the last one is over for the balance as well.
    let mut client = door.client();
    for _ in 0..10 {
        assert_eq!(client.get("/", &[]).text(), free);
    }
    release.give();
}

#[test]
fn an_endpoint_that_fails_users_is_left_alone_and_comes_back() {
    let broken = Arc::new(AtomicBool::new(true));
    let now = broken.clone();
    let sick = Origin::answering(move |_, wire| match now.load(Ordering::Relaxed) {
        true => wire.answer("503 Service Unavailable", &[], "sick"),
        false => wire.ok("healed"),
    });
    let site = site();
    let keys = ", outliers: {failures: 3, min_requests: 6, eject: 3s, longest: 4s}";
    let door = site.open_with(&among(&site, &[&site.legacy, &sick], keys));
    let failed = (0..40).filter(|_| door.get("/").status() == 503).count();
    assert_eq!(failed, 6, "the floor of requests, and then none: {}", door.log());
    door.await_log("is left alone");
    let (ill, well) = (sick.address.to_string(), site.legacy.address.to_string());
    let ejected = |endpoint: &str| door.metric("backend_ejected", &[("backend", "legacy"), ("endpoint", endpoint)]);
    assert_eq!([ejected(&ill), ejected(&well)], [1.0, 0.0]);
    let told = door.command(&["status"]).stdout;
    assert!(told.contains(&format!("{ill} ejected")) && told.contains(&format!("{well} up")), "{told}");
    let endpoints = &door.status()["backends"][0]["endpoints"];
    assert_eq!([&endpoints[0]["ejected"], &endpoints[1]["ejected"]], [false, true], "{endpoints}");
    broken.store(false, Ordering::Relaxed);
    await_that("it to come back", || match door.get("/").text().as_str() {
        "healed" => Ok(()),
        other => Err(other.to_owned()),
    });
    door.await_log("serves users again");
    assert_eq!(ejected(&ill), 0.0);
}

#[test]
fn the_last_endpoint_is_never_left_alone() {
    let sick = || Origin::answering(|_, wire| wire.answer("500 Internal Server Error", &[], "sick"));
    let (first, second) = (sick(), sick());
    let site = site();
    let keys = ", outliers: {failures: 2, min_requests: 0, eject: 60s}";
    let door = site.open_with(&among(&site, &[&first, &second], keys));
    for _ in 0..20 {
        assert_eq!((door.get("/").status(), door.get("/").text().as_str()), (500, "sick"));
    }
    door.await_log("is left alone");
    assert_eq!(door.log().matches("is left alone").count(), 1, "{}", door.log());
}

#[test]
fn a_dead_endpoint_costs_no_answer_under_any_balance() {
    for balance in ["round_robin", "least_in_flight", "hash"] {
        let (site, dead) = (site(), Origin::dead());
        let keys = format!(", balance: {balance}, timeouts: {{connect: 300ms}}");
        let door = site.open_with(&among(&site, &[&dead, &site.legacy], &keys));
        for user in 0..20 {
            let answer = door.ask("POST", "/", &[&format!("Cookie: AURSID=user-{user}")], b"body");
            assert_eq!((answer.status(), answer.text().as_str()), (200, "a"), "{balance}");
        }
        door.await_log("cannot connect to the endpoint");
    }
}

/// How often this was asked for.
fn asked(origins: &[&Origin], target: &str) -> usize {
    let of = |origin: &&Origin| origin.seen().iter().filter(|seen| seen.target() == target).count();
    origins.iter().map(of).sum()
}

/// Also while nobody knows yet, and before its connections are known to be worth nothing.
#[test]
fn an_endpoint_that_takes_requests_and_breaks_off_costs_no_reader_his_answer() {
    for balance in ["round_robin", "least_in_flight", "hash"] {
        for end in [Wire::close, Wire::reset, half_a_head] {
            let (site, ill) = (site(), Origin::answering(move |_, wire| end(wire)));
            let keys = format!(", balance: {balance}, outliers: {{failures: 3, min_requests: 6}}");
            let door = site.open_with(&among(&site, &[&ill, &site.legacy], &keys));
            for user in 0..40 {
                let answer = door.ask("GET", "/", &[&format!("Cookie: AURSID=user-{user}")], b"");
                assert_eq!((answer.status(), answer.text().as_str()), (200, "a"), "{balance}");
            }
            door.await_log("a backend failed a request");
            door.await_log("is left alone");
        }
    }
}

fn half_a_head(wire: &mut Wire) {
    wire.send("HTTP/1.1 200 OK\r\nContent-Le");
    wire.close();
}

/// It may be the request that they do not survive, and of a write nobody knows how far it came.
#[test]
fn what_one_endpoint_broke_off_is_asked_of_one_other_and_a_write_of_none() {
    let ill = || Origin::answering(|_, wire| wire.close());
    let (site, ills) = (site(), [ill(), ill(), ill()]);
    let ills = [&ills[0], &ills[1], &ills[2]];
    let door = site.open_with(&among(&site, &ills, ", outliers: {failures: 0}"));
    assert_eq!((door.get("/read").status(), asked(&ills, "/read")), (502, 2));
    for method in ["POST", "PUT", "DELETE"] {
        let target = format!("/{method}");
        assert_eq!((door.ask(method, &target, &[], b"").status(), asked(&ills, &target)), (502, 1), "{method}");
    }
}

/// It lives, and may have worked for long.
#[test]
fn what_an_endpoint_answers_amiss_or_too_late_is_asked_of_no_other() {
    let site = site();
    let ill = || {
        Origin::answering(|seen, wire| match seen.target().as_str() {
            "/amiss" => wire.send("HTTP/1.1 200 OK\r\nContent-Length: abc\r\n\r\n"),
            _ => wire.hang(),
        })
    };
    let ills = [ill(), ill()];
    let ills = [&ills[0], &ills[1]];
    let door = site.open_with(&among(&site, &ills, ", timeouts: {first_byte: 300ms}, outliers: {failures: 0}"));
    assert_eq!((door.get("/amiss").status(), asked(&ills, "/amiss")), (502, 1));
    assert_eq!((door.get("/late").status(), asked(&ills, "/late")), (504, 1));
}

/// Whichever of the two is asked first: the log says what the user's status came of.
#[test]
fn of_two_endpoints_that_fail_the_last_one_is_told() {
    let (site, ill, late) = (site(), Origin::answering(|_, wire| wire.close()), Origin::hanging());
    let config = among(&site, &[&ill, &late], ", timeouts: {first_byte: 300ms}, outliers: {failures: 0}");
    let mut door = site.open_with(&config.and("access_log: {path: access.log}"));
    assert_eq!([door.get("/").status(), door.get("/").status()], [504, 504]);
    assert_eq!((ill.seen().len(), late.seen().len()), (1, 2));
    door.signal("TERM");
    assert!(door.await_exit().success());
    let log = std::fs::read_to_string(site.path("access.log")).unwrap();
    assert_eq!(log.matches("\"error\":\"timeout\"").count(), 2, "{log}");
}
