//! A `diff:` block in a file of its own, for `matapalo diff --rules`. YAML, and with it JSON.

use serde::Deserialize;

use crate::diff::RulesSpec;

/// The block alone, or under the key it has in a config.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Keyed {
    diff: RulesSpec,
}

/// # Errors
/// The text is no `diff:` block; says which key stands in the way, and where.
pub fn read_rules(text: &str) -> Result<RulesSpec, String> {
    if text.trim_start().starts_with("diff:") {
        return serde_yaml::from_str::<Keyed>(text).map(|keyed| keyed.diff).map_err(|error| error.to_string());
    }
    serde_yaml::from_str(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::read_rules;

    #[test]
    fn yaml_and_json_with_the_key_and_without() {
        let yaml = "ignore: [/a]\nrules:\n  json_slash_escape: off\n";
        let json = r#"{"ignore": ["/a"], "rules": {"json_slash_escape": "off"}}"#;
        let keyed = "diff:\n  ignore: [/a]\n  rules: {json_slash_escape: off}\n";
        let wanted = read_rules(yaml).unwrap();
        assert_eq!(read_rules(json).unwrap(), wanted);
        assert_eq!(read_rules(keyed).unwrap(), wanted);
    }

    #[test]
    fn a_mistake_is_told_with_its_line() {
        let told = read_rules("preset: php\nignored: [/a]\n").unwrap_err();
        assert!(told.contains("ignored") && told.contains("line 2"), "{told}");
    }
}
