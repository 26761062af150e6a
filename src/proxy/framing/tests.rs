#![allow(clippy::unwrap_used)]

use super::*;

const CHUNKED: &str = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
/// Bytes of a head.
const LONGEST: usize = 1 << 10;
const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// What the library is shown of bytes that come in pieces of this size, and what is withheld.
fn shown(framing: &mut Framing, bytes: &[u8], piece: usize) -> (Vec<u8>, Vec<Withheld>) {
    let (mut out, mut withheld) = (Vec::new(), Vec::new());
    for piece in bytes.to_vec().chunks_mut(piece) {
        let shown = framing.check(piece);
        out.extend_from_slice(&piece[..shown]);
        while framing.has_to_show() {
            let mut room = [0; 5];
            let mut room = ReadBuf::new(&mut room);
            framing.show(&mut room);
            out.extend_from_slice(room.filled());
        }
        withheld.extend(framing.take_withheld());
    }
    (out, withheld)
}

fn checked(bytes: &[u8], piece: usize) -> Vec<u8> {
    shown(&mut Framing::new(LONGEST), bytes, piece).0
}

fn passes(bytes: impl AsRef<[u8]>) {
    let bytes = bytes.as_ref();
    for piece in [1, 2, 3, 7, bytes.len()] {
        assert_eq!(String::from_utf8_lossy(&checked(bytes, piece)), String::from_utf8_lossy(bytes), "in {piece}s");
    }
}

/// The part from `bad` on does not come through, and nothing that follows it.
fn is_spoilt(good: &str, bad: &str) {
    let whole = format!("{good}{bad}{GET}");
    for piece in [1, 2, 5, whole.len()] {
        let out = checked(whole.as_bytes(), piece);
        assert!(out.starts_with(&good.as_bytes()[..good.len() - 1]), "{bad:?} in {piece}s spoilt what came before");
        assert!(out.ends_with(&vec![b'\r'; GET.len()]), "{bad:?} in {piece}s: {}", String::from_utf8_lossy(&out));
    }
}

