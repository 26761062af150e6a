//! How long an upload may take that its backend does not take.
//!
//! The library gives on what there is room for, and while there is none it looks at neither the client nor its clock; before a backend
//! of HTTP/2 it does not even when its own patience is over, but waits for an answer that may never come. So whoever polls the request
//! looks whether it looks ([`serve_until_cut`]), and if it does not for too long, drops it. No hook learns of that: the request is counted
//! and written down when its [`Exchange`] is dropped, and the client is told by whoever has its connection then.
//!
//! [`serve_until_cut`]: super::super::listen::serve_until_cut

use std::sync::Arc;
use std::time::Duration;

use http::{StatusCode, Version};
use pingora::http::RequestHeader;
use pingora::proxy::Session;

use super::super::access_log::AccessLog;
use super::super::answer;
use super::super::clock::Clock;
use super::super::exchange::Exchange;
use super::super::forward;
use super::super::over::{Over, told_of};
use super::super::trouble::{Troubles, Why};
use super::Door;
use crate::config::settings::Timeouts;

/// More than any upload takes of which nobody says how long it is.
const LONGEST_UPLOAD: Duration = Duration::from_secs(24 * 60 * 60);
/// What any upload may take; a long one as long as it takes at so many bytes a second.
const USUAL_UPLOAD: Duration = Duration::from_secs(60 * 60);
const SLOWEST_UPLOAD: f64 = 4096.0;

/// Bytes that a unix socket takes at once, at least, and how long a backend that reads may take for what is beyond.
const UNIX_SOCKET: usize = 128 << 10;
const TAKES: Duration = Duration::from_millis(20);

/// What is to be done with a request that the library is not done with.
#[derive(Debug)]
pub struct Upload {
    /// As far as it is told of.
    request: RequestHeader,
    troubles: Arc<Troubles>,
    log: Option<Arc<AccessLog>>,
    /// What the client has the beginning of.
    answered: Option<StatusCode>,
}

impl Door {
    /// A piece of the body goes to the backend. The last one, which may be empty, is judged by the answer that is to follow: the library
    /// need not look at the client again before that.
    pub(in crate::proxy) fn gives_on(&self, session: &Session, bytes: usize, last: bool, exchange: &mut Exchange) {
        let is_upload = bytes > 0 || exchange.upload.is_some();
        let Some(timeouts) = exchange.attempt.timeouts.as_ref().filter(|_| is_upload) else { return };
        if session.was_upgraded() {
            return;
        }
        let takes = match last && !answer::has_begun(session) {
            // No more than if the library looked.
            true => timeouts.first_byte,
            false => timeouts.idle.saturating_add(at_the_slowest(bytes)),
        };
        if exchange.upload.is_none() {
            let (troubles, log) = (self.troubles.clone(), self.access_log.clone());
            exchange.upload = told_of(session.req_header())
                .ok()
                .map(|request| Box::new(Upload { request, troubles, log, answered: None }));
        }
        Clock::with(|clock| clock.gives_on(takes));
    }
}

/// The library stops looking at the client, and at the clock with it, when the last piece of a body is one too many for its pipe: as
/// many as that has places are read before the other end is so much as looked at. So that takes what it can first.
pub async fn let_take(bytes: usize, is_unix: bool) {
    // Both ends are polled by one task, in turn the one or the other first: twice, so that the other has its turn in any case.
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
    // A unix socket holds less than the pipe: it is the backend that takes.
    if is_unix && bytes > UNIX_SOCKET {
        tokio::time::sleep(TAKES).await;
    }
}

impl Upload {
    /// The answer begins before the upload is over.
    pub fn answered(&mut self, status: StatusCode) {
        self.answered = Some(status);
    }

    /// What the hooks do at the end of any other request. The client is told `status`, unless it has an answer's beginning.
    pub fn is_given_up(&self, status: StatusCode, exchange: &mut Exchange) {
        let why = match status {
            StatusCode::SERVICE_UNAVAILABLE => Why::cut(),
            _ => Why::timeout("takes no more of the body within timeouts.idle"),
        };
        if let (StatusCode::GATEWAY_TIMEOUT, None, Some(visit)) = (status, self.answered, &exchange.attempt.visit) {
            visit.broke_off();
        }
        let error = Some(why.word);
        exchange.traced(|trace| trace.failed(why.word));
        exchange.is_torn(exchange.endpoint(), why);
        let over = Over {
            request: &self.request,
            code: Some(self.answered.unwrap_or(status).as_u16()),
            // How many of its answer had gone out, nobody knows any more.
            bytes: 0,
            broken: self.answered.and(error),
            error,
            took: exchange.started.elapsed(),
        };
        exchange.count(&over);
        self.troubles.tell(exchange, &over);
        if let Some(log) = &self.log {
            log.write_down(exchange, &over);
        }
        exchange.finish_trace(&over);
    }
}

/// How long the library may wait for the backend, where the connection's clock does not tell it. It does so for whoever waits for an
/// answer. But a backend that takes no more of a body keeps the door from looking at the client, and with that at the clock, also when
/// [`write_timeout`](pingora::upstreams::peer::PeerOptions::write_timeout) is over. The library counts from the last piece that it gave
/// to the backend, and the client has its own time for the next one: both must fit, or the backend is blamed for its client.
pub(super) fn last_resort(
    session: &mut Session,
    timeouts: &Timeouts,
    client: Duration,
    http2: bool,
) -> Option<Duration> {
    let longest = timeouts.first_byte.max(timeouts.idle);
    match session.as_mut().is_body_empty() {
        // A slow client of HTTP/2 may keep the task from reading for longer than this.
        true => (session.req_header().version != Version::HTTP_2).then_some(longest),
        // Before a backend of HTTP/2 it counts from the beginning of the request, and the whole upload must fit.
        false if http2 => {
            let length = forward::announced_length(session.req_header());
            let upload = upload_takes(length).saturating_add(client).saturating_add(longest);
            Some(timeouts.total.map_or(upload, |total| upload.min(total)))
        }
        false => Some(client.saturating_add(longest)),
    }
}

/// How long an upload may take, `body_timeout` for each of its pauses: the slowest that is still one.
fn upload_takes(length: Option<usize>) -> Duration {
    length.map_or(LONGEST_UPLOAD, |bytes| at_the_slowest(bytes).clamp(USUAL_UPLOAD, LONGEST_UPLOAD))
}

fn at_the_slowest(bytes: usize) -> Duration {
    Duration::try_from_secs_f64(bytes as f64 / SLOWEST_UPLOAD).unwrap_or(LONGEST_UPLOAD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_may_take_as_long_as_its_length_asks_for() {
        assert_eq!([upload_takes(Some(1)), upload_takes(Some(1 << 20))], [USUAL_UPLOAD; 2]);
        assert_eq!(upload_takes(Some(1 << 24)), Duration::from_secs(4096));
        assert_eq!([upload_takes(Some(usize::MAX)), upload_takes(None)], [LONGEST_UPLOAD; 2]);
    }
}
