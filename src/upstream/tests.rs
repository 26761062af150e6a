#![allow(clippy::unwrap_used)]
use std::sync::Arc;
use std::time::Duration;

use super::{Endpoint, InFlight, NoRoom};
use crate::config::settings::{BackendTls, EndpointAddress, HealthCheck, HostPort, Protocol};

fn endpoint() -> Endpoint {
    let address = EndpointAddress::Http(HostPort { host: "127.0.0.1".into(), port: 9 });
    let endpoint = Endpoint::new(address, Protocol::Http1, &BackendTls::default());
    endpoint.watch_with(Some(HealthCheck { path: "/".into(), interval: Duration::from_secs(1) }));
    endpoint
}

#[test]
fn one_failed_probe_is_no_outage_and_one_good_one_ends_it() {
    let endpoint = endpoint();
    endpoint.probed(Ok(()));
    endpoint.probed(Err("no answer".into()));
    assert!(endpoint.is_up());
    endpoint.probed(Err("no answer".into()));
    assert!(!endpoint.is_up());
    endpoint.probed(Ok(()));
    assert!(endpoint.is_up());
}

#[test]
fn an_endpoint_that_was_never_seen_up_is_down_with_its_first_probe() {
    let endpoint = endpoint();
    assert!(endpoint.is_up() && !endpoint.is_known());
    endpoint.probed(Err("no answer".into()));
    assert!(!endpoint.is_up() && endpoint.is_known());
}

#[test]
fn an_endpoint_whose_check_was_removed_counts_as_up() {
    let endpoint = endpoint();
    endpoint.probed(Err("no answer".into()));
    endpoint.probed(Err("no answer".into()));
    endpoint.watch_with(None);
    assert!(endpoint.is_up());
}

#[tokio::test]
async fn a_user_waits_for_a_place_and_gets_it_when_another_leaves() {
    let in_flight = Arc::new(InFlight::new(Some(1)));
    let first = in_flight.enter(Duration::ZERO).await.unwrap();
    let waiting = tokio::spawn({
        let in_flight = in_flight.clone();
        async move { in_flight.enter(Duration::from_secs(10)).await.map(drop) }
    });
    tokio::task::yield_now().await;
    drop(first);
    assert_eq!(waiting.await.unwrap(), Ok(()));
    assert_eq!(in_flight.count(), 0);
}

#[tokio::test]
async fn the_queue_before_a_full_backend_is_bounded_in_time_and_length() {
    let in_flight = Arc::new(InFlight::new(Some(1)));
    let _held = in_flight.enter(Duration::ZERO).await.unwrap();
    assert_eq!(in_flight.enter(Duration::from_millis(5)).await.map(drop), Err(NoRoom));
    let mut queued = std::pin::pin!(in_flight.enter(Duration::from_secs(10)));
    assert!(futures_now(queued.as_mut()).is_none(), "the first in the queue waits");
    assert_eq!(
        in_flight.enter(Duration::from_secs(10)).await.map(drop),
        Err(NoRoom),
        "the second is turned away at once"
    );
}

#[tokio::test]
async fn copies_take_at_most_half_and_never_the_last_place() {
    let in_flight = Arc::new(InFlight::new(Some(4)));
    let _copies = [in_flight.enter_copy().unwrap(), in_flight.enter_copy().unwrap()];
    assert_eq!(in_flight.enter_copy().map(drop), Err(NoRoom));
    let _users = [in_flight.enter(Duration::ZERO).await.unwrap(), in_flight.enter(Duration::ZERO).await.unwrap()];
    assert_eq!(in_flight.count(), 4);
}

#[tokio::test]
async fn a_single_worker_is_lent_to_a_copy_only_when_idle() {
    let in_flight = Arc::new(InFlight::new(Some(1)));
    let user = in_flight.enter(Duration::ZERO).await.unwrap();
    assert_eq!(in_flight.enter_copy().map(drop), Err(NoRoom));
    drop(user);
    assert!(in_flight.enter_copy().is_ok());
}

#[tokio::test]
async fn without_a_limit_everybody_enters_and_is_counted() {
    let in_flight = Arc::new(InFlight::new(None));
    let _slots = [in_flight.enter(Duration::ZERO).await.unwrap(), in_flight.enter_copy().unwrap()];
    assert_eq!(in_flight.count(), 2);
}

/// Polls a future once.
fn futures_now<F: Future>(future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    match future.poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}
