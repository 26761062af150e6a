//! Payloads that combine what the other lists try one by one: numbers at the end of their range, framings that nest, tokens
//! hidden beside others, and targets that are tricks of paths but one request to everybody.

use super::Meant::{Refused, RefusedAfter, These};
use super::{
    CHUNKED, HELLO, HOST, NEXT, Payload, SMUGGLED, add, and_next, empty, get, hello, not_copied, post, shown, whole,
};

pub fn all(all: &mut Vec<Payload>) {
    numbers(all);
    nested(all);
    hidden(all);
    connections(all);
    methods(all);
    beginnings(all);
    servers(all);
    paths(all);
}

fn numbers(all: &mut Vec<Payload>) {
    let ten: &[u8] = b"ten bytes!";
    for length in [&b"Content-Length: 010"[..], b"Content-Length: 0000000000000000000000000000010"] {
        add(all, shown(length), [&post(&[length], ten)[..], NEXT].concat(), and_next(ten));
    }
    for length in [&b"9223372036854775808"[..], b"18446744073709551615", b"18446744073709551616", b"4294967301x"] {
        let line = [b"Content-Length: ", length].concat();
        add(all, shown(&line), post(&[&line], &[b"hello", SMUGGLED].concat()), Refused);
    }
    for size in ["7fffffffffffffffff", "8000000000000000", "8000000000000005", "fffffffffffffffe", "ffffffffffffffff"] {
        let body = [size.as_bytes(), b"\r\nhello\r\n0\r\n\r\n", SMUGGLED].concat();
        add(all, format!("a chunk of {size}"), post(&[CHUNKED], &body), Refused);
    }
    let sixteen: &[u8] = b"000000000000000A\r\nten bytes!\r\n0000000000000000\r\n\r\n";
    add(all, "sixteen digits", [&post(&[CHUNKED], sixteen)[..], NEXT].concat(), and_next(ten));
    for lengths in [
        &[&b"Content-Length: 5"[..], b"Content-Length: 5, 5"][..],
        &[b"content-length: 5", b"CONTENT-LENGTH: 5", b"Content-Length:5"],
    ] {
        add(all, format!("{} equal lengths", lengths.len()), post(lengths, b"hello"), hello());
    }
    for lengths in [
        &[&b"Content-Length: 5, 5, 6"[..]][..],
        &[b"Content-Length: 5", b"Content-Length: 5, 6"],
        &[b"Content-Length: 5", b"X: y", b"Content-Length: 0"],
        &[b"Content-Length: 5\r\n\t0"],
        &[b"Content-Length: 5\r\n ,6"],
        &[b"Content-Length: 5 ,6"],
        &[b"Content-Length:5\x85"],
        &[b"Content-Length: 5#6"],
        &[b"Content-Length: \xd9\xa5"],
        &[b"Content-Length\r: 5"],
        &[b"Content\\-Length: 5"],
    ] {
        let name: Vec<String> = lengths.iter().map(|line| shown(line)).collect();
        add(all, name.join(" | "), post(lengths, &[b"hello", SMUGGLED].concat()), Refused);
    }
}

fn nested(all: &mut Vec<Payload>) {
    let none: &[u8] = b"0\r\n\r\n";
    add(all, "no chunk and a request", [&post(&[CHUNKED], none)[..], NEXT].concat(), and_next(b""));
    let get_none = whole(b"GET /p HTTP/1.1", &[CHUNKED], none);
    add(all, "GET, no chunk and a request", [&get_none[..], NEXT].concat(), and_next(b""));
    let inner: &[u8] = b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: site.test\r\n\r\n";
    let one = [format!("{:x}\r\n", inner.len()).as_bytes(), inner, b"\r\n0\r\n\r\n"].concat();
    add(all, "a chunk that holds an end", [&post(&[CHUNKED], &one)[..], NEXT].concat(), and_next(inner));
    let counted = format!("Content-Length: {}", inner.len());
    add(all, "a body that holds an end", post(&[counted.as_bytes()], inner), These(vec![("/p", inner)]));
    let whole_post: &[u8] =
        b"POST /smuggled HTTP/1.1\r\nHost: site.test\r\nContent-Length: 40\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    let counted = format!("Content-Length: {}", whole_post.len());
    add(all, "a request in a body", post(&[counted.as_bytes()], whole_post), These(vec![("/p", whole_post)]));
    add(all, "a request for a chunk", post(&[CHUNKED], &[b"5\r\nhello\r\n", SMUGGLED].concat()), Refused);
    add(all, "a request for a trailer", post(&[CHUNKED], &[b"5\r\nhello\r\n0\r\n", SMUGGLED].concat()), Refused);
    let counts: &[u8] = b"5\r\nhello\r\n0\r\nContent-Length: 43\r\n\r\n";
    add(all, "a trailer that counts", [&post(&[CHUNKED], counts)[..], NEXT].concat(), and_next(b"hello"));
    let codes: &[u8] = b"5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\nHost: evil\r\n\r\n";
    add(all, "a trailer that codes", [&post(&[CHUNKED], codes)[..], NEXT].concat(), and_next(b"hello"));
    let both = [&post(&[CHUNKED], HELLO)[..], &post(&[CHUNKED, b"Content-Length: 5"], HELLO)].concat();
    add(all, "chunks, then both framings", both, RefusedAfter(vec![("/p", b"hello")]));
}

