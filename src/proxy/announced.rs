//! The PROXY header, versions 1 and 2: what a proxy in front that passes bytes on says of a connection before anything else.
//!
//! After HAProxy's proxy-protocol.txt (2020/03/05). Read to the byte, because what follows belongs to TLS or HTTP. Whoever may
//! say it is told apart in [`serve`](super::serve); one that is malformed ends the connection.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::{AsyncRead, AsyncReadExt};

/// What begins version 2.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// `PROXY UNKNOWN` and the line's end: no version 1 is shorter.
const SHORTEST_V1: usize = 15;
const LONGEST_V1: usize = 107;
/// Bytes behind version 2's fixed part. Addresses take 36; certificates' names and ids of clouds some hundreds.
const LONGEST_V2: usize = 4096;
/// The type of the field that tells of TLS, and the bit that says that the client spoke it.
const FIELD_SSL: u8 = 0x20;
const CLIENT_SSL: u8 = 0x01;

/// What was said of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announced {
    /// Who connected to the proxy. `None`: the proxy speaks for itself (a health check), or does not know.
    pub client: Option<SocketAddr>,
    /// The client spoke TLS with the proxy.
    pub over_tls: bool,
    /// The header as it came, for backends that want one too.
    pub header: Vec<u8>,
}

impl Announced {
    /// Takes the header off the stream, and not one byte more.
    ///
    /// # Errors
    /// The connection ends or breaks; `InvalidData`: this is no PROXY header.
    pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Self> {
        let mut head = vec![0; SHORTEST_V1];
        stream.read_exact(&mut head).await?;
        if head.starts_with(&SIGNATURE) {
            return read_v2(stream, head).await;
        }
        if !head.starts_with(b"PROXY ") {
            return Err(malformed("it begins with neither version's signature"));
        }
        // The line's end is not known beforehand, and what is behind it is not ours: byte by byte.
        while !head.ends_with(b"\r\n") {
            if head.len() == LONGEST_V1 {
                return Err(malformed("a line of version 1 has at most 107 bytes"));
            }
            head.push(stream.read_u8().await?);
        }
        let said = v1(&head)
            .ok_or_else(|| malformed("version 1 is PROXY TCP4|TCP6 SOURCE DESTINATION PORT PORT, or PROXY UNKNOWN"))?;
        Ok(said.in_header(head))
    }
}

async fn read_v2(stream: &mut (impl AsyncRead + Unpin), mut head: Vec<u8>) -> io::Result<Announced> {
    head.push(stream.read_u8().await?);
    let (&[version_and_command, family, ..], Some(length)) = (&head[SIGNATURE.len()..], head.last_chunk::<2>()) else {
        return Err(malformed("it is too short"));
    };
    let length = usize::from(u16::from_be_bytes(*length));
    if length > LONGEST_V2 {
        return Err(malformed("it is longer than 4 KiB"));
    }
    let fixed = head.len();
    head.resize(fixed + length, 0);
    stream.read_exact(&mut head[fixed..]).await?;
    let said = v2(version_and_command, family, &head[fixed..])
        .ok_or_else(|| malformed("its version, command, family or fields are none"))?;
    Ok(said.in_header(head))
}

/// What a header says.
#[derive(Debug, Default)]
struct Said {
    client: Option<SocketAddr>,
    over_tls: bool,
}

impl Said {
    fn in_header(self, header: Vec<u8>) -> Announced {
        Announced { client: self.client, over_tls: self.over_tls, header }
    }
}

