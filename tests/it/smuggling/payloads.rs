//! What is sent, and what it means.

mod further;

/// Raw bytes of one connection.
pub struct Payload {
    pub name: String,
    pub bytes: Vec<u8>,
    /// Of the requests, to know which answers have a body.
    pub method: &'static str,
    pub meant: Meant,
    /// Its method is none that the mirror copies, or it is an upgrade.
    pub is_not_copied: bool,
}

pub enum Meant {
    /// Nothing whole arrives; 400, 405 or 501, and the connection is closed.
    Refused,
    /// Exactly these arrive, target and body, and each is answered with 200.
    These(Vec<(&'static str, &'static [u8])>),
    /// These arrive, the next one is refused.
    RefusedAfter(Vec<(&'static str, &'static [u8])>),
}

use Meant::{Refused, RefusedAfter, These};

const HOST: &[u8] = b"Host: site.test\r\n";
const HELLO: &[u8] = b"5\r\nhello\r\n0\r\n\r\n";
/// What must never arrive on its own where it is part of something else.
const SMUGGLED: &[u8] = b"GET /smuggled HTTP/1.1\r\nHost: site.test\r\n\r\n";

/// All payloads of the matrix.
pub fn all() -> Vec<Payload> {
    let mut all = Vec::new();
    codings(&mut all);
    disguised_codings(&mut all);
    lengths(&mut all);
    line_ends(&mut all);
    names_and_values(&mut all);
    chunks(&mut all);
    trailers(&mut all);
    targets(&mut all);
    hosts(&mut all);
    request_lines(&mut all);
    nominations(&mut all);
    upgrades(&mut all);
    pipelines(&mut all);
    further::all(&mut all);
    all
}

fn add(all: &mut Vec<Payload>, name: impl Into<String>, bytes: impl Into<Vec<u8>>, meant: Meant) {
    all.push(Payload { name: name.into(), bytes: bytes.into(), method: "GET", meant, is_not_copied: false });
}

fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// `POST /p` with these header lines and this body.
fn post(lines: &[&[u8]], body: &[u8]) -> Vec<u8> {
    whole(b"POST /p HTTP/1.1", lines, body)
}

fn get(lines: &[&[u8]]) -> Vec<u8> {
    whole(b"GET /p HTTP/1.1", lines, b"")
}

