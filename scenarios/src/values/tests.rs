use std::collections::HashSet;

use super::timestamp::TimestampUnit;
use super::*;
use hulk_settings::{Problems, Source, read};

fn read_in(text: &str, folder: &Path) -> Result<Vec<(String, Value)>, Problems> {
    read(&Source::new("test.toml", text), |root| {
        let one = |(name, section): (String, Section<'_>)| {
            let value = Value::read(&section)?.resolve(folder);
            Some((name, value.map_err(|reason| section.problem(reason, None)).ok()?))
        };
        let all: Vec<_> = root.named_sections("value").into_iter().map(one).collect();
        all.into_iter().collect()
    })
}

fn values(text: &str) -> Vec<(String, Value)> {
    read_in(text, Path::new(".")).expect("valid values")
}

fn one(kind: &str) -> Value {
    values(&format!("[value.v]\n{kind}")).remove(0).1
}

fn computed(value: &Value, ctx: &mut ValueContext<'_>, text: &str, key: Option<&str>) -> String {
    let mut out = String::new();
    value.compute(ctx, text, key, &mut out);
    out
}

/// A value of the seed 1 at 2019-07-10T14:30:00.250Z.
fn compute(value: &Value, viewer: u32, send: u64, text: &str) -> String {
    let unix_ms = 1_562_769_000_250;
    let ctx = ValueContext { seed: 1, name: "v", viewer, send, unix_ms, counter: &mut 0 };
    computed(value, &mut { ctx }, text, None)
}

fn message(text: &str) -> String {
    read_in(text, Path::new(".")).expect_err("it has problems").to_string()
}

#[test]
fn golden_rfc_4231() {
    let jefe =
        "hmac = { algorithm = \"sha256\", key = \"Jefe\", text = \"x\", encoding = \"hex\" }";
    assert_eq!(
        compute(&one(jefe), 1, 1, "what do ya want for nothing?"),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    );
    let hi = jefe.replace("Jefe", &"\\u000b".repeat(20));
    assert_eq!(
        compute(&one(&hi), 1, 1, "Hi There"),
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    );
}

