//! What is asked for, and of whom: request lines, targets, hosts.

use super::Meant::{Refused, These};
use super::{HOST, Payload, add, empty, not_copied, shown, whole};

pub fn all(all: &mut Vec<Payload>) {
    targets(all);
    hosts(all);
    request_lines(all);
}

fn targets(all: &mut Vec<Payload>) {
    let line = |target: &str| whole(format!("GET {target} HTTP/1.1").as_bytes(), &[], b"");
    for (target, arrives) in [
        ("http://site.test/p?q", "/p?q"),
        ("https://site.test/p", "/p"),
        ("http://site.test", "/"),
        ("http://site.test?q", "/?q"),
        ("http://other.test/p", "/p"),
        ("HTTP://SITE.test:80//p#x", "//p"),
        ("http://site.test#x", "/"),
        ("http://[::1]:80/\"x\"", "/\"x\""),
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
        "http://site.test@evil/p",
        "http://evil@site.test/p",
        "http://user:pass@site.test/p",
        "http://site.test:80:81/p",
        "http://site.test:x/p",
        "http://site.test,evil/p",
        "http://<evil>/p",
        "http://s\u{e9}te.test/p",
        "http://::1/p",
        "http://:80/p",
        "http://?q",
        "http:///p",
        "http:p",
        "h",
        "host:80",
        "hTTp//p",
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
    add(all, "a byte that is no UTF-8", bytes, These(vec![("/\u{e9}", b"")]));
    let absolute = |hosts: &[u8]| [b"GET http://site.test/p HTTP/1.1\r\n", hosts, b"\r\n"].concat();
    for hosts in [&b"Host: other.test\r\n"[..], b"Host:\r\n"] {
        add(all, format!("absolute form and {}", shown(hosts)), absolute(hosts), empty());
    }
    for hosts in [
        &b""[..],
        b"Host: site.test\r\nHost: site.test\r\n",
        b"Host: other.test\r\nHost: site.test\r\n",
        b"Host: a@site.test\r\n",
        b"Host: site.test evil\r\n",
        b"Host: site.test, evil\r\n",
        b"Host : site.test\r\n",
    ] {
        add(all, format!("absolute form and {}", shown(hosts)), absolute(hosts), Refused);
    }
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
    for method in ["get", "Post"] {
        add(all, format!("method {method}"), whole(format!("{method} /p HTTP/1.1").as_bytes(), &[], b""), Refused);
    }
    for method in ["FOO", "PURGE", "propfind", "M-SEARCH"] {
        let bytes = whole(format!("{method} /p HTTP/1.1").as_bytes(), &[], b"");
        not_copied(all, format!("method {method}"), bytes, empty());
    }
}