fn whole(request_line: &[u8], lines: &[&[u8]], body: &[u8]) -> Vec<u8> {
    let mut bytes = [request_line, b"\r\n", HOST].concat();
    for line in lines {
        bytes.extend_from_slice(line);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    bytes
}

fn hello() -> Meant {
    These(vec![("/p", b"hello")])
}

fn empty() -> Meant {
    These(vec![("/p", b"")])
}

fn codings(all: &mut Vec<Payload>) {
    let line = |value: &[u8]| [b"Transfer-Encoding: ", value].concat();
    for value in [&b"chunked"[..], b"Chunked", b"CHUNKED", b" chunked", b"chunked ", b"\tchunked", b"chunked\t"] {
        add(all, format!("coding {}", shown(value)), post(&[&line(value)], HELLO), hello());
    }
    let odd: &[&[u8]] = &[
        b"\x0bchunked",
        b"\x0cchunked",
        b"xchunked",
        b"chunkedx",
        b"chunked,",
        b",chunked",
        b"chunked, chunked",
        b"identity, chunked",
        b"chunked, identity",
        b"identity",
        b"gzip, chunked",
        b"gzip",
        b"\"chunked\"",
        b"chunked;q=1",
        b"chunked;foo",
        b"cow, chunked",
        b"chun\x00ked",
        b"chunked\x00",
        b"",
        b"\xc2\xa0chunked",
        b"'chunked'",
        b"[chunked]",
        b"chunked\xa0",
        b"x chunked",
        b"trailers, chunked",
        b"chunked chunked",
        b"chunke",
        b"\xffchunked",
        b"chunked\r",
        b"none",
    ];
    for &value in odd {
        add(all, format!("coding {}", shown(value)), post(&[&line(value)], HELLO), Refused);
        let both = post(&[&line(value), b"Content-Length: 5"], &[HELLO, SMUGGLED].concat());
        add(all, format!("coding {} and a length", shown(value)), both, Refused);
    }
    for (first, second) in
        [(&b"chunked"[..], &b"chunked"[..]), (b"identity", b"chunked"), (b"chunked", b"identity"), (b"chunked", b"x")]
    {
        let twice = post(&[&line(first), &line(second)], HELLO);
        add(all, format!("codings {} and {}", shown(first), shown(second)), twice, Refused);
    }
    let coding: &[u8] = b"Transfer-Encoding: chunked";
    for length in [&b"Content-Length: 0"[..], b"Content-Length: 5", b"Content-Length: 15", b"Content-Length: 100"] {
        add(all, format!("chunked, then {}", shown(length)), post(&[coding, length], HELLO), Refused);
        add(
            all,
            format!("{}, then chunked", shown(length)),
            post(&[length, coding], &[HELLO, SMUGGLED].concat()),
            Refused,
        );
    }
    add(all, "chunked in HTTP/1.0", whole(b"POST /p HTTP/1.0", &[coding], HELLO), Refused);
    add(
        all,
        "chunked in HTTP/1.0, kept",
        whole(b"POST /p HTTP/1.0", &[coding, b"Connection: keep-alive"], HELLO),
        Refused,
    );
    add(all, "GET with chunks", whole(b"GET /p HTTP/1.1", &[coding], HELLO), hello());
    add(all, "lower case name", post(&[b"transfer-encoding: chunked"], HELLO), hello());
    add(all, "no space after the colon", post(&[b"Transfer-Encoding:chunked"], HELLO), hello());
}

fn disguised_codings(all: &mut Vec<Payload>) {
    let length = format!("Content-Length: {}", HELLO.len());
    let odd: &[&[u8]] = &[
        b"Transfer-Encoding : chunked",
        b"Transfer-Encoding\t: chunked",
        b" Transfer-Encoding: chunked",
        b"X: y\nTransfer-Encoding: chunked",
        b"X: y\rTransfer-Encoding: chunked",
        b"Transfer-Encoding:\n chunked",
        b"Transfer-Encoding:\r\n chunked",
        b"Transfer-Encoding\r\n: chunked",
        b"\0Transfer-Encoding: chunked",
        b"Transfer\xadEncoding: chunked",
        b"X: y\r\n\rTransfer-Encoding: chunked",
        b"transfer-\xc4\x97ncoding: chunked",
        b"Transfer-Encoding: chunked\nX: y",
    ];
    for &line in odd {
        add(all, format!("line {}", shown(line)), post(&[line, length.as_bytes()], HELLO), Refused);
        add(all, format!("line {} alone", shown(line)), post(&[line], HELLO), Refused);
    }
    // Other names to HTTP, the same name to CGI: they go, and the length counts.
    for line in [&b"Transfer_Encoding: chunked"[..], b"TransferEncoding: chunked", b"X-Transfer-Encoding: chunked"] {
        let meant = These(vec![("/p", HELLO)]);
        add(all, format!("line {}", shown(line)), post(&[line, length.as_bytes()], HELLO), meant);
    }
}

fn lengths(all: &mut Vec<Payload>) {
    let line = |value: &[u8]| [b"Content-Length: ", value].concat();
    for value in [&b"5"[..], b"05", b"5 ", b" 5", b"\t5", b"5,5", b"5, 5", b"5 , 5"] {
        add(all, format!("length {}", shown(value)), post(&[&line(value)], b"hello"), hello());
    }
    let odd: &[&[u8]] = &[
        b"+5",
        b"-5",
        b"0x5",
        b"5, 6",
        b"5 5",
        b"5;5",
        b"5.0",
        b"5e0",
        b"",
        b"abc",
        b"5\x0b",
        b"\x0b5",
        b"5\x00",
        b"99999999999999999999",
        b"18446744073709551621",
        b"5,",
        b",5",
        b"5\xa0",
        b"0,5",
        b"1_0",
        b"\xef\xbc\x95",
        b"--5",
        b"5\r",
        b"\"5\"",
        b"5,,5",
        b"five",
    ];
    for &value in odd {
        add(all, format!("length {}", shown(value)), post(&[&line(value)], b"hello"), Refused);
    }
    add(all, "two equal lengths", post(&[b"Content-Length: 5", b"Content-Length: 5"], b"hello"), hello());
    add(all, "two lengths", post(&[b"Content-Length: 5", b"Content-Length: 6"], b"hello!"), Refused);
    add(all, "two spellings of a length", post(&[b"Content-Length: 5", b"content-length: 6"], b"hello!"), Refused);
    let hidden = format!("Content-Length: {}", SMUGGLED.len());
    add(all, "no length, then a length", post(&[b"Content-Length: 0", hidden.as_bytes()], SMUGGLED), Refused);
    add(all, "a length, then no length", post(&[hidden.as_bytes(), b"Content-Length: 0"], SMUGGLED), Refused);
    add(all, "a body that is a request", post(&[hidden.as_bytes()], SMUGGLED), These(vec![("/p", SMUGGLED)]));
    add(all, "Content_Length", post(&[b"Content_Length: 5"], b""), empty());
    add(all, "Content-Length with a space", post(&[b"Content-Length : 5"], b"hello"), Refused);
    add(all, "GET with a body", whole(b"GET /p HTTP/1.1", &[b"Content-Length: 5"], b"hello"), hello());
    add(
        all,
        "GET with a body that is a request",
        whole(b"GET /p HTTP/1.1", &[hidden.as_bytes()], SMUGGLED),
        These(vec![("/p", SMUGGLED)]),
    );
    add(all, "POST without a body", post(&[], b""), empty());
    let head = whole(b"HEAD /p HTTP/1.1", &[b"Content-Length: 5"], b"hello");
    all.push(Payload {
        name: "HEAD with a body".into(),
        bytes: head,
        method: "HEAD",
        meant: hello(),
        is_not_copied: false,
    });
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
    let many: Vec<&[u8]> = vec![b"X: y"; 300];
    add(all, "300 headers", get(&many), Refused);
}

fn chunked(body: &[u8]) -> Vec<u8> {
    post(&[b"Transfer-Encoding: chunked"], body)
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
        let meant = These(vec![("/p", b"hello"), ("/next", b"")]);
        let next = b"GET /next HTTP/1.1\r\nHost: site.test\r\n\r\n";
        add(all, format!("chunks {} and a request", shown(body)), [&chunked(body)[..], next].concat(), meant);
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
    let next = b"GET /next HTTP/1.1\r\nHost: site.test\r\n\r\n";
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
        let body = [b"5\r\nhello\r\n0\r\n", trailer, b"\r\n\r\n", next].concat();
        let meant = These(vec![("/p", b"hello"), ("/next", b"")]);
        add(all, format!("trailer {}", shown(trailer)), chunked(&body), meant);
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
        let body = [b"5\r\nhello\r\n0\r\n", trailer, b"\r\n\r\n", SMUGGLED].concat();
        add(all, format!("trailer {}", shown(trailer)), chunked(&body), Refused);
    }
    let huge = [b"5\r\nhello\r\n0\r\nX: ", &[b'y'; 200_000][..], b"\r\n\r\n"].concat();
    add(all, "a huge trailer", chunked(&huge), Refused);
}

