use bytes::BytesMut;
use proptest::prelude::*;

use super::super::head::{Answer, Request};
use super::*;

fn head_of_request(text: &str) -> Head {
    Head::take::<Request>(&mut BytesMut::from(text)).unwrap().unwrap().1
}

fn head_of_answer(text: &str) -> Head {
    Head::take::<Answer>(&mut BytesMut::from(text)).unwrap().unwrap().1
}

fn request(fields: &str) -> Result<Body, NotHttp> {
    Body::of_request(&head_of_request(&format!("POST / HTTP/1.1\r\n{fields}\r\n")))
}

fn answer(status: u16, method: &str, fields: &str) -> Result<Body, NotHttp> {
    let head = head_of_answer(&format!("HTTP/1.1 {status} Said\r\n{fields}\r\n"));
    Body::of_answer(&head, status, method)
}

#[test]
fn a_head_says_where_the_body_ends() {
    assert_eq!(request(""), Ok(Body::Bytes(0)));
    assert_eq!(request("content-length: 12\r\n"), Ok(Body::Bytes(12)));
    assert_eq!(request("Content-Length: 12, 12\r\ncontent-length: 12\r\n"), Ok(Body::Bytes(12)));
    assert_eq!(request("transfer-encoding: gzip, Chunked\r\n"), Ok(Body::Chunks(FIRST)));
    assert_eq!(
        request("content-length: 3\r\ntransfer-encoding: chunked\r\n"),
        Ok(Body::Chunks(FIRST))
    );
    assert_eq!(answer(200, "GET", ""), Ok(Body::Rest));
    assert_eq!(answer(200, "GET", "transfer-encoding: gzip\r\n"), Ok(Body::Rest));
    assert_eq!(answer(200, "GET", "content-length: 7\r\n"), Ok(Body::Bytes(7)));
}

#[test]
fn some_answers_never_have_a_body_whatever_they_say() {
    for (status, method) in [(200, "HEAD"), (204, "GET"), (304, "GET"), (103, "GET")] {
        for fields in ["", "content-length: 7\r\n", "transfer-encoding: chunked\r\n"] {
            assert_eq!(answer(status, method, fields), Ok(Body::Bytes(0)), "{status} {method}");
        }
    }
}

#[test]
fn a_head_that_contradicts_itself_says_nothing() {
    for fields in [
        "content-length: 12\r\ncontent-length: 13\r\n",
        "content-length: 12, 13\r\n",
        "content-length: -1\r\n",
        "content-length: +1\r\n",
        "content-length: 0x10\r\n",
        "content-length: \r\n",
        "content-length: 99999999999999999999\r\n",
        "transfer-encoding: chunked, gzip\r\n",
    ] {
        assert_eq!(request(fields), Err(NotHttp), "{fields}");
    }
    assert_eq!(answer(200, "GET", "content-length: 1, 2\r\n"), Err(NotHttp));
}

#[test]
fn chunks_that_are_none_are_refused() {
    for text in
        ["\r\n", "g\r\n", "-1\r\n", "3\rabc", "3\r\nabcd", "3\r\nabc\rx", "1000000000000000\r\n"]
    {
        let mut body = Body::Chunks(FIRST);
        assert_eq!(body.take(text.as_bytes()), Err(NotHttp), "{text:?}");
    }
}

/// A chunked body as somebody could write it.
fn chunked() -> impl Strategy<Value = Vec<u8>> {
    let chunk = (proptest::collection::vec(any::<u8>(), 1..40), 0..4_u8, any::<bool>());
    let line_end = |short| if short { "\n" } else { "\r\n" };
    let trailers = proptest::collection::vec("[a-z]{1,5}: [ -~]{0,8}", 0..3);
    (proptest::collection::vec(chunk, 0..6), trailers, any::<bool>()).prop_map(
        move |(chunks, trailers, short)| {
            let mut bytes = Vec::new();
            for (data, extension, short) in chunks {
                let extension = ["", ";a=b", " ; c=\"d\"", "\t"][usize::from(extension)];
                let length = data.len();
                bytes.extend(format!("{length:X}{extension}{}", line_end(short)).bytes());
                bytes.extend(data);
                bytes.extend(line_end(short).bytes());
            }
            bytes.extend(format!("00{}", line_end(short)).bytes());
            for trailer in trailers {
                bytes.extend(format!("{trailer}{}", line_end(short)).bytes());
            }
            bytes.extend(line_end(short).bytes());
            bytes
        },
    )
}

proptest! {
    #[test]
    fn wherever_chunks_are_cut_they_end_where_they_end(
        body in chunked(),
        behind in proptest::collection::vec(any::<u8>(), 0..20),
        pieces in proptest::collection::vec(1..30_usize, 1..20),
    ) {
        let bytes = [&body[..], &behind].concat();
        let (mut state, mut taken) = (Body::Chunks(FIRST), 0);
        for piece in pieces.iter().cycle() {
            prop_assert!(!state.is_done() && state.at_end().is_err());
            let end = (taken + piece).min(bytes.len());
            let own = state.take(&bytes[taken..end]).unwrap();
            taken += own;
            if state.is_done() {
                break;
            }
            prop_assert_eq!(taken, end);
        }
        prop_assert_eq!(taken, body.len());
        prop_assert!(state.at_end().is_ok());
        prop_assert_eq!(state.take(&bytes[taken..]), Ok(0));
    }
}
