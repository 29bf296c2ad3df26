//! From a record to its verdict and its files.

use std::fs;
use std::io::{Write, stdout};
use std::path::Path;

use hulk_record::{FolderError, Measure, Record};
use hulk_reports::{Verdict, hlog, html, html_static, judge, raw, scorecard, sentence, summary};

use crate::outcome::Failure;
use crate::run_folder::{RECORD, read_record};

/// `hulk report`: judges a record again; the same record gives the same bytes.
pub(crate) fn again(folder: &Path) -> Result<i32, Failure> {
    let mut record = read_record(folder)?;
    if !folder.join(RECORD).is_dir() {
        let folder = folder.display();
        let message = format!(
            "{folder} is a record alone: name the run's folder around it, in which to write"
        );
        return Err(Failure::Usage(message));
    }
    let verdict = write(folder, &mut record)?;
    let text = last_lines(&verdict, folder);
    // A reader who has gone, or a full disk behind `>`: the exit code has the verdict.
    let _told = stdout().write_all(text.as_bytes());
    Ok(verdict.kind.exit_code())
}

/// Judges the record in a run's folder and writes everything that is made from it.
pub(crate) fn render(folder: &Path) -> Result<(Record, Verdict), Failure> {
    let mut record = Record::read(&folder.join(RECORD))?;
    let verdict = write(folder, &mut record)?;
    Ok((record, verdict))
}

fn write(folder: &Path, record: &mut Record) -> Result<Verdict, Failure> {
    let write = |name: &str, bytes: Vec<u8>| -> Result<(), FolderError> {
        let path = folder.join(name);
        fs::write(&path, bytes).map_err(|source| FolderError::Io { path, source })
    };
    if let Some(bytes) = raw(record) {
        write("raw.csv", bytes)?;
        // Nothing else is made of them, and they may be most of the memory.
        record.frames.iter_mut().for_each(|frame| frame.raw = Vec::new());
    }
    let verdict = judge(record);
    let told = |measure| {
        let mut series = record.frames.iter().flat_map(|frame| &frame.series);
        series.any(|(key, _)| key.measure == measure)
    };
    // An empty log says nothing: without TLS, for example, there is no time to encrypt.
    for measure in Measure::ALL.into_iter().filter(|measure| told(*measure)) {
        let bytes = hlog(record, measure).map_err(Failure::internal)?;
        write(&format!("{}.hlog", measure.name()), bytes)?;
    }
    write("summary.json", summary(record, &verdict).map_err(Failure::internal)?)?;
    write("scorecard.txt", scorecard(&verdict).into_bytes())?;
    let report = html(record, &verdict);
    write("report-static.html", html_static(&report))?;
    write("report.html", report)?;
    Ok(verdict)
}

/// Verdict, reason, report's path: always the last lines.
pub(crate) fn last_lines(verdict: &Verdict, folder: &Path) -> String {
    format!("{}\nreport: {}\n", sentence(verdict).trim_end(), folder.join("report.html").display())
}
