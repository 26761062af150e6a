//! What the hooks and a client's connection tell each other, for pingora hands neither to the other: where the client came in, what was
//! read of the request that no hook is shown, what the hooks want written, and the [`Clock`].

use std::collections::VecDeque;
use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use http::{HeaderName, HeaderValue, StatusCode};
use parking_lot::Mutex;

use super::clock::Clock;
use super::framing::withheld::Withheld;
use super::listen::Fresh;
use super::request_id::Unread;
use super::tunnel::let_go::Passage;
use super::wire::Wire;
use crate::config::settings::Listener;
use crate::upstream::Announcement;

tokio::task_local! {
    /// Of the connection that the running task serves.
    static SIDE: Arc<ClientSide>;
}

/// Where the client came in, and how: for the hooks, which pingora does not tell.
#[derive(Debug, Clone)]
pub struct Entrance {
    pub listener: Arc<Listener>,
    pub scheme: Scheme,
    /// What backends that want it are told of the connection.
    pub announcement: Announcement,
    /// The other end, or who the PROXY header says that it is.
    pub peer: IpAddr,
}

/// How the user's connection is kept from others' eyes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    Http,
    Https,
}

impl Scheme {
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// A request that no hook was shown, or no hook sees the end of.
#[derive(Debug)]
pub struct Refused {
    pub status: StatusCode,
    pub name: Option<Unread>,
}

/// One for each connection of HTTP/1, and for each stream of HTTP/2.
#[derive(Debug)]
pub struct ClientSide {
    entrance: Entrance,
    pub clock: Clock,
    /// Begun on this connection.
    requests: AtomicU32,
    /// How the library refused a head that it could not read.
    refused: OnceLock<Refused>,
    /// Whether one is about to come.
    fresh: Mutex<Option<Fresh>>,
    /// The Date of the answer that is about to be written, as the origin gave it.
    date: Mutex<Option<HeaderValue>>,
    /// What the answer is to say of the request, if anything.
    request_id: Mutex<Option<(HeaderName, HeaderValue)>>,
    /// Of requests that were read ahead of, too.
    withheld: Mutex<VecDeque<Withheld>>,
    /// Of a request for another protocol.
    pub passage: Passage,
    /// Whether the connection's end is all that tells the client that it has the whole answer.
    ends_answer: AtomicBool,
    /// The last request whose answer has been passed on to its end.
    answered: AtomicU32,
    /// Of a request that was given up.
    left: Mutex<Option<Box<Wire>>>,
}

impl ClientSide {
    pub fn new(entrance: Entrance) -> Arc<Self> {
        Arc::new(Self {
            entrance,
            clock: Clock::default(),
            requests: AtomicU32::new(0),
            refused: OnceLock::new(),
            fresh: Mutex::new(None),
            date: Mutex::new(None),
            request_id: Mutex::new(None),
            withheld: Mutex::new(VecDeque::new()),
            passage: Passage::default(),
            ends_answer: AtomicBool::new(false),
            answered: AtomicU32::new(0),
            left: Mutex::default(),
        })
    }

    /// Runs a connection's future with this at hand.
    pub async fn scope<F: Future>(self: Arc<Self>, connection: F) -> F::Output {
        SIDE.scope(self, connection).await
    }

    /// What the running connection has; `None` outside of one.
    pub fn with<R>(act: impl FnOnce(&ClientSide) -> R) -> Option<R> {
        SIDE.try_with(|side| act(side)).ok()
    }

    /// Counts a request; whether it is the last that may be made on the connection.
    pub fn is_last_request(&self, most: Option<u32>) -> bool {
        let requests = self.requests.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        if let Some(fresh) = self.fresh.lock().as_mut() {
            fresh.is_served();
        }
        most.is_some_and(|most| requests >= most)
    }

    /// The number of the present request, from 1 on.
    pub fn request(&self) -> u32 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Notes how the library refuses the head that is being read; it shows that to no hook. The connection ends with it.
    pub fn refuse(&self, refused: Refused) {
        let _ = self.refused.set(refused);
    }

    pub fn refused(&self) -> Option<&Refused> {
        self.refused.get()
    }

    /// No request has come on the connection.
    pub fn is_fresh(&self, fresh: Fresh) {
        *self.fresh.lock() = Some(fresh);
    }

    /// Half the head of a request has come.
    pub fn asks(&self) {
        if let Some(fresh) = self.fresh.lock().as_mut() {
            fresh.asks();
        }
    }

