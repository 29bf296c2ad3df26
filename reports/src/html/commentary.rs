//! From a message of the commentary to changed instances, as a section.

use hulk_record::Record;

use super::tables::{numeric, table};
use crate::commentary::{Reaction, WITHIN_S, reactions};
use crate::words::{escape, minute, number};

/// Nothing where nobody heard of a key player.
pub(super) fn section(record: &Record) -> String {
    let reactions = reactions(record);
    if reactions.is_empty() {
        return String::new();
    }
    let rows: Vec<String> = reactions.iter().flat_map(rows).collect();
    let body = if rows.is_empty() {
        "<p class=\"soft\">Nobody observed the capacity.</p>\n".to_owned()
    } else {
        let heads = ["Message", "Service", "#Wanted", "#After, match s", "#After, wall s"];
        table(&heads, &rows)
            + &format!(
                "<p class=\"soft\">The first change of the instances wanted, whatever caused it, until \
                 the next such message and within {WITHIN_S} match s. Somebody looks once a second of \
                 wall time: a change is seen up to that much later than it was.</p>\n"
            )
    };
    format!("<section>\n<h2>From the commentary to the scaler</h2>\n{body}</section>\n")
}

fn rows(reaction: &Reaction) -> Vec<String> {
    let message = format!(
        "<th scope=\"row\">{}<small>match minute {}</small></th>",
        escape(&reaction.text),
        minute(reaction.match_min)
    );
    let row = |of: &crate::commentary::ServiceReaction| {
        let wanted = match of.after {
            Some(after) => format!("{} → {}", number(of.before), number(after)),
            None => format!("{}: no change", number(of.before)),
        };
        let or_dash = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), number);
        let (match_s, wall_s) = (of.match_s, of.wall_ms.map(|ms| ms / 1e3));
        format!(
            "{message}<td>{}</td>{}{}{}",
            escape(&of.service),
            numeric(&wanted),
            numeric(&or_dash(match_s)),
            numeric(&or_dash(wall_s))
        )
    };
    reaction.services.iter().map(row).collect()
}
