//! Bodies that came compressed, for those steps that look into them.

use std::io::{self, Read};

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use hulk_scenarios::Headers;

use super::answer::{Answer, BODY_KEPT_MAX};

/// Decompresses the body that was kept, as far as anybody looks into it.
///
/// # Errors
/// Why it cannot be, in words of which there are few.
pub(crate) fn decode(answer: &mut Answer) -> Result<(), &'static str> {
    let mut codings: Vec<String> = Vec::new();
    answer.each("content-encoding", &mut |value| {
        codings.extend(value.split(',').map(|coding| coding.trim().to_ascii_lowercase()));
    });
    // The last one was applied last.
    for coding in codings.iter().rev().filter(|coding| !matches!(coding.as_str(), "" | "identity"))
    {
        let body = std::mem::take(&mut answer.body);
        let decoded = match coding.as_str() {
            "gzip" | "x-gzip" => read(MultiGzDecoder::new(&*body)),
            // Some servers leave out the frame that the standard wants.
            "deflate" if body.first().is_some_and(|byte| byte & 0x0f == 8) => {
                read(ZlibDecoder::new(&*body))
            }
            "deflate" => read(DeflateDecoder::new(&*body)),
            _ => return Err("the body is compressed in a way that is not known here"),
        };
        answer.body = decoded.map_err(|_| "the body is not what content-encoding says")?;
    }
    Ok(())
}

fn read(from: impl Read) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    from.take(BODY_KEPT_MAX as u64).read_to_end(&mut body)?;
    Ok(body)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    const TEXT: &[u8] = b"{\"token\":\"abc\"}";

    fn decoded(coding: &str, body: Vec<u8>) -> Result<Vec<u8>, &'static str> {
        let mut answer = Answer::default();
        answer.body = body;
        let fields = [(&b"Content-Encoding"[..], coding.as_bytes())];
        answer.set_fields(200, fields.into_iter());
        decode(&mut answer).map(|()| answer.body)
    }

    #[test]
    fn bodies_are_decompressed_by_what_the_answer_says() {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(TEXT).unwrap();
        let gzip = gzip.finish().unwrap();
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(TEXT).unwrap();
        let mut bare = DeflateEncoder::new(Vec::new(), Compression::fast());
        bare.write_all(TEXT).unwrap();
        assert_eq!(decoded("gzip", gzip.clone()).unwrap(), TEXT);
        assert_eq!(decoded("deflate", zlib.finish().unwrap()).unwrap(), TEXT);
        assert_eq!(decoded("deflate", bare.finish().unwrap()).unwrap(), TEXT);
        assert_eq!(decoded("identity", TEXT.to_vec()).unwrap(), TEXT);
        let mut twice = GzEncoder::new(Vec::new(), Compression::fast());
        twice.write_all(&gzip).unwrap();
        assert_eq!(decoded("gzip, x-gzip", twice.finish().unwrap()).unwrap(), TEXT);
    }

    #[test]
    fn what_cannot_be_decompressed_is_said() {
        assert!(decoded("gzip", TEXT.to_vec()).is_err());
        assert!(decoded("zstd", TEXT.to_vec()).is_err());
        assert!(decoded("gzip", Vec::new()).is_err(), "an empty body is no gzip");
    }

    #[test]
    fn a_small_body_may_not_become_a_huge_one() {
        let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
        bomb.write_all(&vec![0; 8 << 20]).unwrap();
        assert_eq!(decoded("gzip", bomb.finish().unwrap()).unwrap().len(), BODY_KEPT_MAX);
    }
}
