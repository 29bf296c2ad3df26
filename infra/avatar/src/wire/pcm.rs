//! Mono s16le.

/// The samples of s16le bytes; none where half a sample is left.
pub(crate) fn samples(bytes: &[u8]) -> Option<Vec<i16>> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|pair| i16::from_le_bytes(*pair)).collect())
}

/// The s16le bytes of samples.
pub(crate) fn bytes(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

/// How loud samples are: their root mean square, 0 to 32,768; 0 without samples.
pub(crate) fn level(samples: &[i16]) -> f64 {
    if samples.is_empty() {
        return 0.0;
    }
    let squares: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    (squares / samples.len() as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_low_byte_comes_first_and_half_a_sample_is_none() {
        assert_eq!(samples(&[0x01, 0x02, 0xff, 0xff]), Some(vec![0x0201, -1]));
        assert_eq!(samples(&[1, 2, 3]), None);
        assert_eq!(samples(&[]), Some(Vec::new()));
    }

    #[test]
    fn the_level_is_the_root_of_the_mean_square() {
        // √((3² + 4² + 0² + 5²) ÷ 4) = √12.5.
        assert!((level(&[3, -4, 0, 5]) - 12.5_f64.sqrt()).abs() < 1e-12);
        assert_eq!((level(&[]), level(&[0; 640]), level(&[-8_000; 9])), (0.0, 0.0, 8_000.0));
        assert_eq!(level(&[i16::MIN; 3]), 32_768.0);
    }

    proptest! {
        #[test]
        fn samples_come_back(all in prop::collection::vec(any::<i16>(), 0..100)) {
            prop_assert_eq!(samples(&bytes(&all)), Some(all));
        }
    }
}
