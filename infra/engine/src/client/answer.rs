//! An answer as it came, in memory that is used again.

use std::str::from_utf8;

use hulk_scenarios::Headers;

/// Header fields of an answer, or trailer fields; more is no answer.
pub(crate) const HEADERS_MAX: usize = 100;
/// Bytes of an answer's head; more is no answer.
pub(crate) const HEAD_MAX: usize = 64 << 10;
/// Of an answer that a step looks into, so much is kept; more is counted and thrown away.
pub(crate) const BODY_KEPT_MAX: usize = 1 << 20;
/// Capacity that an answer keeps from one use to the next, in bytes.
const CAPACITY_KEPT: usize = 64 << 10;

/// Where a header field is in the head: name from, name to, value from, value to.
type Field = [u32; 4];

/// An answer.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The head as it came, or what of it has come.
    pub(crate) head: Vec<u8>,
    fields: Vec<Field>,
    /// The body, where it is kept.
    pub(crate) body: Vec<u8>,
    /// Bytes of the body, kept or not.
    pub(crate) bytes: u64,
    /// Which lengths the names of the fields have, a bit each: most names that are looked for are
    /// not there.
    lengths: u64,
}

impl Answer {
    /// Forgets everything; keeps the memory, unless an unusual answer made it large.
    pub(crate) fn clear(&mut self) {
        self.status = 0;
        self.bytes = 0;
        self.fields.clear();
        for text in [&mut self.head, &mut self.body] {
            text.clear();
            text.shrink_to(CAPACITY_KEPT);
        }
    }

    /// A head that has come whole: its status, and where its fields are in `head`.
    pub(crate) fn set_head(&mut self, status: u16, fields: impl Iterator<Item = Field>) {
        self.status = status;
        self.fields.clear();
        self.lengths = 0;
        fields.for_each(|field| self.push(field));
    }

    /// A head in another form than text.
    pub(crate) fn set_fields<'a>(
        &mut self,
        status: u16,
        fields: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    ) {
        self.set_head(status, std::iter::empty());
        self.head.clear();
        for (name, value) in fields {
            let from = self.head.len() as u32;
            self.head.extend_from_slice(name);
            let middle = self.head.len() as u32;
            self.head.extend_from_slice(value);
            self.push([from, middle, middle, self.head.len() as u32]);
        }
    }

    fn push(&mut self, field: Field) {
        self.lengths |= length_bit((field[1] - field[0]) as usize);
        self.fields.push(field);
    }

    /// Takes a piece of the body.
    pub(crate) fn take_body(&mut self, piece: &[u8], keep: bool) {
        self.bytes += piece.len() as u64;
        if keep {
            let room = BODY_KEPT_MAX.saturating_sub(self.body.len());
            self.body.extend_from_slice(&piece[..piece.len().min(room)]);
        }
    }

    /// The fields in their order.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.fields.iter().map(|field| {
            let [from, middle, value, to] = field.map(|at| at as usize);
            (&self.head[from..middle], &self.head[value..to])
        })
    }
}

/// The bit of a length; the longest share one.
fn length_bit(length: usize) -> u64 {
    1 << length.min(63)
}

/// The value of a field, if it has this name and is text.
fn value_of<'a>(own: &[u8], value: &'a [u8], name: &str) -> Option<&'a str> {
    if own.eq_ignore_ascii_case(name.as_bytes()) { from_utf8(value).ok() } else { None }
}

impl Headers for Answer {
    fn get(&self, name: &str) -> Option<&str> {
        if self.lengths & length_bit(name.len()) == 0 {
            return None;
        }
        let mut fields = self.fields();
        fields.find_map(|(own, value)| value_of(own, value, name))
    }

    fn each(&self, name: &str, visit: &mut dyn FnMut(&str)) {
        if self.lengths & length_bit(name.len()) == 0 {
            return;
        }
        self.fields().filter_map(|(own, value)| value_of(own, value, name)).for_each(visit);
    }
}
