//! A sample as two command lines that ask both origins again.

use serde::{Deserialize, Serialize};

use super::{Sample, SampleRequest};

/// Ask legacy, ask new. Secrets stand as markers and are to be filled in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Curl {
    pub legacy: String,
    pub new: String,
}

/// What only says how the message travelled or what browser it was; a bug that depends on it shows it among the differences.
const LEFT_OUT: [&str; 15] = [
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "accept-encoding",
    "user-agent",
    "cache-control",
    "pragma",
    "priority",
    "dnt",
    "upgrade-insecure-requests",
    "te",
    "via",
    "forwarded",
    "traceparent",
];
const LEFT_OUT_PREFIXES: [&str; 4] = ["sec-", "x-forwarded-", "x-real-", "x-request-id"];

/// The command lines for origins at these addresses (`http://host:port`).
pub fn curl(sample: &Sample, legacy: &str, new: &str) -> Curl {
    let line = |origin: &str| command(&sample.request, origin);
    Curl { legacy: line(legacy), new: line(new) }
}

fn command(request: &SampleRequest, origin: &str) -> String {
    // Path bytes are sent as they are, and brackets in a query are no patterns.
    let mut line = String::from("curl -sS -g --path-as-is");
    let body = request.body.text.as_deref().filter(|text| !text.is_empty());
    line.push_str(match (request.method.as_str(), body) {
        ("HEAD", _) => " -I",
        _ => " -i",
    });
    if !matches!(request.method.as_str(), "GET" | "HEAD") {
        line.push_str(&format!(" -X {}", quoted(&request.method)));
    }
    line.push_str(&format!(" {}", quoted(&format!("{}{}", origin.trim_end_matches('/'), request.target))));
    line.push_str(&format!(" -H {}", quoted(&format!("Host: {}", request.host))));
    for (name, value) in request.headers.iter().filter(|(name, _)| is_shown(name)) {
        line.push_str(&format!(" -H {}", quoted(&format!("{name}: {value}"))));
    }
    if let Some(body) = body {
        line.push_str(&format!(" --data-binary {}", quoted(body)));
    }
    line
}

fn is_shown(header: &str) -> bool {
    !LEFT_OUT.contains(&header) && !LEFT_OUT_PREFIXES.iter().any(|prefix| header.starts_with(prefix))
}

/// As one word of a POSIX shell, whatever is in it.
fn quoted(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:=,@%+".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}
