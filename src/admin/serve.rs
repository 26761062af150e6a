//! Connections of the window: accepted, bounded in number and time, and handed to [`super::api`].

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

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
    while let Some((place, stream, from)) = next(&mut stopped, &room, &listener).await {
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
    drop(listener);
    // A successor may be answering already; who asked here is answered here. With nobody left, every place is free.
    let _ = tokio::time::timeout(FAREWELL, room.acquire_many(MAX_CONNECTIONS as u32)).await;
}

/// The next connection, with its place. `None`: the window closes, which it does at once, however full it is and whoever waits
/// to be let in.
async fn next(
    stopped: &mut oneshot::Receiver<()>,
    room: &Arc<Semaphore>,
    listener: &Listener,
) -> Option<(OwnedSemaphorePermit, Stream, SocketAddr)> {
    tokio::select! {
        biased;
        _ = stopped => None,
        next = admit(room, listener) => next,
    }
}

async fn admit(room: &Arc<Semaphore>, listener: &Listener) -> Option<(OwnedSemaphorePermit, Stream, SocketAddr)> {
    let place = room.clone().acquire_owned().await.ok()?;
    loop {
        match listener.accept().await {
            Ok((stream, from)) => return Some((place, stream, from)),
            Err(error) => {
                tracing::warn!("admin: cannot accept a connection: {error}");
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
    }
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use tokio::net::TcpStream;

    use super::*;
    use crate::config::settings::Address;
    use crate::socket::Inherited;

    fn listener() -> (Listener, SocketAddr) {
        let any = Address::Tcp("127.0.0.1:0".parse().unwrap());
        let listener = Listener::bind(&any, 0o600, &mut Inherited::default()).unwrap();
        let Address::Tcp(at) = *listener.address() else { panic!("no port") };
        (listener, at)
    }

    #[tokio::test]
    async fn a_full_window_closes_at_once() {
        let (listener, _) = listener();
        let (stop, mut stopped) = oneshot::channel();
        let room = Arc::new(Semaphore::new(0));
        assert!(tokio::time::timeout(FAREWELL / 40, next(&mut stopped, &room, &listener)).await.is_err());
        drop(stop);
        let told = tokio::time::timeout(FAREWELL, next(&mut stopped, &room, &listener)).await;
        assert!(told.unwrap().is_none());
    }

    #[tokio::test]
    async fn who_waits_at_a_closing_window_is_left_to_its_successor() {
        for _ in 0..20 {
            let (listener, at) = listener();
            let (stop, mut stopped) = oneshot::channel();
            let room = Arc::new(Semaphore::new(1));
            let _waiting = TcpStream::connect(at).await.unwrap();
            drop(stop);
            assert!(next(&mut stopped, &room, &listener).await.is_none());
        }
    }
}
