//! HTTP/2 from clients: one connection, its streams each a request of their own that the hooks treat as any other.
//!
//! The `h2` crate speaks the protocol and keeps its flow control; here are the bounds of what one client may ask for, the
//! patience with idle ones, and the farewell. What a stream is to pingora is in [`stream`], what makes a request in [`admit`].

mod admit;
mod metered;
mod room;
mod stream;
mod streams;

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use h2::server::{Builder, Connection, SendResponse};
use h2::{Reason, RecvStream};
use http::header::{CONTENT_LENGTH, STRICT_TRANSPORT_SECURITY};
use http::request::Parts;
use pingora::apps::HttpServerApp;
use pingora::protocols::http::server::Session as HttpSession;
use pingora::protocols::{Digest, GetSocketDigest};

use super::client_side::{ClientSide, Entrance, Refused};
use super::listen::{Front, serve_until_cut, told};
use super::pace::Pace;
use super::request_id::Unread;
use super::wire::Wire;
use crate::config::settings::{Limits, Listener};
use metered::Metered;
pub use room::Room;
use room::{Share, Shares};
use stream::{ClientRequest, Kept};
use streams::Streams;

/// What begins every HTTP/2 connection: RFC 9113, section 3.4.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Bytes that a client may send on a stream, and on all of a connection's, before the backend has taken them: enough for an
/// upload over a long way, and little enough for thousands of clients. For several uploads at once, see [`room`].
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 512 << 10;
/// Bytes of an answer that wait on a stream until the client takes them.
const SEND_BUFFER: usize = 64 << 10;
/// Who may have fewer at once may still throw away as if it had so many.
const LEAST_STREAMS: u32 = 100;
/// How long a client that was told to leave may take if nothing of it is under way.
const FAREWELL: Duration = Duration::from_secs(1);

impl Front {
    /// Serves one connection to its end.
    pub(super) async fn serve_http2(&self, (wire, said): (Wire, BytesMut), entrance: Entrance, limits: &Limits) {
        let digest = Digest { socket_digest: wire.get_socket_digest(), ..Digest::default() };
        let streams = Streams::new(limits.head.bytes, most_thrown_away(limits));
        let opening = options(limits).handshake::<_, Bytes>(Metered::new((wire, said), streams.clone()));
        let Ok(Ok(connection)) = tokio::time::timeout(limits.header_timeout, opening).await else { return };
        Conversation {
            front: self,
            entrance,
            limits,
            digest,
            streams: streams.clone(),
            shares: Arc::default(),
            requests: 0,
            leaving: false,
        }
        .follow(connection)
        .await;
        // What the client left behind is still counted: until then the connection is not over.
        streams.quiet_for(Duration::ZERO).await;
    }
}

/// Streams that a client may throw away at once: all that it has, and as many again. Whoever leaves a page or moves a map does so.
fn most_thrown_away(limits: &Limits) -> usize {
    2 * limits.max_streams.max(LEAST_STREAMS) as usize
}

fn options(limits: &Limits) -> Builder {
    let mut options = Builder::new();
    options
        .max_concurrent_streams(limits.max_streams)
        .max_header_list_size(u32::try_from(limits.head.bytes).unwrap_or(u32::MAX))
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buffer_size(SEND_BUFFER)
        // Also of those that were not even looked at.
        .max_pending_accept_reset_streams(most_thrown_away(limits))
        // Over a whole life, honest clients come to any number: what is under way of a refused upload counts as their mistake. Streams
        // that are thrown away are counted here beside those that were good for something, and so are bytes.
        .max_local_error_reset_streams(None);
    options
}

type Accepted = Result<(http::Request<RecvStream>, SendResponse<Bytes>), h2::Error>;

struct Conversation<'a> {
    front: &'a Front,
    entrance: Entrance,
    limits: &'a Limits,
    digest: Digest,
    streams: Arc<Streams>,
    shares: Arc<Shares>,
    /// Begun until now.
    requests: u32,
    /// Told so: no new streams are wanted.
    leaving: bool,
}

