//! What must hold of an answer beside its status.

use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use crate::extract::{AnswerView, HeaderName, Pattern, Pointer, example};

/// A check, by its kind's name in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Check {
    /// The JSON body has this, and where it is said, it is that.
    Json {
        /// Where.
        at: Pointer,
        /// What; a value that is no text is compared as JSON.
        is: Option<String>,
    },
    /// A pattern is found in the body.
    Regex(Pattern),
    /// There is such a header, and where it is said, it is that.
    Header {
        /// Its name.
        name: HeaderName,
        /// Its value.
        is: Option<String>,
    },
    /// A text is found in the body.
    BodyContains(String),
    /// The body has at least so many bytes.
    BodyBytesMin(u64),
}

const KINDS: [&str; 5] = ["json", "regex", "header", "body_contains", "body_bytes_min"];

impl Check {
    /// Reads a table with one of the kinds, for some with `is`.
    pub fn read(section: &Section<'_>) -> Option<Self> {
        let given: Vec<&str> = KINDS.into_iter().filter(|kind| section.has(kind)).collect();
        let [kind] = given[..] else {
            let kinds = KINDS.map(|kind| format!("`{kind}`")).join(", ");
            let hint = Some("for example `{ json = \"/ok\", is = \"true\" }`".to_owned());
            section.problem(format!("a check has one of {kinds}"), hint);
            // Whichever it is to be, this key is known.
            section.has("is");
            return None;
        };
        let noted = |reason: String| section.problem_at(kind, reason, example(kind));
        match kind {
            "json" => {
                let (at, is) = (section.text("json"), section.text_optional("is"));
                Some(Self::Json { at: Pointer::new(&at?).map_err(noted).ok()?, is })
            }
            "regex" => Pattern::new(&section.text("regex")?).map(Self::Regex).map_err(noted).ok(),
            "header" => {
                let (name, is) = (section.text("header"), section.text_optional("is"));
                Some(Self::Header { name: HeaderName::new(&name?).map_err(noted).ok()?, is })
            }
            "body_contains" => section.text("body_contains").map(Self::BodyContains),
            _ => section.integer("body_bytes_min", 1..=1 << 40).map(Self::BodyBytesMin),
        }
    }

    /// Whether it holds.
    pub fn holds(&self, answer: &AnswerView<'_>) -> bool {
        match self {
            Self::Json { at, is } => at.at(answer).is_some_and(|found| match (is, found) {
                (None, _) => true,
                (Some(wanted), serde_json::Value::String(text)) => wanted == text,
                (Some(wanted), other) => {
                    let text = other.to_string();
                    *wanted == text
                }
            }),
            Self::Regex(pattern) => pattern.is_in(answer.body),
            Self::Header { name, is } => name
                .find(answer.headers)
                .is_some_and(|found| is.as_ref().is_none_or(|wanted| wanted == found)),
            Self::BodyContains(text) => contains(answer.body, text.as_bytes()),
            Self::BodyBytesMin(bytes) => answer.body.len() as u64 >= *bytes,
        }
    }

    /// Whether it looks at the body.
    pub fn wants_body(&self) -> bool {
        !matches!(self, Self::Header { .. })
    }

    /// What is wrong where it does not hold, for a count of failures.
    pub fn describe(&self) -> String {
        match self {
            Self::Json { at, is: None } => format!("pointer {} is missing", at.text()),
            Self::Json { at, is: Some(is) } => format!("pointer {} is not `{is}`", at.text()),
            Self::Regex(pattern) => format!("pattern {} is not in the body", pattern.text()),
            Self::Header { name, is: None } => format!("header {} is missing", name.text()),
            Self::Header { name, is: Some(is) } => format!("header {} is not `{is}`", name.text()),
            Self::BodyContains(text) => format!("`{text}` is not in the body"),
            Self::BodyBytesMin(bytes) => format!("the body has less than {bytes} bytes"),
        }
    }
}

