//! What the operator wrote beside the preset, entry by entry: each is counted under its own name, so that the report can say which
//! entries do nothing and which do too much.

use serde::{Deserialize, Serialize};

use super::spec::AcceptSpec;
use super::{At, Class, Rule, Rules};

/// One entry of a `diff:` block that silences something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnRule {
    /// `ignore: /results`, `accept: header:Vary`, `unordered: /results`, `match_by: /results`, `numeric_strings`.
    pub name: String,
    /// `ignore`, `accept`, `unordered`, `match_by`, `option`.
    pub class: String,
    /// The place, where it names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Last day, `2026-12-31`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// First second at which it no longer holds, Unix time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<i64>,
}

impl OwnRule {
    fn new(class: &str, name: String, at: Option<String>) -> Self {
        Self { name, class: class.to_owned(), at, reason: None, until: None, expires: None }
    }
}

impl Rules {
    /// The operator's own entries, in the order of their sorts.
    pub fn own(&self) -> Vec<OwnRule> {
        let ignored = self.ignore.iter().map(|(at, written)| {
            let place = written_place(at, written);
            OwnRule::new("ignore", format!("ignore: {place}"), Some(place))
        });
        let accepted = self.accept.iter().map(|accept| OwnRule {
            reason: Some(accept.reason.clone()),
            until: accept.spec.until.clone(),
            expires: accept.expires,
            ..OwnRule::new("accept", accept.label.clone(), Some(accept.spec.at.clone()))
        });
        let unordered = self.unordered.iter().map(|at| {
            let place = pointer(at);
            OwnRule::new("unordered", format!("unordered: {place}"), Some(place))
        });
        let matched = self.match_by.iter().map(|(at, _)| {
            let place = pointer(at);
            OwnRule::new("match_by", format!("match_by: {place}"), Some(place))
        });
        let options = Rule::ALL.iter().filter(|rule| rule.class() == Class::Optional && self.is_on(**rule));
        let options = options.map(|rule| OwnRule::new("option", rule.name().to_owned(), None));
        ignored.chain(accepted).chain(unordered).chain(matched).chain(options).collect()
    }

    /// The name of the `match_by` or `unordered` entry for the array at a pointer.
    pub fn array_entry(&self, path: &str) -> Option<String> {
        let keyed = self.match_by.iter().find(|(at, _)| at.is(path)).map(|(at, _)| ("match_by", at));
        let entry = keyed.or_else(|| self.unordered.iter().find(|at| at.is(path)).map(|at| ("unordered", at)));
        entry.map(|(class, at)| format!("{class}: {}", pointer(at)))
    }

    /// The CSS selectors of `accept: [{at: css:…}]`, each with its place in [`Rules::accepts`].
    pub fn accepted_selectors(&self) -> impl Iterator<Item = (usize, &str)> {
        self.accept.iter().enumerate().filter_map(|(index, accept)| match &accept.at {
            At::Css(selector) => Some((index, selector.as_str())),
            _ => None,
        })
    }
}

/// Two entries for one place are told apart by what they want there.
pub(super) fn accept_label(spec: &AcceptSpec) -> String {
    let wants = |word: &str, value: &Option<String>| {
        value.as_ref().map_or_else(String::new, |value| format!(" {word} {value:?}"))
    };
    format!("accept: {}{}{}", spec.at, wants("was", &spec.was), wants("is", &spec.is))
}

fn written_place(at: &At, written: &str) -> String {
    match at {
        At::Css(selector) => format!("css:{selector}"),
        _ => written.to_owned(),
    }
}

