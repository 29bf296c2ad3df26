//! Rehearsal files made from the shipped ones.

const MATCH_DAY: &str = include_str!("../../scenarios/match-day.toml");
const STREAMING: &str = include_str!("../../scenarios/platforms/streaming.toml");

/// `text` with its only `from` replaced.
#[track_caller]
pub(crate) fn replaced(text: &str, from: &str, to: &str) -> String {
    assert_eq!(text.matches(from).count(), 1, "`{from}` must be in the file once");
    text.replacen(from, to, 1)
}

/// The number of the only line that has `wanted`, from 1.
#[track_caller]
pub(crate) fn line_of(text: &str, wanted: &str) -> usize {
    let mut lines = text.lines().zip(1..).filter(|(line, _)| line.contains(wanted));
    let (_, number) = lines.next().unwrap_or_else(|| panic!("no line has `{wanted}`"));
    assert!(lines.next().is_none(), "more than one line has `{wanted}`");
    number
}

/// The shipped match-day with about 1,000 viewers, from minute 256 on for so many match minutes:
/// 8 s of wall time each; nobody calls, for the moment at which they do is later.
pub(crate) fn short(match_min: f64, lead_in_ms: u32) -> String {
    let (head, tail) = MATCH_DAY.split_once("# After the wicket").unwrap();
    let (_callers, tail) = tail.split_once("[target]").unwrap();
    let text = format!("{head}[target]{tail}");
    let text = replaced(&text, "from_min = 251\n", "from_min = 256\n");
    let text = replaced(&text, "to_min = 261.4\n", &format!("to_min = {}\n", 256.0 + match_min));
    let text = replaced(&text, "scale = 8e-5 ", "scale = 4.5e-5 ");
    replaced(&text, "lead_in_ms = 5_000 ", &format!("lead_in_ms = {lead_in_ms} "))
}

/// The same against a target of its own: without policies and what is said of scaling.
pub(crate) fn aimed_at(base: &str) -> String {
    let text = short(1.0, 5_000);
    let url = format!("url = {{ base = \"{base}\" }}");
    let text = replaced(&text, "embedded = { platform = \"streaming\" }", &url);
    let (head, tail) = text.split_once("# Instances for each").unwrap();
    let (_, objectives) = tail.split_once("[[objective]]").unwrap();
    let served = objectives.split("[[objective]]").filter(|one| !one.contains("capacity_debt"));
    format!("{head}{}", served.map(|one| format!("[[objective]]{one}")).collect::<String>())
}

/// The shipped platform with another base latency of home.
pub(crate) fn platform_with_home_latency(ms: u32) -> String {
    replaced(STREAMING, "base_latency_ms = 8\n", &format!("base_latency_ms = {ms}\n"))
}
