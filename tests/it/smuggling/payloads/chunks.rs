//! Bodies in chunks, and what follows the last of them.

use super::Meant::Refused;
use super::{CHUNKED, NEXT, Payload, SMUGGLED, add, and_next, hello, post, shown};

pub fn all(all: &mut Vec<Payload>) {
    chunks(all);
    trailers(all);
}

fn chunked(body: &[u8]) -> Vec<u8> {
    post(&[CHUNKED], body)
}

/// A body in one chunk with this trailer, and what stands behind it.
fn ending_with(trailer: &[u8], behind: &[u8]) -> Vec<u8> {
    chunked(&[b"5\r\nhello\r\n0\r\n", trailer, b"\r\n\r\n", behind].concat())
}

fn chunks(all: &mut Vec<Payload>) {
    let good: &[&[u8]] = &[
        b"5;a=b\r\nhello\r\n0\r\n\r\n",
        b"5;a=\"b;c\"\r\nhello\r\n0\r\n\r\n",
        b"5;\r\nhello\r\n0\r\n\r\n",
        b"05\r\nhello\r\n00\r\n\r\n",
        b"5 ;a\r\nhello\r\n0\r\n\r\n",
        b"0000000000000005\r\nhello\r\n0\r\n\r\n",
        b"2\r\nhe\r\n3;x\r\nllo\r\n0;y\r\n\r\n",
        b"5\r\nhello\r\n000\r\n\r\n",
        b"1\r\nh\r\n1\r\ne\r\n1\r\nl\r\n1\r\nl\r\n1\r\no\r\n0\r\n\r\n",
    ];
    for &body in good {
        add(all, format!("chunks {}", shown(body)), chunked(body), hello());
        let meant = and_next(b"hello");
        add(all, format!("chunks {} and a request", shown(body)), [&chunked(body)[..], NEXT].concat(), meant);
    }
    let bad: &[&[u8]] = &[
        b"5;a\nhello\r\n0\r\n\r\n",
        b"5;a\rb\r\nhello\r\n0\r\n\r\n",
        b"5;\x00\r\nhello\r\n0\r\n\r\n",
        b"2;\nxx\r\n4c\r\n0\r\n\r\n",
        b"5;\"\r\nhello\"\r\nhello\r\n0\r\n\r\n",
        b"10000000000000005\r\nhello\r\n0\r\n\r\n",
        b"ffffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        b"80000000000000000000000000000005\r\nhello\r\n0\r\n\r\n",
        b"-5\r\nhello\r\n0\r\n\r\n",
        b"+5\r\nhello\r\n0\r\n\r\n",
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b"00000000000000005\r\nhello\r\n0\r\n\r\n",
        b"5 \r\nhello\r\n0\r\n\r\n",
        b"5\t\r\nhello\r\n0\r\n\r\n",
        b" 5\r\nhello\r\n0\r\n\r\n",
        b"\t5\r\nhello\r\n0\r\n\r\n",
        b"5\nhello\r\n0\r\n\r\n",
        b"5\r\nhello\n0\r\n\r\n",
        b"5\r\nhello\r\n0\n\n",
        b"5\r\nhello\r\n0\r\n\n",
        b"5\r\nhello0\r\n\r\n",
        b"5\rhello\r0\r\r\n",
        b"5\r\nhelloXX\r\n0\r\n\r\n",
        b"5\r\nhel\r\n0\r\n\r\n",
        b"\r\nhello\r\n0\r\n\r\n",
        b"g\r\nhello\r\n0\r\n\r\n",
        b"5_\r\nhello\r\n0\r\n\r\n",
        b"1_0\r\nhello\r\n0\r\n\r\n",
        b"5,5\r\nhello\r\n0\r\n\r\n",
        b"5\x00\r\nhello\r\n0\r\n\r\n",
        b" \r\n\r\n",
        b";x\r\n\r\n",
        b"\r\n\r\n",
        b"5\r\nhello\r\n\r\n\r\n",
        b"5\r\nhello\r\n;\r\n\r\n",
        b"5\r\nhello\r\n-0\r\n\r\n",
        b"5\r\nhello\r\n+0\r\n\r\n",
        b"5\r\nhello\r\n0x0\r\n\r\n",
        b"5\r\nhello\r\r\n0\r\n\r\n",
        b"5\r\n\r\nhello\r\n0\r\n\r\n",
        b"5\r\r\nhello\r\n0\r\n\r\n",
        b"\xef\xbc\x95\r\nhello\r\n0\r\n\r\n",
        b"5\x0b\r\nhello\r\n0\r\n\r\n",
        b"5\x0b;x\r\nhello\r\n0\r\n\r\n",
    ];
    for &body in bad {
        add(all, format!("chunks {}", shown(body)), [&chunked(body)[..], SMUGGLED].concat(), Refused);
    }
    let long = [b"5;", &[b'a'; 20_000][..], b"\r\nhello\r\n0\r\n\r\n"].concat();
    add(all, "a long extension", chunked(&long), Refused);
}

fn trailers(all: &mut Vec<Payload>) {
    // Read and dropped.
    let good: &[&[u8]] = &[
        b"X-T: v",
        b"Content-Length: 50",
        b"Transfer-Encoding: chunked",
        b"Host: other.test",
        b"X-A: a\r\nX-B: b",
        b"X:",
    ];
    for &trailer in good {
        add(all, format!("trailer {}", shown(trailer)), ending_with(trailer, NEXT), and_next(b"hello"));
    }
    let odd: &[&[u8]] = &[
        b"GET /x HTTP/1.1",
        b"X: y\nZ: z",
        b"X: \0",
        b"X: y\r\n z",
        b": y",
        b"X : y",
        b"X: a\rb",
        b" X: y",
        b"\0",
        b"X y: z",
        b"X: \x01",
        b"\xff: z",
    ];
    for &trailer in odd {
        add(all, format!("trailer {}", shown(trailer)), ending_with(trailer, SMUGGLED), Refused);
    }
    let huge = [b"X: ", &[b'y'; 200_000][..]].concat();
    add(all, "a huge trailer", ending_with(&huge, b""), Refused);
}
