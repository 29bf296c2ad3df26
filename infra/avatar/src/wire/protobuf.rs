//! Protobuf messages, read and written by the numbers of their fields.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::frame::Frame;

/// The highest number that a field can have.
const NUMBER_MAX: u64 = (1 << 29) - 1;
/// A varint has 64 bits, seven of them in a byte.
const VARINT_BYTES_MAX: u32 = 10;

/// A field's value, by its wire type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// Type 0: numbers and truth values.
    Varint(u64),
    /// Type 1: eight bytes.
    Fixed64(u64),
    /// Type 2: bytes, texts and messages.
    Bytes(&'a [u8]),
    /// Type 5: four bytes.
    Fixed32(u32),
}

/// What is wrong with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum Malformed {
    /// A number of more than 64 bits.
    #[error("a varint has more than 64 bits")]
    VarintTooLong,
    /// The message ends within a field.
    #[error("the message ends within a field")]
    CutOff,
    /// No field can have this number.
    #[error("a field's number is {0}: it must be from 1 to 536870911")]
    Number(u64),
    /// A group, or what no message has.
    #[error("wire type {0} is not read: expected 0, 1, 2 or 5")]
    WireType(u64),
    /// A field of the map is of another kind than the map says.
    #[error("field {0} has another wire type than was expected")]
    Kind(u32),
}

/// The fields of a message in their order, each with its number; after the first that is
/// malformed there are no more.
pub(crate) fn fields(message: &[u8]) -> Fields<'_> {
    Fields { rest: message }
}

/// What is left of a message.
#[derive(Debug, Clone)]
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Value<'a>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Result<(u32, Value<'a>), Malformed> {
        let tag = self.varint()?;
        let number = tag >> 3;
        if !(1..=NUMBER_MAX).contains(&number) {
            return Err(Malformed::Number(number));
        }
        let value = match tag & 7 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| Malformed::CutOff)?;
                Value::Bytes(self.take(length)?)
            }
            5 => Value::Fixed32(u32::from_le_bytes(self.array()?)),
            other => return Err(Malformed::WireType(other)),
        };
        Ok((number as u32, value))
    }

    fn varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0;
        for place in 0..VARINT_BYTES_MAX {
            let [byte] = self.array()?;
            // Of the last byte only one bit is left.
            if place + 1 == VARINT_BYTES_MAX && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << (7 * place);
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Malformed::VarintTooLong)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Malformed::CutOff)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(Malformed::CutOff)?;
        self.rest = rest;
        Ok(*taken)
    }
}

/// Which fields of a message are the parts of a frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FieldMap {
    /// The picture, bytes.
    pub(crate) video: Option<u32>,
    /// The sound, bytes.
    pub(crate) audio: Option<u32>,
    /// Whether speech begins, a varint.
    pub(crate) start_speech: Option<u32>,
    /// Whether speech ends, a varint.
    pub(crate) end_speech: Option<u32>,
}

impl FieldMap {
    /// The numbers that it has.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = u32> {
        [self.video, self.audio, self.start_speech, self.end_speech].into_iter().flatten()
    }

    /// Reads a message: of a field that comes twice the last counts, and others are skipped.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn frame<'a>(&self, message: &'a [u8]) -> Result<Frame<'a>, Malformed> {
        let mut frame = Frame::default();
        for field in fields(message) {
            let (number, value) = field?;
            let is = |mapped: Option<u32>| mapped == Some(number);
            match value {
                Value::Bytes(bytes) if is(self.video) => frame.video = bytes.into(),
                Value::Bytes(bytes) if is(self.audio) => frame.audio = bytes.into(),
                Value::Varint(flag) if is(self.start_speech) => frame.start_speech = flag != 0,
                Value::Varint(flag) if is(self.end_speech) => frame.end_speech = flag != 0,
                _ if self.numbers().any(|mapped| mapped == number) => {
                    return Err(Malformed::Kind(number));
                }
                _ => {}
            }
        }
        Ok(frame)
    }
}

/// A frame as the reference backend sends it, in the fields 1 to 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameMessage<'a> {
    /// Raw RGB, row by row.
    pub video: &'a [u8],
    /// Mono s16le.
    pub audio: &'a [u8],
    /// The avatar begins to speak.
    pub start_speech: bool,
    /// The avatar has ended its speech.
    pub end_speech: bool,
}

impl FrameMessage<'_> {
    /// Its bytes; what is empty or false is left out.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.video.len() + self.audio.len() + 24);
        for (number, bytes) in [(1, self.video), (2, self.audio)] {
            if !bytes.is_empty() {
                push_varint((number << 3) | 2, &mut out);
                push_varint(bytes.len() as u64, &mut out);
                out.extend_from_slice(bytes);
            }
        }
        for (number, flag) in [(3, self.start_speech), (4, self.end_speech)] {
            if flag {
                push_varint(number << 3, &mut out);
                push_varint(1, &mut out);
            }
        }
        out
    }
}

