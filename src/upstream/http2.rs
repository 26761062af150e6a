//! Backends that are spoken to in HTTP/2: how a peer is told so, and how a request's head must look there.

use std::time::Duration;

use http::header::{CONNECTION, HOST, TRANSFER_ENCODING, UPGRADE};
use http::uri::{Authority, PathAndQuery, Scheme, Uri};
use http::{HeaderName, Version};
use pingora::http::RequestHeader;
use pingora::protocols::TcpKeepalive;
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorType, OrErr, Result};

use super::Endpoint;

/// Requests under way on one connection, after which another one is made: what servers commonly allow (RFC 9113, section 6.5.2).
const MOST_STREAMS: usize = 100;
/// Bytes of answers that a backend may send before users have taken them, on a stream and on all of a connection's: a full
/// line over a long way, and a bound on what slow readers make the door keep. All streams together fit, or strangers who read
/// slowly would keep from everybody else what is theirs.
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = MOST_STREAMS as u32 * STREAM_WINDOW;
/// A shared connection to a host that went without a word would fail everybody: what is sent must be acknowledged in this time.
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

pub fn apply(peer: &mut HttpPeer) {
    peer.options.set_http_version(2, 2);
    peer.options.tcp_keepalive = Some(TcpKeepalive {
        idle: UNACKNOWLEDGED,
        interval: UNACKNOWLEDGED / 3,
        count: 3,
        #[cfg(target_os = "linux")]
        user_timeout: UNACKNOWLEDGED,
    });
    peer.options.max_h2_streams = MOST_STREAMS;
    peer.options.h2_stream_window_size = Some(STREAM_WINDOW);
    peer.options.h2_connection_window_size = Some(CONNECTION_WINDOW);
}

/// Makes the head of a request that the door itself sends fit for HTTP/2: an `:authority` in the place of Host, and nothing
/// that speaks of an HTTP/1 connection (RFC 9113, sections 8.2.2 and 8.3.1).
///
/// # Errors
/// The Host or the path is none that can be written there.
pub fn dress(head: &mut RequestHeader, to: &Endpoint) -> Result<()> {
    let authority = authority(head, to)?;
    for name in [HOST, CONNECTION, TRANSFER_ENCODING, UPGRADE] {
        head.remove_header(&name);
    }
    for name in [HeaderName::from_static("keep-alive"), HeaderName::from_static("proxy-connection")] {
        head.remove_header(&name);
    }
    let target = PathAndQuery::try_from(head.raw_path()).map_err(|_| unwritable())?;
    let uri = Uri::builder()
        .scheme(if to.is_encrypted() { Scheme::HTTPS } else { Scheme::HTTP })
        .authority(authority)
        .path_and_query(target)
        .build()
        .or_err(ErrorType::InvalidHTTPHeader, "the request cannot be sent in HTTP/2")?;
    head.set_uri(uri);
    head.set_version(Version::HTTP_2);
    Ok(())
}

/// The host that a request is for, as HTTP/2 wants it. One that names none (HTTP/1.0 need not, and an empty Host names none) is for
/// the endpoint itself: not every server takes a request without `:authority`.
///
/// # Errors
/// The Host cannot be written there.
pub fn authority(head: &RequestHeader, to: &Endpoint) -> Result<Authority> {
    let host = head.headers.get(HOST).filter(|host| !host.is_empty());
    let authority = match host {
        Some(host) => Authority::try_from(host.as_bytes()),
        None => Authority::try_from(to.host()),
    };
    authority.map_err(|_| unwritable())
}

fn unwritable() -> Box<Error> {
    Error::explain(ErrorType::InvalidHTTPHeader, "the request cannot be sent in HTTP/2")
}

/// Whether the backend says that it has not even looked at the request, so that it may be sent again whatever its method
/// (RFC 9113, section 8.7).
pub fn is_unprocessed(error: &Error) -> bool {
    let refused = |error: &h2::Error| error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
    is_leaving(error) || of_backend(error).is_some_and(refused)
}

/// Whether it says so because it ends the connection, as many do after so many requests.
pub fn is_leaving(error: &Error) -> bool {
    of_backend(error).is_some_and(|error| error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR))
}

/// Whether the connection has ended, in whatever way: the request's own answer was not even begun by that.
pub fn is_lost(error: &Error) -> bool {
    let ended = |error: &h2::Error| error.is_io() || (error.is_go_away() && error.is_remote());
    error.root_cause().downcast_ref::<h2::Error>().is_some_and(ended)
}

/// Whether it ended the request's stream, and said nothing else: as one of HTTP/1 closes the connection.
pub fn is_reset(error: &Error) -> bool {
    of_backend(error).is_some_and(h2::Error::is_reset)
}

fn of_backend(error: &Error) -> Option<&h2::Error> {
    error.root_cause().downcast_ref::<h2::Error>().filter(|error| error.is_remote())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::settings::{BackendTls, EndpointAddress, HostPort, Protocol};

    #[test]
    fn a_head_of_http1_is_made_fit() {
        let mut head = RequestHeader::build("POST", b"/a%2Fb?q=%20", None).unwrap();
        for (name, value) in [("Host", "site.test:8080"), ("Connection", "close"), ("Transfer-Encoding", "chunked")] {
            head.append_header(name, value).unwrap();
        }
        head.append_header("X-Own", "1").unwrap();
        let to = endpoint();
        dress(&mut head, &to).unwrap();
        assert_eq!(head.uri.to_string(), "http://site.test:8080/a%2Fb?q=%20");
        let left: Vec<_> = head.headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(left, ["x-own"]);
        for (host, wanted) in [(None, Some("127.0.0.1:9")), (Some(""), Some("127.0.0.1:9")), (Some("h%41"), None)] {
            let mut head = RequestHeader::build("GET", b"/", None).unwrap();
            if let Some(host) = host {
                head.append_header("Host", host).unwrap();
            }
            let dressed = dress(&mut head, &to).ok().and_then(|()| head.uri.authority().map(Authority::as_str));
            assert_eq!(dressed, wanted, "{host:?}");
        }
    }

    fn endpoint() -> Endpoint {
        let address = EndpointAddress::Http(HostPort { host: "127.0.0.1".into(), port: 9 });
        Endpoint::new(address, Protocol::Http2, &BackendTls::default())
    }

    #[test]
    fn only_what_the_backend_says_it_left_alone_is_unprocessed() {
        let told = |error: h2::Error| is_unprocessed(&Error::because(ErrorType::H2Error, "reading", error));
        assert!(!told(h2::Error::from(h2::Reason::REFUSED_STREAM)), "said by this side");
        assert!(!is_unprocessed(&Error::new(ErrorType::ReadError)));
    }
}
