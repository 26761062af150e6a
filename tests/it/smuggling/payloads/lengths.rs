//! How long a body is said to be: codings, disguised ones, and lengths.

use super::Meant::{Refused, These};
use super::{HELLO, Payload, SMUGGLED, add, empty, hello, post, shown, whole};

pub fn all(all: &mut Vec<Payload>) {
    codings(all);
    disguised_codings(all);
    lengths(all);
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
