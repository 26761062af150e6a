//! Gets users to TLS and keeps them there: the redirect of plain listeners, Strict-Transport-Security of the others.

use http::HeaderValue;
use http::header::{HOST, STRICT_TRANSPORT_SECURITY};
use pingora::http::{RequestHeader, ResponseHeader};

use super::client::Client;
use super::client_side::{ClientSide, Scheme};
use super::forward;

const HTTPS_PORT: u16 = 443;

/// The port that this connection's requests are to be made on instead. `None`: they are welcome here, or came over TLS as
/// far as a trusted proxy in front of us.
pub fn wanted_port(client: Option<&Client>) -> Option<u16> {
    let port = ClientSide::with(|side| side.entrance().listener.redirect_https)??;
    client.is_none_or(|client| client.scheme == Scheme::Http.name()).then_some(port)
}

/// The same host, path and query over TLS. `None`: the Host names none.
pub fn location(request: &RequestHeader, port: u16) -> Option<HeaderValue> {
    let host = host_alone(request.headers.get(HOST)?.as_bytes())?;
    let mut location = b"https://".to_vec();
    location.extend_from_slice(host);
    if port != HTTPS_PORT {
        location.extend_from_slice(format!(":{port}").as_bytes());
    }
    location.extend_from_slice(forward::target(request));
    HeaderValue::from_bytes(&location).ok()
}

/// A Host without its port. `None`: it is none, and pasted into a URL it could be anything.
fn host_alone(host: &[u8]) -> Option<&[u8]> {
    let end = match host.first()? {
        b'[' => memchr::memchr(b']', host)? + 1,
        _ => memchr::memchr(b':', host).unwrap_or(host.len()),
    };
    let (name, port) = host.split_at(end);
    let legal = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~[]:".contains(byte);
    let port_is_one = port.is_empty() || (port[0] == b':' && port[1..].iter().all(u8::is_ascii_digit));
    (!name.is_empty() && name.iter().all(legal) && port_is_one).then_some(name)
}

/// Adds the listener's Strict-Transport-Security where the answer has none.
///
/// # Errors
/// None in practice: the value was made when the config was compiled.
pub fn keep_secure(answer: &mut ResponseHeader) -> pingora::Result<()> {
    let hsts = ClientSide::with(|side| side.entrance().listener.hsts.clone()).flatten();
    match hsts {
        Some(hsts) if !answer.headers.contains_key(STRICT_TRANSPORT_SECURITY) => {
            answer.insert_header(STRICT_TRANSPORT_SECURITY, hsts)
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn sent_to(host: &str, target: &[u8], port: u16) -> Option<String> {
        let mut request = RequestHeader::build("GET", target, None).unwrap();
        request.insert_header(HOST, host).unwrap();
        location(&request, port).map(|location| String::from_utf8_lossy(location.as_bytes()).into_owned())
    }

    #[test]
    fn host_path_and_query_are_kept_and_the_port_is_not() {
        assert_eq!(sent_to("site.test:8080", b"/a%2Fb?q=%20+", 443).unwrap(), "https://site.test/a%2Fb?q=%20+");
        assert_eq!(sent_to("site.test", b"/", 8443).unwrap(), "https://site.test:8443/");
        assert_eq!(sent_to("[::1]:80", b"/", 443).unwrap(), "https://[::1]/");
        assert_eq!(sent_to("site.test", b"//evil.test/..", 443).unwrap(), "https://site.test//evil.test/..");
    }

    #[test]
    fn what_is_no_host_is_no_place_to_send_somebody_to() {
        for host in ["", "evil.test/x", "user@evil.test", "a b", "evil.test:80/x", "[::1", "a?b", "a#b", ":80"] {
            assert_eq!(sent_to(host, b"/", 443), None, "{host}");
        }
    }
}
