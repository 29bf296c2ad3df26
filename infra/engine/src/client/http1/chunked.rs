//! A body in chunks (RFC 9112, 7.1), from whatever pieces come.

use hulk_scenarios::is_token_byte;

use super::Malformed;
use super::reading::BODY_MAX;
use crate::client::answer::{Answer, HEADERS_MAX};

/// So many bytes of size lines may come beyond what comes with the chunks: leading zeros, white
/// space and extensions, which nobody needs.
const OVERHEAD_MAX: u64 = 16 << 10;
/// So many of them are usual with each chunk, and so many times its own bytes.
const OVERHEAD_USUAL: (u64, u64) = (16, 2);
/// Bytes of a body's trailer.
const TRAILER_MAX: u32 = 16 << 10;

/// Where in a chunked body the reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Before the first digit of a size.
    Size,
    /// After at least one digit.
    Digits,
    /// White space after a size.
    Space,
    Extension,
    /// The line feed of a size line.
    SizeEnd,
    /// Inside a chunk.
    Data,
    /// The two bytes after a chunk.
    DataReturn,
    DataEnd,
    /// The start of a line of the trailer, or of the empty line that ends it.
    Line,
    /// Inside the name of a field of the trailer.
    Name,
    /// After its colon.
    Value,
    TrailerEnd,
    /// The line feed of the last, empty line.
    LastEnd,
    Over,
}

/// A body in chunks that is being read.
#[derive(Debug)]
pub(crate) struct Chunked {
    at: At,
    /// Of the chunk, so much is missing.
    left: u64,
    overhead: u64,
    trailer: u32,
    trailers: usize,
}

impl Chunked {
    pub(crate) fn new() -> Self {
        Self { at: At::Size, left: 0, overhead: 0, trailer: 0, trailers: 0 }
    }

    /// Whether the body has come whole.
    pub(crate) fn is_over(&self) -> bool {
        self.at == At::Over
    }

    /// Takes what belongs to the body; how many bytes that was.
    pub(crate) fn take(
        &mut self,
        input: &[u8],
        answer: &mut Answer,
        keep: bool,
    ) -> Result<usize, Malformed> {
        let mut taken = 0;
        while taken < input.len() && self.at != At::Over {
            if self.at == At::Data {
                let piece = &input[taken..];
                let piece = &piece[..self.left.min(piece.len() as u64) as usize];
                answer.take_body(piece, keep);
                self.left -= piece.len() as u64;
                taken += piece.len();
                if self.left == 0 {
                    self.at = At::DataReturn;
                }
            } else {
                self.byte(input[taken])?;
                taken += 1;
            }
        }
        Ok(taken)
    }

    fn byte(&mut self, byte: u8) -> Result<(), Malformed> {
        self.at = match (self.at, byte) {
            (At::Size | At::Digits, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                let digit = char::from(byte).to_digit(16).unwrap_or(0);
                let longer = self.left.checked_mul(16).and_then(|n| n.checked_add(digit.into()));
                self.left = longer.ok_or(Malformed::ChunkSize)?;
                self.in_size_line(At::Digits)?
            }
            (At::Digits | At::Space | At::Extension, b'\r') => At::SizeEnd,
            (At::Digits | At::Space, b' ' | b'\t') => self.in_size_line(At::Space)?,
            (At::Digits | At::Space, b';') => At::Extension,
            // A line feed alone ends no line: who takes it for one reads another body.
            (At::Extension, other) if other != b'\n' => self.in_size_line(At::Extension)?,
            (At::SizeEnd, b'\n') if self.left > BODY_MAX => return Err(Malformed::BodyTooLong),
            (At::SizeEnd, b'\n') => {
                let (each, times) = OVERHEAD_USUAL;
                let usual = self.left.saturating_mul(times).saturating_add(each);
                self.overhead = self.overhead.saturating_sub(usual);
                if self.left == 0 { At::Line } else { At::Data }
            }
            (At::DataReturn, b'\r') => At::DataEnd,
            (At::DataEnd, b'\n') => At::Size,
            (At::Line, b'\r') => At::LastEnd,
            (At::LastEnd, b'\n') => At::Over,
            (At::Line, first) if is_token_byte(first) => {
                self.trailers += 1;
                self.in_trailer(At::Name)?
            }
            (At::Name, b':') => self.in_trailer(At::Value)?,
            (At::Name, other) if is_token_byte(other) => self.in_trailer(At::Name)?,
            (At::Value, b'\r') => At::TrailerEnd,
            (At::TrailerEnd, b'\n') => At::Line,
            (At::Value, b'\t' | b' '..=b'~' | 0x80..) => self.in_trailer(At::Value)?,
            (At::Size | At::Digits | At::Space | At::Extension | At::SizeEnd, _) => {
                return Err(Malformed::ChunkSize);
            }
            (At::Line | At::Name | At::Value | At::TrailerEnd | At::LastEnd, _) => {
                return Err(Malformed::Trailer);
            }
            _ => return Err(Malformed::Chunk),
        };
        Ok(())
    }

    fn in_size_line(&mut self, at: At) -> Result<At, Malformed> {
        self.overhead += 1;
        if self.overhead > OVERHEAD_MAX { Err(Malformed::ChunkSize) } else { Ok(at) }
    }

    fn in_trailer(&mut self, at: At) -> Result<At, Malformed> {
        self.trailer += 1;
        if self.trailer > TRAILER_MAX || self.trailers > HEADERS_MAX {
            return Err(Malformed::TrailerTooLong);
        }
        Ok(at)
    }
}
