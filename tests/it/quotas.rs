//! How much one client may have: requests of a route, connections, requests of a connection.

use crate::harness::{Client, Origin, Site, await_that};

fn site() -> Site {
    Site::of(Origin::saying("ok"), Origin::dead())
}

const LEGACY: &str = "- {name: all, match: {path: {prefix: /}}, stage: legacy}";

#[test]
fn one_client_has_so_many_connections_and_not_more() {
    let site = site();
    let door = site.open_with(&site.config(LEGACY).and("limits: {max_connections_per_client: 2}"));
    let mut first = door.client();
    let mut second = door.client();
    assert_eq!((first.get("/", &[]).status(), second.get("/", &[]).status()), (200, 200));
    assert!(door.client().is_closed(), "the third is closed unread");
    door.await_metric("connections_refused_total", &[("reason", "max_connections_per_client")], 1.0);
    drop(first);
    await_that("room for another one", || {
        let mut client = Client::connect(door.address);
        match client.try_send(crate::harness::client::request("GET", "/", &[], b"")).map(|()| client.try_answer("GET"))
        {
            Ok(Ok(_)) => Ok(()),
            other => Err(format!("{:?}", other.map(|answer| answer.is_ok()))),
        }
    });
    assert_eq!(second.get("/", &[]).status(), 200, "who is in stays in");
}

#[test]
fn a_connection_ends_with_its_last_request_and_says_so() {
    let site = site();
    let door = site.open_with(&site.config(LEGACY).and("limits: {max_requests: 3}"));
    let mut client = door.client();
    let closing: Vec<bool> =
        (0..3).map(|_| client.get("/", &[]).header("connection").as_deref() == Some("close")).collect();
    assert_eq!(closing, [false, false, true]);
    assert!(client.is_closed());
}
