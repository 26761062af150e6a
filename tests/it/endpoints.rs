//! Where backends may be: behind TLS, behind a unix socket. Users, copies and health checks all go there.

use crate::harness::front::{Front, Pair};
use crate::harness::site::await_that;
use crate::harness::{Config, Door, Origin, Site};

const SHADOW: &str = "- {name: all, match: {path: {prefix: /}}, stage: shadow}";
const NEW: &str = "- {name: all, match: {path: {prefix: /}}, stage: new}";

fn checked(site: &Site, new: &str, routes: &str) -> Config {
    let mut config = site.config(routes);
    config.new = format!("{new}, health_check: {{path: /up, interval: 100ms}}");
    config
}

/// Users at stage new, copies at stage shadow, and health checks reach the new backend, byte for byte.
fn all_three_arrive(site: &Site, door: &Door) {
    let answer = door.ask("GET", "/user?q=<", &["Host: site.test"], b"");
    assert_eq!((answer.status(), answer.text().as_str()), (200, "new"));
    await_that("a user and a health check at new", || {
        let seen: Vec<String> = site.new.seen().iter().map(|seen| seen.target()).collect();
        let both = ["/user?q=<", "/up"].iter().all(|target| seen.iter().any(|seen| seen == target));
        both.then_some(()).ok_or(format!("{seen:?}"))
    });
    let user = site.new.seen().into_iter().find(|seen| seen.target() == "/user?q=<").unwrap();
    assert_eq!(user.header("host").as_deref(), Some("site.test"), "Host stays the user's");
    door.edit_and_await("stage: new", "stage: shadow");
    assert_eq!(door.ask("GET", "/copied?q=<", &["Host: site.test"], b"").text(), "legacy");
    await_that("a copy", || (!site.new.copies().is_empty()).then_some(()).ok_or("none came".to_owned()));
    let copied = &site.new.copies()[0];
    assert_eq!((copied.header("host").as_deref(), copied.target()), (Some("site.test"), "/copied?q=<".to_owned()));
    assert!(!door.log().contains("cannot connect"), "{}", door.log());
}

#[test]
fn a_backend_behind_a_unix_socket() {
    let site = Site::named();
    let path = site.path("new.sock");
    let _front = Front::unix(&path, site.new.address);
    let door = site.open_with(&checked(&site, &format!("endpoints: [\"unix:{}\"]", path.display()), NEW));
    all_three_arrive(&site, &door);
    assert!(door.metrics().contains("endpoint=\"unix:"), "{}", door.metrics());
}

#[test]
fn a_backend_with_a_certificate_of_an_own_authority() {
    let site = Site::named();
    let authority = Pair::authority(site.folder.path(), "ca");
    let own = authority.signs(site.folder.path(), "new", "DNS:new.internal,IP:127.0.0.1");
    let front = Front::tls(&own, None, site.new.address);
    let new = format!("endpoints: [\"https://{}\"], tls: {{ca: ca.pem}}", front.address);
    let door = site.open_with(&checked(&site, &new, NEW));
    all_three_arrive(&site, &door);
}

#[test]
fn the_name_in_the_certificate_must_be_the_one_asked_for() {
    let site = Site::named();
    let authority = Pair::authority(site.folder.path(), "ca");
    let own = authority.signs(site.folder.path(), "new", "DNS:new.internal");
    let front = Front::tls(&own, None, site.new.address);
    let tls = |keys: &str| format!("endpoints: [\"https://{}\"], tls: {{ca: ca.pem{keys}}}", front.address);
    let mut config = site.config(NEW);
    config.new = tls(", sni: new.internal");
    let door = site.open_with(&config);
    assert_eq!(asked_both_ways(&door), [200; 2]);
    door.edit_and_await("sni: new.internal", "sni: other.internal");
    assert_eq!(asked_both_ways(&door), [502; 2]);
    door.await_log("other.internal");
    door.edit_and_await("sni: other.internal", "verify: false");
    assert_eq!(asked_both_ways(&door), [200; 2], "nobody asked");
    door.edit_and_await(", verify: false", "");
    assert_eq!(
        asked_both_ways(&door),
        [502; 2],
        "a connection that nobody verified is not used where verification is asked for"
    );
}