fn targets(all: &mut Vec<Payload>) {
    let line = |target: &str| whole(format!("GET {target} HTTP/1.1").as_bytes(), &[], b"");
    for (target, arrives) in [
        ("http://site.test/p?q", "/p?q"),
        ("https://site.test/p", "/p"),
        ("http://site.test", "/"),
        ("http://site.test?q", "/?q"),
        ("//evil/p", "//evil/p"),
        ("/p?http://evil/", "/p?http://evil/"),
        ("/p#/../admin", "/p"),
        ("/a\\b", "/a\\b"),
        ("/\"x\"", "/\"x\""),
        ("/p%0d%0aX-Injected:%20y?q=%0d%0aSet-Cookie:x", "/p%0d%0aX-Injected:%20y?q=%0d%0aSet-Cookie:x"),
        ("/p%00?%00", "/p%00?%00"),
        ("/p?a=%20HTTP/1.1%0d%0a", "/p?a=%20HTTP/1.1%0d%0a"),
    ] {
        add(all, format!("target {target}"), line(target), These(vec![(arrives, b"")]));
    }
    for target in [
        "http://evil/p",
        "HTTP://SITE.test/p",
        "http://site.test:80/p",
        "http://site.test@evil/p",
        "http://evil@site.test/p",
        "http:///p",
        "http:/site.test/p",
        "http:\\\\site.test\\p",
        "ftp://site.test/p",
        "file:///etc/passwd",
        "site.test:80",
        "site.test",
        "*",
        "p",
        "?q",
        "@evil/p",
        ":80/p",
        "#x",
        "a b",
        "/a b",
        "/a\tb",
        "/a\x01b",
        "/a\0b",
        "/a\x7fb",
        "",
        " /p",
        "/p ",
        "\u{a0}/p",
        "javascript:x",
        "\\p",
        "%2fp",
        "http://site.test evil/p",
        "http://site.test\\evil/p",
        "http://site.test%2fevil/p",
        "http://[site.test/p",
    ] {
        add(all, format!("target {target:?}"), line(target), Refused);
    }
    let bytes = [b"GET /\xe9 HTTP/1.1\r\n", HOST, b"\r\n"].concat();
    add(all, "a byte that is no UTF-8", bytes, Refused);
    add(all, "absolute form without Host", "GET http://site.test/p HTTP/1.1\r\n\r\n", Refused);
    let options = whole(b"OPTIONS * HTTP/1.1", &[], b"");
    let asterisk = These(vec![("*", b"")]);
    all.push(Payload {
        name: "OPTIONS *".into(),
        bytes: options,
        method: "OPTIONS",
        meant: asterisk,
        is_not_copied: true,
    });
}

