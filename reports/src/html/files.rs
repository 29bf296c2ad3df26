//! What lies in the run's folder, for those who want more than this page.

use super::tables::table;

/// File, what it holds, how it is read. Which of them are there is not known here: the report is
/// made from the record alone.
const FILES: [(&str, &str, &str); 15] = [
    ("report.html", "this page", "any browser; no network is used"),
    (
        "report-static.html",
        "the same without script and style sheet",
        "where a page may have neither",
    ),
    ("summary.json", "everything that this page says, exact", "any JSON reader; keys carry units"),
    (
        "scorecard.txt",
        "how well scaling kept up, with the waterfall of each scale-out",
        "plain text",
    ),
    (
        "response.hlog, service.hlog",
        "times of the requests, a histogram for each interval, step and outcome",
        "HdrHistogram's interval log, V2 with deflate; values in µs",
    ),
    ("lag.hlog", "how late the generator sent", "the same"),
    ("journey.hlog", "how long the visits' starts took", "the same"),
    ("first_frame.hlog", "how long players took to show something", "the same"),
    (
        "dns.hlog, connect.hlog, tls.hlog, first_byte.hlog, body.hlog",
        "the parts of the way to an answer, those that there were",
        "the same",
    ),
    ("raw.csv", "every single request; when <code>--raw</code> was given", "any CSV reader"),
    ("record/manifest.json", "what was to be done, by whom and where", "JSON"),
    ("record/frames.bin", "what the workers told, an interval each", "docs/record.md has its form"),
    ("record/capacity.jsonl", "what observers saw of the capacity", "JSON, a line for each look"),
    ("record/events.jsonl", "moments, faults, scaling and trouble, as they came", "JSON lines"),
    (
        "record/target.json, record/end.json",
        "what the target counted itself, where it tells; how the run ended",
        "JSON",
    ),
];

/// The section.
pub(super) fn section() -> String {
    let rows: Vec<String> = FILES
        .iter()
        .map(|(file, what, how)| {
            format!("<th scope=\"row\">{file}</th><td class=\"wide\">{what}</td><td>{how}</td>")
        })
        .collect();
    format!(
        "<section>\n<h2>Files of this run</h2>\n{}<p class=\"soft\">Everything but the record is made \
         from the record: <code>hulk report FOLDER</code> makes it again, to the same bytes, and \
         <code>hulk compare FOLDER OTHER</code> lays two runs side by side.</p>\n</section>\n",
        table(&["File", "What it holds", "How to read it"], &rows)
    )
}
