//! A body in chunks (RFC 9112, 7.1), from whatever pieces come.

use super::super::answer::{Answer, HEADERS_MAX};
use super::Malformed;

/// Bytes of extensions of all chunks of a body: nobody needs them.
const EXTENSIONS_MAX: u32 = 16 << 10;
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
    /// Inside a line of the trailer.
    Trailer,
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
    extensions: u32,
    trailer: u32,
    trailers: usize,
}

impl Chunked {
    pub(crate) fn new() -> Self {
        Self { at: At::Size, left: 0, extensions: 0, trailer: 0, trailers: 0 }
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
                At::Digits
            }
            (At::Digits | At::Space | At::Extension, b'\r') => At::SizeEnd,
            (At::Digits | At::Space, b' ' | b'\t') => At::Space,
            (At::Digits | At::Space, b';') => At::Extension,
            (At::Extension, b'\n') => return Err(Malformed::ChunkSize),
            (At::Extension, _) => {
                self.extensions += 1;
                if self.extensions > EXTENSIONS_MAX {
                    return Err(Malformed::ChunkSize);
                }
                At::Extension
            }
            (At::SizeEnd, b'\n') if self.left == 0 => At::Line,
            (At::SizeEnd, b'\n') => At::Data,
            (At::DataReturn, b'\r') => At::DataEnd,
            (At::DataEnd, b'\n') => At::Size,
            (At::Line, b'\r') => At::LastEnd,
            (At::LastEnd, b'\n') => At::Over,
            (At::Line, _) => {
                self.trailers += 1;
                self.in_trailer()?
            }
            (At::Trailer, b'\r') => At::TrailerEnd,
            (At::TrailerEnd, b'\n') => At::Line,
            (At::Trailer, _) => self.in_trailer()?,
            _ => return Err(Malformed::Chunk),
        };
        Ok(())
    }

    fn in_trailer(&mut self) -> Result<At, Malformed> {
        self.trailer += 1;
        if self.trailer > TRAILER_MAX || self.trailers > HEADERS_MAX {
            return Err(Malformed::Trailer);
        }
        Ok(At::Trailer)
    }
}
