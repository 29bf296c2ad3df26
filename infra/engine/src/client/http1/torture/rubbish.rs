//! What is no answer.

use super::answers::chunked;
use super::{Case, get};
use crate::client::http1::Malformed;

/// Each must fail however the connection goes on.
fn all(why: Malformed, cases: Vec<(&'static str, String)>) -> Vec<Case> {
    cases.into_iter().map(|(name, sends)| get(name, sends).fails(why)).collect()
}

pub(super) fn heads() -> Vec<Case> {
    [lines(), lengths()].concat()
}

fn lines() -> Vec<Case> {
    let head = |text: &str| format!("HTTP/1.1 200 OK\r\n{text}content-length: 2\r\n\r\nok");
    let line = |text: &str| format!("{text}\r\ncontent-length: 2\r\n\r\nok");
    let wrong = vec![
        ("words", line("hello, this is not the server you want")),
        ("an alert of TLS", "\u{15}\u{3}\u{3}\0\u{2}\u{2}F".to_owned()),
        ("a greeting of SSH", line("SSH-2.0-OpenSSH_9.2p1")),
        ("a body alone, as in HTTP/0.9", "<html>hello</html>".to_owned()),
        ("settings of HTTP/2", "\0\0\u{12}\u{4}\0\0\0\0\0".to_owned()),
        ("a request", line("GET / HTTP/1.1")),
        ("small letters", line("http/1.1 200 OK")),
        ("version 1.2", line("HTTP/1.2 200 OK")),
        ("version 2", line("HTTP/2.0 200 OK")),
        ("version 2 without its point", line("HTTP/2 200 OK")),
        ("two blanks", line("HTTP/1.1  200 OK")),
        ("no blank", line("HTTP/1.1200 OK")),
        ("a blank before", line(" HTTP/1.1 200 OK")),
        ("status 0", line("HTTP/1.1 000 No")),
        ("status 99", line("HTTP/1.1 099 No")),
        ("a status of two digits", line("HTTP/1.1 99 No")),
        ("a status of four digits", line("HTTP/1.1 1000 No")),
        ("a status with a sign", line("HTTP/1.1 +20 No")),
        ("a status of letters", line("HTTP/1.1 two No")),
        ("NUL in the reason", line("HTTP/1.1 200 O\0K")),
        ("return alone in the reason", line("HTTP/1.1 200 O\rK")),
        ("a line without a colon", head("hello\r\n")),
        ("a blank before the colon", head("x : 1\r\n")),
        ("no name", head(": 1\r\n")),
        ("a name with a blank", head("x y: 1\r\n")),
        ("a name of other letters", head("\u{e9}: 1\r\n")),
        ("a name with NUL", head("x\0: 1\r\n")),
        ("a folded value", head("x: 1\r\n 2\r\n")),
        ("a blank before the first field", head(" x: 1\r\n")),
        ("NUL in a value", head("x: a\0b\r\n")),
        ("DEL in a value", head("x: a\u{7f}b\r\n")),
        ("return alone in a value", head("x: a\rb\r\n")),
        ("return alone at the end of the head", line("HTTP/1.1 200 OK\r\n\rok")),
    ];
    let fields: String = (0..101).map(|n| format!("x-{n}: {n}\r\n")).collect();
    let long = vec![
        ("101 fields", head(&fields)),
        ("a head of 70,000 bytes", head(&format!("x: {}\r\n", "v".repeat(70_000)))),
        ("a field without end", format!("HTTP/1.1 200 OK\r\nx: {}", "v".repeat(70_000))),
        ("a reason without end", format!("HTTP/1.1 200 {}", "v".repeat(70_000))),
        ("empty lines without end", "\r\n".repeat(33_000)),
    ];
    [all(Malformed::Head, wrong), all(Malformed::HeadTooLong, long)].concat()
}

fn lengths() -> Vec<Case> {
    let length = |text: &str| format!("HTTP/1.1 200 OK\r\ncontent-length: {text}\r\n\r\nhello");
    let lengths = vec![
        ("length with a sign", length("+5")),
        ("negative length", length("-5")),
        ("no length", length("")),
        ("a list of nothing", length(",")),
        ("a list that ends with nothing", length("5,")),
        ("two lengths in a line", length("5, 6")),
        ("two lengths in two lines", length("5\r\ncontent-length: 6")),
        ("a length and none", length("5\r\ncontent-length: x")),
        ("none and a length", length("x\r\ncontent-length: 5")),
        ("length in hexadecimal", length("0x5")),
        ("length with a point", length("5.0")),
        ("length with a blank inside", length("5 5")),
        ("length over 2^64", length("18446744073709551616")),
    ];
    let absurd = vec![
        ("length over 2^63", length("9223372036854775808")),
        ("length over what is read", length("1073741825")),
    ];
    let old = "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n".to_owned();
    [
        all(Malformed::ContentLength, lengths),
        all(Malformed::BodyTooLong, absurd),
        all(Malformed::TransferEncoding, vec![("chunks in HTTP/1.0", old)]),
    ]
    .concat()
}

pub(super) fn bodies() -> Vec<Case> {
    let sizes = vec![
        ("no size", chunked("\r\nhello\r\n0\r\n\r\n")),
        ("negative size", chunked("-5\r\nhello\r\n0\r\n\r\n")),
        ("size with a sign", chunked("+5\r\nhello\r\n0\r\n\r\n")),
        ("size with 0x", chunked("0x5\r\nhello\r\n0\r\n\r\n")),
        ("size with a blank before", chunked(" 5\r\nhello\r\n0\r\n\r\n")),
        ("size with a blank inside", chunked("0 5\r\nhello\r\n0\r\n\r\n")),
        ("size of letters", chunked("five\r\nhello\r\n0\r\n\r\n")),
        ("size over 2^64", chunked("10000000000000000\r\nhello\r\n0\r\n\r\n")),
        ("only an extension", chunked(";x\r\nhello\r\n0\r\n\r\n")),
        ("size with a line feed alone", chunked("5\nhello\n0\n\n")),
        ("an extension with a line feed alone", chunked("5;x\nhello\r\n0\r\n\r\n")),
        ("size with a return alone", chunked("5\rhello\r\n0\r\n\r\n")),
        ("white space without end", chunked(&format!("5{}", " ".repeat(20_000)))),
        ("zeros without end", chunked(&"0".repeat(20_000))),
        ("an extension without end", chunked(&format!("5;{}", "x".repeat(20_000)))),
    ];
    let huge = vec![
        ("size over 2^63", chunked("8000000000000000\r\nhello\r\n0\r\n\r\n")),
        ("size over what is read", chunked("40000001\r\nhello\r\n0\r\n\r\n")),
    ];
    let ends = vec![
        ("a chunk that is longer than its size", chunked("4\r\nhello\r\n0\r\n\r\n")),
        ("a chunk that is shorter than its size", chunked("5\r\nhell\r\n0\r\n\r\n")),
        ("nothing after a chunk", chunked("5\r\nhello0\r\n\r\n")),
        ("a line feed alone after a chunk", chunked("5\r\nhello\n0\r\n\r\n")),
        ("a return alone after a chunk", chunked("5\r\nhello\r0\r\n\r\n")),
    ];
    let trailers = vec![
        ("a trailer without a colon", chunked("0\r\nhello\r\n\r\n")),
        ("an answer for a trailer", chunked("0\r\nHTTP/1.1 200 OK\r\n\r\n")),
        ("a trailer with a blank before its colon", chunked("0\r\nx : 1\r\n\r\n")),
        ("a folded trailer", chunked("0\r\nx: 1\r\n 2\r\n\r\n")),
        ("NUL in a trailer", chunked("0\r\nx: \0\r\n\r\n")),
        ("a trailer with a line feed alone", chunked("0\r\nx: 1\ny: 2\r\n\r\n")),
        ("the last line is a line feed alone", chunked("0\r\n\n")),
        ("return alone in a trailer", chunked("0\r\nx: 1\ry: 2\r\n\r\n")),
        ("return alone for the last line", chunked("0\r\n\rx")),
    ];
    let long = vec![
        ("a trailer without end", chunked(&format!("0\r\nx: {}", "v".repeat(20_000)))),
        ("trailers without end", chunked(&format!("0\r\n{}", "x: 1\r\n".repeat(200)))),
    ];
    [
        all(Malformed::ChunkSize, sizes),
        all(Malformed::BodyTooLong, huge),
        all(Malformed::Chunk, ends),
        all(Malformed::Trailer, trailers),
        all(Malformed::TrailerTooLong, long),
    ]
    .concat()
}
