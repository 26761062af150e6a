//! Connections are kept, closed, and answered in order.

use super::before;
use crate::harness::Origin;
use crate::harness::client::request;

#[test]
fn connections_are_kept_on_both_sides() {
    let (site, door) = before(Origin::saying("ok"));
    let mut client = door.client();
    for at in 0..50 {
        assert_eq!(client.get(&format!("/{at}"), &[]).status(), 200);
    }
    assert!(site.legacy.connections() <= 2, "{} connections for 50 requests in a row", site.legacy.connections());
}

#[test]
fn a_backend_that_closes_after_each_answer_is_no_trouble() {
    let (site, door) = before(Origin::answering(|_, wire| {
        wire.answer("200 OK", &["Connection: close"], "ok");
        wire.close();
    }));
    let mut client = door.client();
    for _ in 0..20 {
        let answer = client.get("/", &[]);
        assert_eq!((answer.status(), answer.text().as_str()), (200, "ok"));
    }
    assert_eq!(site.legacy.connections(), 20);
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let (_site, door) = before(Origin::answering(|seen, wire| wire.ok(seen.target())));
    let mut client = door.client();
    let all: Vec<u8> = (0..5).flat_map(|at| request("GET", &format!("/{at}"), &[], b"")).collect();
    client.send(all);
    for at in 0..5 {
        assert_eq!(client.answer("GET").text(), format!("/{at}"));
    }
}

#[test]
fn connection_close_is_honoured() {
    let (_site, door) = before(Origin::saying("ok"));
    let mut client = door.client();
    let answer = client.get("/", &["Connection: close"]);
    assert_eq!(answer.text(), "ok");
    assert!(client.is_closed());
}
