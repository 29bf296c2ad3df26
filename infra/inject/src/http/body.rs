//! Where a message's body ends.

use super::head::{Head, NotHttp};
use super::source::Cut;

/// What is still to come of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Body {
    /// So many bytes.
    Bytes(u64),
    /// Chunks, each with its length, and trailers.
    Chunks(At),
    /// All that its connection brings.
    Rest,
}

/// Where among chunks the next byte is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    /// In a length, of so many digits by now.
    Length { bytes: u64, digits: u8 },
    /// Behind a length.
    Extension { bytes: u64 },
    /// At the end of the line of a length.
    LengthEnd { bytes: u64 },
    /// In a chunk.
    Chunk { bytes: u64 },
    /// Behind a chunk.
    ChunkEnd,
    /// At the second byte behind a chunk.
    ChunkLineEnd,
    /// At the begin of a trailer, or of the empty line behind them.
    Trailer,
    /// In a trailer.
    InTrailer,
    /// At the end of the empty line.
    Last,
    /// Behind everything.
    Done,
}

const FIRST: At = At::Length { bytes: 0, digits: 0 };
/// More digits than this no length has.
const DIGITS_MAX: u8 = 15;

impl Body {
    /// The body behind the head of a request.
    pub(super) fn of_request(head: &Head) -> Result<Self, NotHttp> {
        match framing(head)? {
            Framing::Chunked => Ok(Self::Chunks(FIRST)),
            Framing::Length(bytes) => Ok(Self::Bytes(bytes)),
            Framing::None => Ok(Self::Bytes(0)),
            // It would end with its connection, and nobody could be answered.
            Framing::Coded => Err(NotHttp),
        }
    }

    /// The body behind the head of an answer.
    pub(super) fn of_answer(head: &Head, status: u16, method: &str) -> Result<Self, NotHttp> {
        if method == "HEAD" || is_bodiless(status) {
            return Ok(Self::Bytes(0));
        }
        match framing(head)? {
            Framing::Chunked => Ok(Self::Chunks(FIRST)),
            Framing::Length(bytes) => Ok(Self::Bytes(bytes)),
            Framing::None | Framing::Coded => Ok(Self::Rest),
        }
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self, Self::Bytes(0) | Self::Chunks(At::Done))
    }

    /// How many of the next bytes belong to it.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<usize, NotHttp> {
        match self {
            Self::Bytes(left) => Ok(take_of(left, bytes)),
            Self::Chunks(at) => at.take(bytes),
            Self::Rest => Ok(bytes.len()),
        }
    }

    /// Its connection has no more: whether that is its end.
    pub(super) fn at_end(&self) -> Result<(), Cut> {
        if self.is_done() || *self == Self::Rest { Ok(()) } else { Err(Cut::Ended) }
    }
}

/// Whether an answer of that status never has a body.
pub(super) fn is_bodiless(status: u16) -> bool {
    matches!(status, 100..200 | 204 | 304)
}

fn take_of(left: &mut u64, bytes: &[u8]) -> usize {
    let own = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
    *left -= own as u64;
    own
}

impl At {
    fn take(&mut self, bytes: &[u8]) -> Result<usize, NotHttp> {
        let mut taken = 0;
        while *self != Self::Done && taken < bytes.len() {
            if let Self::Chunk { bytes: left } = self {
                taken += take_of(left, &bytes[taken..]);
                if *left == 0 {
                    *self = Self::ChunkEnd;
                }
                continue;
            }
            *self = self.after(bytes[taken])?;
            taken += 1;
        }
        Ok(taken)
    }

    /// Where it is behind a byte that is none of a chunk's.
    fn after(self, byte: u8) -> Result<Self, NotHttp> {
        Ok(match (self, byte) {
            (Self::Length { bytes, digits }, _) => after_length(bytes, digits, byte)?,
            (Self::Extension { bytes }, b'\n') | (Self::LengthEnd { bytes }, b'\n') => {
                if bytes == 0 { Self::Trailer } else { Self::Chunk { bytes } }
            }
            (Self::Extension { .. }, _) => self,
            (Self::ChunkEnd, b'\r') => Self::ChunkLineEnd,
            (Self::ChunkEnd | Self::ChunkLineEnd, b'\n') => FIRST,
            (Self::Trailer, b'\r') => Self::Last,
            (Self::Trailer | Self::Last, b'\n') => Self::Done,
            (Self::InTrailer, b'\n') => Self::Trailer,
            (Self::Trailer | Self::InTrailer, _) => Self::InTrailer,
            _ => return Err(NotHttp),
        })
    }
}

fn after_length(bytes: u64, digits: u8, byte: u8) -> Result<At, NotHttp> {
    if let Some(digit) = char::from(byte).to_digit(16).filter(|_| digits < DIGITS_MAX) {
        return Ok(At::Length { bytes: bytes * 16 + u64::from(digit), digits: digits + 1 });
    }
    match byte {
        _ if digits == 0 => Err(NotHttp),
        b'\r' => Ok(At::LengthEnd { bytes }),
        b'\n' => At::LengthEnd { bytes }.after(byte),
        b';' | b' ' | b'\t' => Ok(At::Extension { bytes }),
        _ => Err(NotHttp),
    }
}

enum Framing {
    None,
    Length(u64),
    Chunked,
    /// In a coding that does not say where it ends.
    Coded,
}

fn framing(head: &Head) -> Result<Framing, NotHttp> {
    if let Some(last) = head.values("transfer-encoding").last() {
        let last = last.rsplit(|byte| *byte == b',').next().unwrap_or_default();
        let chunked = last.trim_ascii().eq_ignore_ascii_case(b"chunked");
        return Ok(if chunked { Framing::Chunked } else { Framing::Coded });
    }
    let mut length = None;
    for value in head.values("content-length") {
        for text in value.split(|byte| *byte == b',') {
            let one = length_of(text.trim_ascii()).ok_or(NotHttp)?;
            if length.is_some_and(|length| length != one) {
                return Err(NotHttp);
            }
            length = Some(one);
        }
    }
    Ok(length.map_or(Framing::None, Framing::Length))
}

fn length_of(text: &[u8]) -> Option<u64> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| digits)?.parse().ok()
}

#[cfg(test)]
mod tests;
