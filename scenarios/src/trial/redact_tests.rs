//! No secret is ever printed.

use proptest::prelude::*;
use serde_json::json;

use super::super::tests::{Server, shown};
use super::*;

#[test]
fn names_of_secrets_are_known_by_their_words() {
    for name in
        ["password", "accessToken", "X-Api-Key", "otp", "otpCode", "card_number", "client_secret"]
    {
        assert!(is_secret(name), "{name}");
    }
    for name in ["viewer", "laptop", "discard", "spinner", "company", "content-type", "passage"] {
        assert!(!is_secret(name), "{name}");
    }
}

#[test]
fn golden_texts_lose_their_secrets_and_keep_their_names() {
    let mut redactor = Redactor::default();
    redactor.hide("s3cr3t value");
    redactor.hide("77");
    redactor.learn_pairs("/in?api_key=f00dbabe&a=plain");
    redactor.hide("a");
    let cases = [
        ("a s3cr3t value b", "a •••• b"),
        ("/x?q=s3cr3t%20value&r=s3cr3t+value", "/x?q=••••&r=••••"),
        ("/login?password=hunter2&next=/home", "/login?password=••••&next=/home"),
        ("{\"token\": \"abc\", \"ok\": true", "{\"token\": \"••••\", \"ok\": true"),
        ("{\"token\": null, \"n\": 17}", "{\"token\": null, \"n\": 17}"),
        ("viewer=77, n=177", "viewer=••••, n=177"),
        ("a\u{1b}[2Jb", "a·[2Jb"),
        ("czNjcjN0IHZhbHVl", "••••"),
        ("got f00dbabe and plain", "got •••• and plain"),
    ];
    for (text, wanted) in cases {
        assert_eq!(redactor.text(text), wanted);
    }
    let headers = [
        ("authorization", "Bearer abcdef", "Bearer ••••"),
        ("authorization", "abcdef", "••••"),
        ("cookie", "sid=a1b2c3; lang=english", "sid=••••; lang=••••"),
        ("set-cookie", "sid=d4e5f6; Path=/; HttpOnly", "sid=••••"),
        ("x-api-key", "0123456", "••••"),
        ("x-other", "a1b2c3 english abcdef", "•••• •••• ••••"),
    ];
    for (name, value, wanted) in headers {
        assert_eq!(redactor.header(name, value), wanted, "{name}");
    }
    let body = json!({"card": {"number": 4111, "ok": true}, "list": ["d4e5f6", 5], "pin": 12});
    let wanted = json!({"card": {"number": MASK, "ok": true}, "list": [MASK, 5], "pin": MASK});
    assert_eq!(redactor.json(&body), wanted);
}

#[test]
fn secrets_that_overlap_are_hidden_together() {
    let mut redactor = Redactor::default();
    redactor.hide("abcdXY");
    redactor.hide("XYefgh");
    assert_eq!(redactor.mask("-abcdXYefgh-"), "-••••-");
}

/// A body of one of many kinds that holds a secret.
fn body(kind: usize, secret: &str) -> String {
    let padding = "word ".repeat(100);
    match kind {
        0 => json!({"deep": [{"text": secret}]}).to_string(),
        1 => json!({ secret: {"a": 1} }).to_string(),
        2 => format!("<p>{secret}</p>"),
        3 => format!("{{\"broken\": \"{secret}\","),
        4 => format!("a=1&b={}", percent(secret, |byte| format!("%{byte:02X}"))),
        5 => format!("{padding}{secret}{padding}"),
        6 => STANDARD.encode(secret),
        7 => secret.repeat(3),
        8 => json!({"got": format!("x{secret}y"), "n": secret.len()}).to_string(),
        _ => secret.to_owned(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn no_secret_is_ever_printed_whatever_the_body(
        own in "[a-zA-Z0-9+/=_\"\\\\&<é ]{4,24}",
        given in "[a-zA-Z0-9+/=_\"\\\\&<é]{4,24}",
        kinds in (0..10_usize, 0..10_usize),
        status in prop::sample::select(vec![200_u16, 302, 401, 500]),
        body_bytes in 0..800_usize,
    ) {
        let server = |own: &str, given: &str| Server {
            status,
            token: json!({"data": {"token": given}}).to_string(),
            other: body(kinds.0, own) + &body(kinds.1, given),
            headers: vec![
                ("location".to_owned(), format!("/to?x={given}")),
                ("set-cookie".to_owned(), format!("sid={}; Path=/", given.replace(';', ""))),
                ("x-cache".to_owned(), own.to_owned()),
            ],
            body_bytes,
        };
        let frame = shown("Qq0Qq0Qq0Qq0", &server("Qq0Qq0Qq0Qq0", "Zz1Zz1Zz1Zz1"));
        let (own, given) = (own.trim(), given.trim());
        let known = |secret: &str| secret.chars().count() < 4 || frame.contains(secret);
        prop_assume!(!known(own) && !known(given));
        let out = shown(own, &server(own, given));
        for secret in [own, given] {
            prop_assert!(!out.contains(secret), "{secret:?} is in {out}");
        }
    }
}