/// On a connection that the library secures, and on one that the door does.
fn asked_both_ways(door: &Door) -> [u16; 2] {
    ["/", "/?<"].map(|target| door.get(target).status())
}

#[test]
fn a_bad_certificate_is_a_connect_error_and_told_once() {
    let site = Site::named();
    let authority = Pair::authority(site.folder.path(), "unknown");
    let own = authority.signs(site.folder.path(), "new", "IP:127.0.0.1");
    let front = Front::tls(&own, None, site.new.address);
    let mut config = site.config(
        "
         - {name: falls, match: {path: {prefix: /falls}}, stage: new, fallback: {on: {connect_error: true}}}
         - {name: all, match: {path: {prefix: /}}, stage: new}",
    );
    config.new = format!("endpoints: [\"https://{}\"]", front.address);
    let door = site.open_with(&config);
    for _ in 0..5 {
        assert_eq!(asked_both_ways(&door), [502; 2]);
        assert_eq!(door.get("/falls").text(), "legacy");
        assert_eq!(door.get("/falls?<").text(), "legacy");
    }
    door.await_log("UnknownIssuer");
    let told = door.log().matches("cannot connect to the endpoint").count();
    assert_eq!(told, 1, "{}", door.log());
    assert!(site.new.seen().is_empty());
}

#[test]
fn the_door_shows_a_certificate_where_one_is_asked_for() {
    let site = Site::named();
    let authority = Pair::authority(site.folder.path(), "ca");
    let own = authority.signs(site.folder.path(), "new", "IP:127.0.0.1");
    authority.signs(site.folder.path(), "door", "DNS:door.internal");
    let front = Front::tls(&own, Some(&authority), site.new.address);
    let new = format!(
        "endpoints: [\"https://{}\"], tls: {{ca: ca.pem, client_certificate: door.pem, client_key: door.key}}",
        front.address
    );
    let door = site.open_with(&checked(&site, &new, NEW));
    all_three_arrive(&site, &door);
}

#[test]
fn certificates_are_read_with_the_config() {
    let site = Site::named();
    let authority = Pair::authority(site.folder.path(), "ca");
    authority.signs(site.folder.path(), "door", "DNS:door.internal");
    std::fs::write(site.path("garbage.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    let door = site.open(SHADOW);
    for (tls, says) in [
        ("{ca: missing.pem}", "cannot be read"),
        ("{ca: garbage.pem}", "cannot be used"),
        ("{ca: ca.key}", "no PEM section"),
        ("{sni: \"a b\"}", "want a host name"),
        ("{client_key: door.key}", "want it beside client_key"),
        ("{client_certificate: door.pem, client_key: ca.key}", "does not go with the certificate"),
    ] {
        let mut config = site.config(SHADOW);
        config.new = format!("endpoints: [\"https://127.0.0.1:9\"], tls: {tls}");
        std::fs::write(site.path("other.yaml"), config.text(1, 2, site.folder.path())).unwrap();
        let run = crate::harness::matapalo(&["check", "-c", site.path("other.yaml").to_str().unwrap()]);
        assert_eq!(run.code, 2, "{tls}: {run}");
        assert!(run.stderr.contains(says) || run.stdout.contains(says), "{tls}: {run}");
    }
    drop(door);
}

#[test]
fn a_socket_that_is_not_there_is_a_connect_error() {
    let site = Site::of(Origin::saying("legacy"), Origin::dead());
    let mut config = site.config(NEW);
    config.new = format!("endpoints: [\"unix:{}\"]", site.path("nobody.sock").display());
    let door = site.open_with(&config);
    assert_eq!(door.get("/").status(), 502);
    door.await_log("nobody.sock");
}
