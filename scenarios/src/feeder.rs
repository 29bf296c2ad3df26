//! Feeders: rows of the user's own data, handed out to viewers.

use std::fmt;
use std::io::Read;
use std::path::Path;

use hulk_record::{hash_of, seed_of};
use hulk_settings::{Section, Source};
use serde::{Deserialize, Serialize};

/// Largest file, in bytes: it travels to every worker.
const BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Most rows.
const ROWS_MAX: usize = 1_000_000;

/// Which row a viewer gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Take {
    /// One of their own; viewers beyond the last row get none.
    Unique,
    /// One drawn by hash; others may get it too.
    Random,
    /// One after another, and again from the first.
    Circular,
}

/// Rows with named columns, all in memory.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feeder {
    /// Its name.
    pub name: String,
    /// The columns, in the file's order; those of JSON lines in the order of their names.
    pub columns: Vec<String>,
    /// Which row a viewer gets.
    pub take: Take,
    cells: Cells,
}

/// All cells in one text, row by row.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Cells {
    text: String,
    ends: Vec<u32>,
}

impl Cells {
    fn push(&mut self, cell: &str) {
        self.text.push_str(cell);
        self.ends.push(self.text.len() as u32);
    }

    fn get(&self, cell: usize) -> Option<&str> {
        let end = *self.ends.get(cell)?;
        let start = cell.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.text.get(start as usize..end as usize)
    }
}

impl fmt::Debug for Feeder {
    /// Without its cells: they may be passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, columns, take, cells: _ } = self;
        f.debug_struct("Feeder")
            .field("name", name)
            .field("columns", columns)
            .field("take", take)
            .field("rows", &self.rows())
            .finish()
    }
}

/// What is wrong in a file, and at which byte.
type Wrong = (usize, String);

impl Feeder {
    /// Reads a feeder and its file, which is looked for in `folder`.
    pub fn read(section: &Section<'_>, folder: &Path) -> Option<Self> {
        let name = section.text("name");
        let file = section.text("file");
        let takes =
            [("unique", Take::Unique), ("random", Take::Random), ("circular", Take::Circular)];
        let take = section.word("take", &takes);
        let file = file?;
        let read = load(&folder.join(&file)).and_then(|text| {
            let source = Source::new(file.as_str(), text);
            let parsed = if file.ends_with(".csv") {
                csv_cells(&source.text, ROWS_MAX)
            } else if file.ends_with(".jsonl") {
                json_cells(&source.text, ROWS_MAX)
            } else {
                return Err(format!("`{file}` ends neither in `.csv` nor in `.jsonl`"));
            };
            parsed.map_err(|(at, message)| {
                let (line, column) = source.place(at);
                format!("{file}:{line}:{column}: {message}")
            })
        });
        let hint = "a `.csv` with names in its first line, or a `.jsonl` with one object a line; it \
                    is looked for beside the file that names it";
        let noted = |message| section.problem_at("file", message, Some(hint.to_owned()));
        let read = read.map_err(noted).ok();
        let (columns, cells) = read?;
        Some(Self { name: name?, columns, take: take?, cells })
    }

    /// How many rows it has; at least one.
    pub fn rows(&self) -> usize {
        self.cells.ends.len() / self.columns.len().max(1)
    }

    /// The row of a viewer; nothing where a feeder of unique rows has run dry. No two viewers have
    /// the same number, so this asks no other worker.
    pub fn row(&self, seed: u64, viewer: u32) -> Option<usize> {
        let (rows, number) = (self.rows(), viewer as usize);
        match self.take {
            Take::Unique => (number < rows).then_some(number),
            Take::Circular => number.checked_rem(rows),
            Take::Random => {
                let seed = seed_of(seed_of(seed, "feeder"), &self.name);
                let hash = u128::from(hash_of(seed, viewer.into()));
                (rows > 0).then_some(((hash * rows as u128) >> 64) as usize)
            }
        }
    }

    /// The place of a column.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|known| known == name)
    }

    /// A cell; empty beyond the last row or column.
    pub fn value(&self, row: usize, column: usize) -> &str {
        if column >= self.columns.len() {
            return "";
        }
        self.cells.get(row * self.columns.len() + column).unwrap_or_default()
    }
}

/// The text of a data file of a size that is taken.
pub(crate) fn load(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(BYTES_MAX + 1).read_to_end(&mut bytes))
        .map_err(|error| format!("{}: {error}", path.display()))?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(format!("{}: larger than 16 MiB, the most that is taken", path.display()));
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(&error.as_bytes()[..good]).into_owned();
        let (line, column) = Source::new("", text).place(good);
        format!("{}:{line}:{column}: not UTF-8", path.display())
    })
}