#[test]
fn golden_rfc_2202_and_the_encodings() {
    let jefe = "hmac = { algorithm = \"sha1\", key = \"Jefe\", text = \"x\", encoding = \"hex\" }";
    let sign = |encoding: &str| {
        let value = one(&jefe.replace("\"hex\"", &format!("\"{encoding}\"")));
        compute(&value, 1, 1, "what do ya want for nothing?")
    };
    assert_eq!(sign("hex"), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
    assert_eq!(sign("base64"), "7/zfauXrL6LSdBbV8YTfnCWafHk=");
    assert_eq!(sign("base64url"), "7_zfauXrL6LSdBbV8YTfnCWafHk");
}

#[test]
fn golden_a_signed_token() {
    let value = one("jwt = { key = \"your-256-bit-secret\", claims = '{\"sub\":\"${viewer}\"}' }");
    assert_eq!(value.template(), Some("{\"sub\":\"${viewer}\"}"));
    // The customary example of such a token.
    let claims = "{\"sub\":\"1234567890\",\"name\":\"John Doe\",\"iat\":1516239022}";
    assert_eq!(
        compute(&value, 1, 1, claims),
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.\
         eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ.\
         SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"
    );
}

#[test]
fn golden_rfc_6238_appendix_b() {
    let value = one("totp = { secret = \"gezd gnbv gy3t qojq GEZDGNBVGY3TQOJQ\", digits = 8 }");
    let at = |unix_s: i64| {
        let unix_ms = unix_s * 1000;
        let mut ctx =
            ValueContext { seed: 1, name: "v", viewer: 1, send: 1, unix_ms, counter: &mut 0 };
        computed(&value, &mut ctx, "", None)
    };
    let known = [
        (59, "94287082"),
        (1_111_111_109, "07081804"),
        (1_111_111_111, "14050471"),
        (1_234_567_890, "89005924"),
        (2_000_000_000, "69279037"),
        (20_000_000_000, "65353130"),
    ];
    for (unix_s, password) in known {
        assert_eq!(at(unix_s), password);
    }
}

#[test]
fn golden_the_wall_time() {
    let at = |unit: &str| compute(&one(&format!("timestamp = {{ unit = \"{unit}\" }}")), 1, 1, "");
    assert_eq!(at("s"), "1562769000");
    assert_eq!(at("ms"), "1562769000250");
    assert_eq!(at("rfc3339"), "2019-07-10T14:30:00.250Z");
    let mut before = String::new();
    Timestamp { unit: TimestampUnit::Rfc3339 }.compute(-1, &mut before);
    assert_eq!(before, "1969-12-31T23:59:59.999Z");
}

#[test]
fn uuids_have_their_form_and_are_unique() {
    let value = one("uuid = { per = \"request\" }");
    let mut seen = HashSet::new();
    for viewer in 0..300 {
        for send in 0..100 {
            let uuid = compute(&value, viewer, send, "");
            let parts: Vec<usize> = uuid.split('-').map(str::len).collect();
            assert_eq!(parts, [8, 4, 4, 4, 12], "{uuid}");
            assert!(uuid.chars().all(|c| matches!(c, '-' | '0'..='9' | 'a'..='f')), "{uuid}");
            assert!(uuid[14..].starts_with('4') && "89ab".contains(&uuid[19..20]), "{uuid}");
            assert_eq!(uuid, compute(&value, viewer, send, ""));
            let first = format!("{}{}", &uuid[4..8], &uuid[9..13]);
            assert_ne!(first, uuid[24..32], "both halves are drawn");
            assert!(seen.insert(uuid));
        }
    }
}

#[test]
fn a_viewers_uuid_stays_and_differs_from_others() {
    let value = one("uuid = { per = \"viewer\" }");
    assert_eq!(compute(&value, 7, 1, ""), compute(&value, 7, 2, ""));
    assert_ne!(compute(&value, 7, 1, ""), compute(&value, 8, 1, ""));
    let named = |seed, name| {
        let mut ctx = ValueContext { seed, name, viewer: 7, send: 1, unix_ms: 0, counter: &mut 0 };
        computed(&value, &mut ctx, "", None)
    };
    assert_ne!(named(1, "v"), named(2, "v"));
    assert_ne!(named(1, "v"), named(1, "w"));
}

#[test]
fn a_counter_counts_each_use() {
    let value = one("counter = { from = 10, step = 5 }");
    let mut counter = 0;
    let mut next = || {
        let counter = &mut counter;
        let mut ctx = ValueContext { seed: 1, name: "v", viewer: 1, send: 1, unix_ms: 0, counter };
        computed(&value, &mut ctx, "", None)
    };
    assert_eq!([next(), next(), next()], ["10", "15", "20"]);
    assert_eq!(one("counter = {}"), Value::Counter(Counter { from: 0, step: 1 }));
}

#[test]
fn random_numbers_keep_within_their_bounds_and_reach_both() {
    let value = one("random = { from = 3, to = 6 }");
    let seen: HashSet<String> = (0..200).map(|send| compute(&value, 1, send, "")).collect();
    let wanted = ["3", "4", "5", "6"].map(str::to_owned);
    assert_eq!(seen, HashSet::from(wanted));
    let widest = one("random = { to = 9223372036854775807 }");
    assert_ne!(compute(&widest, 1, 1, ""), compute(&widest, 2, 1, ""));
}

#[test]
fn what_is_outside_is_read_once_and_not_printed() {
    let folder = std::env::temp_dir().join(format!("hulk-values-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("key.txt"), "Jefe\r\n").unwrap();
    let values = read_in("[value.secret]\nfile = { path = \"key.txt\" }\n", &folder);
    std::fs::remove_dir_all(&folder).unwrap();
    let values = values.unwrap();
    assert_eq!(compute(&values[0].1, 1, 1, ""), "Jefe");
    let shown = format!("{values:?}");
    assert!(!shown.contains("Jefe") && shown.contains("Secret(…)"), "{shown}");
    let bytes = postcard::to_stdvec(&values).unwrap();
    assert_eq!(postcard::from_bytes::<Vec<(String, Value)>>(&bytes).unwrap(), values);
}

#[test]
fn golden_a_key_can_come_from_another_value() {
    let with = |kind: &str, key: &str, text: &str| {
        let value = one(kind);
        assert_eq!(value.key_value(), Some("k"));
        let unix_ms = 59_000;
        let mut ctx =
            ValueContext { seed: 1, name: "v", viewer: 1, send: 1, unix_ms, counter: &mut 0 };
        computed(&value, &mut ctx, text, Some(key))
    };
    let sign =
        "hmac = { algorithm = \"sha1\", key_value = \"k\", text = \"t\", encoding = \"hex\" }";
    let signed = with(sign, "Jefe", "what do ya want for nothing?");
    assert_eq!(signed, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
    let password = "totp = { secret_value = \"k\", digits = 8 }";
    assert_eq!(with(password, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", ""), "94287082");
    assert_eq!(with(password, "0", ""), "", "not base32");
    let token = "jwt = { key_value = \"k\", claims = '{}' }";
    let own = one("jwt = { key = \"Jefe\", claims = '{}' }");
    assert_eq!(with(token, "Jefe", "{}"), compute(&own, 1, 1, "{}"));
    assert_eq!(own.key_value(), None);
}

#[test]
fn the_environment_is_read_once() {
    // Cargo sets it for every test.
    let value = one("env = { name = \"CARGO_PKG_VERSION\" }");
    assert_eq!(value, Value::Fixed(Fixed { text: Secret::new(env!("CARGO_PKG_VERSION")) }));
}

#[test]
fn what_is_missing_or_wrong_is_a_problem_with_its_place() {
    let cases = [
        (
            "env = { name = \"HULK_NOT_SET\" }",
            "test.toml:1:8: the environment has no `HULK_NOT_SET`: set it and start again",
        ),
        (
            "file = { path = \"not-there.txt\" }",
            "test.toml:1:8: ./not-there.txt: No such file or directory (os error 2)",
        ),
        (
            "jwt = { key = \"k\", claims = '{\"a\":}' }",
            "test.toml:2:29: `claims` must be a JSON object (for example '{\"sub\":\"${viewer}\"}')",
        ),
        (
            "jwt = { claims = '{}' }",
            "test.toml:2:1: a key needs either `key` or `key_value` (`key_value` names a \
             `[value.NAME]` that holds it)",
        ),
        (
            "totp = { secret = \"01\" }",
            "test.toml:2:19: the secret is not base32 (A to Z and 2 to 7)",
        ),
        ("random = { from = 9, to = 3 }", "test.toml:2:27: `to` is 3: less than `from`, 9"),
    ];
    for (kind, wanted) in cases {
        let told = message(&format!("[value.v]\n{kind}\n"));
        assert!(told.starts_with(wanted), "{told}");
    }
}