fn hidden(all: &mut Vec<Payload>) {
    for coding in [
        &b"Transfer-Encoding: chunked\x0b"[..],
        b"Transfer-Encoding: chunked\x0c",
        b"Transfer-Encoding: chunked\x1f",
        b"Transfer-Encoding: chunked\x85",
        b"Transfer-Encoding: chun\r\n ked",
        b"Transfer-Encoding: chunked\r\n , identity",
        b"Transfer-Encoding:\tchunked, \tchunked",
        b"Transfer-Encoding: chunked\r\nTransfer-encoding: cow",
        b"Transfer-encoding: cow\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding:",
        b"Transfer-Encoding: \r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked(comment)",
        b"Transfer-Encoding\x0b: chunked",
        b"Transfer-Encoding\x85: chunked",
        b"Transfer\\-Encoding: chunked",
        b"Transfer-Encoding:: chunked",
        b"Transfer-Encoding=chunked",
    ] {
        add(all, shown(coding), post(&[coding], &[HELLO, SMUGGLED].concat()), Refused);
        let length = format!("Content-Length: {}", HELLO.len());
        let both = post(&[coding, length.as_bytes()], &[HELLO, SMUGGLED].concat());
        add(all, format!("{} and a length", shown(coding)), both, Refused);
    }
    // Not the header that counts, whatever CGI makes of it.
    for line in [&b"Content_Length: 3"[..], b"Content-Length-: 3", b"Content-Lengths: 3", b"TE: chunked"] {
        add(all, format!("chunks and {}", shown(line)), post(&[CHUNKED, line], HELLO), hello());
    }
    let old: [&[u8]; 2] = [CHUNKED, b"Content-Length: 5"];
    add(all, "both framings in HTTP/1.0", whole(b"POST /p HTTP/1.0", &old, &[HELLO, SMUGGLED].concat()), Refused);
    let expects: [&[u8]; 3] = [CHUNKED, b"Content-Length: 5", b"Expect: 100-continue"];
    add(all, "an expectation and both framings", post(&expects, &[HELLO, SMUGGLED].concat()), Refused);
    add(all, "an expectation of chunks", post(&[CHUNKED, b"Expect: 100-continue"], HELLO), hello());
}

fn connections(all: &mut Vec<Payload>) {
    for line in [
        &b"Connection: close, keep-alive"[..],
        b"Connection: keep-alive, close",
        b"Connection: close\r\nConnection: keep-alive",
        b"Connection: keep-alive\r\nConnection: close",
        b"Connection: Close",
        b"Connection: x-a,close,x-b",
    ] {
        add(all, format!("{} and a request", shown(line)), [&get(&[line])[..], SMUGGLED].concat(), empty());
    }
    let old = whole(b"GET /p HTTP/1.0", &[b"Connection: keep-alive"], b"");
    add(all, "HTTP/1.0 that is kept", [&old[..], NEXT].concat(), and_next(b""));
    let named = post(&[b"Connection: transfer-encoding, content-length", b"Content-Length: 5"], b"hello");
    add(all, "both framings are named", [&named[..], NEXT].concat(), and_next(b"hello"));
    let many = format!("Connection: {}", vec!["x-a"; 2_000].join(","));
    add(all, "two thousand names", get(&[many.as_bytes()]), Refused);
    let upgrade: [&[u8]; 3] = [b"Connection: Upgrade", b"Upgrade: h2c", CHUNKED];
    add(all, "chunks and h2c", post(&upgrade, &[HELLO, SMUGGLED].concat()), hello());
    let upgrade: [&[u8]; 4] = [b"Connection: Upgrade", b"Upgrade: websocket", CHUNKED, b"Content-Length: 5"];
    add(all, "both framings and a WebSocket", whole(b"GET /p HTTP/1.1", &upgrade, HELLO), Refused);
}

fn methods(all: &mut Vec<Payload>) {
    let counted: &[u8] = b"Content-Length: 5";
    for method in ["OPTIONS", "DELETE", "PUT", "SEARCH"] {
        let line = format!("{method} /p HTTP/1.1");
        not_copied(all, format!("{method} with a body"), whole(line.as_bytes(), &[counted], b"hello"), hello());
        not_copied(all, format!("{method} with chunks"), whole(line.as_bytes(), &[CHUNKED], HELLO), hello());
    }
    for line in [
        &b"CONNECT / HTTP/1.1"[..],
        b"CONNECT /p HTTP/1.1",
        b"CONNECT http://site.test/p HTTP/1.1",
        b"CONNECT site.test:443 HTTP/1.0",
        b"TRACE / HTTP/1.1",
        b"OPTIONS ** HTTP/1.1",
        b"OPTIONS *p HTTP/1.1",
        b"POST * HTTP/1.1",
    ] {
        add(all, shown(line), whole(line, &[], SMUGGLED), Refused);
        let length = format!("Content-Length: {}", SMUGGLED.len());
        add(all, format!("{} with a body", shown(line)), whole(line, &[length.as_bytes()], SMUGGLED), Refused);
    }
}

