//! From a record to its verdict and its files.

use std::fs;
use std::io::{Write, stdout};
use std::path::Path;

use hulk_record::{FolderError, Measure, Record};
use hulk_reports::{Verdict, hlog, html, judge, sentence, summary};

use crate::outcome::Failure;
use crate::run_folder::RECORD;

/// `hulk report`: judges a record again; the same record gives the same bytes.
pub(crate) fn again(folder: &Path) -> Result<i32, Failure> {
    if !folder.join(RECORD).is_dir() {
        let folder = folder.display();
        let message =
            format!("{folder} holds no record: name a run's folder, as `rehearse` prints it");
        return Err(Failure::Usage(message));
    }
    let verdict = render(folder)?;
    let text = last_lines(&verdict, folder);
    // A reader who has gone, or a full disk behind `>`: the exit code has the verdict.
    let _told = stdout().write_all(text.as_bytes());
    Ok(verdict.kind.exit_code())
}

/// Judges the record in a run's folder and writes everything that is made from it.
pub(crate) fn render(folder: &Path) -> Result<Verdict, Failure> {
    let record = Record::read(&folder.join(RECORD))?;
    let verdict = judge(&record);
    let write = |name: &str, bytes: Vec<u8>| {
        let path = folder.join(name);
        fs::write(&path, bytes).map_err(|source| Failure::Folder(FolderError::Io { path, source }))
    };
    for measure in Measure::ALL {
        let bytes = hlog(&record, measure).map_err(Failure::internal)?;
        write(&format!("{}.hlog", measure.name()), bytes)?;
    }
    write("summary.json", summary(&record, &verdict).map_err(Failure::internal)?)?;
    write("report.html", html(&record, &verdict))?;
    Ok(verdict)
}

/// Verdict, reason, report's path: always the last lines.
pub(crate) fn last_lines(verdict: &Verdict, folder: &Path) -> String {
    format!("{}\nreport: {}\n", sentence(verdict).trim_end(), folder.join("report.html").display())
}