impl Conversation<'_> {
    /// Takes streams until the client goes, idles too long or misbehaves, or the door closes.
    async fn follow(mut self, mut connection: Connection<Metered, Bytes>) {
        // Not only when connections end: a farewell of HTTP/2 costs nobody a request.
        let mut stop = self.front.listening_ends.clone();
        loop {
            let leaving = self.leaving;
            tokio::select! {
                biased;
                () = told(&mut stop), if !leaving => self.say_goodbye(&mut connection),
                accepted = self.accept(&mut connection) => match accepted {
                    Some(Ok((request, respond))) => self.begin(request, respond, &mut connection),
                    // Gone, with or without a farewell: what was under way notices by itself.
                    Some(Err(_)) | None => return,
                },
                () = self.streams.are_overdone(), if !leaving => self.break_off(&mut connection),
                () = self.streams.quiet_for(self.patience()) => {
                    if leaving {
                        return;
                    }
                    self.say_goodbye(&mut connection);
                }
            }
        }
    }

    /// This is what moves all of the connection's frames. No more of them are read before the streams that came are begun: a client
    /// that makes thousands to throw them away is to be known after hundreds.
    async fn accept(&self, connection: &mut Connection<Metered, Bytes>) -> Option<Accepted> {
        poll_fn(|cx| {
            let accepted = pin!(connection.accept()).poll(cx);
            if accepted.is_pending() && self.streams.are_begun() {
                cx.waker().wake_by_ref();
            }
            accepted
        })
        .await
    }

    /// So that the body need not wait for those before it.
    fn make_room(&self, head: &Parts, body: &RecvStream, connection: &mut Connection<Metered, Bytes>) -> Option<Share> {
        if body.is_end_stream() {
            return None;
        }
        let length = head.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let share = Share::take(&self.front.bodies, &self.shares, length);
        connection.set_target_window_size(self.shares.window());
        share
    }

    fn say_goodbye(&mut self, connection: &mut Connection<Metered, Bytes>) {
        connection.graceful_shutdown();
        self.leaving = true;
    }

    /// Nobody does what this client did but to do harm.
    fn break_off(&mut self, connection: &mut Connection<Metered, Bytes>) {
        connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
        self.leaving = true;
    }

    fn patience(&self) -> Duration {
        match (self.leaving, self.streams.any_yet()) {
            (true, _) => FAREWELL,
            (false, false) => self.limits.header_timeout,
            (false, true) => self.limits.keep_alive,
        }
    }

    fn begin(
        &mut self,
        request: http::Request<RecvStream>,
        mut respond: SendResponse<Bytes>,
        connection: &mut Connection<Metered, Bytes>,
    ) {
        if self.streams.are_thrown_away() {
            return self.break_off(connection);
        }
        // Over before it was begun, by the client or for what it did: no backend hears of it.
        if respond.poll_reset(&mut Context::from_waker(Waker::noop())).is_ready() {
            return drop(Streams::enter(&self.streams));
        }
        // Reset streams no longer count for the protocol, but may still be taken down here.
        if self.streams.open() >= 2 * self.limits.max_streams as usize {
            return respond.send_reset(Reason::REFUSED_STREAM);
        }
        self.requests = self.requests.saturating_add(1);
        if !self.leaving && self.limits.max_requests.is_some_and(|most| self.requests >= most) {
            self.say_goodbye(connection);
        }
        let (head, body) = request.into_parts();
        let place = Streams::enter(&self.streams);
        let share = self.make_room(&head, &body, connection);
        match admit::head(head) {
            Ok(head) => {
                let side = ClientSide::new(self.entrance.clone());
                let pace = Arc::new(Pace::default());
                let kept = Kept { side: side.clone(), pace: pace.clone(), place, share };
                let request = ClientRequest::new(head, body, respond, self.digest.clone(), kept);
                let (proxy, stop, cut) =
                    (self.front.proxy.clone(), self.front.stop.clone(), self.front.cut.subscribe());
                tokio::spawn(async move {
                    let session = HttpSession::new_custom(Box::new(request));
                    let serving = pin!(side.clone().scope(pace.run(proxy.process_new_http(session, &stop))));
                    serve_until_cut(serving, &side.clock, cut).await;
                });
            }
            Err(refusal) => {
                place.finished();
                let refused = Refused { status: refusal.status(), name: self.front.names.of_unread() };
                self.front.note_refused(&refused, self.entrance.peer);
                refuse(&mut respond, refusal.text(), &refused, &self.entrance.listener);
            }
        }
    }
}

/// A client that is gone cannot be told.
fn refuse(respond: &mut SendResponse<Bytes>, text: &str, refused: &Refused, listener: &Listener) {
    let mut answer = http::Response::new(());
    *answer.status_mut() = refused.status;
    if let Some((name, id)) = refused.name.as_ref().and_then(Unread::told) {
        answer.headers_mut().insert(name, id.clone());
    }
    if let Some(hsts) = &listener.hsts {
        answer.headers_mut().insert(STRICT_TRANSPORT_SECURITY, hsts.clone());
    }
    if let Ok(mut body) = respond.send_response(answer, false) {
        let _ = body.send_data(Bytes::from(format!("{text}\n")), true);
    }
}
