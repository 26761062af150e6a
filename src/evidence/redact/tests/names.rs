//! What a name says of the values under it: which are secrets, and which are told.

use super::*;

#[test]
fn the_last_word_of_a_name_decides() {
    for (names, secrecy) in [
        (
            "password X-Api-Token csrfToken session_id user[password] api_key secret_santa auth_code backup_codes credentials \
             verification_code otp_code reset_code tokens[0] password_hash card_number sess",
            Secrecy::Strong,
        ),
        ("tokens max_tokens promptTokens sessions total_sessions cookies", Secrecy::Several),
        ("key code state state_code code_verifier invite magic reset_key", Secrecy::Weak),
        (
            "token_count tokens_used tokenCount session_count sessions_today password_min_length password_changed_at \
             password_required csrf_enabled session_lang cookie_policy auth_method token_type token_expires_in signed_up \
             country_code zip_code status_code error_code",
            Secrecy::About,
        ),
        ("author tokenizer secretary authorized monkey passenger compass title status count at", Secrecy::None),
    ] {
        for name in names.split_whitespace() {
            assert_eq!(super::secrecy(name), secrecy, "{name}");
        }
    }
}

#[test]
fn counts_flags_dates_and_sorts_are_told_whatever_they_are_called() {
    for (name, value) in [
        ("token_count", "17"),
        ("max_tokens", "4096"),
        ("tokens_used", "1200"),
        ("total_tokens", "100"),
        ("session_count", "\"1,024\""),
        ("tokenizer", "\"Cl100K-base\""),
        ("secretary", "\"Ada 2 Lovelace\""),
        ("country_code", "\"AT\""),
        ("zip_code", "\"A-1010\""),
        ("code", "\"E42\""),
        ("code", "\"ERR_1001\""),
        ("state", "\"NY\""),
        ("password_changed_at", "\"2024-01-02T03:04:05Z\""),
        ("password_required", "true"),
        ("has_password", "false"),
        ("authorized", "\"yes\""),
        ("session_lang", "\"Deutsch\""),
        ("signature_required", "\"For parcels\""),
        ("auth", "\"none\""),
        ("session", "7"),
        ("session", "\"2024-01-02T03:04:05Z\""),
    ] {
        let told = redactor().difference(&difference(&format!("/a/{name}"), value, value)).control;
        assert_eq!(told.as_deref(), Some(value), "{name}");
        let body = format!("{{\"a\":{{\"{name}\": {value}}}}}");
        assert_eq!(redactor().text(&body), body);
    }
    let within = r#"{"session": {"expires_at": "2024-01-02", "lang": "Deutsch", "count": 1200}}"#;
    assert_eq!(redactor().text(within), within);
    let told = |path: &str, text: &str| redactor().difference(&difference(path, text, text)).control.unwrap();
    assert_eq!(told("/session/lang", "\"Deutsch\""), "\"Deutsch\"");
    assert_eq!(told("input[name=\"token_count\"]", "12"), "12");
    assert_eq!(told("body > p[data-session-count]", "12"), "12");
    for text in [
        "/x?max_tokens=4096&country_code=AT&session_lang=de",
        r#"<input name="token_count" value="12"><select name=session_lang><option>Deutsch</select>"#,
        "<r><tokens>12</tokens><token_type>Bearer</token_type></r>",
    ] {
        assert_eq!(redactor().text(text), text);
    }
    assert_eq!(redactor().header("Access-Control-Allow-Credentials", "true"), "true");
    assert_eq!(redactor().header("X-Session-Count", "1200"), "1200");
}

#[test]
fn when_in_doubt_it_is_hidden() {
    for text in [
        r#"{"token_type":"$"}"#,
        r#"{"country_code":"$"}"#,
        r#"{"tokens":["$"]}"#,
        r#"{"verification_code":123456,"x":"$@site.example"}"#,
        r#"{"backup_codes":["$"]}"#,
        r#"{"session":{"lang":"de","id":"$"}}"#,
        "/x?token_type=$",
        "/cb?code=$",
        r#"<input name="session_lang" value="$">"#,
    ] {
        let cleaned = redactor().text(&text.replace('$', SECRET));
        assert_gone(&cleaned);
        assert!(!cleaned.contains("123456"), "{cleaned}");
    }
    for (path, text) in [
        ("/pin", "4711"),
        ("/password", "\"2024-01-02\""),
        ("/verification_code", "482913"),
        ("/one_time_code", "482913"),
        ("/twoFactorCode", "482913"),
        ("/pass2", "\"correct-horse\""),
        ("/token", "\"AB12\""),
        ("/code", "\"482913\""),
        ("/tokens/0", "123456"),
    ] {
        let told = redactor().difference(&difference(path, text, text)).control.unwrap();
        assert!(told.starts_with(MARKER), "{path}: {told}");
    }
}

#[test]
fn a_secret_in_the_path_of_a_difference_is_left_out() {
    for (path, told) in [
        ("/sessions/hunter2Hunter2-xyz/user", "/sessions/*/user"),
        ("/user/tokens/9f86d081884c", "/user/tokens/*"),
        ("/sessions/0/sha256Fingerprint", "/sessions/0/sha256Fingerprint"),
        ("/sessions/lastActivityTimestamp", "/sessions/lastActivityTimestamp"),
        ("/packages/hunter2Hunter2-xyz/user", "/packages/hunter2Hunter2-xyz/user"),
    ] {
        assert_eq!(redactor().path(path), told);
        assert_eq!(redactor().difference(&difference(path, "1", "2")).path, told);
    }
    let keys = r#"{"sessions":{"hunter2Hunter2-xyz":{"n":true}}}"#;
    assert_gone(&redactor().text(keys));
    let redactor = having_read("<input name=csrf value='hunter2/Hunter+xyz9'>");
    for path in ["#hunter2\\/Hunter\\+xyz9 > p", "/a/hunter2~1Hunter+xyz9/b", "a[href=\"/hunter2/Hunter+xyz9\"]"] {
        let told = redactor.difference(&difference(path, "1", "2")).path;
        assert!(told.contains('*') && !told.contains("hunter2"), "{told}");
    }
    let digit = having_read("<input name=csrf value='9f86d081884c'>");
    assert_eq!(digit.path("#\\39 f86d081884c > p"), "#* > p");
    let told = redactor.difference(&difference("p[data-x]", "/sessions/hunter2Hunter2-xyz/n: 5", "x")).control.unwrap();
    assert!(!told.contains("hunter2"), "{told}");
}