fn hosts(all: &mut Vec<Payload>) {
    let head = |hosts: &[u8]| [b"GET /p HTTP/1.1\r\n", hosts, b"\r\n"].concat();
    let odd: &[&[u8]] = &[
        b"",
        b"Host: site.test\r\nHost: evil\r\n",
        b"Host: site.test\r\nHost: site.test\r\n",
        b"Host: site.test\r\nhost: evil\r\n",
        b"Host: site.test, evil\r\n",
        b"Host: site.test,evil\r\n",
        b"Host: site.test evil\r\n",
        b"Host: site.test/evil\r\n",
        b"Host: a@site.test\r\n",
        b"Host: site.test#x\r\n",
        b"Host: site.test?x\r\n",
        b"Host: site.test:abc\r\n",
        b"Host: site.test:80:81\r\n",
        b"Host: site.test\\x\r\n",
        b"Host: s\xe9te.test\r\n",
        b"Host: site.test\tx\r\n",
        b"Host: \"site.test\"\r\n",
        b"Host: <script>\r\n",
        b"Host:\r\n site.test\r\n",
        b"Host : site.test\r\n",
        b" Host: site.test\r\n",
        b"Host: site.test\x00\r\n",
        b"Host: http://site.test\r\n",
        b"Host: [::1\r\n",
    ];
    for &hosts in odd {
        add(all, format!("host {}", shown(hosts)), head(hosts), Refused);
    }
    for hosts in [
        &b"Host: my_site.test\r\n"[..],
        b"Host: [::1]:80\r\n",
        b"Host: site.test:8080\r\n",
        b"Host:\r\n",
        b"Host: SITE.test.\r\n",
        b"X-Host: evil\r\nHost: site.test\r\n",
    ] {
        add(all, format!("host {}", shown(hosts)), head(hosts), empty());
    }
    add(all, "HTTP/1.0 without Host", "GET /p HTTP/1.0\r\n\r\n", empty());
    add(all, "HTTP/1.0 with Host", "GET /p HTTP/1.0\r\nHost: site.test\r\n\r\n", empty());
}

