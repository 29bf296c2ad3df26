use super::*;
use hulk_settings::{Problems, Source, read};

fn read_text(table: &str) -> Result<Vec<(String, Extract)>, Problems> {
    let source = Source::new("test.toml", format!("extract = {{ {table} }}"));
    read(&source, |root| Extract::read_all(root, "extract"))
}

fn extract(table: &str) -> Extract {
    read_text(&format!("v = {table}")).expect("a valid table").remove(0).1
}

const NO_HEADERS: &[(&str, &str)] = &[];

fn in_body(table: &str, body: &[u8]) -> Option<String> {
    extract(table).find(&AnswerView::new(200, &NO_HEADERS, body))
}

#[test]
fn a_pointer_finds_scalars_and_nothing_else() {
    let body = br#"{"a":{"token":"t7","n":3,"f":2.5,"ok":true,"none":null,"list":[1]}}"#;
    let find = |pointer: &str| in_body(&format!("\"{pointer}\""), body);
    let found = ["/a/token", "/a/n", "/a/f", "/a/ok", "/a/list/0"].map(find);
    assert_eq!(found.map(Option::unwrap), ["t7", "3", "2.5", "true", "1"]);
    assert_eq!(["/a/none", "/a/list", "/a", "/b"].map(find), [const { None }; 4]);
    assert_eq!(in_body("\"/a\"", b"<html>"), None);
    assert_eq!(extract("\"/a\""), extract("{ json = \"/a\" }"), "the short form");
}

#[test]
fn a_pattern_finds_its_first_group_or_all_of_itself() {
    let find = |pattern: &str| in_body(&format!("{{ regex = '{pattern}' }}"), b"code=123; x=\xff");
    assert_eq!(find(r"code=(\d+)").as_deref(), Some("123"));
    assert_eq!(find(r"code=\d+").as_deref(), Some("code=123"));
    assert_eq!(find(r"code=(\d+)|(y)").as_deref(), Some("123"));
    assert_eq!(find(r"(y)|code=\d+"), None, "found, but not its first group");
    assert_eq!(find(r"code=(z+)"), None);
    assert_eq!(find(r"x=((?-u:.)+)"), None, "not a text");
}

#[test]
fn a_header_and_a_cookie_are_found_by_their_names() {
    let headers = vec![
        ("x-trace", "abc"),
        ("set-cookie", "sid=1; Path=/; HttpOnly"),
        ("set-cookie", "sid=2"),
        ("set-cookie", "gone=; Max-Age=0"),
    ];
    let answer = AnswerView::new(200, &headers, b"");
    let find = |table: &str| extract(table).find(&answer);
    assert_eq!(find("{ header = \"X-Trace\" }").as_deref(), Some("abc"));
    assert_eq!(find("{ header = \"x-other\" }"), None);
    assert_eq!(find("{ cookie = \"sid\" }").as_deref(), Some("2"));
    assert_eq!(find("{ cookie = \"gone\" }"), None);
    assert_eq!(find("{ cookie = \"Sid\" }"), None, "the names of cookies keep their case");
}

#[test]
fn only_what_looks_into_it_wants_the_body() {
    let wants = |table: &str| extract(table).wants_body();
    assert!(wants("\"/a\"") && wants("{ regex = \"a\" }"));
    assert!(!wants("{ header = \"a\" }") && !wants("{ cookie = \"a\" }"));
}

#[test]
fn each_says_where_it_looked() {
    let table =
        "a = \"/a\", b = { regex = \"b+\" }, c = { header = \"C\" }, d = { cookie = \"d\" }";
    let shown: Vec<String> = read_text(table)
        .unwrap()
        .iter()
        .map(|(name, e)| format!("{name}: {}", e.describe()))
        .collect();
    assert_eq!(shown, ["a: pointer /a", "b: pattern b+", "c: header c", "d: cookie d"]);
}

#[test]
fn all_kinds_survive_the_way_to_a_worker() {
    let table =
        "a = \"/a\", b = { regex = \"b+\" }, c = { header = \"c\" }, d = { cookie = \"d\" }";
    let all = read_text(table).unwrap();
    let bytes = postcard::to_stdvec(&all).unwrap();
    assert_eq!(postcard::from_bytes::<Vec<(String, Extract)>>(&bytes).unwrap(), all);
    assert_ne!(extract("{ regex = \"b+\" }"), extract("{ regex = \"b\" }"));
}

