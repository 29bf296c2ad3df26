//! The caller's speech: a voice that counts, so that what comes back tells when it was said.
//!
//! Speech is mono PCM in pieces of 40 ms, one after another without a gap, numbered from 0. A
//! piece is 40 bits of 1 ms each: the number in 24 bits and its CRC-16 (polynomial 0x1021 from
//! 0xffff), the highest bit first. A 1 is a millisecond at +8,000, a 0 one at −8,000:
//!
//! ```text
//! |<------------- 40 ms: 640 samples at 16 kHz ------------->|
//! | n23 | n22 | …                  | n0 | c15 | …      | c0   |
//!  +8000 for 1, -8000 for 0: 16 samples a bit at 16 kHz
//! ```
//!
//! So it is as loud as a voice throughout, and it survives being cut anywhere, being made softer
//! and being resampled. Silence holds no number.

use std::ops::Range;

/// The rate of the reference backend, in samples a second.
pub const SAMPLE_RATE_HZ: u32 = 16_000;
/// How long a piece is, in µs: as long as a frame at 25 frames a second.
pub const PIECE_US: u64 = 40_000;
/// Samples of a piece at [`SAMPLE_RATE_HZ`].
pub const PIECE_SAMPLES: usize = 640;
/// Bytes of a piece at [`SAMPLE_RATE_HZ`], s16le.
pub const PIECE_BYTES: usize = 2 * PIECE_SAMPLES;

const AMPLITUDE: i16 = 8_000;
const BITS: usize = 40;
const CRC_BITS: u32 = 16;
const NUMBER_MASK: u32 = (1 << 24) - 1;

/// The code of pieces at a sample rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Code {
    /// Samples of a bit.
    bit: usize,
}

impl Code {
    /// At a rate that is a whole number of kHz.
    pub(crate) fn new(rate_hz: u32) -> Self {
        Self { bit: (rate_hz / 1_000).max(1) as usize }
    }

    /// Samples of a piece.
    pub(crate) fn piece_samples(self) -> usize {
        self.bit * BITS
    }

    /// A range of samples of the speech whose first piece has this number.
    pub(crate) fn speech(self, first: u32, range: Range<usize>) -> Vec<i16> {
        let mut samples = Vec::with_capacity(range.len());
        let mut at = range.start;
        while at < range.end {
            let bit = at / self.bit;
            let word = word(first.wrapping_add((bit / BITS) as u32));
            let is_one = (word >> (BITS - 1 - bit % BITS)) & 1 == 1;
            let end = ((bit + 1) * self.bit).min(range.end);
            let sample = if is_one { AMPLITUDE } else { -AMPLITUDE };
            samples.resize(samples.len() + (end - at), sample);
            at = end;
        }
        samples
    }

    /// The number of the piece that begins with the first sample, if one does. In each bit a
    /// quarter of the samples may have the wrong sign.
    fn number(self, samples: &[i16]) -> Option<u32> {
        let piece = samples.get(..self.piece_samples())?;
        // The edge of silence is no part of a voice.
        if piece.first() == Some(&0) {
            return None;
        }
        let mut found = 0;
        for bit in piece.chunks_exact(self.bit) {
            let sum: i32 = bit.iter().map(|sample| i32::from(sample.signum())).sum();
            if 2 * (sum.unsigned_abs() as usize) < self.bit {
                return None;
            }
            found = (found << 1) | u64::from(sum > 0);
        }
        let number = (found >> CRC_BITS) as u32;
        (word(number) == found).then_some(number)
    }
}

/// The 40 bits of a piece.
fn word(number: u32) -> u64 {
    let [_, high, middle, low] = (number & NUMBER_MASK).to_be_bytes();
    let crc = crc16(&[high, middle, low]);
    (u64::from(number & NUMBER_MASK) << CRC_BITS) | u64::from(crc)
}

fn crc16(bytes: &[u8]) -> u16 {
    let mut crc = 0xffff_u16;
    for byte in bytes {
        crc ^= u16::from(*byte) << 8;
        for _ in 0..8 {
            let carry = if crc & 0x8000 == 0 { 0 } else { 0x1021 };
            crc = (crc << 1) ^ carry;
        }
    }
    crc
}

/// A piece that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    /// Its number.
    pub(crate) number: u32,
    /// The sample at which it begins, counted from the first that ever came.
    pub(crate) at: u64,
}

/// Finds pieces in samples that come in parts of any length, wherever the pieces begin. It keeps
/// less than one piece. Amid speech, a wrong place passes for a piece once in 65,536.
#[derive(Debug, Clone)]
pub(crate) struct Finder {
    code: Code,
    /// What may be the beginning of a piece.
    rest: Vec<i16>,
    /// The sample that the rest begins with.
    at: u64,
}

impl Finder {
    /// Nothing came yet.
    pub(crate) fn new(code: Code) -> Self {
        Self { code, rest: Vec::new(), at: 0 }
    }

