//! The head of a message: its first line and its fields, as they came.

use bytes::{BufMut, Bytes, BytesMut};
use httparse::{EMPTY_HEADER, Error, Header, ParserConfig, Status};

/// No head has more fields.
const FIELDS_MAX: usize = 256;

/// What came is no message of HTTP/1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotHttp;

impl From<Error> for NotHttp {
    fn from(_: Error) -> Self {
        Self
    }
}

/// What the first line of a request says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: String,
    /// The path, without what is asked of it.
    pub(super) path: String,
    pub(super) is_1_0: bool,
}

/// What the first line of an answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
}

impl Request {
    /// Whether its client wants no more answers than this one.
    pub(super) fn ends_connection(&self, head: &Head) -> bool {
        let keeps = head.has_word("connection", "keep-alive");
        head.has_word("connection", "close") || (self.is_1_0 && !keeps)
    }
}

/// A kind of messages.
pub(super) trait Kind: Sized {
    /// What the first line says, and how long the head is; none where it is not all there.
    fn parse<'b>(
        bytes: &'b [u8],
        fields: &mut [Header<'b>],
    ) -> Result<Option<(Self, usize)>, NotHttp>;
}

impl Kind for Request {
    fn parse<'b>(
        bytes: &'b [u8],
        fields: &mut [Header<'b>],
    ) -> Result<Option<(Self, usize)>, NotHttp> {
        let mut request = httparse::Request::new(fields);
        let Status::Complete(length) = request.parse(bytes)? else { return Ok(None) };
        let is_1_0 = request.version == Some(0);
        let (Some(method), Some(target)) = (request.method, request.path) else {
            return Err(NotHttp);
        };
        let (method, path) = (method.to_owned(), path_of(target).to_owned());
        Ok(Some((Self { method, path, is_1_0 }, length)))
    }
}

impl Kind for Answer {
    fn parse<'b>(
        bytes: &'b [u8],
        fields: &mut [Header<'b>],
    ) -> Result<Option<(Self, usize)>, NotHttp> {
        let mut answer = httparse::Response::new(fields);
        // What clients take, goes through.
        let parsed = ParserConfig::default()
            .allow_spaces_after_header_name_in_responses(true)
            .allow_obsolete_multiline_headers_in_responses(true)
            .allow_multiple_spaces_in_response_status_delimiters(true)
            .parse_response(&mut answer, bytes)?;
        let Status::Complete(length) = parsed else { return Ok(None) };
        Ok(Some((Self { status: answer.code.ok_or(NotHttp)? }, length)))
    }
}

/// The path that a request asks for: its target may be a whole address, and it may end with a question.
fn path_of(target: &str) -> &str {
    let path = match target.split_once("://") {
        Some((scheme, rest)) if !scheme.contains(['/', '?']) => {
            rest.find('/').map_or("/", |begin| &rest[begin..])
        }
        _ => target,
    };
    path.split('?').next().unwrap_or(path)
}

/// The head of a message: its first line and its fields.
#[derive(Debug, Clone)]
pub(super) struct Head {
    /// As it came, while nothing is changed.
    raw: Option<Bytes>,
    line: Bytes,
    fields: Vec<(Bytes, Bytes)>,
}

impl Head {
    /// A head of its own; `line` is without its end.
    pub(super) fn new(line: String) -> Self {
        Self { raw: None, line: line.into(), fields: Vec::new() }
    }

    /// Takes the head that `buffer` begins with; none where it is not all there.
    pub(super) fn take<K: Kind>(buffer: &mut BytesMut) -> Result<Option<(K, Self)>, NotHttp> {
        let mut parsed = [EMPTY_HEADER; FIELDS_MAX];
        let Some((kind, length)) = K::parse(buffer, &mut parsed)? else { return Ok(None) };
        let start = buffer.as_ptr() as usize;
        let place = |part: &[u8]| {
            let begin = part.as_ptr() as usize - start;
            begin..begin + part.len()
        };
        let known = parsed.iter().take_while(|field| !field.name.is_empty());
        let places = known.map(|field| (place(field.name.as_bytes()), place(field.value)));
        let places: Vec<_> = places.collect();
        let raw = buffer.split_to(length).freeze();
        let fields = places.into_iter().map(|(name, value)| (raw.slice(name), raw.slice(value)));
        let fields = fields.collect();
        // Empty lines before a request are none of it.
        let begin = raw.iter().position(|byte| !b"\r\n".contains(byte)).unwrap_or(0);
        let end = raw[begin..].iter().position(|byte| b"\r\n".contains(byte)).unwrap_or(0);
        let line = raw.slice(begin..begin + end);
        Ok(Some((kind, Self { raw: Some(raw), line, fields })))
    }

    /// What its fields of that name say.
    pub(super) fn values<'h>(&'h self, name: &'h str) -> impl DoubleEndedIterator<Item = &'h [u8]> {
        let own = self.fields.iter().filter(move |field| is_named(field, name));
        own.map(|(_, value)| &value[..])
    }

    /// Whether a field of that name has `word` among its words.
    pub(super) fn has_word(&self, name: &str, word: &str) -> bool {
        let mut words = self.values(name).flat_map(|value| value.split(|byte| *byte == b','));
        words.any(|known| known.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
    }

    /// Whether there is a field of that name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.values(name).next().is_some()
    }

    /// Has one field of that name that says `value`, in the place of what it said.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.raw = None;
        let value = Bytes::copy_from_slice(value.as_bytes());
        let Some(place) = self.fields.iter().position(|field| is_named(field, name)) else {
            self.fields.push((Bytes::copy_from_slice(name.as_bytes()), value));
            return;
        };
        self.fields[place].1 = value;
        let mut at = 0;
        self.fields.retain(|field| {
            at += 1;
            at <= place + 1 || !is_named(field, name)
        });
    }

    /// Has no field of that name; whether it had one.
    pub(super) fn remove(&mut self, name: &str) -> bool {
        let before = self.fields.len();
        self.fields.retain(|field| !is_named(field, name));
        let removed = self.fields.len() < before;
        if removed {
            self.raw = None;
        }
        removed
    }

    /// The head as it is sent.
    pub(super) fn bytes(&self) -> Bytes {
        if let Some(raw) = &self.raw {
            return raw.clone();
        }
        let mut bytes = BytesMut::with_capacity(1_024);
        bytes.put_slice(&self.line);
        bytes.put_slice(b"\r\n");
        for (name, value) in &self.fields {
            for part in [&name[..], b": ", value, b"\r\n"] {
                bytes.put_slice(part);
            }
        }
        bytes.put_slice(b"\r\n");
        bytes.freeze()
    }
}

fn is_named((known, _): &(Bytes, Bytes), name: &str) -> bool {
    known.eq_ignore_ascii_case(name.as_bytes())
}

#[cfg(test)]
mod tests;
