//! Lines of a head: their ends, their names and values.

use super::Meant::Refused;
use super::{CHUNKED, HELLO, NEXT, Payload, SMUGGLED, add, and_next, empty, get, hello, post, shown};

pub fn all(all: &mut Vec<Payload>) {
    line_ends(all);
    names_and_values(all);
    behind_many(all);
}

fn line_ends(all: &mut Vec<Payload>) {
    add(all, "only line feeds", "GET /p HTTP/1.1\nHost: site.test\n\n", empty());
    add(all, "only line feeds, with a body", "POST /p HTTP/1.1\nHost: site.test\nContent-Length: 5\n\nhello", hello());
    let mixed: &[&[u8]] = &[
        b"GET /p HTTP/1.1\r\nHost: site.test\nX: y\r\n\r\n",
        b"GET /p HTTP/1.1\nHost: site.test\r\n\r\n",
        b"GET /p HTTP/1.1\r\nHost: site.test\r\n\n",
        b"GET /p HTTP/1.1\nHost: site.test\n\r\n",
        b"GET /p HTTP/1.1\r\nHost: site.test\r\nX: y\n\nGET /smuggled HTTP/1.1\r\nHost: site.test\r\n\r\n",
        b"POST /p HTTP/1.1\r\nHost: site.test\r\nX: y\nContent-Length: 5\r\n\r\nhello",
        b"GET /p HTTP/1.1\r\nHost: site.test\n\r\nX: y\r\n\r\n",
        b"GET /p HTTP/1.1\r\nHost: site.test\r\nX: y\nHost: other.test\r\n\r\n",
    ];
    for &bytes in mixed {
        add(all, format!("mixed {}", shown(bytes)), bytes, Refused);
    }
    let bare: &[&[u8]] = &[
        b"GET /p HTTP/1.1\rHost: site.test\r\r",
        b"GET /p HTTP/1.1\r\r\nHost: site.test\r\n\r\n",
        b"GET /p\r HTTP/1.1\r\nHost: site.test\r\n\r\n",
        b"GET /p HTTP/1.1\r\nHost: site.test\r\nX: a\rb\r\n\r\n",
        b"GET /p HTTP/1.1\r\nHost: site.test\r\n\rX: y\r\n\r\n",
        b"GET /p HTTP/1.1\r\nHost: site.test\r\nX: y\r\r\n\r\n",
    ];
    for &bytes in bare {
        // With only carriage returns there is no end of a line, and a head that never ends is not this suite's subject.
        let bytes = [bytes, b"\n\r\n\r\n"].concat();
        add(all, format!("carriage returns {}", shown(&bytes)), bytes, Refused);
    }
    add(all, "folded", post(&[b"X: a", b" folded", b"Content-Length: 0"], b""), Refused);
    add(all, "folded by a tab", post(&[b"X: a", b"\tfolded", b"Content-Length: 0"], b""), Refused);
    add(all, "folded length", post(&[b"Content-Length:", b" 5"], b"hello"), Refused);
    add(all, "folded first", "GET /p HTTP/1.1\r\n Host: site.test\r\n\r\n", Refused);
    add(all, "empty lines first", [b"\r\n\r\n", &get(&[])[..]].concat(), empty());
}

fn names_and_values(all: &mut Vec<Payload>) {
    let odd: &[&[u8]] = &[
        b"X: a\x00b",
        b"X\x00: ab",
        b"X: a\x01b",
        b"X: a\x7fb",
        b"X : ab",
        b"X\t: ab",
        b": ab",
        b"justtext",
        b"X(y): ab",
        b"X y: ab",
        b"X\xe9: ab",
        b"X\"y\": ab",
        b"X/y: ab",
        b"X,y: ab",
        b"X;y: ab",
        b"X@y: ab",
        b"X[y]: ab",
        b"{X}: ab",
        b"X\\y: ab",
        b"\x01: ab",
    ];
    for &line in odd {
        add(all, format!("line {}", shown(line)), get(&[line]), Refused);
    }
    for line in [&b"X: "[..], b"X:", b"X: caf\xe9", b"!#$%&'*+-.^_`|~: odd", b"X: a, b;c=\"d\"", b"X: \t a \t "] {
        add(all, format!("line {}", shown(line)), get(&[line]), empty());
    }
}

/// The proxy engine is not shown all lines of long heads: what counts, counts behind hundreds of others, too.
fn behind_many(all: &mut Vec<Payload>) {
    let behind = |lines: &[&'static [u8]]| [&[&b"X: y"[..]; 300], lines].concat();
    add(all, "300 headers", get(&behind(&[])), empty());
    add(
        all,
        "a length behind 300",
        [post(&behind(&[b"Content-Length: 5"]), b"hello"), NEXT.to_vec()].concat(),
        and_next(b"hello"),
    );
    add(all, "chunks behind 300", [post(&behind(&[CHUNKED]), HELLO), NEXT.to_vec()].concat(), and_next(b"hello"));
    let refused: &[&[&'static [u8]]] = &[
        &[b"Content-Length: 5", b"Content-Length: 6"],
        &[b"Content-Length: 40", CHUNKED],
        &[CHUNKED, CHUNKED],
        &[b"Transfer-Encoding: xchunked"],
        &[b"Host: other.test"],
        &[b"Content-Length: 0", b" folded"],
        &[b"X : y"],
        &[b"X: a\x00"],
        &[b"Content-Length : 40"],
        &[b"X: y\nContent-Length: 40"],
    ];
    for lines in refused {
        let name = format!("{} behind 300", lines.iter().map(|line| shown(line)).collect::<Vec<_>>().join(", "));
        add(all, name, [post(&behind(lines), HELLO), SMUGGLED.to_vec()].concat(), Refused);
    }
    let split = |first: &'static [u8], last: &'static [u8]| post(&[&[first], &behind(&[last])[..]].concat(), HELLO);
    add(all, "a length before 300 and chunks behind", split(b"Content-Length: 15", CHUNKED), Refused);
    add(all, "chunks before 300 and a length behind", split(CHUNKED, b"Content-Length: 15"), Refused);
    add(all, "two lengths with 300 between", split(b"Content-Length: 15", b"Content-Length: 14"), Refused);
}
