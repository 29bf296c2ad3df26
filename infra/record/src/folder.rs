//! The record at rest: a folder that is written as the run goes on and read back whole.
//!
//! `manifest.json` · `frames.bin` (magic, then each frame as a length in 4 bytes, little-endian,
//! and its wire form) · `capacity.jsonl` · `events.jsonl` · `callee.jsonl` · `target.json` ·
//! `end.json`.
//! docs/record.md has the fields.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{
    CalleeSample, CapacitySample, CodecError, Frame, Manifest, RunEnd, RunEvent, TargetCounts,
    decode, encode, frame_older, frame_v1,
};

const MAGIC: &[u8; 8] = b"HULKFRM5";
const MAGIC_V4: &[u8; 8] = b"HULKFRM4";
const MAGIC_V3: &[u8; 8] = b"HULKFRM3";
const MAGIC_V2: &[u8; 8] = b"HULKFRM2";
const MAGIC_V1: &[u8; 8] = b"HULKFRM1";
/// No frame is larger: a length above it is damage, not data.
const FRAME_BYTES_MAX: u32 = 64 << 20;

/// A record that cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The file system said no.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        #[source]
        source: io::Error,
    },
    /// A file's content is not what it should be.
    #[error(
        "{path} is damaged or not a record: {reason}; run the rehearsal again, or name another folder"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Written by a newer HULK.
    #[error("{path} has record format {found}, this HULK reads up to {known}: use a newer one")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest that is known.
        known: u32,
    },
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> FolderError + '_ {
    |source| FolderError::Io { path: path.to_owned(), source }
}

fn damaged(path: &Path, reason: impl ToString) -> FolderError {
    FolderError::Damaged { path: path.to_owned(), reason: reason.to_string() }
}

/// A whole record in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// What was to be done.
    pub manifest: Manifest,
    /// What the workers told.
    pub frames: Vec<Frame>,
    /// What the observers saw.
    pub capacity: Vec<CapacitySample>,
    /// What happened.
    pub events: Vec<RunEvent>,
    /// What the backend that callers called said of itself; empty where nobody asked it.
    pub callee: Vec<CalleeSample>,
    /// What the platform itself counted; none where it did not tell.
    pub target: Option<TargetCounts>,
    /// How it ended.
    pub end: RunEnd,
}

impl Record {
    /// Reads a record's folder.
    ///
    /// # Errors
    /// When a file is missing, damaged or of a newer format.
    pub fn read(folder: &Path) -> Result<Self, FolderError> {
        let path = folder.join("manifest.json");
        let text = fs::read_to_string(&path).map_err(io_error(&path))?;
        let head: serde_json::Value = serde_json::from_str(&text).map_err(|e| damaged(&path, e))?;
        let found = head.get("version").and_then(serde_json::Value::as_u64).unwrap_or(0) as u32;
        if found > Manifest::VERSION {
            return Err(FolderError::Newer { path, found, known: Manifest::VERSION });
        }
        let manifest = serde_json::from_value(head).map_err(|e| damaged(&path, e))?;
        let end = read_optional(&folder.join("end.json"))?.unwrap_or(RunEnd::Cut);
        let cut = end == RunEnd::Cut;
        let target = match read_optional(&folder.join("target.json")) {
            Err(FolderError::Damaged { .. }) if cut => None,
            other => other?,
        };
        let callee = folder.join("callee.jsonl");
        Ok(Self {
            manifest,
            frames: read_frames(&folder.join("frames.bin"), cut)?,
            capacity: read_lines(&folder.join("capacity.jsonl"), cut)?,
            events: read_lines(&folder.join("events.jsonl"), cut)?,
            callee: if callee.exists() { read_lines(&callee, cut)? } else { Vec::new() },
            target,
            end,
        })
    }
}

/// A killed writer leaves a torn last entry: it is dropped where `cut` says so.
fn read_frames(path: &Path, cut: bool) -> Result<Vec<Frame>, FolderError> {
    let file = File::open(path).map_err(io_error(path))?;
    let mut reader = BufReader::new(file);
    let mut magic = [0; 8];
    reader.read_exact(&mut magic).map_err(io_error(path))?;
    let decode_frame: fn(&[u8]) -> Result<Frame, CodecError> = match &magic {
        MAGIC => |bytes| decode(bytes),
        MAGIC_V4 => frame_older::read_v4,
        MAGIC_V3 => frame_older::read_v3,
        MAGIC_V2 => frame_older::read_v2,
        MAGIC_V1 => frame_v1::read,
        _ => return Err(damaged(path, "it does not start as a file of frames")),
    };
    let mut frames = Vec::new();
    loop {
        let mut length = [0; 4];
        match reader.read(&mut length[..1]).map_err(io_error(path))? {
            0 => return Ok(frames),
            _ => match read_frame(&mut reader, &mut length)
                .and_then(|bytes| decode_frame(&bytes).map_err(|e| e.to_string()))
            {
                Ok(frame) => frames.push(frame),
                Err(_) if cut => return Ok(frames),
                Err(reason) => return Err(damaged(path, reason)),
            },
        }
    }
}

