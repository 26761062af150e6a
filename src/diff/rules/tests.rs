#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::{Rule, Rules, RulesSpec};

fn spec(json: &str) -> RulesSpec {
    serde_json::from_str(json).unwrap()
}

#[test]
fn names_are_unique_and_found_again() {
    for rule in Rule::ALL {
        assert_eq!(Rule::by_name(rule.name()), Some(*rule));
        assert_eq!(Rule::ALL.get(*rule as usize), Some(rule));
    }
}

#[test]
fn the_preset_switches_on_what_is_cosmetic_and_nothing_else() {
    let rules = Rules::compile(&RulesSpec::default()).unwrap();
    assert!(rules.is_on(Rule::JsonSlashEscape));
    assert!(!rules.is_on(Rule::NullMissing));
    let none = Rules::compile(&spec(r#"{"preset": "none"}"#)).unwrap();
    assert!(!none.is_on(Rule::JsonSlashEscape));
}

#[test]
fn a_rule_can_be_switched_alone_and_at_a_place() {
    let rules =
        Rules::compile(&spec(r#"{"rules": {"json_slash_escape": "off", "null_missing": {"at": ["/a"]}}}"#)).unwrap();
    assert!(!rules.is_on(Rule::JsonSlashEscape));
    assert!(rules.is_on_at(Rule::NullMissing, "/a/b"));
    assert!(!rules.is_on_at(Rule::NullMissing, "/b"));
}

#[test]
fn every_mistake_at_once_each_with_its_keys() {
    let wrong = spec(
        r#"{"preset": "java", "ignore": ["ok", "/fine"], "rules": {"json_slash_escap": "off"}, "key_order": "some",
            "float_tolerance": -1, "accept": [{"at": "/a", "reason": " ", "until": "soon"}]}"#,
    );
    let errors = Rules::compile(&wrong).unwrap_err();
    let keys: Vec<String> = errors.iter().map(|error| error.at.join(".")).collect();
    assert_eq!(
        keys,
        [
            "preset",
            "key_order",
            "float_tolerance",
            "rules.json_slash_escap",
            "ignore.0",
            "accept.0.reason",
            "accept.0.until"
        ]
    );
    assert!(errors.iter().any(|error| error.message.contains("did you mean \"json_slash_escape\"?")));
}

#[test]
fn a_side_is_asked_where_a_rule_has_one() {
    let rules = Rules::compile(&spec(r#"{"rules": {"json_slash_escape": {"side": "legacy"}}}"#)).unwrap();
    assert!(rules.is_scoped(Rule::JsonSlashEscape));
    assert!(rules.is_on_for(Rule::JsonSlashEscape, Some(r"a\/b"), Some("a/b")));
    assert!(!rules.is_on_for(Rule::JsonSlashEscape, Some("a/b"), Some(r"a\/b")));
    assert!(rules.is_on_for(Rule::JsonBom, None, None), "other rules have no side");
    let errors = Rules::compile(&spec(r#"{"rules": {"json_key_order": {"side": "new"}}}"#)).unwrap_err();
    assert_eq!(errors[0].at, ["rules", "json_key_order", "side"]);
    assert!(serde_json::from_str::<RulesSpec>(r#"{"rules": {"json_bom": {"side": "php"}}}"#).is_err());
}

#[test]
fn unknown_keys_are_refused() {
    assert!(serde_json::from_str::<RulesSpec>(r#"{"ignored": []}"#).is_err());
}
