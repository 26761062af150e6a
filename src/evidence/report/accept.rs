//! The entry that would accept a difference, ready to paste below `accept:` in the route's `diff:` block.

use crate::diff::rules::At;

/// `{at: header:X-Frame-Options, is: "DENY", reason: …}` for a difference at a place; `None`: no place says it.
///
/// A header and a cookie attribute is accepted with the value that new gives, if all pairs have it; elsewhere values vary.
pub fn line(path: &str, candidate: Option<&str>) -> Option<String> {
    let place = place(path)?;
    let wanted = match candidate {
        Some(value) if has_one_value(path) && !value.contains(['…', '*']) && !value.contains("REDACTED-") => {
            format!(", is: {}", quoted(value))
        }
        _ => String::new(),
    };
    Some(format!("{{at: {}{wanted}, reason: \"WHY\"}}", quoted_if_needed(&place)))
}

/// The place as the config writes it.
fn place(path: &str) -> Option<String> {
    let named = path.starts_with('/') || path.starts_with("header:") || path.starts_with("cookie:");
    let place = match path {
        "" => "body".to_owned(),
        "status" | "body" => path.to_owned(),
        _ if path.starts_with('/') => members(path),
        _ if named => path.to_owned(),
        // An id whose numbers are collapsed is no id any more.
        _ if path.contains('*') => return None,
        _ => format!("css:{path}"),
    };
    At::parse(&place).is_ok().then_some(place)
}

/// A rule knows whole members and `*`.
fn members(path: &str) -> String {
    let told = path.split('/').map(|member| if member.contains('*') { "*" } else { member });
    told.collect::<Vec<_>>().join("/")
}

/// Headers and statuses are the same on every response, unless they are about the request.
fn has_one_value(path: &str) -> bool {
    path == "status" || path.strip_prefix("header:").is_some_and(|name| !name.eq_ignore_ascii_case("location"))
}

fn quoted(value: &str) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// YAML's flow style reads these otherwise.
fn quoted_if_needed(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '/' | ':' | '-' | '_' | '.' | '*' | '~');
    if text.chars().all(is_plain) && !text.ends_with(':') { text.to_owned() } else { quoted(text) }
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn each_place_as_the_config_writes_it() {
        for (path, value, wanted) in [
            ("header:X-Frame-Options", Some("DENY"), r#"{at: header:X-Frame-Options, is: "DENY", reason: "WHY"}"#),
            ("header:X-Frame-Options", None, r#"{at: header:X-Frame-Options, reason: "WHY"}"#),
            ("/results/*/Votes", Some("1"), r#"{at: /results/*/Votes, reason: "WHY"}"#),
            ("/map/pkg-*/n", None, r#"{at: /map/*/n, reason: "WHY"}"#),
            ("", Some("{}"), r#"{at: body, reason: "WHY"}"#),
            ("status", Some("404"), r#"{at: status, is: "404", reason: "WHY"}"#),
            ("cookie:SID", Some("x"), r#"{at: cookie:SID, reason: "WHY"}"#),
            ("#list > li", Some("x"), r##"{at: "css:#list > li", reason: "WHY"}"##),
        ] {
            assert_eq!(line(path, value).as_deref(), Some(wanted));
        }
        assert_eq!(line("#row-* > td", None), None);
    }
}