#[test]
fn sound_requests_pass_in_pieces_of_any_size_one_after_the_other() {
    passes(format!("{GET}{GET}"));
    passes(format!("\r\n\r\n{GET}\r\n{GET}"));
    passes(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\n\0 \n\r\n x{GET}"));
    passes(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3, 3\r\n\r\n\n\n\n{GET}"));
    passes(format!(
        "{CHUNKED}5\r\n\n\0\r\n\r\r\n00A;a=\"b\"\r\n0123456789\r\n3 ; x\r\nabc\r\n0\r\nX-T: v\r\n\r\n{GET}"
    ));
    passes("GET / HTTP/1.1\nHost: a\nX: y\n\nGET / HTTP/1.0\n\n");
}

#[test]
fn what_the_library_would_refuse_is_masked_and_kept() {
    let odd = b"GET /\xe9?q=\"<`>\xc3\xa9\" HTTP/1.1\r\nHost: \"a\"\r\n\r\n";
    let even = "GET /_?q=_______ HTTP/1.1\r\nHost: \"a\"\r\n\r\n";
    let lines = [GET.as_bytes(), odd, b"G\"T a<b> HTTP/1.1\r\n\r\n"].concat();
    let masked = |request, target: &[u8]| Withheld { request, target: Some(target.to_vec()), ..Withheld::default() };
    for piece in [1, 2, 3, 11, lines.len()] {
        let (out, withheld) = shown(&mut Framing::new(LONGEST), &lines, piece);
        assert_eq!(String::from_utf8_lossy(&out), format!("{GET}{even}G\"T a<b> HTTP/1.1\r\n\r\n"), "in {piece}s");
        assert_eq!(withheld, [masked(2, b"/\xe9?q=\"<`>\xc3\xa9\"")]);
    }
    let absolute = "POST HTTP://a/\u{e9} HTTP/1.1\r\nContent-Length: 4\r\n\r\nhttpPOST a:80 HTTP/1.1\r\n\r\n";
    for piece in [1, 4, absolute.len()] {
        let (out, withheld) = shown(&mut Framing::new(LONGEST), absolute.as_bytes(), piece);
        let even = absolute.replace("HTTP://a/\u{e9}", "/TTP://a/__");
        assert_eq!(String::from_utf8_lossy(&out), even, "in {piece}s");
        assert_eq!(withheld, [masked(1, "HTTP://a/\u{e9}".as_bytes())]);
    }
}

/// `X-0: v0` and so on.
fn header_lines(numbers: std::ops::Range<u32>, end: &str) -> String {
    numbers.map(|number| format!("X-{number}:  v{number}\t{end}")).collect()
}

#[test]
fn lines_beyond_those_that_the_library_reads_are_withheld_but_for_those_that_it_needs() {
    for end in ["\r\n", "\n"] {
        let request_line = format!("POST / HTTP/1.1{end}");
        let needed = format!("host: a{end}CONTENT-Length: 5{end}Connection:close{end}Expect: x{end}upgraded: no{end}");
        let body = format!("a{end}b: cX").as_bytes()[..5].to_vec();
        let (begins, beyond) = (header_lines(0..SHOWN_LINES, end), header_lines(SHOWN_LINES..3_000, end));
        let rest = [end.as_bytes(), &body, GET.as_bytes()].concat();
        let whole = [request_line.as_bytes(), begins.as_bytes(), beyond.as_bytes(), needed.as_bytes(), &rest].concat();
        let needed = needed.replace(&format!("upgraded: no{end}"), "");
        let seen = [request_line.as_bytes(), begins.as_bytes(), needed.as_bytes(), &rest].concat();
        for piece in [1, 2, 3, 7, 100, 4096, whole.len()] {
            let (out, withheld) = shown(&mut Framing::new(1 << 17), &whole, piece);
            assert_eq!(String::from_utf8_lossy(&out), String::from_utf8_lossy(&seen), "in {piece}s");
            let alone: Vec<_> = withheld.iter().map(|withheld| (withheld.request, &withheld.target)).collect();
            assert_eq!(alone, [(1, &None)]);
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            let lines: Vec<_> = withheld[0].lines.iter().map(|(name, value)| (text(name), text(value))).collect();
            assert_eq!(lines.len(), 2_801);
            assert_eq!(lines[7], ("X-207".to_owned(), "v207".to_owned()));
            assert_eq!(lines[2_800], ("upgraded".to_owned(), "no".to_owned()));
        }
    }
}

#[test]
fn what_is_withheld_is_looked_at_no_less() {
    let many = format!("POST / HTTP/1.1\r\n{}", header_lines(0..SHOWN_LINES + 50, "\r\n"));
    let shown_of_it = format!("POST / HTTP/1.1\r\n{}", header_lines(0..SHOWN_LINES, "\r\n"));
    for bad in [
        "X : y\r\n",
        " folded\r\n",
        "\tfolded\r\n",
        ": y\r\n",
        "no colon\r\n",
        "X: a\rb\r\n",
        "X: \0\r\n",
        "X: y\n",
        "\n",
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
    ] {
        let whole = format!("{many}{bad}{GET}");
        for piece in [1, 3, 4096, whole.len()] {
            let out = shown(&mut Framing::new(1 << 16), whole.as_bytes(), piece).0;
            let out = String::from_utf8(out).unwrap();
            let rest = out.strip_prefix(shown_of_it.trim_end()).unwrap();
            assert!(rest.contains("\r\r") && !rest.contains("GET"), "{bad:?} in {piece}s: {rest:?}");
        }
    }
    let unsound = format!("{many}{}", header_lines(0..20_000, "\r\n"));
    let out = shown(&mut Framing::new(1 << 16), unsound.as_bytes(), 4096).0;
    assert!(out.ends_with(b"\r\r"), "longer than a head may be");
}

#[test]
fn after_an_upgrade_the_bytes_are_nobodys_business() {
    passes("GET / HTTP/1.1\r\nContent-Length: 1\r\nUpgrade: websocket\r\n\r\n\u{81}\0 \n\n\r\n \n x\n");
}

#[test]
fn what_follows_a_request_for_another_protocol_is_shown_only_if_it_is_to_be() {
    const BEYOND: &[u8] = b"\x81\0 \n\n\r\n \n x\n";
    for lines in [3, SHOWN_LINES + 50] {
        let head = format!("GET / HTTP/1.1\r\n{}Upgrade: websocket\r\n\r\n", header_lines(0..lines, "\r\n"));
        let whole = [head.as_bytes(), BEYOND].concat();
        for piece in [1, 2, 3, 7, 100, whole.len()] {
            let mut framing = Framing::new(1 << 17);
            let out = shown(&mut framing, &whole, piece).0;
            assert!(out.ends_with(b"Upgrade: websocket\r\n\r\n"), "{}", String::from_utf8_lossy(&out));
            assert!(framing.is_beyond() && framing.beyond() == BEYOND, "in {piece}s");
            framing.show_beyond();
            let mut room = [0; 64];
            let mut room = ReadBuf::new(&mut room);
            framing.show(&mut room);
            assert_eq!(room.filled(), BEYOND);
            assert_eq!(shown(&mut framing, BEYOND, piece).0, BEYOND, "and what comes from now on");
        }
    }
}

#[test]
fn what_can_be_read_in_two_ways_is_spoilt() {
    is_spoilt(GET, "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n");
    is_spoilt(GET, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n");
    is_spoilt(GET, "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n");
    is_spoilt(GET, "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n");
    is_spoilt(GET, "GET #/a HTTP/1.1\r\nHost: a\r\n\r\n");
    is_spoilt(GET, "GET /\r\nHost: a\r\n\r\n");
    is_spoilt("POST / HTTP/1.1\r\nContent-Length: 9223372036854775808\r", "\n\r\n");
    is_spoilt("GET / HTTP/1.1\r\nHost: a\r\nX: y", "\nTransfer-Encoding: chunked\r\n\r\n");
    is_spoilt("GET / HTTP/1.1\nHost: a", "\r\n\n");
    is_spoilt("POST / HTTP/1.1\r\nContent-Length: 4\r\ntransfer-encoding: chunked\r", "\n\r\n");
    for chunk in [
        "\r\n",
        " \r\n",
        ";x\r\n",
        " 5\r\n",
        "5 \r\n",
        "5\n",
        "5;a\nhello\r\n",
        "5;\0\r\n",
        "+5\r\n",
        "-5\r\n",
        "0x5\r\n",
        "5_\r\n",
        "5\r\nhello!",
        "5\r\nhello\n",
        "0\r\nGET / HTTP/1.1 x\r\n",
        "0\r\nX: y\n\r\n",
        "0\r\nX : y\r\n",
        "0\r\n y\r\n",
        "0\r\n: y\r\n",
        "0\r\nX: \0\r\n",
        "0\n\n",
        "0\r\n\n",
        "00000000000000005\r\n",
        "8000000000000000\r\n",
        "ffffffffffffffff\r\n",
    ] {
        let whole = format!("{CHUNKED}{chunk}{GET}");
        for piece in [1, 3, whole.len()] {
            let out = checked(whole.as_bytes(), piece);
            assert!(out.starts_with(CHUNKED.as_bytes()) || chunk.len() < 2, "{chunk:?}");
            assert!(out.ends_with(&vec![b'\r'; GET.len() - 2]), "{chunk:?}: {}", String::from_utf8_lossy(&out));
        }
    }
}

#[test]
fn a_line_between_chunks_has_a_bound() {
    let whole = format!("{CHUNKED}1;{}", "x".repeat(20_000));
    let out = checked(whole.as_bytes(), 1000);
    assert!(out.ends_with(b"\r\r\r\r"));
    let whole = format!("{whole}\r\na\r\n0\r\n\r\n{GET}");
    for piece in [1, 1000, whole.len()] {
        assert!(checked(whole.as_bytes(), piece).ends_with(b"\r\r\r\r"), "in {piece}s");
    }
}

mod laws {
    use proptest::prelude::*;

    use super::*;

    fn is_refused(bytes: &[u8], piece: usize) -> bool {
        let mut framing = Framing::new(LONGEST);
        shown(&mut framing, bytes, piece);
        framing.state == State::Spoilt
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(bytes in "(GET|POST) /[a b]{0,2} HTTP/1.1\r?\n(Content-Length: [0-9]\r\n)?(Transfer-Encoding: chunked\r\n)?\r?\n([0-9a;\r\n \0]{0,40})", piece in 1usize..9) {
            prop_assert_eq!(is_refused(bytes.as_bytes(), usize::MAX), is_refused(bytes.as_bytes(), piece));
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), piece in 1usize..50) {
            checked(&bytes, piece);
        }
    }
}

#[test]
fn a_head_that_is_far_too_long_is_not_waited_for_and_each_head_counts_anew() {
    let most = LONGEST + LEEWAY;
    let head = |bytes: usize| format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(bytes - 24));
    let spoilt = |bytes: &[u8], piece: usize| checked(bytes, piece).ends_with(b"\r\r");
    for piece in [100, most * 4] {
        assert!(!spoilt(format!("{}{GET}", head(most - 100).repeat(3)).as_bytes(), piece), "in {piece}s");
        assert!(spoilt(format!("{GET}{}", head(most + 100)).as_bytes(), piece), "in {piece}s");
        assert!(spoilt(format!("GET / HTTP/1.1\r\n{}", "X: y\r\n".repeat(most / 6)).as_bytes(), piece), "in {piece}s");
        assert!(spoilt("\r\n".repeat(most).as_bytes(), piece), "in {piece}s");
    }
}
