//! Numbers in any JSON document.

use hulk_scenarios::{Figures, JsonFeed};
use serde_json::Value;

use crate::ObserveError;

/// The numbers that the pointers lead to.
pub(crate) fn figures(feed: &JsonFeed, text: &str) -> Result<Figures<f64>, ObserveError> {
    let document: Value = serde_json::from_str(text)?;
    feed.figures.try_map(|pointer| {
        let found = document.pointer(pointer);
        let found =
            found.ok_or_else(|| ObserveError::missing(format!("nothing at `{pointer}`")))?;
        number(found).ok_or_else(|| {
            ObserveError::missing(format!("what is at `{pointer}` is no number: {found}"))
        })
    })
}

/// A number, or a text that is one.
pub(crate) fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use hulk_scenarios::FeedPlace;

    use super::*;

    #[test]
    fn numbers_are_where_the_pointers_lead() {
        let place = FeedPlace { address: ([127, 0, 0, 1], 80).into(), path: "/".to_owned() };
        let pointer = |text: &str| text.to_owned();
        let desired = Some(pointer("/groups/1/a~1b"));
        let figures_of = Figures { ready: pointer("/ready"), desired, ..Figures::default() };
        let feed = JsonFeed { place, figures: figures_of };
        let text = r#"{"ready": "3", "groups": [{}, {"a/b": 4.0}]}"#;
        let seen = figures(&feed, text).unwrap();
        assert_eq!((seen.ready, seen.desired, seen.pending), (3.0, Some(4.0), None));
        let told = |text: &str| figures(&feed, text).unwrap_err().to_string();
        assert_eq!(told("{}"), "nothing at `/ready`");
        let list = r#"{"ready": [], "groups": []}"#;
        assert_eq!(told(list), "what is at `/ready` is no number: []");
        assert!(told("<html>").starts_with("the answer is not the JSON that was expected"));
    }
}
