//! `report-static.html`: the report for places that forbid scripts and styles, as Jenkins does.
//!
//! Nothing is rendered twice. The finished report is read tag by tag; script and style are left
//! out, and each of our classes becomes what the plain attributes of HTML and SVG can say of it.

use std::collections::BTreeMap;

/// What becomes of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    /// It gets attributes.
    With(&'static str),
    /// It gets attributes, and its content goes between two texts.
    Around(&'static str, &'static str, &'static str),
    /// Two texts stand in its place.
    As(&'static str, &'static str),
}

use Look::{Around, As, With};

macro_rules! line {
    ($color:literal, $width:literal, $dashes:literal) => {
        With(concat!(
            r#"fill="none" vector-effect="non-scaling-stroke" stroke=""#,
            $color,
            r#"" stroke-width=""#,
            $width,
            r#"" stroke-dasharray=""#,
            $dashes,
            "\""
        ))
    };
}

macro_rules! area {
    ($color:literal, $opacity:literal) => {
        With(concat!(
            r#"vector-effect="non-scaling-stroke" fill=""#,
            $color,
            r#"" stroke=""#,
            $color,
            r#"" fill-opacity=""#,
            $opacity,
            r#"" stroke-opacity="0.6""#
        ))
    };
}

macro_rules! text {
    ($color:literal, $more:literal) => {
        With(concat!(
            r##"stroke="#ffffff" stroke-width="3" paint-order="stroke" fill=""##,
            $color,
            "\" ",
            $more
        ))
    };
}

/// Tag, class and look; an empty class is for every element with the tag and no class that is here.
const LOOKS: &[(&str, &str, Look)] = &[
    (
        "body",
        "",
        Around(
            r##"bgcolor="#ffffff" text="#18202b" link="#0550ae""##,
            r#"<font face="system-ui, Helvetica, Arial, sans-serif">"#,
            "</font>",
        ),
    ),
    ("header", "pass", Around("", BOX, BOX_END)),
    ("header", "fail", Around("", BOX, BOX_END)),
    ("header", "open", Around("", BOX, BOX_END)),
    ("p", "pass", As(r##"<h1><font color="#116329">✓ "##, "</font></h1>")),
    ("p", "fail", As(r##"<h1><font color="#a40e26">✗ "##, "</font></h1>")),
    ("p", "open", As(r##"<h1><font color="#7a4a00">? "##, "</font></h1>")),
    // The lines of a long heading would stand far apart: the verdict alone is the heading.
    ("h1", "", As(r#"<p><font size="4"><b>"#, "</b></font></p>")),
    ("h2", "", As("<hr><h2>", "</h2>")),
    ("figure", "", As("<div>", "</div>")),
    ("p", "meta", Around("", SOFT, SOFT_END)),
    ("p", "soft", Around("", SOFT, SOFT_END)),
    ("ul", "soft", As(r##"<font color="#525c69" size="2"><ul>"##, "</ul></font>")),
    ("ul", "notes", As(r##"<font color="#525c69" size="2"><ul>"##, "</ul></font>")),
    ("small", "", As(r##"<br><small><font color="#525c69">"##, "</font></small>")),
    (
        "ul",
        "tiles",
        As(
            r#"<br><table role="presentation" width="100%" cellpadding="8" cellspacing="6" border="0"><tr valign="top">"#,
            "</tr></table>",
        ),
    ),
    ("li", "worst", As(r##"<td bgcolor="#fdecee">"##, "</td>")),
    ("li", "tile", As(r##"<td bgcolor="#f5f7fa">"##, "</td>")),
    ("b", "value", As(r#"<font size="5"><b>"#, "</b></font><br>")),
    (
        "table",
        "",
        With(r#"width="100%" cellpadding="6" cellspacing="0" frame="hsides" rules="rows""#),
    ),
    (
        "table",
        "rows",
        With(r#"width="100%" cellpadding="3" cellspacing="0" frame="hsides" rules="rows""#),
    ),
    ("caption", "", With(r#"align="left""#)),
    ("tbody", "figures", With(r#"align="right""#)),
    ("th", "", With(r#"align="left" valign="top""#)),
    ("th", "n", With(r#"align="right" valign="top""#)),
    ("td", "n", With(r#"align="right" valign="top" nowrap"#)),
    ("td", "wide", With(r#"valign="top""#)),
    ("td", "good", Around(NOWRAP, r##"<font color="#116329"><b>"##, "</b></font>")),
    ("td", "bad", Around(NOWRAP, r##"<font color="#a40e26"><b>"##, "</b></font>")),
    ("td", "open", Around(NOWRAP, r##"<font color="#7a4a00"><b>"##, "</b></font>")),
    ("ul", "keys", As("<p>", "</p>")),
    ("li", "keyed", As("<span>", " &nbsp; </span>")),
    ("div", "plots", As(CURVES, CURVES_END)),
    ("div", "ranks", As(CURVES, CURVES_END)),
    (
        "dl",
        "figures",
        As(
            r#"<table role="presentation" cellpadding="6" cellspacing="0" border="0"><tr valign="top">"#,
            "</tr></table>",
        ),
    ),
    ("div", "time", As("<td nowrap>", "</td>")),
    ("div", "figure", As("<td>", "</td>")),
    ("dt", "what", As(r##"<small><font color="#525c69">"##, "</font></small><br>")),
    ("dd", "value", As("<b>", "</b>")),
    ("path", "grid", line!("#d5dbe3", "1", "none")),
    ("path", "moment", line!("#525c69", "1", "2 3")),
    ("path", "stop", line!("#a40e26", "2.5", "10 4")),
    ("path", "wanted", line!("#a04100", "2", "7 4")),
    ("path", "demand", line!("#a04100", "2", "7 4")),
    ("path", "present", line!("#0550ae", "2", "none")),
    ("path", "supply", line!("#0550ae", "2", "none")),
    ("path", "up", line!("#0550ae", "1.5", "none")),
    ("path", "down", line!("#0550ae", "1.5", "none")),
    ("path", "p50", line!("#116329", "2", "2 4")),
    ("path", "p99", line!("#6639ba", "2", "none")),
    ("path", "p999", line!("#a0156b", "1.5", "8 3 2 3")),
    ("line", "grid", line!("#d5dbe3", "1", "none")),
    ("path", "rank-1", line!("#6639ba", "2", "none")),
    ("path", "rank-2", line!("#0550ae", "2", "7 4")),
    ("path", "rank-3", line!("#a04100", "2", "2 3")),
    ("path", "rank-4", line!("#a0156b", "2", "12 3 2 3")),
    ("path", "rank-5", line!("#116329", "2", "none")),
    ("path", "rank-6", line!("#a40e26", "2", "9 3")),
    ("path", "fault", area!("#7a4a00", "0.14")),
    ("path", "not-wanted", With(r##"fill="#a40e26""##)),
    ("path", "not-ordered", With(r##"fill="#a04100""##)),
    ("path", "starting", With(r##"fill="#0550ae""##)),
    ("path", "short", area!("#a40e26", "0.28")),
    ("path", "errors", area!("#a40e26", "1")),
    ("text", "", text!("#525c69", r#"font-size="12""#)),
    ("text", "title", text!("#18202b", r#"font-size="13" font-weight="600""#)),
    ("text", "mark", text!("#18202b", r#"font-size="12" font-weight="700""#)),
    ("tspan", "name", With(r#"font-weight="400""#)),
];

/// Room for the labels at the left of curves.
const CURVES: &str = r#"<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"><tr><td width="58"><svg width="58" height="1" aria-hidden="true"></svg></td><td>"#;
const CURVES_END: &str = "</td></tr></table>";
const NOWRAP: &str = r#"valign="top" nowrap"#;
const BOX: &str = r##"<table role="presentation" width="100%" cellpadding="14" cellspacing="0" border="0"><tr><td bgcolor="#f5f7fa">"##;
const BOX_END: &str = "</td></tr></table>";
const SOFT: &str = r##"<font color="#525c69" size="2">"##;
const SOFT_END: &str = "</font>";

/// Elements without an end.
const VOID: &[&str] = &["meta", "br", "hr", "wbr", "col"];

/// A report of [`html`](crate::html) for places that allow neither scripts nor styles: the same
/// content in plain HTML and SVG, in its light colours.
pub fn html_static(report: &[u8]) -> Vec<u8> {
    plain(&String::from_utf8_lossy(report)).into_bytes()
}

fn plain(report: &str) -> String {
    let looks: BTreeMap<(&str, &str), Look> =
        LOOKS.iter().map(|&(tag, class, look)| ((tag, class), look)).collect();
    let mut out = String::with_capacity(report.len());
    // Of the open elements: the tag, and what stands in place of its end.
    let mut open: Vec<(&str, String)> = Vec::new();
    let mut rest = report;
    while let Some((before, after)) = rest.split_once('<') {
        out.push_str(before);
        // Values are escaped, so the first `>` ends the tag.
        let (inside, after) = after.split_once('>').unwrap_or((after, ""));
        rest = after;
        let name = inside.split([' ', '\n', '/']).next().unwrap_or_default();
        if inside.starts_with('/') {
            let end = open.pop().map_or_else(|| format!("<{inside}>"), |(_, end)| end);
            out.push_str(&end);
        } else if matches!(name, "style" | "script") {
            rest = past_end(rest, name);
        } else if name != "meta" || !inside.contains("http-equiv") {
            start(&looks, inside, name, &mut out, &mut open);
        }
    }
    out + rest
}

fn past_end<'a>(rest: &'a str, name: &str) -> &'a str {
    let end = format!("</{name}>");
    rest.split_once(&end).map_or("", |(_, after)| after.trim_start_matches('\n'))
}

fn start<'a>(
    looks: &BTreeMap<(&str, &str), Look>,
    inside: &'a str,
    name: &'a str,
    out: &mut String,
    open: &mut Vec<(&'a str, String)>,
) {
    let attributes = attributes(inside);
    let classes = attributes.iter().find(|(name, _)| *name == "class").map_or("", |(_, of)| of);
    let of_class = classes.split(' ').find_map(|class| looks.get(&(name, class)));
    let look = of_class.or_else(|| looks.get(&(name, ""))).copied().unwrap_or(With(""));
    let mut kept = String::new();
    for (attribute, value) in &attributes {
        // What only a style or a script can use.
        let useless = matches!(*attribute, "class" | "tabindex") || attribute.starts_with("data-");
        if !useless {
            let value = if *value == "light dark" { "light" } else { value };
            kept += &format!(" {attribute}=\"{value}\"");
        }
    }
    let space = |more: &str| if more.is_empty() { String::new() } else { format!(" {more}") };
    let single = inside.ends_with('/') || inside.starts_with('!') || VOID.contains(&name);
    let slash = if inside.ends_with('/') { "/" } else { "" };
    let (opened, end) = match look {
        With("") if name.starts_with('!') => (format!("<{inside}>"), String::new()),
        With(more) => (format!("<{name}{kept}{}{slash}>", space(more)), format!("</{name}>")),
        Around(more, before, after) => {
            (format!("<{name}{kept}{}>{before}", space(more)), format!("{after}</{name}>"))
        }
        As(before, after) => (before.to_owned(), after.to_owned()),
    };
    out.push_str(&opened);
    if !single {
        open.push((name, end));
    }
}

/// The attributes of a tag, in their order.
fn attributes(inside: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut rest = inside.split_once([' ', '\n']).map_or("", |(_, rest)| rest);
    while let Some((name, after)) = rest.split_once("=\"") {
        let (value, after) = after.split_once('"').unwrap_or((after, ""));
        found.push((name.trim(), value));
        rest = after;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_become_attributes_and_scripts_go() {
        let page = "<!doctype html>\n<style>\np { color: red }</style>\n<p class=\"badge fail\">FAIL</p>\
                    <table><tr><td class=\"n\" data-x=\"1\">5 &lt; 6</td></tr></table>\
                    <svg><path class=\"p99\" d=\"M0 0\"/></svg><script>if (1) alert()</script>";
        let page = plain(page);
        assert!(
            page.starts_with("<!doctype html>\n<h1><font color=\"#a40e26\">✗ FAIL</font></h1>")
        );
        assert!(page.contains("<td align=\"right\" valign=\"top\" nowrap>5 &lt; 6</td>"), "{page}");
        assert!(
            page.contains("stroke=\"#6639ba\"") && page.contains("stroke-dasharray=\"none\"/>")
        );
        for gone in ["class=", "data-", "script", "style", "alert"] {
            assert!(!page.contains(gone), "{gone}: {page}");
        }
    }

    #[test]
    fn every_look_has_its_own_place() {
        let mut places: Vec<_> = LOOKS.iter().map(|(tag, class, _)| (tag, class)).collect();
        places.sort_unstable();
        places.dedup();
        assert_eq!(places.len(), LOOKS.len());
    }
}
