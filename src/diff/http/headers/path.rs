//! What a header is called in a report: `cache-control` → `header:Cache-Control`.

use std::borrow::Cow;

/// The path of a header, by its name in lower case.
pub(super) fn path(name: &str) -> Cow<'static, str> {
    usual(name).map_or_else(|| written(name).into(), Cow::Borrowed)
}

/// Those of which nearly every pair tells something, ready made.
fn usual(name: &str) -> Option<&'static str> {
    Some(match name {
        "age" => "header:Age",
        "connection" => "header:Connection",
        "content-encoding" => "header:Content-Encoding",
        "content-length" => "header:Content-Length",
        "date" => "header:Date",
        "etag" => "header:ETag",
        "keep-alive" => "header:Keep-Alive",
        "last-modified" => "header:Last-Modified",
        "server" => "header:Server",
        "server-timing" => "header:Server-Timing",
        "transfer-encoding" => "header:Transfer-Encoding",
        "vary" => "header:Vary",
        "via" => "header:Via",
        "x-powered-by" => "header:X-Powered-By",
        "x-process-time" => "header:X-Process-Time",
        "x-request-id" => "header:X-Request-Id",
        "x-runtime" => "header:X-Runtime",
        _ => return None,
    })
}

fn written(name: &str) -> String {
    let mut path = String::from("header");
    for (at, word) in name.split('-').enumerate() {
        path.push(if at == 0 { ':' } else { '-' });
        match word {
            "etag" => path.push_str("ETag"),
            "www" | "csp" | "xss" => path.extend(word.chars().map(|c| c.to_ascii_uppercase())),
            _ => {
                let mut letters = word.chars();
                path.extend(letters.next().map(|first| first.to_ascii_uppercase()));
                path.push_str(letters.as_str());
            }
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::{path, usual, written};

    #[test]
    fn each_word_begins_with_a_capital() {
        for (name, wanted) in [
            ("cache-control", "header:Cache-Control"),
            ("www-authenticate", "header:WWW-Authenticate"),
            ("x-xss-protection", "header:X-XSS-Protection"),
            ("x--odd-", "header:X--Odd-"),
        ] {
            assert_eq!(path(name), wanted);
        }
    }

    #[test]
    fn what_is_ready_made_is_as_it_would_be_written() {
        for name in [
            "age",
            "connection",
            "content-encoding",
            "content-length",
            "date",
            "etag",
            "keep-alive",
            "last-modified",
            "server",
            "server-timing",
            "transfer-encoding",
            "vary",
            "via",
            "x-powered-by",
            "x-process-time",
            "x-request-id",
            "x-runtime",
        ] {
            assert_eq!(usual(name), Some(written(name).as_str()), "{name}");
        }
    }
}
