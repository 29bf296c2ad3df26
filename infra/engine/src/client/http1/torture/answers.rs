//! Answers that must be understood.

use hulk_scenarios::Method;

use super::{Case, case, get};
use crate::client::http1::Malformed;

const CUT: Malformed = Malformed::Incomplete;

/// A chunked answer.
pub(super) fn chunked(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{body}")
}

fn head(name: &'static str, sends: &str) -> Case {
    case(Method::Head, name, sends)
}

pub(super) fn cases() -> Vec<Case> {
    [lengths(), chunks(), bodiless(), keeping(), odd_heads(), broken_off()].concat()
}

fn lengths() -> Vec<Case> {
    vec![
        get("length", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello").gives(200, "hello"),
        get("length 0", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").gives(200, ""),
        get("length in any case", "HTTP/1.1 200 OK\r\nCONTENT-Length:2\r\n\r\nok").gives(200, "ok"),
        get("length with zeros before", "HTTP/1.1 200 OK\r\ncontent-length: 0002\r\n\r\nok")
            .gives(200, "ok"),
        get("the same length twice in a line", "HTTP/1.1 200 OK\r\ncontent-length: 5, 5\r\n\r\nhello")
            .gives(200, "hello"),
        get(
            "the same length in two lines",
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\nok",
        )
        .gives(200, "ok"),
        get("length, then closed", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            .closes()
            .gives_last(200, "ok"),
        get("length, then reset", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            .resets()
            .gives_last(200, "ok"),
        get("more than the length", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokay")
            .gives_last(200, "ok"),
        get(
            "two answers to one request",
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n",
        )
        .gives_last(200, "ok"),
        get("until the end", "HTTP/1.1 200 OK\r\n\r\nall of it").closes().gives_last(200, "all of it"),
        get("until the end, of nothing", "HTTP/1.1 200 OK\r\n\r\n").closes().gives_last(200, ""),
        get("until an end that does not come", "HTTP/1.1 200 OK\r\n\r\nall").waits(),
        case(Method::Post, "answer to a POST", "HTTP/1.1 201 Made\r\ncontent-length: 2\r\n\r\nid")
            .gives(201, "id"),
        get("many small fields", {
            let fields: String = (0..99).map(|n| format!("x-{n}: {n}\r\n")).collect();
            format!("HTTP/1.1 200 OK\r\n{fields}content-length: 2\r\n\r\nok")
        })
        .gives(200, "ok"),
        get("a long field", {
            let value = "v".repeat(60_000);
            format!("HTTP/1.1 200 OK\r\nx: {value}\r\ncontent-length: 2\r\n\r\nok")
        })
        .gives(200, "ok"),
    ]
}

fn chunks() -> Vec<Case> {
    let many =
        "a;x=0123456789012345678901234567890123456789\r\n0123456789\r\n".repeat(1000) + "0\r\n\r\n";
    vec![
        get("chunks", chunked("5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n")).gives(200, "hello!"),
        get("no chunk but the last", chunked("0\r\n\r\n")).gives(200, ""),
        get("chunks with extensions", chunked("5;a=b;c=\"d;\"\r\nhello\r\n0;e\r\n\r\n"))
            .gives(200, "hello"),
        get("size with white space after", chunked("5 \t \r\nhello\r\n0 ;x\r\n\r\n"))
            .gives(200, "hello"),
        get("size in both cases", chunked("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n"))
            .gives(200, "01234567890123456789"),
        get("size with zeros before", chunked("0000000000000000000005\r\nhello\r\n000\r\n\r\n"))
            .gives(200, "hello"),
        get("a trailer", chunked("2\r\nok\r\n0\r\nx-sum: 1\r\ny:\r\nz:  \t\u{e9}\r\n\r\n"))
            .gives(200, "ok"),
        get("chunks, then more", chunked("2\r\nok\r\n0\r\n\r\n\r\n")).gives_last(200, "ok"),
        get("chunks, then closed", chunked("2\r\nok\r\n0\r\n\r\n")).closes().gives_last(200, "ok"),
        get("many small chunks with long extensions", chunked(&many)).gives(200, "0123456789".repeat(1000)),
        get(
            "an encoding in any case, before chunks",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip , Chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        )
        .gives(200, "ok"),
        get(
            "encodings in two lines",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        )
        .gives(200, "ok"),
        get("an encoding that is not chunks", "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nok")
            .closes()
            .gives_last(200, "ok"),
        get(
            "chunks and a length: chunks go before",
            "HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        )
        .gives(200, "hello"),
        get(
            "chunks and no length that counts",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: x\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        )
        .gives(200, "ok"),
    ]
}

fn bodiless() -> Vec<Case> {
    vec![
        head("HEAD with a length", "HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n").gives(200, ""),
        head(
            "HEAD with an absurd length",
            "HTTP/1.1 200 OK\r\ncontent-length: 99999999999999\r\n\r\n",
        )
        .gives(200, ""),
        head("HEAD with a length that is none", "HTTP/1.1 200 OK\r\ncontent-length: -\r\n\r\n")
            .gives(200, ""),
        head("HEAD with chunks", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            .gives(200, ""),
        head("HEAD with neither", "HTTP/1.1 200 OK\r\n\r\n").gives(200, ""),
        head("HEAD with a body", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            .gives_last(200, ""),
        get("204", "HTTP/1.1 204 No Content\r\n\r\n").gives(204, ""),
        get("204 with a length", "HTTP/1.1 204 No Content\r\ncontent-length: 9\r\n\r\n")
            .gives(204, ""),
        get("204 with chunks", "HTTP/1.1 204 No\r\ntransfer-encoding: chunked\r\n\r\n")
            .gives(204, ""),
        get("204 with a body", "HTTP/1.1 204 No\r\ncontent-length: 2\r\n\r\nok")
            .gives_last(204, ""),
        get("304", "HTTP/1.1 304 Not Modified\r\netag: \"1\"\r\n\r\n").gives(304, ""),
        get("304 with a length", "HTTP/1.1 304 Same\r\ncontent-length: 1048576\r\n\r\n")
            .gives(304, ""),
        get("304 with chunks", "HTTP/1.1 304 Same\r\ntransfer-encoding: chunked\r\n\r\n")
            .gives(304, ""),
        get(
            "304 of HTTP/1.0 with chunks",
            "HTTP/1.0 304 Same\r\ntransfer-encoding: chunked\r\n\r\n",
        )
        .gives_last(304, ""),
    ]
}

fn keeping() -> Vec<Case> {
    let ok = "content-length: 2\r\n\r\nok";
    vec![
        get("1.0", format!("HTTP/1.0 200 OK\r\n{ok}")).gives_last(200, "ok"),
        get("1.0, kept", format!("HTTP/1.0 200 OK\r\nconnection: keep-alive\r\n{ok}"))
            .gives(200, "ok"),
        get(
            "1.0, kept and closed",
            format!("HTTP/1.0 200 OK\r\nconnection: keep-alive, close\r\n{ok}"),
        )
        .gives_last(200, "ok"),
        get("1.0 until the end", "HTTP/1.0 200 OK\r\n\r\nok").closes().gives_last(200, "ok"),
        get(
            "1.0 until the end, and kept, which cannot be",
            "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\n\r\nok",
        )
        .closes()
        .gives_last(200, "ok"),
        get("closed", format!("HTTP/1.1 200 OK\r\nconnection: close\r\n{ok}"))
            .gives_last(200, "ok"),
        get(
            "closed in any case, in a list",
            format!("HTTP/1.1 200 OK\r\nConnection: x, CLOSE\r\n{ok}"),
        )
        .gives_last(200, "ok"),
        get(
            "closed in the first of two lines",
            format!("HTTP/1.1 200 OK\r\nconnection: close\r\nconnection: keep-alive\r\n{ok}"),
        )
        .gives_last(200, "ok"),
        get("closer is not close", format!("HTTP/1.1 200 OK\r\nconnection: closer\r\n{ok}"))
            .gives(200, "ok"),
    ]
}

fn odd_heads() -> Vec<Case> {
    let ok = "content-length: 2\r\n\r\nok";
    vec![
        get("no reason", format!("HTTP/1.1 200\r\n{ok}")).gives(200, "ok"),
        get("an empty reason", format!("HTTP/1.1 200 \r\n{ok}")).gives(200, "ok"),
        get("a reason of other letters", format!("HTTP/1.1 200 d\u{e9}j\u{e0}\r\n{ok}"))
            .gives(200, "ok"),
        get("line feeds alone in the head", "HTTP/1.1 200 OK\ncontent-length: 2\n\nok")
            .gives(200, "ok"),
        get("empty lines before", format!("\r\n\r\n\nHTTP/1.1 200 OK\r\n{ok}")).gives(200, "ok"),
        get("status 600", format!("HTTP/1.1 600 Odd\r\n{ok}")).gives(600, "ok"),
        get("status 999", format!("HTTP/1.1 999 Odd\r\n{ok}")).gives(999, "ok"),
        get("values that are no text", {
            [b"HTTP/1.1 200 OK\r\nx: \xff\xfe\r\n", ok.as_bytes()].concat()
        })
        .gives(200, "ok"),
        get("an empty value", format!("HTTP/1.1 200 OK\r\nx:\r\ny: \t \r\n{ok}")).gives(200, "ok"),
        get("tabs around a value", "HTTP/1.1 200 OK\r\ncontent-length:\t2\t\r\n\r\nok")
            .gives(200, "ok"),
        get("no field at all", "HTTP/1.1 204 No\r\n\r\n").gives(204, ""),
    ]
}

fn broken_off() -> Vec<Case> {
    let reset = "connection reset";
    vec![
        get("closed before the answer", "")
            .closes()
            .fails("connection closed before the answer began"),
        get("reset before the answer", "").resets().fails(reset),
        get("closed after a byte", "H").closes().fails(CUT),
        get("closed inside the head", "HTTP/1.1 200 OK\r\ncontent-le").closes().fails(CUT),
        get("reset inside the head", "HTTP/1.1 200 OK\r\ncontent-le").resets().fails(reset),
        get("closed inside the body", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel")
            .closes()
            .fails(CUT),
        get("closed before the body", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n")
            .closes()
            .fails(CUT),
        get("reset inside the body", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel")
            .resets()
            .fails(reset),
        get("reset of what goes until the end", "HTTP/1.1 200 OK\r\n\r\nhel").resets().fails(reset),
        get("the body stays out", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel").waits(),
        get("the head stays out", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n").waits(),
        get("closed before a chunk", chunked("")).closes().fails(CUT),
        get("closed inside a size", chunked("5")).closes().fails(CUT),
        get("closed inside a chunk", chunked("5\r\nhel")).closes().fails(CUT),
        get("closed after a chunk", chunked("5\r\nhello\r\n")).closes().fails(CUT),
        get("closed before the last line", chunked("5\r\nhello\r\n0\r\n")).closes().fails(CUT),
        get("closed inside the trailer", chunked("0\r\nx: ")).closes().fails(CUT),
        get("reset inside a chunk", chunked("5\r\nhel")).resets().fails(reset),
        get("the last line stays out", chunked("5\r\nhello\r\n0\r\n")).waits(),
    ]
}

/// Interim answers before the final one.
pub(super) fn interim() -> Vec<Case> {
    let ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    let hint = "HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\n\r\n";
    vec![
        get("100", format!("HTTP/1.1 100 Continue\r\n\r\n{ok}")).gives(200, "ok"),
        get("102", format!("HTTP/1.1 102 Processing\r\n\r\n{ok}")).gives(200, "ok"),
        get("103", format!("{hint}{ok}")).gives(200, "ok"),
        get("an unknown interim answer", format!("HTTP/1.1 199 Hm\r\n\r\n{ok}")).gives(200, "ok"),
        get("several", format!("HTTP/1.1 100 Go\r\n\r\n{hint}{hint}{ok}")).gives(200, "ok"),
        get(
            "an interim answer has no body",
            format!("HTTP/1.1 103 Hint\r\ncontent-length: x\r\nconnection: close\r\n\r\n{ok}"),
        )
        .gives(200, "ok"),
        get("100, then closed", "HTTP/1.1 100 Continue\r\n\r\n").closes().fails(CUT),
        get("100, then nothing", "HTTP/1.1 100 Continue\r\n\r\n").waits(),
        get("101", "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n")
            .fails(Malformed::Upgrade),
        get("interim answers without end", hint.repeat(2000)).fails(Malformed::HeadTooLong),
    ]
}