    /// The pieces that are whole with these samples, in their order.
    pub(crate) fn push(&mut self, samples: &[i16]) -> Vec<Found> {
        self.rest.extend_from_slice(samples);
        let piece = self.code.piece_samples();
        let (mut found, mut start) = (Vec::new(), 0);
        while let Some(window) = self.rest.get(start..start + piece) {
            match self.code.number(window) {
                Some(number) => {
                    found.push(Found { number, at: self.at + start as u64 });
                    start += piece;
                }
                None => start += 1,
            }
        }
        self.rest.drain(..start);
        self.at += start as u64;
        found
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::pcm::level;

    const CODE: Code = Code { bit: 16 };

    fn numbers(found: &[Found]) -> Vec<u32> {
        found.iter().map(|found| found.number).collect()
    }

    #[test]
    fn the_check_is_the_known_crc() {
        // The check value of CRC-16/IBM-3740.
        assert_eq!(crc16(b"123456789"), 0x29b1);
    }

    #[test]
    fn a_piece_has_the_documented_shape() {
        assert_eq!((Code::new(SAMPLE_RATE_HZ), CODE.piece_samples()), (CODE, PIECE_SAMPLES));
        let samples = CODE.speech(0x80_0001, 0..640);
        assert_eq!((samples.len(), level(&samples)), (640, 8_000.0));
        // The highest bit and the lowest of the number are 1, those between are 0.
        assert_eq!(samples[..16], [AMPLITUDE; 16]);
        assert_eq!(samples[16..23 * 16], [-AMPLITUDE; 22 * 16]);
        assert_eq!(samples[23 * 16..24 * 16], [AMPLITUDE; 16]);
        assert_eq!(CODE.number(&samples), Some(0x80_0001));
        assert_eq!(CODE.number(&samples[1..]), None);
    }

    #[test]
    fn a_range_of_speech_is_a_part_of_the_whole() {
        let whole = CODE.speech(7, 0..3 * 640);
        for range in [0..1, 5..17, 630..660, 640..1280, 100..1900] {
            assert_eq!(CODE.speech(7, range.clone()), whole[range]);
        }
    }

    #[test]
    fn silence_a_tone_and_a_wrong_bit_hold_no_number() {
        for level in [0, 1, -8_000, i16::MAX] {
            assert_eq!(CODE.number(&[level; 640]), None);
        }
        let mut samples = CODE.speech(5, 0..640);
        // A quarter of a bit may be wrong, more may not, and a whole one fails the check.
        for (wrong, number) in [(4, Some(5)), (8, None), (16, None)] {
            samples[320..320 + wrong].iter_mut().for_each(|sample| *sample = AMPLITUDE);
            assert_eq!(CODE.number(&samples), number, "{wrong}");
        }
    }

    #[test]
    fn a_gap_or_a_torn_piece_costs_only_what_it_hits() {
        let mut finder = Finder::new(CODE);
        let speech = CODE.speech(100, 0..5 * 640);
        let mut heard = [&[0; 777][..], &speech[..1_000], &[0; 50], &speech[1_280..]].concat();
        heard.extend([0; 640]);
        let found = finder.push(&heard);
        assert_eq!(numbers(&found), [100, 102, 103, 104]);
        let places: Vec<u64> = found.iter().map(|found| found.at).collect();
        assert_eq!(places, [777, 1_827, 2_467, 3_107]);
    }

    #[test]
    fn a_resampled_voice_still_counts() {
        // From 24 kHz to 16 kHz by straight lines: ours are at 0, 1.5, 3, 4.5, ….
        let fine = Code::new(24_000).speech(41, 0..4 * 960);
        let coarse: Vec<i16> = (0..4 * 640)
            .map(|n| {
                let (at, half) = (n * 3 / 2, n % 2 == 1);
                let next = fine.get(at + 1).copied().unwrap_or(0);
                if half { ((i32::from(fine[at]) + i32::from(next)) / 2) as i16 } else { fine[at] }
            })
            .collect();
        assert_eq!(numbers(&Finder::new(CODE).push(&coarse)), [41, 42, 43, 44]);
    }

    proptest! {
        #[test]
        fn any_number_is_read_at_any_rate(number in 0..=NUMBER_MASK, khz in 8_u32..=48) {
            let code = Code::new(khz * 1_000);
            let samples = code.speech(number, 0..code.piece_samples());
            prop_assert_eq!(samples.len(), 40 * khz as usize);
            prop_assert_eq!(code.number(&samples), Some(number));
        }

        #[test]
        fn cut_and_softened_speech_is_found_at_its_place(
            first in 0_u32..100_000,
            before in 0_usize..2_000,
            pieces in 1_usize..6,
            part in 1_usize..2_000,
            softer in 1_i16..2_000,
        ) {
            let speech = CODE.speech(first, 0..pieces * 640);
            let mut heard = vec![0; before];
            heard.extend(speech.iter().map(|sample| sample / softer));
            let (mut finder, mut found) = (Finder::new(CODE), Vec::new());
            for part in heard.chunks(part) {
                found.extend(finder.push(part));
                prop_assert!(finder.rest.len() < 640);
            }
            let wanted: Vec<Found> = (0..pieces)
                .map(|n| Found { number: first + n as u32, at: (before + n * 640) as u64 })
                .collect();
            prop_assert_eq!(found, wanted);
        }

        #[test]
        fn rubbish_is_no_trouble(heard in prop::collection::vec(any::<i16>(), 0..3_000)) {
            let mut finder = Finder::new(CODE);
            finder.push(&heard);
            prop_assert!(finder.rest.len() < 640);
        }
    }
}
