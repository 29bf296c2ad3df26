use super::*;

const REQUEST: &str = "GET http://a.example/b/c?d=/e HTTP/1.1\r\nHOST:a.example\r\nX-Two:  1\r\n\
                       Connection: Keep-Alive, x-two\r\nx-two: 2 \r\n\r\n";

fn request(text: &str) -> (Request, Head, BytesMut) {
    let mut buffer = BytesMut::from(text);
    let (request, head) = Head::take::<Request>(&mut buffer).unwrap().unwrap();
    (request, head, buffer)
}

#[test]
fn what_nobody_changes_stays_as_it_came() {
    let (request, head, rest) = request(&format!("\r\n{REQUEST}rest"));
    assert_eq!(head.bytes(), format!("\r\n{REQUEST}"));
    assert_eq!(rest, "rest");
    assert_eq!((request.method.as_str(), request.path.as_str()), ("GET", "/b/c"));
    assert!(head.has_word("CONNECTION", "keep-alive") && !head.has_word("connection", "close"));
    assert_eq!(head.values("x-two").collect::<Vec<_>>(), [&b"1"[..], b"2"]);
}

#[test]
fn a_field_is_set_in_its_place_and_the_others_keep_their_names() {
    let (_, mut head, _) = request(REQUEST);
    head.set("x-Two", "3");
    head.set("New", "4");
    assert!(head.remove("host") && !head.remove("host"));
    assert_eq!(
        head.bytes(),
        "GET http://a.example/b/c?d=/e HTTP/1.1\r\nX-Two: 3\r\n\
         Connection: Keep-Alive, x-two\r\nNew: 4\r\n\r\n"
    );
}

#[test]
fn a_removal_that_removes_nothing_changes_nothing() {
    let (_, mut head, _) = request(REQUEST);
    assert!(!head.remove("absent"));
    assert_eq!(head.bytes(), REQUEST);
}

#[test]
fn the_path_is_without_its_host_and_its_question() {
    for (target, path) in [
        ("/", "/"),
        ("/a/b?c=d", "/a/b"),
        ("/?http://a/b", "/"),
        ("/a://b/c", "/a://b/c"),
        ("http://a", "/"),
        ("http://a/?b", "/"),
        ("https://a:1/b/c", "/b/c"),
        ("*", "*"),
        ("a:1", "a:1"),
    ] {
        assert_eq!(path_of(target), path, "{target}");
    }
}

#[test]
fn a_head_comes_when_it_is_all_there_wherever_it_is_cut() {
    for end in 0..REQUEST.len() {
        let mut buffer = BytesMut::from(&REQUEST[..end]);
        assert!(Head::take::<Request>(&mut buffer).unwrap().is_none(), "{end}");
        assert_eq!(buffer, &REQUEST[..end]);
    }
}

#[test]
fn what_is_no_head_is_none() {
    for text in ["\x16\x03\x01", "GET /\r\n", "GET / HTTP/2.0\r\n", "G@T / HTTP/1.1\r\n"] {
        assert!(Head::take::<Request>(&mut BytesMut::from(text)).is_err(), "{text:?}");
    }
    for text in ["SSH-2.0-x\r\n", "HTTP/1.1 20 OK\r\n", "<html>"] {
        assert!(Head::take::<Answer>(&mut BytesMut::from(text)).is_err(), "{text:?}");
    }
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(FIELDS_MAX + 1));
    assert!(Head::take::<Request>(&mut BytesMut::from(&many[..])).is_err());
}

#[test]
fn a_client_says_whether_it_wants_more() {
    for (version, connection, ends) in [
        ("1.1", "", false),
        ("1.1", "Connection: close\r\n", true),
        ("1.1", "connection: x, Close\r\n", true),
        ("1.0", "", true),
        ("1.0", "Connection: keep-alive\r\n", false),
    ] {
        let (request, head, _) = request(&format!("GET / HTTP/{version}\r\n{connection}\r\n"));
        assert_eq!(request.ends_connection(&head), ends, "{version} {connection}");
    }
}
