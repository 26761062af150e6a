//! Connections of the window: accepted, bounded in number and time, and handed to [`super::api`].

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::{Semaphore, oneshot};

use super::api::Api;
use super::guard::Peer;
use crate::socket::{Listener, Stream};

/// Operators, a scraper and a probe or two; more wait to be accepted.
const MAX_CONNECTIONS: usize = 64;
/// From one request's end to the end of the next one's head: slow enough for a person at a keyboard, and a kept
/// connection between two scrapes is closed at little cost.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// For a request and its answer: a report of a big store, read over a slow line.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// For what is being asked when the window closes; a kept connection is cut then.
const FAREWELL: Duration = Duration::from_secs(2);
/// After a failed accept (no file descriptors left) others may free some.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

pub async fn until(mut stopped: oneshot::Receiver<()>, listener: Listener, api: Arc<Api>) {
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(place) = room.clone().acquire_owned().await else { return };
        let accepted = tokio::select! {
            _ = &mut stopped => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, from)) => {
                let peer = match &stream {
                    Stream::Tcp(_) => Peer::of(from.ip()),
                    Stream::Unix(_) => Peer::Unix,
                };
                let connection = connection(stream, peer, api.clone());
                tokio::spawn(async move {
                    connection.await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!("admin: cannot accept a connection: {error}");
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
    }
    drop(listener);
    // A successor may be answering already; who asked here is answered here. With nobody left, every place is free.
    let _ = tokio::time::timeout(FAREWELL, room.acquire_many(MAX_CONNECTIONS as u32)).await;
}

async fn connection(stream: Stream, peer: Peer, api: Arc<Api>) {
    let service = service_fn(move |request| {
        let api = api.clone();
        async move {
            let answer = tokio::time::timeout(REQUEST_TIMEOUT, api.answer(peer, request)).await;
            Ok::<_, Infallible>(answer.unwrap_or_else(|_| super::answer::timed_out()))
        }
    });
    // A client that goes away or speaks no HTTP has been answered as far as it can be.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}
