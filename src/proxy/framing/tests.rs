#![allow(clippy::unwrap_used)]

use super::*;

const CHUNKED: &str = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
/// Bytes of a head.
const LONGEST: usize = 1 << 10;
const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// What is left of the bytes when they come in pieces of this size.
fn checked(bytes: &[u8], piece: usize) -> Vec<u8> {
    let mut framing = Framing::new(LONGEST);
    let mut out = bytes.to_vec();
    out.chunks_mut(piece).for_each(|piece| framing.check(piece));
    out
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
    for piece in [1, 2, 3, 11, lines.len()] {
        let (mut framing, mut out, mut masked) = (Framing::new(LONGEST), lines.clone(), Vec::new());
        for piece in out.chunks_mut(piece) {
            framing.check(piece);
            masked.extend(framing.take_masked());
        }
        assert_eq!(String::from_utf8_lossy(&out), format!("{GET}{even}G\"T a<b> HTTP/1.1\r\n\r\n"), "in {piece}s");
        assert_eq!(masked, [Masked { request: 2, target: b"/\xe9?q=\"<`>\xc3\xa9\"".to_vec() }]);
    }
    let absolute = "POST HTTP://a/\u{e9} HTTP/1.1\r\nContent-Length: 4\r\n\r\nhttpPOST a:80 HTTP/1.1\r\n\r\n";
    for piece in [1, 4, absolute.len()] {
        let (mut framing, mut out, mut masked) = (Framing::new(LONGEST), absolute.as_bytes().to_vec(), Vec::new());
        for piece in out.chunks_mut(piece) {
            framing.check(piece);
            masked.extend(framing.take_masked());
        }
        let shown = absolute.replace("HTTP://a/\u{e9}", "/TTP://a/__");
        assert_eq!(String::from_utf8_lossy(&out), shown, "in {piece}s");
        assert_eq!(masked, [Masked { request: 1, target: "HTTP://a/\u{e9}".into() }]);
    }
    assert_eq!(target::spelled(b"/\xe9\"`<>?\"`<>\xff"), b"/\xe9\"%60%3C%3E?%22`%3C%3E\xff");
}

#[test]
fn after_an_upgrade_the_bytes_are_nobodys_business() {
    passes("GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n\u{81}\0 \n\n\r\n \n x\n");
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
        bytes.to_vec().chunks_mut(piece).for_each(|piece| framing.check(piece));
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
    let spoilt = |bytes: &[u8], piece: usize| checked(bytes, piece).ends_with(b"\r\r\r");
    for piece in [100, most * 4] {
        assert!(!spoilt(format!("{}{GET}", head(most - 100).repeat(3)).as_bytes(), piece), "in {piece}s");
        assert!(spoilt(format!("{GET}{}", head(most + 100)).as_bytes(), piece), "in {piece}s");
        assert!(spoilt(format!("GET / HTTP/1.1\r\n{}", "X: y\r\n".repeat(most / 6)).as_bytes(), piece), "in {piece}s");
        assert!(spoilt("\r\n".repeat(most).as_bytes(), piece), "in {piece}s");
    }
}