fn malformed(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// The whole line, its end included.
fn v1(line: &[u8]) -> Option<Said> {
    let line = std::str::from_utf8(line.strip_suffix(b"\r\n")?).ok()?;
    let mut words = line.split(' ');
    if words.next() != Some("PROXY") {
        return None;
    }
    let family = words.next()?;
    if family == "UNKNOWN" {
        return Some(Said::default());
    }
    let (source, _) = (address(family, words.next()?)?, address(family, words.next()?)?);
    let (port, _) = (port(words.next()?)?, port(words.next()?)?);
    words.next().is_none().then_some(Said { client: Some(SocketAddr::new(source, port)), over_tls: false })
}

fn address(family: &str, written: &str) -> Option<IpAddr> {
    match family {
        "TCP4" => written.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
        "TCP6" => written.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        _ => None,
    }
}

/// Decimal, without sign or leading zeros.
fn port(written: &str) -> Option<u16> {
    let canonical = written == "0" || !written.starts_with('0');
    (canonical && written.bytes().all(|byte| byte.is_ascii_digit())).then(|| written.parse().ok())?
}

fn v2(version_and_command: u8, family: u8, body: &[u8]) -> Option<Said> {
    match version_and_command {
        // LOCAL: the proxy's own, whatever stands behind.
        0x20 => return Some(Said::default()),
        0x21 => {}
        _ => return None,
    }
    let (client, fields) = match family {
        // Whatever it is carried over, the proxy does not know for whom.
        0x00..=0x02 => return Some(Said::default()),
        0x11 | 0x12 => {
            let (block, fields) = body.split_first_chunk::<12>()?;
            let [a, b, c, d, _, _, _, _, high, low, _, _] = *block;
            (Some(SocketAddr::new(Ipv4Addr::new(a, b, c, d).into(), u16::from_be_bytes([high, low]))), fields)
        }
        0x21 | 0x22 => {
            let (block, fields) = body.split_first_chunk::<36>()?;
            let source = Ipv6Addr::from(*block.first_chunk::<16>()?);
            (Some(SocketAddr::new(source.into(), u16::from_be_bytes([block[32], block[33]]))), fields)
        }
        // A unix socket's paths mean nothing here.
        0x31 | 0x32 => (None, body.get(216..)?),
        _ => return None,
    };
    Some(Said { client, over_tls: over_tls(fields)? })
}

/// Walks the fields behind the addresses: type, length, value. `None`: they do not add up.
fn over_tls(mut fields: &[u8]) -> Option<bool> {
    let mut over_tls = false;
    while let Some((&kind, rest)) = fields.split_first() {
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let (value, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        if kind == FIELD_SSL {
            over_tls = value.first()? & CLIENT_SSL != 0;
        }
        fields = rest;
    }
    Some(over_tls)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// What is read of these bytes, and what is left.
    fn read(bytes: &[u8]) -> (io::Result<Announced>, Vec<u8>) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut left = bytes;
        let announced = runtime.block_on(Announced::read(&mut left));
        (announced, left.to_vec())
    }

    fn client(bytes: &[u8]) -> Option<String> {
        read(bytes).0.unwrap().client.map(|client| client.to_string())
    }

    fn second(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend([command, family]);
        bytes.extend((body.len() as u16).to_be_bytes());
        bytes.extend(body);
        bytes
    }

    const FOUR: [u8; 12] = [203, 0, 113, 7, 10, 0, 0, 1, 0x12, 0x34, 1, 187];

    #[test]
    fn a_line_says_who_it_is_and_nothing_behind_it_is_touched() {
        let (announced, left) = read(b"PROXY TCP4 203.0.113.7 10.0.0.1 4660 443\r\nGET / HTTP/1.1\r\n");
        let announced = announced.unwrap();
        assert_eq!(announced.client.unwrap().to_string(), "203.0.113.7:4660");
        assert_eq!(announced.header, b"PROXY TCP4 203.0.113.7 10.0.0.1 4660 443\r\n");
        assert_eq!(left, b"GET / HTTP/1.1\r\n");
        assert_eq!(client(b"PROXY TCP6 2001:db8::1 ::1 1 2\r\n").unwrap(), "[2001:db8::1]:1");
        assert_eq!(client(b"PROXY UNKNOWN\r\n"), None);
        assert_eq!(client(b"PROXY UNKNOWN ffff:: :: 65535 65535\r\n"), None);
    }

    #[test]
    fn the_binary_form_says_the_same() {
        let (announced, left) = read(&[&second(0x21, 0x11, &FOUR)[..], b"GET"].concat());
        let announced = announced.unwrap();
        assert_eq!(announced.client.unwrap().to_string(), "203.0.113.7:4660");
        assert_eq!(announced.header, second(0x21, 0x11, &FOUR), "kept to the byte");
        assert_eq!(left, b"GET");
        let mut six = [0; 36];
        (six[0], six[15], six[33]) = (0x20, 1, 80);
        assert_eq!(client(&second(0x21, 0x21, &six)).unwrap(), "[2000::1]:80");
        assert_eq!(client(&second(0x20, 0x00, &[])), None, "a health check of the proxy");
        assert_eq!(client(&second(0x20, 0x11, &FOUR)), None, "LOCAL: whatever stands behind");
        assert_eq!(client(&second(0x21, 0x31, &[0; 216])), None, "a unix socket");
        for unknown in [0x00, 0x01, 0x02] {
            assert_eq!(client(&second(0x21, unknown, &[1, 2, 3])), None, "nobody that the proxy knows");
        }
    }

    #[test]
    fn tls_in_front_is_told() {
        let with = |field: &[u8]| read(&second(0x21, 0x11, &[&FOUR[..], field].concat())).0;
        assert!(with(&[0x20, 0, 5, 1, 0, 0, 0, 0]).unwrap().over_tls);
        assert!(!with(&[0x20, 0, 5, 0, 0, 0, 0, 0]).unwrap().over_tls);
        assert!(!with(&[0x04, 0, 2, 1, 1]).unwrap().over_tls, "another field");
        assert!(with(&[0x20, 0, 9, 1]).is_err(), "longer than there is");
        assert!(with(&[0x04, 0]).is_err());
    }

    #[test]
    fn what_is_malformed_is_an_error() {
        for line in [
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "PROXY TCP4 203.0.113.7 10.0.0.1 4660\r\n",
            "PROXY TCP4 203.0.113.7 10.0.0.1 4660 443 1\r\n",
            "PROXY TCP4 203.0.113.7 10.0.0.1 04660 443\r\n",
            "PROXY TCP4 203.0.113.7 10.0.0.1 +4660 443\r\n",
            "PROXY TCP4 203.0.113.7 10.0.0.1 66000 443\r\n",
            "PROXY TCP4 ::1 ::1 1 2\r\n",
            "PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n",
            "PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
            "PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n",
            "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n\r\n",
            "proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
        ] {
            assert!(read(line.as_bytes()).0.is_err(), "{line:?}");
        }
        assert!(read(&[b"PROXY TCP4 ".as_slice(), &[b'1'; 200]].concat()).0.is_err(), "without end");
        for (command, family, body) in [
            (0x31, 0x11, &FOUR[..]),
            (0x22, 0x11, &FOUR),
            (0x21, 0x41, &FOUR),
            (0x21, 0x11, &FOUR[..11]),
            (0x21, 0x21, &FOUR),
        ] {
            assert!(read(&second(command, family, body)).0.is_err(), "{command:x} {family:x}");
        }
        let mut long = second(0x21, 0x11, &FOUR);
        (long[14], long[15]) = (0xff, 0xff);
        long.extend([0; 70_000]);
        assert!(read(&long).0.is_err());
        assert!(read(b"PROXY TCP4 1.2").0.is_err(), "it ends");
    }
}