fn request_lines(all: &mut Vec<Payload>) {
    let odd: &[&[u8]] = &[
        b"GET  /p HTTP/1.1",
        b"GET /p  HTTP/1.1",
        b"GET\t/p\tHTTP/1.1",
        b" GET /p HTTP/1.1",
        b"GET /p HTTP/1.1 ",
        b"GET /p HTTP/1.1 HTTP/1.1",
        b"GET /p HTTP/1.2",
        b"GET /p HTTP/2.0",
        b"GET /p HTTP/0.9",
        b"GET /p http/1.1",
        b"GET /p HTTP/1.1x",
        b"GET /p HTTP/01.1",
        b"GET /p HTTP/1.10",
        b"GET /p HTTP/1",
        b"GET /p HTTP/1,1",
        b"GET /p XTTP/1.1",
        b"GET /p HTTP/1.1\x00",
        b"GET /p",
        b"GET",
        b"/p HTTP/1.1",
        b"GET /p HTTP /1.1",
        b"GET /p HTTP/1.1\x0b",
        b"G@T /p HTTP/1.1",
        b"G\x00T /p HTTP/1.1",
        b"G\xe9T /p HTTP/1.1",
        b"GET: /p HTTP/1.1",
        b"G,T /p HTTP/1.1",
        b"\"GET\" /p HTTP/1.1",
        b"GET/p HTTP/1.1",
        b"GET /pHTTP/1.1",
        b"GET /p HTTPS/1.1",
        b"GET /p HTTP/+1.1",
        b"CONNECT site.test:80 HTTP/1.1",
        b"TRACE /p HTTP/1.1",
        b"PRI * HTTP/2.0",
    ];
    for &line in odd {
        add(all, format!("request line {}", shown(line)), whole(line, &[], b""), Refused);
    }
    add(all, "HTTP/2 without being asked", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Refused);
    add(all, "HTTP/0.9", "GET /p\r\n\r\n", Refused);
    for method in ["FOO", "PURGE", "get", "M-SEARCH"] {
        let bytes = whole(format!("{method} /p HTTP/1.1").as_bytes(), &[], b"");
        all.push(Payload {
            name: format!("method {method}"),
            bytes,
            method: "GET",
            meant: empty(),
            is_not_copied: true,
        });
    }
}

fn nominations(all: &mut Vec<Payload>) {
    let hidden = format!("Content-Length: {}", SMUGGLED.len());
    let body = These(vec![("/p", SMUGGLED)]);
    add(all, "Connection: content-length", post(&[b"Connection: content-length", hidden.as_bytes()], SMUGGLED), body);
    let coded = post(&[b"Connection: transfer-encoding", b"Transfer-Encoding: chunked"], HELLO);
    add(all, "Connection: transfer-encoding", coded, hello());
    for named in [
        &b"host"[..],
        b"Host",
        b"close, host",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-proto",
        b":authority",
        b"\"x\"",
        b"x y",
    ] {
        let line = [b"Connection: ", named].concat();
        add(all, format!("Connection: {}", shown(named)), get(&[&line]), Refused);
    }
    let lists: &[&[&[u8]]] = &[
        &[b"Connection: x-foo, keep-alive", b"X-Foo: 1"],
        &[b"Connection: x-a", b"Connection: x-b", b"X-A: 1", b"X-B: 2"],
        &[b"Connection: connection"],
        &[b"Connection: x-matapalo-mirror"],
        // It says who asks only where a trusted proxy sends it, and then to the door.
        &[b"Connection: forwarded", b"Forwarded: for=6.6.6.6"],
        &[b"Connection: upgrade"],
        &[b"Connection: keep-alive, te", b"TE: chunked", b"Trailer: X"],
        &[
            b"Keep-Alive: 300",
            b"Proxy-Connection: keep-alive",
            b"TE: trailers, chunked",
            b"Proxy-Authorization: x",
            b"Proxy: http://evil",
        ],
        &[b"Connection: "],
        &[b"Connection: ,,,"],
    ];
    for &lines in lists {
        let name: Vec<String> = lines.iter().map(|line| shown(line)).collect();
        add(all, name.join(" | "), get(lines), empty());
    }
}

