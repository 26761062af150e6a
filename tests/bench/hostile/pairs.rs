//! Pairs of all kinds made to be expensive: each pulls at one place where a comparer could lose its bound. Pages are in a file of
//! their own.

use std::io::Write;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use matapalo::diff::Observation;

pub struct Pair {
    pub name: &'static str,
    pub control: Observation,
    pub candidate: Observation,
}

fn pair(name: &'static str, kind: &'static str, control: impl Into<Vec<u8>>, candidate: impl Into<Vec<u8>>) -> Pair {
    let side = |body: Vec<u8>| {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static(kind));
        headers.insert("date", HeaderValue::from_static("Tue, 02 Jan 2024 03:04:05 GMT"));
        Observation { status: StatusCode::OK, headers, body: body.into() }
    };
    Pair { name, control: side(control.into()), candidate: side(candidate.into()) }
}

const JSON: &str = "application/json";

/// Numbers that look drawn.
fn drawn(seed: usize) -> impl FnMut() -> usize {
    let mut state = seed as u64;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    }
}

fn shuffled(mut parts: Vec<String>) -> Vec<String> {
    let mut next = drawn(7);
    for at in (1..parts.len()).rev() {
        parts.swap(at, next() % (at + 1));
    }
    parts
}

/// As many parts as fill `size`.
fn parts(size: usize, part: impl Fn(usize) -> String) -> Vec<String> {
    let mut filled = 0;
    (0..)
        .map(part)
        .take_while(|part| {
            filled += part.len() + 1;
            filled <= size
        })
        .collect()
}

fn list(parts: &[String]) -> String {
    format!("[{}]", parts.join(","))
}

fn object(parts: &[String]) -> String {
    format!("{{{}}}", parts.join(","))
}

fn row(id: usize, v: usize) -> String {
    format!("{{\"id\":{id},\"name\":\"package {id}\",\"votes\":[{v},{}],\"url\":\"/p/{id}\"}}", v % 7)
}