fn pointer(at: &At) -> String {
    use super::Segment;
    let segments = match at {
        At::Pointer(segments) => segments,
        At::Css(selector) => return format!("css:{selector}"),
        _ => return String::new(),
    };
    let told = segments.iter().map(|segment| match segment {
        Segment::Any => "/*".to_owned(),
        Segment::Named(name) => format!("/{}", name.replace('~', "~0").replace('/', "~1")),
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use bytes::Bytes;
    use http::{HeaderMap, Method, StatusCode};

    use crate::diff::rules::{Rules, RulesSpec};
    use crate::diff::{Comparison, Observation, Outcome, Request, compare_at};

    /// 2026-11-01T00:00:00Z.
    const NOVEMBER: i64 = 1_793_491_200;

    fn rules(spec: &str) -> Rules {
        Rules::compile(&serde_json::from_str::<RulesSpec>(spec).unwrap()).unwrap()
    }

    fn answer(kind: &str, body: &str) -> Observation {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", kind.parse().unwrap());
        headers.insert("date", "Tue, 02 Jan 2024 03:04:05 GMT".parse().unwrap());
        Observation { status: StatusCode::OK, headers, body: Bytes::copy_from_slice(body.as_bytes()) }
    }

    fn compared(at: i64, kind: &str, old: &str, new: &str, spec: &str) -> Comparison {
        let request = Request {
            method: Method::GET,
            scheme: "http",
            host: "localhost".to_owned(),
            target: "/".to_owned(),
            headers: HeaderMap::new(),
        };
        compare_at(Some(at), &request, &answer(kind, old), &answer(kind, new), &rules(spec))
    }

    fn json(at: i64, old: &str, new: &str, spec: &str) -> Comparison {
        compared(at, "application/json", old, new, spec)
    }

    #[test]
    fn an_entry_ends_by_the_clock_and_not_by_what_the_answers_say() {
        let spec = r#"{"accept": [{"at": "/v", "reason": "the new API", "until": "2026-10-31"}]}"#;
        let before = json(NOVEMBER - 1, r#"{"v":1}"#, r#"{"v":2}"#, spec);
        assert_eq!((before.outcome, before.applied[0].expired, before.applied[0].count), (Outcome::Ignored, false, 1));
        let after = json(NOVEMBER, r#"{"v":1}"#, r#"{"v":2}"#, spec);
        assert_eq!((after.outcome, after.applied[0].expired), (Outcome::Mismatched, true));
        assert_eq!(after.applied[0].rule, "accept: /v");
        assert!(json(NOVEMBER, r#"{"v":1,"w":1}"#, r#"{"v":1,"w":2}"#, spec).applied.is_empty());
    }

    #[test]
    fn an_entry_that_still_holds_goes_before_one_that_has_ended() {
        let spec = r#"{"accept": [{"at": "/v", "reason": "old", "until": "2026-10-31"},
                                  {"at": "/v", "is": "2", "reason": "newer"}]}"#;
        let found = json(NOVEMBER, r#"{"v":1}"#, r#"{"v":2}"#, spec);
        assert_eq!(found.outcome, Outcome::Ignored);
        assert_eq!(found.ignored[0].rule.as_deref(), Some("accept: newer"));
        assert_eq!(found.applied.len(), 1);
        assert_eq!(found.applied[0].rule, "accept: /v is \"2\"");
    }

    #[test]
    fn each_entry_is_counted_with_an_example_and_the_places_it_covered() {
        let found = json(
            0,
            r#"{"n":"7","list":[{"a":1,"b":1},{"a":2,"b":2}]}"#,
            r#"{"n":7,"list":[{"a":3,"b":1},{"a":4,"b":3}]}"#,
            r#"{"ignore": ["/list", "/never"], "numeric_strings": true}"#,
        );
        assert_eq!(found.outcome, Outcome::Ignored);
        let list = found.applied.iter().find(|applied| applied.rule == "ignore: /list").unwrap();
        assert_eq!((list.count, list.places.as_slice()), (3, &["/list/*/a".to_owned(), "/list/*/b".to_owned()][..]));
        assert_eq!((list.path.as_str(), list.control.as_deref()), ("/list/0/a", Some("1")));
        assert!(found.applied.iter().any(|applied| applied.rule == "numeric_strings" && applied.count == 1));
        assert_eq!(found.applied.len(), 2, "what was not met is not told: {:?}", found.applied);
    }

    #[test]
    fn an_array_that_is_named_is_met_whatever_its_order() {
        let spec = r#"{"unordered": ["/r"], "match_by": {"/m": "id"}}"#;
        let same = json(0, r#"{"r":[1,2],"m":[{"id":1,"v":1}]}"#, r#"{"r":[1,3],"m":[{"id":1,"v":2}]}"#, spec);
        let met: Vec<(&str, u32)> = same.applied.iter().map(|a| (a.rule.as_str(), a.count)).collect();
        assert_eq!(met, [("unordered: /r", 0), ("match_by: /m", 0)]);
        let turned = json(0, r#"{"r":[1,2]}"#, r#"{"r":[2,1]}"#, spec);
        assert_eq!((turned.outcome, turned.applied[0].count), (Outcome::Ignored, 1));
        let named: Vec<String> = rules(spec).own().into_iter().map(|own| own.name).collect();
        assert_eq!(named, ["unordered: /r", "match_by: /m"]);
    }

    #[test]
    fn an_element_is_accepted_by_selector_with_what_it_says() {
        let page = |price: &str| format!("<html><body><p class=price>{price}</p><p>other</p></body></html>");
        let spec = r#"{"accept": [{"at": "css:.price", "is": "3 EUR", "reason": "new prices"}]}"#;
        let found = compared(0, "text/html", &page("2 EUR"), &page("3 EUR"), spec);
        assert_eq!(found.outcome, Outcome::Ignored, "{:?}", found.differences);
        assert_eq!(found.applied[0].rule, "accept: css:.price is \"3 EUR\"");
        assert_eq!(compared(0, "text/html", &page("2 EUR"), &page("4 EUR"), spec).outcome, Outcome::Mismatched);
        let other = page("2 EUR").replace("other", "another");
        assert_eq!(compared(0, "text/html", &page("2 EUR"), &other, spec).outcome, Outcome::Mismatched);
    }
}
