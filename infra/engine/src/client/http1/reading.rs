//! An answer from whatever pieces come: no socket, no clock.

use std::mem::MaybeUninit;

use httparse::{Header, ParserConfig, Response, Status};

use super::Malformed;
use super::chunked::Chunked;
use crate::client::answer::{Answer, HEAD_MAX, HEADERS_MAX};

/// Bytes of a body; more is no answer that anybody wants to read to its end.
pub(super) const BODY_MAX: u64 = 1 << 30;

/// Bytes of `HTTP/1.1 200 `.
const START: usize = 13;

/// How far an answer has come.
#[derive(Debug)]
enum At {
    Head,
    /// So many bytes of the body are missing.
    Length(u64),
    Chunked(Chunked),
    /// The body ends with the connection.
    UntilClose,
    Over,
}

/// An answer that is being read.
#[derive(Debug)]
pub(crate) struct Reading {
    at: At,
    /// The answer to HEAD has no body, whatever its head says.
    of_head: bool,
    /// Whether the body is kept.
    keep: bool,
    /// Whether the connection can carry another request after this one.
    keeps_alive: bool,
    /// Bytes of the interim answers before this one: they count as its head.
    interim: usize,
}

/// What the head of an answer says about the rest.
struct Head {
    bytes: usize,
    status: u16,
    version: u8,
    length: Option<u64>,
    /// Whether a length is no number, or another than one before it.
    bad_length: bool,
    /// Whether there is a transfer encoding, and whether its last one is `chunked`.
    encoded: Option<bool>,
    close: bool,
    keep_alive: bool,
}

impl Reading {
    /// An answer to a request: to HEAD or to another, with a body that is kept or only counted.
    pub(crate) fn new(of_head: bool, keep: bool) -> Self {
        Self { at: At::Head, of_head, keep, keeps_alive: true, interim: 0 }
    }

    /// Whether the answer has come whole.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.at, At::Over)
    }

    /// Whether another request may follow on the connection, once the answer is over.
    pub(crate) fn keeps_alive(&self) -> bool {
        self.keeps_alive
    }

    /// Takes a piece; how much of it belonged to the answer.
    ///
    /// # Errors
    /// When it is no HTTP/1.1, or exceeds a limit.
    pub(crate) fn take(&mut self, input: &[u8], answer: &mut Answer) -> Result<usize, Malformed> {
        let mut taken = 0;
        while taken < input.len() {
            let piece = &input[taken..];
            taken += match &mut self.at {
                At::Head => self.head(piece, answer)?,
                At::Length(left) => {
                    let piece = &piece[..(*left).min(piece.len() as u64) as usize];
                    answer.take_body(piece, self.keep);
                    *left -= piece.len() as u64;
                    if *left == 0 {
                        self.at = At::Over;
                    }
                    piece.len()
                }
                At::Chunked(chunked) => {
                    let took = chunked.take(piece, answer, self.keep)?;
                    if chunked.is_over() {
                        self.at = At::Over;
                    }
                    took
                }
                At::UntilClose => {
                    answer.take_body(piece, self.keep);
                    piece.len()
                }
                At::Over => break,
            };
        }
        if answer.bytes > BODY_MAX {
            return Err(Malformed::BodyTooLong);
        }
        Ok(taken)
    }

    /// The other side has closed its end.
    ///
    /// # Errors
    /// When the answer is not whole.
    pub(crate) fn end(&mut self) -> Result<(), Malformed> {
        match self.at {
            At::Over => Ok(()),
            At::UntilClose => {
                self.at = At::Over;
                Ok(())
            }
            At::Head | At::Length(_) | At::Chunked(_) => Err(Malformed::Incomplete),
        }
    }

    /// Takes a piece of the head; how much of it belonged to it.
    fn head(&mut self, piece: &[u8], answer: &mut Answer) -> Result<usize, Malformed> {
        let before = answer.head.len();
        if before == 0 {
            // Nearly always it comes whole: nothing is copied but the head itself.
            if let Some(head) = parse(piece, answer)? {
                answer.head.extend_from_slice(&piece[..head.bytes]);
                return self.body(&head, answer);
            }
        }
        answer.head.extend_from_slice(&piece[..piece.len().min(HEAD_MAX + 1)]);
        // Only a line's end can complete it; what is no HTTP is noticed at once.
        if before > 0 && (before < START || piece.contains(&b'\n')) {
            let came = std::mem::take(&mut answer.head);
            let parsed = parse(&came, answer);
            answer.head = came;
            if let Some(head) = parsed? {
                answer.head.truncate(head.bytes);
                self.body(&head, answer)?;
                return Ok(head.bytes - before);
            }
        }
        if answer.head.ends_with(b"\n") && answer.head.trim_ascii().is_empty() {
            // Empty lines before an answer mean nothing, but there must be an end of them.
            self.interim += answer.head.len();
            answer.head.clear();
        }
        if self.interim + answer.head.len() > HEAD_MAX {
            return Err(Malformed::HeadTooLong);
        }
        Ok(piece.len())
    }

    /// Goes on after the head, which took so many bytes.
    fn body(&mut self, head: &Head, answer: &mut Answer) -> Result<usize, Malformed> {
        if self.interim + head.bytes > HEAD_MAX {
            return Err(Malformed::HeadTooLong);
        }
        match head.status {
            0..100 => return Err(Malformed::Head),
            101 => return Err(Malformed::Upgrade),
            100..200 => {
                // Another one follows.
                self.interim += head.bytes;
                answer.clear();
                return Ok(head.bytes);
            }
            _ => {}
        }
        self.keeps_alive = !head.close && (head.version == 1 || head.keep_alive);
        self.at = match (head.encoded, head.length) {
            _ if self.of_head || matches!(head.status, 204 | 304) => At::Over,
            (Some(_), _) if head.version == 0 => return Err(Malformed::TransferEncoding),
            (Some(true), _) => At::Chunked(Chunked::new()),
            // With a transfer encoding the length means nothing (RFC 9112, 6.3).
            (None, _) if head.bad_length => return Err(Malformed::ContentLength),
            (None, Some(0)) => At::Over,
            (None, Some(length)) if length > BODY_MAX => return Err(Malformed::BodyTooLong),
            (None, Some(length)) => At::Length(length),
            (Some(false), _) | (None, None) => {
                self.keeps_alive = false;
                At::UntilClose
            }
        };
        Ok(head.bytes)
    }
}