fn upgrades(all: &mut Vec<Payload>) {
    let settings: &[u8] = b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA";
    let lists: &[&[&[u8]]] = &[
        &[b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", settings],
        &[b"Upgrade: h2c", settings],
        &[b"Upgrade: websocket"],
        &[b"Connection: Upgrade", b"Upgrade: websocket, h2c"],
        &[b"Connection: Upgrade", b"Upgrade: websocket", b"Upgrade: h2c"],
        &[b"Connection: Upgrade", b"Upgrade: TLS/1.0"],
        &[b"Connection: Upgrade", b"Upgrade: HTTP/2.0"],
        &[b"Connection: Upgrade", b"Upgrade: "],
    ];
    for &lines in lists {
        let name: Vec<String> = lines.iter().map(|line| shown(line)).collect();
        add(all, name.join(" | "), get(lines), empty());
        // What follows belongs to the protocol that was asked for, or to nobody.
        add(all, format!("{} and a request", name.join(" | ")), [&get(lines)[..], SMUGGLED].concat(), empty());
    }
    let websocket: [&[u8]; 2] = [b"Connection: Upgrade", b"Upgrade: websocket"];
    let refused = [&get(&websocket)[..], SMUGGLED].concat();
    all.push(Payload {
        name: "a WebSocket that is refused, and a request".into(),
        bytes: refused,
        method: "GET",
        meant: empty(),
        is_not_copied: true,
    });
    let posted = post(&[websocket[0], websocket[1], b"Transfer-Encoding: chunked"], &[HELLO, SMUGGLED].concat());
    add(all, "a POST that asks for a WebSocket, and a request", posted, hello());
    let old = whole(b"GET /p HTTP/1.0", &websocket, SMUGGLED);
    add(all, "HTTP/1.0 asks for a WebSocket", old, empty());
    let with_body = whole(b"GET /p HTTP/1.1", &[websocket[0], websocket[1], b"Content-Length: 5"], b"hello");
    all.push(Payload {
        name: "a WebSocket with a body".into(),
        bytes: with_body,
        method: "GET",
        meant: hello(),
        is_not_copied: true,
    });
}

fn pipelines(all: &mut Vec<Payload>) {
    let next: &[u8] = b"GET /next HTTP/1.1\r\nHost: site.test\r\n\r\n";
    let two = || These(vec![("/p", b""), ("/next", b"")]);
    add(all, "two requests", [&get(&[])[..], next].concat(), two());
    add(all, "two requests and an empty line", [&get(&[])[..], b"\r\n", next].concat(), two());
    add(
        all,
        "a body and a request",
        [&post(&[b"Content-Length: 5"], b"hello")[..], next].concat(),
        These(vec![("/p", b"hello"), ("/next", b"")]),
    );
    add(all, "close and a request", [&get(&[b"Connection: close"])[..], next].concat(), empty());
    add(all, "HTTP/1.0 and a request", [&whole(b"GET /p HTTP/1.0", &[], b"")[..], next].concat(), empty());
    add(all, "a request and garbage", [&get(&[])[..], b"garbage\r\n\r\n"].concat(), RefusedAfter(vec![("/p", b"")]));
    let longer = post(&[b"Content-Length: 5"], b"hello!");
    add(all, "a byte too much", [&longer[..], b"\r\n\r\n"].concat(), RefusedAfter(vec![("/p", b"hello")]));
    let ambiguous = post(&[b"Content-Length: 5", b"Transfer-Encoding: chunked"], HELLO);
    add(
        all,
        "a request and one with both framings",
        [&get(&[])[..], &ambiguous].concat(),
        RefusedAfter(vec![("/p", b"")]),
    );
    add(all, "an expectation", post(&[b"Expect: 100-continue", b"Content-Length: 5"], b"hello"), hello());
    add(all, "another expectation", post(&[b"Expect: 200-ok", b"Content-Length: 5"], b"hello"), hello());
    let expecting = [&post(&[b"Expect: 100-continue", b"Content-Length: 5"], b"hello")[..], next].concat();
    add(all, "an expectation and a request", expecting, These(vec![("/p", b"hello"), ("/next", b"")]));
}
