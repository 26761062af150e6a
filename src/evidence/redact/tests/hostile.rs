//! Texts that are made to cost, and any text at all.

use proptest::prelude::*;

use super::*;

#[test]
fn no_nesting_is_too_deep() {
    for text in [
        "a=".repeat(100_000),
        "/x?a=".repeat(50_000),
        r#"{"key":"#.repeat(50_000),
        r#"{"code":["#.repeat(50_000),
        r#"{"token":["#.repeat(50_000),
    ] {
        redactor().text(&text);
    }
}

/// In time that grows with the page: each of these took minutes if it grew with its square.
#[test]
fn no_page_takes_long_to_read() {
    const MIB: usize = 1 << 20;
    for part in [
        "<a \"",
        "<a '",
        "<textarea>",
        "<select name=token>",
        "<option ",
        "csrf=\"",
        "token:`",
        "x=a=b",
        "\"key\":{",
        "\"token\":",
        "eyJeyJeyJ-",
        "://a:",
        "-----BEGIN PRIVATE KEY-----",
        "(\"token\",",
        "&quot;",
        "\\\"",
        "token = ",
        "<input name=csrf value=Ab1",
        "[\"token\",",
        "[\"token\",[",
        "[\"token\",'\\'",
        "\\x22token\\x22:",
        "\\u0022",
        "\\\\",
        "token:\\u0022",
        "\\u003ca ",
        "\\u003ca name=token value=\\u0022",
        "<td>Token</td>",
        "a>%</",
        "{'token':{'a':1,",
        "\"token\":{\"aB1aB1aB1\":",
        ",\"value\":",
    ] {
        let page = part.repeat(MIB / 4 / part.len());
        let begun = std::time::Instant::now();
        let redactor = having_read(&page);
        redactor.text(&page[..16 << 10]);
        let took = begun.elapsed();
        println!("{part:?} {took:?}");
        assert!(took.as_secs() < 10, "{part:?} takes {took:?}");
    }
}

/// What names, secrets and the places of both are made of.
const PARTS: &[&str] = &[
    "token",
    "max_tokens",
    "Aa1Bb2Cc3Dd4",
    "12",
    "\\",
    "\"",
    "'",
    "`",
    "x22",
    "u0022",
    "&quot;",
    "&#34;",
    "[",
    "]",
    "{",
    "}",
    ":",
    ",",
    "=",
    "(",
    " ",
    "\n",
    "<td>",
    "</td>",
    "<input name=",
    " value=",
    ">",
    "\\u003c",
    "\\u003e",
    "<textarea name=token>",
    "é",
    "\u{2028}",
    "%",
    "~1",
    "#",
    " > ",
];

proptest! {
    #[test]
    fn no_text_panics_and_a_second_time_changes_nothing(text in ".{0,200}") {
        let once = redactor().text(&text);
        prop_assert_eq!(redactor().text(&once), once);
    }

    #[test]
    fn no_heap_of_quotes_panics(parts in proptest::collection::vec(proptest::sample::select(PARTS), 0..60)) {
        let text = parts.concat();
        let redactor = having_read(&text);
        let cleaned = redactor.text(&text);
        prop_assert!(cleaned.len() <= text.len() * 20 + 20);
        redactor.difference(&difference("/token/x", &text, &cleaned));
        redactor.difference(&difference(&text, &text, &cleaned));
    }

    #[test]
    fn a_password_is_gone_from_any_json(before in "[a-z]{0,8}", secret in "[A-Za-z0-9]{12,20}", after in "\\PC{0,12}") {
        let body = serde_json::json!({ before.clone(): after, "nested": { "password": secret, "more": [after] } });
        for text in [body.to_string(), serde_json::to_string_pretty(&body).unwrap()] {
            prop_assert!(!redactor().text(&text).contains(&secret));
        }
    }
}