    pub fn entrance(&self) -> &Entrance {
        &self.entrance
    }

    /// What the client is to be told of a request that was given up.
    pub fn given_up(&self) -> Option<Refused> {
        if !self.clock.is_given_up() {
            return None;
        }
        let status = if self.clock.is_cut() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::GATEWAY_TIMEOUT };
        let name = self.request_id().map(|(name, id)| Unread { id, told_in: Some(name) });
        Some(Refused { status, name })
    }

    /// The answer that follows ends with the connection, and with nothing else.
    pub fn ends_the_answer(&self) {
        self.ends_answer.store(true, Ordering::Relaxed);
    }

    pub fn is_the_answers_end(&self) -> bool {
        self.ends_answer.load(Ordering::Relaxed)
    }

    /// All of the present request's answer is there, and is about to be written.
    pub fn has_the_whole_answer(&self) {
        self.answered.store(self.request(), Ordering::Relaxed);
    }

    pub fn is_the_answer_whole(&self) -> bool {
        self.answered.load(Ordering::Relaxed) == self.request()
    }

    /// The client's connection, for who tells it.
    pub fn leave(&self, wire: Wire) {
        *self.left.lock() = Some(Box::new(wire));
    }

    pub fn take_left(&self) -> Option<Box<Wire>> {
        self.left.lock().take()
    }

    pub fn keep_withheld(&self, withheld: Withheld) {
        self.withheld.lock().push_back(withheld);
    }

    /// What pingora was not shown of the present request.
    pub fn take_withheld(&self) -> Option<Withheld> {
        let present = self.request();
        let mut withheld = self.withheld.lock();
        // What nobody took was of a request that went no further: it must not become another's.
        while withheld.pop_front_if(|withheld| withheld.request < present).is_some() {}
        withheld.pop_front_if(|withheld| withheld.request == present)
    }

    /// Only the connection's own task takes this lock.
    pub fn date(&self) -> Option<HeaderValue> {
        self.date.lock().clone()
    }

    pub fn set_date(&self, date: Option<HeaderValue>) {
        *self.date.lock() = date;
    }

    /// Only the connection's own task takes this lock.
    pub fn request_id(&self) -> Option<(HeaderName, HeaderValue)> {
        self.request_id.lock().clone()
    }

    pub fn set_request_id(&self, id: Option<(HeaderName, HeaderValue)>) {
        *self.request_id.lock() = id;
    }
}

impl Clock {
    /// The same of the running connection's clock.
    pub fn with<R>(act: impl FnOnce(&Self) -> R) -> Option<R> {
        ClientSide::with(|side| act(&side.clock))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::settings::Address;

    fn side() -> Arc<ClientSide> {
        let listener = Listener {
            address: Address::Unix("/door.sock".into()),
            mode: 0o600,
            proxy_protocol: false,
            tls: None,
            h2c: false,
            redirect_https: None,
            hsts: None,
            max_connections: None,
        };
        ClientSide::new(Entrance {
            listener: Arc::new(listener),
            scheme: Scheme::Http,
            announcement: Announcement::of_nobody(),
            peer: IpAddr::from([127, 0, 0, 1]),
        })
    }

    fn keep(side: &ClientSide, request: u32) {
        let target = Some(vec![b'/', 0xe9, b'0' + request as u8]);
        side.keep_withheld(Withheld { request, target, ..Withheld::default() });
    }

    /// What the next request of the connection finds kept for it.
    fn next(side: &ClientSide) -> Option<u8> {
        side.is_last_request(None);
        side.take_withheld().and_then(|withheld| withheld.target?.last().copied())
    }

    #[test]
    fn what_was_withheld_goes_to_its_own_request() {
        let side = side();
        // The third was read ahead of, and is not the first one's nor the second's.
        keep(&side, 1);
        keep(&side, 3);
        assert_eq!([next(&side), next(&side), next(&side), next(&side)], [Some(b'1'), None, Some(b'3'), None]);
        keep(&side, 5);
        assert_eq!((next(&side), side.take_withheld()), (Some(b'5'), None));
    }

    #[test]
    fn what_nobody_took_never_becomes_anothers() {
        let side = side();
        (1..=4).for_each(|request| keep(&side, request));
        // Two that went no further than to be counted.
        side.is_last_request(None);
        side.is_last_request(None);
        assert_eq!([next(&side), next(&side), next(&side)], [Some(b'3'), Some(b'4'), None]);
        keep(&side, 5);
        assert_eq!(next(&side), None);
    }
}