pub const PAIRS: [fn(usize) -> Pair; 45] = [
    |size| {
        pair(
            "deep",
            JSON,
            format!("{}1{}", "[".repeat(size / 2), "]".repeat(size / 2)),
            format!("{}2{}", "[".repeat(size / 2), "]".repeat(size / 2)),
        )
    },
    |size| {
        let nest = |last: &str| {
            let level = parts(size / 110, |n| n.to_string()).join(",");
            format!("{}{last}{}", format!("[{level},").repeat(100), "]".repeat(100))
        };
        pair("nested lists, one more", JSON, nest("[1]"), nest("[0,1]"))
    },
    |size| {
        let nest = |shift: usize| {
            (0..100).fold("1".to_owned(), |inside, depth| {
                format!(
                    "[{},{inside},{}]",
                    list(&parts(size / 110, |n| (n + shift * depth).to_string())),
                    depth + shift
                )
            })
        };
        pair("nested lists, all new", JSON, nest(0), nest(1))
    },
    |size| {
        let keys = parts(size, |n| format!("\"key{n}\":{n}"));
        let other: Vec<String> = keys.iter().rev().cloned().collect();
        pair("keys reversed", JSON, object(&keys), object(&other))
    },
    |size| {
        let keys = parts(size, |n| format!("\"key{n}\":{n}"));
        pair("keys shuffled", JSON, object(&keys), object(&shuffled(keys.clone())))
    },
    |size| {
        pair(
            "keys renamed",
            JSON,
            object(&parts(size, |n| format!("\"key{n}\":{n}"))),
            object(&parts(size, |n| format!("\"kez{n}\":{n}"))),
        )
    },
    |size| {
        pair(
            "keys escaped",
            JSON,
            object(&parts(size, |n| format!("\"\\u006bey{n}\":{n}"))),
            object(&parts(size, |n| format!("\"k\\u0065y{n}\":{}", n + 1))),
        )
    },
    |size| {
        let same = parts(size, |n| format!("\"a\":{n}"));
        let other: Vec<String> = same.iter().rev().cloned().collect();
        pair("one key many times", JSON, object(&same), object(&other))
    },
    |size| {
        let numbers = parts(size, |n| n.to_string());
        pair("numbers shuffled", JSON, list(&numbers), list(&shuffled(numbers.clone())))
    },
    |size| {
        let numbers = |seed| {
            let mut next = drawn(seed);
            let all: Vec<String> = (0..size / 2).map(|_| (next() % 10).to_string()).collect();
            list(&all)
        };
        pair("digits at random", JSON, numbers(1), numbers(2))
    },
    |size| {
        let rows = parts(size, |n| row(n, n));
        pair("rows shuffled", JSON, list(&rows), list(&shuffled(rows.clone())))
    },
    |size| pair("rows all changed", JSON, list(&parts(size, |n| row(n, n))), list(&parts(size, |n| row(n, n + 1)))),
    |size| {
        pair(
            "rows all new",
            JSON,
            list(&parts(size, |n| row(n, n))),
            list(&parts(size, |n| row(n * 3 + 1_000_000, n + 1))),
        )
    },
    |size| {
        let rows = parts(size, |n| row(n, n));
        pair("one row more", JSON, list(rows.get(1..).unwrap_or_default()), list(&rows))
    },
    |size| {
        pair("one long string", JSON, format!("[\"{}a\"]", "x".repeat(size)), format!("[\"{}b\"]", "x".repeat(size)))
    },
    |size| {
        pair(
            "one long string escaped",
            JSON,
            format!("[\"{}a\"]", "\\u00eb".repeat(size / 6)),
            format!("[\"{}b\"]", "ë".repeat(size / 6)),
        )
    },
    |size| {
        let texts = |end: &str| list(&parts(size, |n| format!("\"{}{}{end}\"", "lorem ipsum ".repeat(80), n % 10)));
        pair("strings nearly equal", JSON, texts("a"), texts("b"))
    },
    |size| pair("one long number", JSON, format!("[{}1]", "7".repeat(size)), format!("[{}2]", "7".repeat(size))),
    |size| {
        pair(
            "long numbers",
            JSON,
            list(&parts(size, |n| format!("0.{}{n}", "3".repeat(400)))),
            list(&parts(size, |n| format!("0.{}{n}0", "3".repeat(400)))),
        )
    },
    |size| {
        let rows = parts(size, |n| row(n, n));
        pair("JSON lines shuffled", "application/x-ndjson", rows.join("\n"), shuffled(rows.clone()).join("\n"))
    },
    |size| {
        pair(
            "cut at the end",
            JSON,
            list(&parts(size, |n| row(n, n))),
            list(&parts(size, |n| row(n, n))).trim_end_matches(']').to_owned(),
        )
    },
    |size| {
        pair(
            "text, all lines",
            "text/plain",
            parts(size, |n| format!("line {n}")).join("\n"),
            parts(size, |n| format!("line {}", n + 1)).join("\n"),
        )
    },
    |size| {
        pair(
            "text, one line",
            "text/plain",
            format!("{}a", "x y ".repeat(size / 4)),
            format!("{}b", "x y ".repeat(size / 4)),
        )
    },
    |size| pair("bytes", "image/png", vec![1; size], vec![2; size]),
    |size| bomb("bomb gzip", "gzip", &gzip(&vec![b'a'; size * 64]), &gzip(&vec![b'b'; size * 64])),
    |size| bomb("bomb br", "br", &brotli(&vec![b'a'; size * 64]), &brotli(&vec![b'b'; size * 64])),
    |size| bomb("bomb zstd", "zstd", &zstandard(&vec![b'a'; size * 64]), &zstandard(&vec![b'b'; size * 64])),
    |_| headers(),
    |size| pair("strings all changed", JSON, list(&words(size, "a")), list(&words(size, "b"))),
    |size| {
        let dates = |year: usize| list(&parts(size, |n| format!("\"{year}-01-02 03:04:{:02}\"", n % 60)));
        pair("dates all changed", JSON, dates(2024), dates(2025))
    },
    |size| pair("nulls lost", JSON, object(&parts(size, |n| format!("\"k{n}\":null"))), "{}"),
    |size| pair("numbers lost", JSON, list(&parts(size, |n| n.to_string())), "[]"),
    |size| {
        let numbers = parts(size, |n| n.to_string());
        let mut moved = numbers.clone();
        let last = moved.len() - 1;
        moved.swap(5, 9);
        moved.swap(last - 5, last - 9);
        pair("four numbers moved", JSON, list(&numbers), list(&moved))
    },
    |size| {
        let texts = |text: &str| list(&parts(size, |n| format!("\"{}{n}\"", text.repeat(700))));
        pair("long texts", JSON, texts("a &amp; b%20c \\u00e9 "), texts("a & b c \\u00e8 "))
    },
    |size| pair("new lines", "text/plain", "\n".repeat(size) + "a", "\n".repeat(size - 9) + "b"),
    |size| {
        let ones = |one: &str, last: &str| format!("[{}{last}]", one.repeat(size / 2));
        pair("ones and twos", JSON, ones("1,", "1"), ones("2,", "2"))
    },
    |size| {
        let commas = |last: &str| format!("[\"{}\",{last}]", ",".repeat(size));
        pair("commas in a string", JSON, commas("1"), commas("2,3"))
    },
    |size| pair("nested lists, turned", JSON, nested(size, "\\/", "[0,1]"), nested(size, "\\/", "[1,0]")),
    |size| pair("nested lists, spelled", JSON, nested(size, "\\/", "[0,1]"), nested(size, "/", "[1,0,7]")),
    |size| {
        let filler = "x".repeat(size / 130);
        let nest = |a: &str, b: &str| {
            (0..60).fold("1".to_owned(), |inside, _| {
                format!("[{{\"{a}\":\"{filler}\",\"{b}\":{inside},\"c\":\"{filler}\"}}]")
            })
        };
        pair("nested, keys turned", JSON, nest("a", "b"), nest("b", "a"))
    },
    |size| {
        let long = format!("\"{}\"", "\\u00e9".repeat(size / 6));
        let nest = |by: usize| (0..100).fold(long.clone(), |inside, at| format!("[{at},{inside},{}]", at + by));
        pair("lists around a string", JSON, nest(0), nest(1))
    },
    |size| {
        let words = |word: &str| object(&parts(1000, |n| format!("\"{word}{n}\":\"value {n}\"")));
        let objects = |word: &str| list(&parts(size, |_| words(word)));
        pair("objects of new keys", JSON, objects("key"), objects("other"))
    },
    |size| unpacked("rows in gzip", "gzip", size, gzip),
    |size| unpacked("rows in br", "br", size, brotli),
    |size| unpacked("rows in zstd", "zstd", size, zstandard),
];