fn contains(body: &[u8], text: &[u8]) -> bool {
    text.is_empty() || body.windows(text.len()).any(|window| window == text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hulk_settings::{Problems, Source, read};

    fn read_text(list: &str) -> Result<Vec<Check>, Problems> {
        let source = Source::new("test.toml", format!("check = [{list}]"));
        read(&source, |root| root.list("check", Check::read))
    }

    /// Whether a check holds for an answer, and its words.
    fn judged(check: &str) -> (bool, String) {
        let headers = vec![("content-type", "application/json")];
        let body = br#"{"ok":true,"name":"a","none":null,"n":3}"#;
        let check = read_text(check).expect("a valid check").remove(0);
        (check.holds(&AnswerView::new(200, &headers, body)), check.describe())
    }

    #[test]
    fn golden_what_holds_and_what_does_not() {
        let cases = [
            ("{ json = \"/ok\", is = \"true\" }", true, "pointer /ok is not `true`"),
            ("{ json = \"/ok\", is = \"false\" }", false, "pointer /ok is not `false`"),
            ("{ json = \"/name\", is = \"a\" }", true, "pointer /name is not `a`"),
            ("{ json = \"/n\", is = \"3\" }", true, "pointer /n is not `3`"),
            ("{ json = \"/none\" }", true, "pointer /none is missing"),
            ("{ json = \"/other\" }", false, "pointer /other is missing"),
            ("{ regex = '\"n\":\\d' }", true, "pattern \"n\":\\d is not in the body"),
            ("{ regex = '\"n\":[a-z]' }", false, "pattern \"n\":[a-z] is not in the body"),
            ("{ header = \"Content-Type\" }", true, "header content-type is missing"),
            ("{ header = \"x\" }", false, "header x is missing"),
            ("{ header = \"content-type\", is = \"b\" }", false, "header content-type is not `b`"),
            ("{ body_contains = 'name\":\"a' }", true, "`name\":\"a` is not in the body"),
            ("{ body_contains = 'nama' }", false, "`nama` is not in the body"),
            ("{ body_bytes_min = 40 }", true, "the body has less than 40 bytes"),
            ("{ body_bytes_min = 41 }", false, "the body has less than 41 bytes"),
        ];
        for (check, holds, words) in cases {
            assert_eq!(judged(check), (holds, words.to_owned()), "{check}");
        }
    }

    #[test]
    fn a_body_that_is_not_json_holds_nothing() {
        let check = read_text("{ json = \"/ok\" }").unwrap().remove(0);
        let headers: Vec<(&str, &str)> = Vec::new();
        assert!(!check.holds(&AnswerView::new(200, &headers, b"<html>")));
    }

    #[test]
    fn every_problem_is_shown_at_once() {
        let list = "{}, { json = \"a\" }, { regex = \"[\" }, { regex = \"a\", is = \"b\" }, { header \
                    = \"h\", body_contains = \"x\", is = \"y\" }, { body_bytes_min = 0 }";
        let problems = read_text(list).unwrap_err();
        let kinds =
            "a check has one of `json`, `regex`, `header`, `body_contains`, `body_bytes_min`";
        let shown: Vec<&str> = problems.list.iter().map(|p| p.message.as_str()).collect();
        assert_eq!(
            shown,
            [
                kinds,
                "the JSON pointer `a` must start with `/`",
                "the pattern `[` is not a regular expression: unclosed character class",
                "unknown key `is` in check[3]",
                kinds,
                "`body_bytes_min` is 0: it must be from 1 to 1099511627776",
            ]
        );
    }

    #[test]
    fn checks_survive_the_way_to_a_worker() {
        let all = read_text("{ json = \"/a\" }, { regex = \"b\" }, { header = \"c\", is = \"d\" }");
        let all = all.unwrap();
        let bytes = postcard::to_stdvec(&all).unwrap();
        assert_eq!(postcard::from_bytes::<Vec<Check>>(&bytes).unwrap(), all);
    }
}
