//! Lays a block that another room owns over its default without knowing its keys.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The route's block over the default's: mappings key by key, lists appended to the default's, everything else replaced;
/// a key that is absent or null says nothing.
pub fn laid<T: Serialize + DeserializeOwned + Clone>(route: Option<&T>, default: Option<&T>) -> Option<T> {
    let (Some(route), Some(default)) = (route, default) else {
        return route.or(default).cloned();
    };
    let (Ok(own), Ok(base)) = (serde_json::to_value(route), serde_json::to_value(default)) else {
        return Some(route.clone());
    };
    serde_json::from_value(overlay(own, base)).ok().or_else(|| Some(route.clone()))
}

fn overlay(own: Value, base: Value) -> Value {
    match (own, base) {
        (Value::Null, base) => base,
        // `x` may stand for `[x]`.
        (own @ Value::String(_), base @ Value::Array(_)) => overlay(Value::Array(vec![own]), base),
        (own @ Value::Array(_), base @ Value::String(_)) => overlay(own, Value::Array(vec![base])),
        (Value::Array(own), Value::Array(mut base)) => {
            base.extend(own);
            Value::Array(base)
        }
        (Value::Object(own), Value::Object(mut base)) => {
            for (key, value) in own {
                let below = base.remove(&key).unwrap_or(Value::Null);
                base.insert(key, overlay(value, below));
            }
            Value::Object(base)
        }
        (own, _) => own,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lists_are_appended_scalars_replaced_mappings_merged() {
        let base = json!({"preset": "php", "ignore": "/a", "match_by": {"/x": "id"}, "only": 1});
        let own = json!({"preset": "none", "ignore": ["/b"], "match_by": {"/y": "k"}, "only": null});
        let both = json!({"preset": "none", "ignore": ["/a", "/b"], "match_by": {"/x": "id", "/y": "k"}, "only": 1});
        assert_eq!(overlay(own, base), both);
    }
}