fn words(size: usize, start: &str) -> Vec<String> {
    parts(size, |n| format!("\"{start}{n}\""))
}

/// Lists in lists, a hundred and twenty deep.
fn nested(size: usize, slash: &str, innermost: &str) -> String {
    let level = parts(size / 130, |n| format!("\"{slash}{n}\"")).join(",");
    format!("{}{innermost}{}", format!("[{level},").repeat(120), "]".repeat(120))
}

/// As large as `size` when it is unpacked, and not a bomb.
fn unpacked(name: &'static str, coding: &'static str, size: usize, pack: fn(&[u8]) -> Vec<u8>) -> Pair {
    let rows = |by: usize| list(&parts(size, |n| row(n.wrapping_mul(2_654_435_761) % 1_000_003, n + by)));
    bomb(name, coding, &pack(rows(0).as_bytes()), &pack(rows(1).as_bytes()))
}

fn bomb(name: &'static str, coding: &'static str, control: &[u8], candidate: &[u8]) -> Pair {
    let mut pair = pair(name, JSON, control, candidate);
    for side in [&mut pair.control, &mut pair.candidate] {
        side.headers.insert("content-encoding", HeaderValue::from_static(coding));
    }
    pair
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).ok();
    encoder.finish().unwrap_or_default()
}

fn brotli(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    brotli::CompressorWriter::new(&mut out, 4096, 1, 20).write_all(bytes).ok();
    out
}

fn zstandard(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap_or_default()
}

/// What fits into a head of 64 KiB, all of it different.
fn headers() -> Pair {
    let mut pair = pair("headers and cookies", JSON, "{}", "{}");
    for (side, mark) in [(&mut pair.control, "a"), (&mut pair.candidate, "b")] {
        for n in 0..300 {
            let name = HeaderName::try_from(format!("x-{mark}-{n}"));
            let cookie = HeaderValue::try_from(format!("c{n}={mark}{n}; path=/; Max-Age={n}; SameSite=Lax"));
            if let (Ok(name), Ok(cookie)) = (name, cookie) {
                side.headers.append(name, HeaderValue::from_static("value"));
                side.headers.append("set-cookie", cookie);
            }
        }
        let many = |word: &str| HeaderValue::try_from(parts(8000, |n| format!("{word}{mark}{n}")).join(", "));
        for (name, word) in
            [("vary", "x-"), ("link", "</n>; rel=r"), ("content-security-policy", "d 'self' "), ("accept-ch", "")]
        {
            if let Ok(value) = many(word) {
                side.headers.append(name, value);
            }
        }
    }
    pair
}
