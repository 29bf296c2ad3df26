//! A caller's audio, cut into the pieces that a frame carries.

use hulk_avatar::{PIECE_BYTES, PIECE_SAMPLES, SAMPLE_RATE_HZ};

/// Mono s16le of any rate in chunks of any size, made into pieces of 40 ms at 16 kHz.
pub(crate) struct Uplink {
    /// Samples of the caller's per sample of ours.
    step: f64,
    /// The place of the next of our samples among those of the caller that are kept, from 0 on.
    at: f64,
    /// The caller's last sample before those, to lie between.
    samples: Vec<i16>,
    /// The first byte of a sample that was cut in two.
    half: Option<u8>,
    piece: Vec<u8>,
}

impl Uplink {
    pub(crate) fn new(rate_hz: u32) -> Self {
        Self {
            step: f64::from(rate_hz) / f64::from(SAMPLE_RATE_HZ),
            at: 0.0,
            samples: Vec::new(),
            half: None,
            piece: Vec::with_capacity(PIECE_BYTES),
        }
    }

    /// Takes a chunk, and hands out the pieces that are whole.
    pub(crate) fn push(&mut self, chunk: &[u8], mut whole: impl FnMut(Vec<u8>)) {
        for byte in chunk {
            match self.half.take() {
                None => self.half = Some(*byte),
                Some(low) => self.samples.push(i16::from_le_bytes([low, *byte])),
            }
        }
        // Linear between two samples of the caller's; at 16 kHz each is taken as it is.
        loop {
            let (place, between) = (self.at as usize, self.at.fract());
            let Some(before) = self.samples.get(place) else { break };
            let sample = if between == 0.0 {
                *before
            } else {
                let Some(after) = self.samples.get(place + 1) else { break };
                let (before, after) = (f64::from(*before), f64::from(*after));
                (before + (after - before) * between).round() as i16
            };
            self.piece.extend_from_slice(&sample.to_le_bytes());
            if self.piece.len() == PIECE_BYTES {
                whole(std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE_BYTES)));
            }
            self.at += self.step;
        }
        let used = (self.at as usize).min(self.samples.len());
        self.samples.drain(..used);
        self.at -= used as f64;
    }

    /// The speech is over: what is left, filled up with silence, is a piece too.
    pub(crate) fn end(&mut self) -> Option<Vec<u8>> {
        *self = Self {
            step: self.step,
            piece: std::mem::take(&mut self.piece),
            ..Self::new(SAMPLE_RATE_HZ)
        };
        if self.piece.is_empty() {
            return None;
        }
        let mut piece = std::mem::take(&mut self.piece);
        piece.resize(PIECE_SAMPLES * 2, 0);
        Some(piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(samples: &[i16]) -> Vec<u8> {
        samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
    }

    #[test]
    fn chunks_of_any_size_make_the_same_pieces() {
        let samples: Vec<i16> = (0..1500).collect();
        let all = bytes(&samples);
        for size in [1, 7, 640, 1280, 3000] {
            let (mut uplink, mut pieces) = (Uplink::new(16_000), Vec::new());
            for chunk in all.chunks(size) {
                uplink.push(chunk, |piece| pieces.push(piece));
            }
            assert_eq!(pieces, [bytes(&samples[..640]), bytes(&samples[640..1280])], "{size}");
            let last = uplink.end().expect("220 samples are left");
            assert_eq!(last[..440], bytes(&samples[1280..]), "{size}");
            assert_eq!((last.len(), last[440..].iter().max()), (1280, Some(&0)));
            assert_eq!(uplink.end(), None);
        }
    }

    #[test]
    fn another_rate_lies_between_its_samples() {
        // 24 kHz: ours are at 0, 1.5, 3, 4.5, … of a ramp.
        let ramp: Vec<i16> = (0..1200).map(|sample| sample * 10).collect();
        let (mut uplink, mut pieces) = (Uplink::new(24_000), Vec::new());
        for chunk in bytes(&ramp).chunks(11) {
            uplink.push(chunk, |piece| pieces.push(piece));
        }
        let wanted: Vec<i16> = (0..640).map(|sample| sample * 15).collect();
        assert_eq!(pieces, [bytes(&wanted)]);
    }
}
