//! Connections of the window: accepted, bounded in number and time, and handed to [`super::api`].
//!
//! Nobody is kept out by who asks nothing: where all places are taken, a connection without a question makes room for the newcomer.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

use super::api::Api;
use super::guard::Peer;
use crate::socket::{Listener, Stream};

/// Operators, a scraper and a probe or two; as many from this machine, and as many from others.
const PLACES: usize = 256;
/// Before it makes room, a connection has this long to ask: what it asks may have come and not been read yet.
const GRACE: Duration = Duration::from_millis(50);
/// From one request's end to the end of the next one's head. Connecting again costs little.
const HEAD_TIMEOUT: Duration = Duration::from_secs(2);
/// For a request and its answer: a report of a big store, read over a slow line.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// For what is being asked when the window closes; a kept connection is cut then.
const FAREWELL: Duration = Duration::from_secs(2);
/// After a failed accept (no file descriptors left) others may free some.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

pub async fn until(mut stopped: oneshot::Receiver<()>, listener: Listener, api: Arc<Api>) {
    let mut guests = Guests::default();
    while let Some((stream, from)) = next(&mut stopped, &listener).await {
        guests.welcome(stream, from.ip(), &api).await;
    }
    drop(listener);
    // A successor may be answering already; who asked here is answered here.
    let _ = tokio::time::timeout(FAREWELL, guests.gone()).await;
}

/// The next connection. `None`: the window closes, which it does at once, whoever waits to be let in.
async fn next(stopped: &mut oneshot::Receiver<()>, listener: &Listener) -> Option<(Stream, SocketAddr)> {
    tokio::select! {
        biased;
        _ = stopped => None,
        next = accept(listener) => Some(next),
    }
}

async fn accept(listener: &Listener) -> (Stream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                tracing::warn!("admin: cannot accept a connection: {error}");
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

/// Whoever is connected.
#[derive(Debug, Default)]
struct Guests {
    seated: Vec<Guest>,
    tasks: JoinSet<()>,
}

#[derive(Debug)]
struct Guest {
    peer: Peer,
    from: IpAddr,
    state: Arc<Mutex<State>>,
    task: AbortHandle,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// For a whole head, or for its answer to be read.
    Waiting(Instant),
    /// The answer is being made.
    Asked,
}

impl Guest {
    fn is_local(&self) -> bool {
        self.peer != Peer::Remote
    }

    fn waits_since(&self) -> Option<Instant> {
        match *self.state.lock() {
            State::Waiting(since) => Some(since),
            State::Asked => None,
        }
    }
}

impl Guests {
    /// Who comes to places that are all taken by others who ask is sent away.
    async fn welcome(&mut self, stream: Stream, from: IpAddr, api: &Arc<Api>) {
        let peer = match &stream {
            Stream::Tcp(_) => Peer::of(from),
            Stream::Unix(_) => Peer::Unix,
        };
        if !self.make_room(peer != Peer::Remote).await {
            return;
        }
        let state = Arc::new(Mutex::new(State::Waiting(Instant::now())));
        let task = self.tasks.spawn(connection(stream, peer, state.clone(), api.clone()));
        self.seated.push(Guest { peer, from, state, task });
    }

    async fn make_room(&mut self, local: bool) -> bool {
        loop {
            while self.tasks.try_join_next().is_some() {}
            self.seated.retain(|guest| !guest.task.is_finished());
            if self.seated.iter().filter(|guest| guest.is_local() == local).count() < PLACES {
                return true;
            }
            let Some((least, since)) = self.least_missed(local) else { return false };
            if since.elapsed() < GRACE {
                tokio::time::sleep_until(since + GRACE).await;
            } else {
                self.seated.swap_remove(least).task.abort();
            }
        }
    }

    /// Of those who ask nothing: from the address that has most of them, the one that has waited longest.
    fn least_missed(&self, local: bool) -> Option<(usize, Instant)> {
        let waiting: Vec<(usize, IpAddr, Instant)> = self
            .seated
            .iter()
            .enumerate()
            .filter(|(_, guest)| guest.is_local() == local)
            .filter_map(|(index, guest)| Some((index, guest.from, guest.waits_since()?)))
            .collect();
        let mut of: HashMap<IpAddr, usize> = HashMap::new();
        waiting.iter().for_each(|(_, from, _)| *of.entry(*from).or_default() += 1);
        let least = waiting.iter().min_by_key(|(_, from, since)| (usize::MAX - of[from], *since))?;
        Some((least.0, least.2))
    }

    async fn gone(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

async fn connection(stream: Stream, peer: Peer, state: Arc<Mutex<State>>, api: Arc<Api>) {
    let service = service_fn(move |request| {
        let (api, state) = (api.clone(), state.clone());
        async move {
            *state.lock() = State::Asked;
            let answer = tokio::time::timeout(REQUEST_TIMEOUT, api.answer(peer, request)).await;
            *state.lock() = State::Waiting(Instant::now());
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
    async fn who_waits_at_a_closing_window_is_left_to_its_successor() {
        for _ in 0..20 {
            let (listener, at) = listener();
            let (stop, mut stopped) = oneshot::channel();
            let _waiting = TcpStream::connect(at).await.unwrap();
            drop(stop);
            assert!(next(&mut stopped, &listener).await.is_none());
        }
    }

    /// These many, who came one millisecond after another, long ago.
    fn seat(guests: &mut Guests, from: &str, count: usize, state: impl Fn(Instant) -> State) {
        let began = Instant::now() - Duration::from_secs(1);
        let from = from.parse().unwrap();
        for index in 0..count {
            let state = Arc::new(Mutex::new(state(began + Duration::from_millis(index as u64))));
            let task = guests.tasks.spawn(std::future::pending());
            guests.seated.push(Guest { peer: Peer::of(from), from, state, task });
        }
    }

    #[tokio::test]
    async fn the_oldest_of_those_who_have_most_makes_room() {
        let mut guests = Guests::default();
        seat(&mut guests, "192.0.2.2", 1, State::Waiting);
        seat(&mut guests, "192.0.2.1", PLACES - 1, State::Waiting);
        assert_eq!(guests.least_missed(false).unwrap().0, 1);
        *guests.seated[1].state.lock() = State::Asked;
        assert_eq!(guests.least_missed(false).unwrap().0, 2);
        assert!(guests.make_room(false).await);
        assert_eq!(guests.seated.len(), PLACES - 1);
        assert_eq!(guests.seated[0].from.to_string(), "192.0.2.2");
    }

    #[tokio::test]
    async fn others_take_no_places_of_this_machine_and_who_asks_is_not_cut() {
        let mut guests = Guests::default();
        seat(&mut guests, "192.0.2.1", PLACES, |_| State::Asked);
        assert!(!guests.make_room(false).await, "all of them ask");
        assert!(guests.make_room(true).await);
        assert_eq!(guests.seated.len(), PLACES);
    }
}