/// A head that is whole: its status and fields go to `answer`.
fn parse(input: &[u8], answer: &mut Answer) -> Result<Option<Head>, Malformed> {
    let mut fields: [MaybeUninit<Header<'_>>; HEADERS_MAX] =
        [const { MaybeUninit::uninit() }; HEADERS_MAX];
    let mut response = Response::new(&mut []);
    let parsed = ParserConfig::default().parse_response_with_uninit_headers(
        &mut response,
        input,
        &mut fields,
    );
    let bytes = match parsed {
        Ok(Status::Complete(bytes)) => bytes,
        Ok(Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(Malformed::HeadTooLong),
        Err(_) => return Err(Malformed::Head),
    };
    let (Some(status), Some(version)) = (response.code, response.version) else {
        return Err(Malformed::Head);
    };
    let mut head = Head {
        bytes,
        status,
        version,
        length: None,
        bad_length: false,
        encoded: None,
        close: false,
        keep_alive: false,
    };
    for field in response.headers.iter() {
        match field.name.len() {
            10 if field.name.eq_ignore_ascii_case("connection") => {
                head.close |= lists(field.value, "close");
                head.keep_alive |= lists(field.value, "keep-alive");
            }
            14 if field.name.eq_ignore_ascii_case("content-length") => {
                match lengths(field.value, head.length) {
                    Some(length) => head.length = Some(length),
                    None => head.bad_length = true,
                }
            }
            17 if field.name.eq_ignore_ascii_case("transfer-encoding") => {
                head.encoded = Some(is_chunked_last(field.value));
            }
            _ => {}
        }
    }
    let start = input.as_ptr() as usize;
    let at = |text: &[u8]| {
        let from = (text.as_ptr() as usize).saturating_sub(start);
        [from as u32, (from + text.len()) as u32]
    };
    answer.set_head(
        status,
        response.headers.iter().map(|field| {
            let ([from, middle], [value, to]) = (at(field.name.as_bytes()), at(field.value));
            [from, middle, value, to]
        }),
    );
    Ok(Some(head))
}

/// Whether a comma-separated list has a word.
fn lists(value: &[u8], word: &str) -> bool {
    value
        .split(|byte| *byte == b',')
        .any(|item| item.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
}

fn is_chunked_last(value: &[u8]) -> bool {
    let last = value.rsplit(|byte| *byte == b',').next().unwrap_or_default();
    last.trim_ascii().eq_ignore_ascii_case(b"chunked")
}

/// The length that all items of a field and those before agree on.
fn lengths(value: &[u8], before: Option<u64>) -> Option<u64> {
    value.split(|byte| *byte == b',').try_fold(before, |known, item| {
        let digits = item.trim_ascii();
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let length: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
        known.is_none_or(|known| known == length).then_some(Some(length))
    })?
}