fn beginnings(all: &mut Vec<Payload>) {
    for begin in
        [&b"\0"[..], b"\xef\xbb\xbf", b" \r\n", b"\r\r\n", b"\r", b"\x0b\r\n", b"\t", b"0\r\n\r\n", b"\x16\x03\x01\r\n"]
    {
        add(all, format!("behind {}", shown(begin)), [begin, &get(&[])[..]].concat(), Refused);
    }
    add(all, "behind a line feed", [b"\n", &get(&[])[..]].concat(), empty());
    // What is left of a body that the head did not announce is no empty line.
    let rest = [&post(&[b"Content-Length: 3"], b"hello")[..], b"\r\n", NEXT].concat();
    add(all, "the rest of a body", rest, RefusedAfter(vec![("/p", b"hel")]));
}

fn servers(all: &mut Vec<Payload>) {
    for host in [
        &b"Host: user:pass@site.test"[..],
        b"Host: site.test@evil",
        b"Host: site.test:80@evil",
        b"Host: ::1",
        b"Host: [::1]:80:81",
        b"Host: [evil]",
        b"Host: site.test:-1",
        b"Host: site.test:+80",
        b"Host: site.test: 80",
        b"Host: site.test\r\n\tevil",
        b"Host: site.test\r\nHost :evil",
        b"Host: site.test\r\n:evil",
        b"Host: site.test\x0b",
        b"Host: ../../etc",
        b"Host: site.test\r\nHOST:",
        b"Host: {evil}",
        b"Host: site.test|evil",
        b"Host: site.test^evil",
        b"Host: site.test`evil`",
    ] {
        add(all, shown(host), [b"GET /p HTTP/1.1\r\n", host, b"\r\n\r\n"].concat(), Refused);
    }
    let old = |target: &str, hosts: &[u8]| [format!("GET {target} HTTP/1.0\r\n").as_bytes(), hosts, b"\r\n"].concat();
    for target in ["http://other/p", "http://site.test:81/p", "http://site.test.other/p"] {
        add(all, format!("{target} in HTTP/1.0"), old(target, HOST), empty());
        add(all, format!("{target} in HTTP/1.0 without Host"), old(target, b""), empty());
    }
    for target in ["http://@site.test/p", "https:///p", "http://a%40site.test/p"] {
        add(all, format!("{target} in HTTP/1.0"), old(target, HOST), Refused);
        add(all, format!("{target} in HTTP/1.0 without Host"), old(target, b""), Refused);
    }
    let counted = b"POST http://other/p HTTP/1.1\r\nHost: site.test\r\nContent-Length: 5\r\n\r\n";
    let smuggled = [&counted[..], SMUGGLED].concat();
    add(all, "absolute form and what its length does not hold", smuggled, RefusedAfter(vec![("/p", &SMUGGLED[..5])]));
}

/// The one route takes them all, so they pass byte for byte: no reading of a path makes another request of it.
fn paths(all: &mut Vec<Payload>) {
    for target in [
        "/..%2fp",
        "/%2e%2e/p",
        "/../p",
        "/./p",
        "//p",
        "/p;x=1",
        "/p/..;/q",
        "/p%5c..%5cq",
        "/%252e%252e%252fp",
        "/p%",
        "/p%zz",
        "/p%u002e",
        "/p%c0%ae",
        "/p?a=b;c&d=%26%00",
        "/p?%0d%0aHost:%20evil",
        "/p|q",
        "/p{q}",
        "/p^q",
        "/*",
        "/p:80",
        "/@evil",
    ] {
        let meant = These(vec![(target, b"")]);
        add(all, format!("target {target}"), whole(format!("GET {target} HTTP/1.1").as_bytes(), &[], b""), meant);
    }
    // No path has these bytes (RFC 3986, section 3.3), but clients send them, and servers take them.
    for target in ["/p`q", "/p<q>"] {
        let meant = These(vec![(target, b"")]);
        add(all, format!("target {target}"), whole(format!("GET {target} HTTP/1.1").as_bytes(), &[], b""), meant);
    }
    for (target, arrives) in [("/p#x?y", "/p"), ("/#", "/"), ("http://site.test/p#x", "/p"), ("/p?q#x", "/p?q")] {
        let meant = These(vec![(arrives, b"")]);
        add(all, format!("target {target}"), whole(format!("GET {target} HTTP/1.1").as_bytes(), &[], b""), meant);
    }
}