/// A file that need not be there.
fn read_optional<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, FolderError> {
    match fs::read_to_string(path) {
        Ok(text) => serde_json::from_str(&text).map(Some).map_err(|e| damaged(path, e)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(FolderError::Io { path: path.to_owned(), source }),
    }
}

fn read_frame(reader: &mut impl Read, length: &mut [u8; 4]) -> Result<Vec<u8>, String> {
    reader.read_exact(&mut length[1..]).map_err(|e| e.to_string())?;
    let length = u32::from_le_bytes(*length);
    if length > FRAME_BYTES_MAX {
        return Err(format!("a frame of {length} bytes"));
    }
    let mut bytes = vec![0; length as usize];
    reader.read_exact(&mut bytes).map_err(|e| e.to_string())?;
    Ok(bytes)
}

fn read_lines<T: DeserializeOwned>(path: &Path, cut: bool) -> Result<Vec<T>, FolderError> {
    let file = File::open(path).map_err(io_error(path))?;
    let mut items = Vec::new();
    for line in BufReader::new(file).lines() {
        let line = line.map_err(io_error(path))?;
        match serde_json::from_str(&line) {
            Ok(item) => items.push(item),
            Err(_) if cut => break,
            Err(error) => return Err(damaged(path, error)),
        }
    }
    Ok(items)
}

/// Writes a record as the run goes on; each entry reaches the file system before the call ends.
#[derive(Debug)]
pub struct RecordWriter {
    folder: PathBuf,
    frames: BufWriter<File>,
    capacity: BufWriter<File>,
    events: BufWriter<File>,
    /// Only where there is a backend to be asked.
    callee: Option<BufWriter<File>>,
}

impl RecordWriter {
    /// Makes the folder, which must not hold a record yet.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn create(folder: &Path, manifest: &Manifest) -> Result<Self, FolderError> {
        fs::create_dir_all(folder).map_err(io_error(folder))?;
        write_json(&folder.join("manifest.json"), manifest)?;
        let open = |name: &str| {
            let path = folder.join(name);
            File::create_new(&path).map(BufWriter::new).map_err(io_error(&path))
        };
        let mut writer = Self {
            folder: folder.to_owned(),
            frames: open("frames.bin")?,
            capacity: open("capacity.jsonl")?,
            events: open("events.jsonl")?,
            callee: None,
        };
        let path = folder.join("frames.bin");
        writer
            .frames
            .write_all(MAGIC)
            .and_then(|()| writer.frames.flush())
            .map_err(io_error(&path))?;
        Ok(writer)
    }

    /// Appends a frame.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn frame(&mut self, frame: &Frame) -> Result<(), FolderError> {
        let path = self.folder.join("frames.bin");
        let bytes = encode(frame).map_err(|e: CodecError| damaged(&path, e))?;
        let length = (bytes.len() as u32).to_le_bytes();
        let write = |out: &mut BufWriter<File>| {
            out.write_all(&length)?;
            out.write_all(&bytes)?;
            out.flush()
        };
        write(&mut self.frames).map_err(io_error(&path))
    }

    /// Appends what an observer saw.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn capacity(&mut self, sample: &CapacitySample) -> Result<(), FolderError> {
        append_line(&mut self.capacity, &self.folder.join("capacity.jsonl"), sample)
    }

    /// Appends an event.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn event(&mut self, event: &RunEvent) -> Result<(), FolderError> {
        append_line(&mut self.events, &self.folder.join("events.jsonl"), event)
    }

    /// Appends what the backend that callers call said of itself.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn callee(&mut self, sample: &CalleeSample) -> Result<(), FolderError> {
        let path = self.folder.join("callee.jsonl");
        let out = match self.callee.take() {
            Some(out) => out,
            None => File::create_new(&path).map(BufWriter::new).map_err(io_error(&path))?,
        };
        append_line(self.callee.insert(out), &path, sample)
    }

    /// Writes what the platform itself counted.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn target(&mut self, counts: &TargetCounts) -> Result<(), FolderError> {
        write_json(&self.folder.join("target.json"), counts)
    }

    /// Writes how the run ended: the last entry.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn finish(self, end: &RunEnd) -> Result<(), FolderError> {
        write_json(&self.folder.join("end.json"), end)
    }
}

fn append_line(
    out: &mut BufWriter<File>,
    path: &Path,
    item: &impl Serialize,
) -> Result<(), FolderError> {
    let line = serde_json::to_string(item).map_err(|e| damaged(path, e))?;
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(io_error(path))
}

fn write_json(path: &Path, item: &impl Serialize) -> Result<(), FolderError> {
    let mut text = serde_json::to_string_pretty(item).map_err(|e| damaged(path, e))?;
    text.push('\n');
    fs::write(path, text).map_err(io_error(path))
}
