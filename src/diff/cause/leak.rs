//! New shows where it lives: the address of a backend stands where legacy shows the host that users know.

use super::json_string;
use crate::diff::comparison::Kind;
use crate::diff::sink::Finding;

/// Whether a difference is that of a host that only the operator should see, in a value, a text, an attribute or a header.
pub fn is_leak(finding: &Finding, host: &str) -> bool {
    if host.is_empty() || !matches!(finding.kind, Kind::Value | Kind::Text | Kind::Attribute | Kind::Header) {
        return false;
    }
    let (Some(control), Some(candidate)) = (&finding.control, &finding.candidate) else { return false };
    let (control, candidate) = (&*control.text(), &*candidate.text());
    if !control.contains(host) || control.len().max(candidate.len()) > super::LONGEST {
        return false;
    }
    match (json_string(control), json_string(candidate)) {
        (Some(old), Some(new)) => stands_in_place(host, &old, &new),
        _ => stands_in_place(host, control, candidate),
    }
}

/// Whether the texts are one but for the scheme and the host, and the host has become a backend's.
fn stands_in_place(host: &str, control: &str, candidate: &str) -> bool {
    let plain = |text: &str| text.replace("https://", "http://").replace("https:\\/\\/", "http:\\/\\/");
    let (old, new) = (plain(control), plain(candidate));
    let Some((before, _)) = old.split_once(host) else { return false };
    let Some(rest) = new.strip_prefix(before) else { return false };
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-._:[]".contains(c))).unwrap_or(rest.len());
    let shown = rest.get(..end).unwrap_or_default().trim_end_matches(['.', ':']);
    shown != host && is_backend(shown, host) && old.replace(host, shown) == new
}

/// An address, a port, or a name that no public zone has; the public host with a port is one too.
fn is_backend(shown: &str, host: &str) -> bool {
    const PRIVATE: [&str; 10] =
        ["internal", "local", "localhost", "localdomain", "lan", "corp", "intranet", "svc", "test", "private"];
    let (name, port) = match shown.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => (name, Some(port)),
        _ => (shown, None),
    };
    let is_address = name.starts_with('[') || is_dotted_quad(name);
    let last = name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    let is_private = PRIVATE.contains(&last.as_str()) || (!name.contains('.') && port.is_some());
    let on_other_port = port.is_some_and(|port| !matches!(port, "80" | "443")) && !host.contains(':');
    !name.is_empty() && (is_address || is_private || on_other_port)
}

fn is_dotted_quad(name: &str) -> bool {
    name.split('.').count() == 4 && name.split('.').all(|part| part.parse::<u8>().is_ok())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::{Finding, Kind, is_leak};

    fn leaks(control: &str, candidate: &str) -> bool {
        is_leak(&Finding::new(Kind::Value, "/url").values(control, candidate), "site.example")
    }

    #[test]
    fn a_backend_in_the_place_of_the_site() {
        for new in
            ["127.0.0.1:8000", "new.internal", "localhost:3000", "[::1]:8000", "backend:8080", "site.example:8000"]
        {
            assert!(leaks("\"https:\\/\\/site.example\\/p\\/1\"", &format!("\"http://{new}/p/1\"")), "{new}");
            assert!(leaks(
                "see https://site.example/a and //site.example/b.",
                &format!("see http://{new}/a and //{new}/b.")
            ));
        }
        assert!(leaks("site.example", "10.0.0.7"));
    }

    #[test]
    fn another_site_or_another_text_is_no_leak() {
        assert!(!leaks("\"https://site.example/p/1\"", "\"https://www.site.example/p/1\""));
        assert!(!leaks("\"https://site.example/p/1\"", "\"http://127.0.0.1:8000/p/2\""));
        assert!(!leaks("\"https://cdn.example/p/1\"", "\"http://127.0.0.1:8000/p/1\""));
        assert!(!leaks("\"site.example\"", "\"backend\""));
    }
}