fn push_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MAP: FieldMap =
        FieldMap { video: Some(1), audio: Some(2), start_speech: Some(3), end_speech: Some(4) };

    fn all(message: &[u8]) -> Result<Vec<(u32, Value<'_>)>, Malformed> {
        fields(message).collect()
    }

    #[test]
    fn every_wire_type_is_read() {
        // Field 1, type 0: 150 is 0x96 0x01. Field 2, type 1. Field 3, type 2. Field 16, type 5:
        // its tag 16 · 8 + 5 = 133 is 0x85 0x01.
        let message = [
            &[0x08, 0x96, 0x01][..],
            &[0x11, 1, 0, 0, 0, 0, 0, 0, 2],
            &[0x1a, 2, b'h', b'i'],
            &[0x85, 0x01, 7, 0, 0, 1],
        ]
        .concat();
        let wanted = [
            (1, Value::Varint(150)),
            (2, Value::Fixed64((2 << 56) + 1)),
            (3, Value::Bytes(b"hi")),
            (16, Value::Fixed32((1 << 24) + 7)),
        ];
        assert_eq!(all(&message).unwrap(), wanted);
        assert_eq!(all(&[]), Ok(Vec::new()));
    }

    #[test]
    fn what_is_malformed_is_named_and_ends_the_message() {
        let wide = |last: u8| [&[0x08][..], &[0xff; 9], &[last]].concat();
        assert_eq!(all(&wide(1)), Ok(vec![(1, Value::Varint(u64::MAX))]));
        for (message, wrong) in [
            (wide(2), Malformed::VarintTooLong),
            (wide(0x81), Malformed::VarintTooLong),
            (vec![0x08], Malformed::CutOff),
            (vec![0x08, 0x80], Malformed::CutOff),
            (vec![0x09, 1, 2, 3], Malformed::CutOff),
            (vec![0x0d, 1, 2, 3], Malformed::CutOff),
            (vec![0x0a, 3, b'h', b'i'], Malformed::CutOff),
            (vec![0x00, 1], Malformed::Number(0)),
            // (1 << 29) · 8 = 1 << 32: five bytes, the last of them 1 << 4.
            (vec![0x80, 0x80, 0x80, 0x80, 0x10, 1], Malformed::Number(1 << 29)),
            (vec![0x0b], Malformed::WireType(3)),
            (vec![0x0c], Malformed::WireType(4)),
            (vec![0x0f], Malformed::WireType(7)),
        ] {
            assert_eq!(all(&message), Err(wrong), "{message:?}");
        }
        let mut after = fields(&[0x0b, 0x08, 1]);
        assert_eq!((after.next(), after.next()), (Some(Err(Malformed::WireType(3))), None));
    }

    #[test]
    fn a_frame_is_read_by_its_map() {
        let message = FrameMessage {
            video: &[1, 2, 3],
            audio: &[4, 5],
            start_speech: true,
            end_speech: false,
        };
        let encoded = message.encode();
        assert_eq!(encoded, [0x0a, 3, 1, 2, 3, 0x12, 2, 4, 5, 0x18, 1]);
        let frame = MAP.frame(&encoded).unwrap();
        assert_eq!((&frame.video[..], &frame.audio[..]), (&[1, 2, 3][..], &[4, 5][..]));
        assert!(frame.start_speech && !frame.end_speech && !frame.is_empty());
        // Field 9 is nobody's; the second audio and the second flag count.
        let twice = [&encoded[..], &[0x48, 1], &[0x12, 1, 6], &[0x18, 0]].concat();
        let frame = MAP.frame(&twice).unwrap();
        assert_eq!((&frame.audio[..], frame.start_speech), (&[6][..], false));
        let other = FieldMap { video: Some(2), audio: None, start_speech: None, end_speech: None };
        let frame = other.frame(&encoded).unwrap();
        assert_eq!((&frame.video[..], frame.audio.len()), (&[4, 5][..], 0));
        assert!(MAP.frame(&[]).unwrap().is_empty());
    }

    #[test]
    fn a_field_of_another_kind_is_malformed() {
        assert_eq!(MAP.frame(&[0x08, 1]), Err(Malformed::Kind(1)));
        assert_eq!(MAP.frame(&[0x1a, 0]), Err(Malformed::Kind(3)));
    }

    proptest! {
        #[test]
        fn a_frame_comes_back(
            video in prop::collection::vec(any::<u8>(), 0..300),
            audio in prop::collection::vec(any::<u8>(), 0..300),
            start_speech: bool,
            end_speech: bool,
        ) {
            let message = FrameMessage { video: &video, audio: &audio, start_speech, end_speech };
            let encoded = message.encode();
            let frame = MAP.frame(&encoded).unwrap();
            prop_assert_eq!(&frame.video[..], &video[..]);
            prop_assert_eq!(&frame.audio[..], &audio[..]);
            prop_assert_eq!((frame.start_speech, frame.end_speech), (start_speech, end_speech));
        }

        #[test]
        fn rubbish_is_read_or_refused(message in prop::collection::vec(any::<u8>(), 0..200)) {
            // Each field takes two bytes at least.
            prop_assert!(fields(&message).count() <= message.len() / 2 + 1);
            let _read_or_refused = MAP.frame(&message);
        }

        #[test]
        fn varints_come_back(value: u64) {
            let mut message = vec![0x08];
            push_varint(value, &mut message);
            prop_assert_eq!(all(&message), Ok(vec![(1, Value::Varint(value))]));
        }
    }
}