#[test]
fn every_problem_is_shown_at_once() {
    let table = "a = \"token\", b = { regex = \"(\" }, c = { heder = \"x\" }, d = { json = \"/a\", \
                 cookie = \"x\" }, e = 3, f = { header = \"a b\" }";
    let problems = read_text(table).unwrap_err();
    let shown: Vec<&str> = problems.list.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(
        shown,
        [
            "the JSON pointer `token` must start with `/`",
            "the pattern `(` is not a regular expression: unclosed group",
            "expected one of `json`, `regex`, `header` and `cookie` here",
            "unknown key `heder` in extract.c",
            "expected one of `json`, `regex`, `header` and `cookie` here",
            "`e` must be a text or a table",
            "`a b` is not the name of a header",
        ]
    );
}

fn set(jar: &mut CookieJar, lines: &[&str]) -> u32 {
    let mut headers = vec![("date", "Wed, 10 Jul 2019 14:30:00 GMT")];
    headers.extend(lines.iter().map(|line| ("set-cookie", *line)));
    jar.take(&headers)
}

fn sent(jar: &CookieJar) -> String {
    let mut out = String::new();
    jar.write(&mut out);
    out
}

#[test]
fn golden_a_jar_keeps_replaces_and_drops() {
    let mut jar = CookieJar::default();
    assert!(jar.is_empty() && sent(&jar).is_empty());
    assert_eq!(set(&mut jar, &["sid = abc ; Path=/; Secure", "geo=in", "q=\"a=b\""]), 0);
    assert_eq!(sent(&jar), "sid=abc; geo=in; q=\"a=b\"");
    assert_eq!(set(&mut jar, &["sid=def; Max-Age=60", "geo=; max-age=0"]), 0);
    assert_eq!(sent(&jar), "sid=def; q=\"a=b\"");
    assert_eq!(set(&mut jar, &["rubbish", "a\u{7}=1", "b=\u{7}"]), 3);
    assert_eq!(sent(&jar), "sid=def; q=\"a=b\"");
}

#[test]
fn a_cookie_goes_when_its_date_is_past() {
    let kept_after = |attributes: &str| {
        let mut jar = CookieJar::default();
        set(&mut jar, &["a=1"]);
        assert_eq!(set(&mut jar, &[&format!("a=2; {attributes}")]), 0);
        sent(&jar)
    };
    assert_eq!(kept_after("Expires=Thu, 01 Jan 1970 00:00:00 GMT"), "");
    assert_eq!(kept_after("Expires=Wed, 10 Jul 2019 14:30:00 GMT"), "");
    assert_eq!(kept_after("Expires=Wed, 10-Jul-19 14:29:59 GMT"), "");
    assert_eq!(kept_after("Expires=Wed, 10 Jul 2019 14:30:01 GMT"), "a=2");
    assert_eq!(kept_after("Expires=Wed, 10 Jul 2019 14:29:59 GMT; Max-Age=5"), "a=2");
    assert_eq!(kept_after("Expires=soon"), "a=2");
    assert_eq!(kept_after("Max-Age=-1"), "");
    // Without a date of its own, an answer can still take a cookie away.
    let mut jar = CookieJar::default();
    jar.take(&vec![("set-cookie", "a=1; Expires=Wed, 10 Jul 2019 14:30:00 GMT")]);
    assert_eq!(sent(&jar), "a=1");
    jar.take(&vec![("set-cookie", "a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT")]);
    assert!(jar.is_empty());
}

#[test]
fn a_jar_is_bounded_and_tells_what_it_refuses() {
    let mut jar = CookieJar::default();
    let lines: Vec<String> = (0..40).map(|n| format!("c{n}={n}")).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert_eq!(set(&mut jar, &lines), 8);
    assert_eq!(set(&mut jar, &["c31=new"]), 0, "there is room for what is there already");
    assert!(sent(&jar).ends_with("; c30=30; c31=new"));
    let long = |bytes: usize| format!("c0={}", "x".repeat(bytes - 2));
    assert_eq!(set(&mut jar, &[&long(4096)]), 0);
    assert_eq!(set(&mut jar, &[&long(4097)]), 1);
}
