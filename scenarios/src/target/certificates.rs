//! Certificates of those who may sign a server's.

use std::fmt;
use std::io::Read;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";
/// All public signers together need a quarter of a megabyte: what is larger is a mistake.
const BYTES_MAX: u64 = 4 << 20;

/// Certificates, at least one, each in DER.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificates(Vec<Vec<u8>>);

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificates({})", self.0.len())
    }
}

impl Certificates {
    /// Reads a file in PEM.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let mut bytes = Vec::new();
        let read = std::fs::File::open(path)
            .and_then(|file| file.take(BYTES_MAX + 1).read_to_end(&mut bytes));
        let certificates = match read {
            Err(error) => Err(error.to_string()),
            Ok(_) if bytes.len() as u64 > BYTES_MAX => {
                Err(format!("larger than {BYTES_MAX} bytes"))
            }
            Ok(_) => Self::parse(&String::from_utf8_lossy(&bytes)),
        };
        certificates.map_err(|reason| format!("{}: {reason}", path.display()))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut all = Vec::new();
        for (number, rest) in (1..).zip(text.split(BEGIN).skip(1)) {
            let Some((body, _)) = rest.split_once(END) else {
                return Err(format!("certificate {number} has no end"));
            };
            let body: String = body.split_ascii_whitespace().collect();
            match STANDARD.decode(body) {
                Ok(der) if is_der(&der) => all.push(der),
                _ => return Err(format!("certificate {number} is damaged")),
            }
        }
        if all.is_empty() {
            return Err(format!("there is no certificate in it: `{BEGIN}` is expected"));
        }
        Ok(Self(all))
    }

    /// Each of them, in DER.
    pub fn der(&self) -> &[Vec<u8>] {
        &self.0
    }
}

/// Whether it is one sequence of just this length; what is in it is for those who verify with it.
fn is_der(bytes: &[u8]) -> bool {
    let [0x30, length, rest @ ..] = bytes else { return false };
    match length {
        0..=0x7f => rest.len() == usize::from(*length),
        0x81..=0x84 => {
            let count = usize::from(length & 0x7f);
            rest.split_at_checked(count).is_some_and(|(length, rest)| {
                let length = length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
                rest.len() == length
            })
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_found_among_other_text() {
        let one = format!("subject=a\n{BEGIN}\nMAMC\nAQE=\n{END}\n");
        let two = format!("{one}{BEGIN}\r\nMIEA\r\n{END}\r\n");
        assert_eq!(
            Certificates::parse(&two).unwrap().der(),
            [vec![0x30, 3, 2, 1, 1], vec![0x30, 0x81, 0]]
        );
        assert_eq!(format!("{:?}", Certificates::parse(&two).unwrap()), "Certificates(2)");
    }

    #[test]
    fn what_is_not_a_certificate_is_refused() {
        let told = |text: &str| Certificates::parse(text).unwrap_err();
        assert!(told("").contains("there is no certificate in it"));
        assert!(
            told("-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----")
                .contains("no certificate")
        );
        assert_eq!(told(&format!("{BEGIN}\nMAA=\n")), "certificate 1 has no end");
        // No base64, a sequence that is too short, no sequence.
        for body in ["%", "MAM=", "AgEB"] {
            assert_eq!(told(&format!("{BEGIN}\n{body}\n{END}")), "certificate 1 is damaged");
        }
    }
}