fn too_many(rows_max: usize) -> String {
    format!("more than {rows_max} rows, the most that is taken")
}

fn csv_cells(text: &str, rows_max: usize) -> Result<(Vec<String>, Cells), Wrong> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let unreadable = |error: csv::Error| {
        (error.position().map_or(0, |at| at.byte() as usize), error.to_string())
    };
    let headers = reader.headers().map_err(unreadable)?;
    let columns: Vec<String> = headers.iter().map(|name| name.trim().to_owned()).collect();
    check_columns(&columns)?;
    let (mut cells, mut record, mut last) = (Cells::default(), csv::StringRecord::new(), 0);
    let mut rows = 0;
    while reader.read_record(&mut record).map_err(unreadable)? {
        let start = record.position().map_or(0, |at| at.byte() as usize);
        // The reader may count the blank lines before a record to it.
        last = start + text[start..].len() - text[start..].trim_start_matches(['\r', '\n']).len();
        if record.len() != columns.len() {
            let at = last + cut(&text[last..], columns.len()).0;
            let message = format!("{} cells, and there are {}", record.len(), listed(&columns));
            return Err((at, message));
        }
        rows += 1;
        if rows > rows_max {
            return Err((last, too_many(rows_max)));
        }
        record.iter().for_each(|cell| cells.push(cell));
    }
    if rows == 0 {
        return Err((text.len(), "no row after the names of the columns".to_owned()));
    }
    if let (_, Some(open)) = cut(&text[last..], columns.len()) {
        return Err((last + open, "a quote that is not closed".to_owned()));
    }
    Ok((columns, cells))
}

/// Where in a record the cells beyond the first `count` begin, or it ends; and the place of a
/// quote that is never closed.
fn cut(record: &str, count: usize) -> (usize, Option<usize>) {
    let (mut cells, mut open, mut at_start) = (1, None, true);
    for (at, c) in record.char_indices() {
        match (c, open) {
            ('"', Some(_)) => open = None,
            // Right after a closing one, it is a quote within the cell.
            ('"', None) if at_start || record[..at].ends_with('"') => open = Some(at),
            (',', None) if cells == count => return (at, None),
            (',', None) => cells += 1,
            ('\n', None) => return (at, None),
            _ => {}
        }
        at_start = c == ',' && open.is_none();
    }
    (record.len(), open)
}

fn json_cells(text: &str, rows_max: usize) -> Result<(Vec<String>, Cells), Wrong> {
    let mut columns: Vec<String> = Vec::new();
    let (mut cells, mut rows, mut start) = (Cells::default(), 0, 0);
    for line in text.split_inclusive('\n') {
        let at = start;
        start += line.len();
        if line.trim().is_empty() {
            continue;
        }
        let row: serde_json::Value = serde_json::from_str(line).map_err(|error| {
            // Ends in "at line 1 column 7", and each line is its own text.
            let message = error.to_string();
            let message = message.split(" at line ").next().unwrap_or_default();
            (at + error.column().saturating_sub(1), format!("not JSON: {message}"))
        })?;
        let serde_json::Value::Object(row) = row else {
            return Err((at, "each line must be a JSON object".to_owned()));
        };
        if rows == 0 {
            columns = row.keys().cloned().collect();
            columns.sort();
            check_columns(&columns)?;
        }
        rows += 1;
        if rows > rows_max {
            return Err((at, too_many(rows_max)));
        }
        if row.len() != columns.len() || !columns.iter().all(|name| row.contains_key(name)) {
            let mut keys: Vec<String> = row.keys().cloned().collect();
            keys.sort();
            let message =
                format!("its keys are {}, those above are {}", listed(&keys), listed(&columns));
            return Err((at, message));
        }
        for name in &columns {
            match row.get(name) {
                Some(serde_json::Value::String(cell)) => cells.push(cell),
                other => cells.push(&other.map(ToString::to_string).unwrap_or_default()),
            }
        }
    }
    if rows == 0 {
        return Err((0, "no row".to_owned()));
    }
    Ok((columns, cells))
}

fn check_columns(columns: &[String]) -> Result<(), Wrong> {
    if columns.is_empty() || columns.iter().any(String::is_empty) {
        return Err((0, "each column needs a name".to_owned()));
    }
    let twice = columns.iter().enumerate().find(|(index, name)| columns[..*index].contains(name));
    match twice {
        Some((_, name)) => Err((0, format!("two columns are named `{name}`"))),
        None => Ok(()),
    }
}

fn listed(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
