use proptest::prelude::*;

use super::*;

fn name(text: &str) -> WireName {
    WireName::parse(text).unwrap()
}

fn asked() -> Question {
    Question::new(7, &name("Shop.test"), Kind::A)
}

/// A record of a name that is given as it stands on the wire.
fn record(of: &[u8], kind: u16, ttl_s: u32, data: &[u8]) -> Vec<u8> {
    let (ttl_s, length) = (ttl_s.to_be_bytes(), (data.len() as u16).to_be_bytes());
    [of, &kind.to_be_bytes(), &[0, 1], &ttl_s, &length, data].concat()
}

/// An answer to the question with such records.
fn answer(question: &Question, records: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = question.bytes.clone();
    bytes[2] |= 0x80;
    bytes[7] = records.len() as u8;
    bytes.extend(records.concat());
    bytes
}

fn found(records: &[Vec<u8>]) -> (String, Option<u32>) {
    match asked().read(&answer(&asked(), records)) {
        Ok(Came::Answer(Answer { addresses, ttl_s })) => {
            let told: Vec<String> = addresses.iter().map(IpAddr::to_string).collect();
            (told.join(" "), ttl_s)
        }
        other => panic!("{other:?}"),
    }
}

/// The question's own name, as answers have it: where it stands.
const THERE: &[u8] = &[0xc0, 12];

#[test]
fn golden_a_question() {
    let wanted =
        b"\x00\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x04shop\x04test\x00\x00\x01\x00\x01";
    assert_eq!(asked().bytes, wanted);
    let v6 = Question::new(7, &name("shop.test."), Kind::Aaaa);
    assert_eq!(v6.bytes[v6.bytes.len() - 4..], [0, 28, 0, 1]);
    for wrong in ["", "a..b", ".", &"a".repeat(64), &"a.".repeat(128)] {
        assert_eq!(WireName::parse(wrong), None, "{wrong}");
    }
}

#[test]
fn addresses_of_the_name_count_and_no_other() {
    let records = [
        record(&name("other.test").0, 1, 1, &[127, 0, 0, 9]),
        record(THERE, 16, 2, b"\x05hello"),
        record(THERE, 1, 60, &[127, 0, 0, 1]),
        record(b"\x04SHOP\xc0\x11", 1, 30, &[127, 0, 0, 2]),
        record(THERE, 28, 90, &Ipv6Addr::LOCALHOST.octets()),
    ];
    assert_eq!(found(&records), ("127.0.0.1 127.0.0.2 ::1".to_owned(), Some(30)));
    assert_eq!(found(&[]), (String::new(), None));
    // A time that is none.
    assert_eq!(found(&[record(THERE, 1, u32::MAX, &[127, 0, 0, 1])]).1, Some(0));
}

#[test]
fn a_name_that_stands_for_another_has_its_addresses() {
    let to = |text| name(text).0;
    let records = [
        record(&to("c.edge.test"), 1, 90, &[127, 0, 0, 3]),
        // `b` and, at 17, the question's `test`.
        record(b"\x01b\xc0\x11", 5, 20, &to("c.edge.test")),
        record(THERE, 5, 40, b"\x01b\xc0\x11"),
    ];
    assert_eq!(found(&records), ("127.0.0.3".to_owned(), Some(20)));
    // Round and round.
    let round = [record(THERE, 5, 1, &to("b.test")), record(&to("b.test"), 5, 1, THERE)];
    assert_eq!(found(&round), (String::new(), None));
}

#[test]
fn what_the_server_says_is_told_apart() {
    let change = |place: usize, byte: u8| {
        let mut bytes = answer(&asked(), &[record(THERE, 1, 60, &[127, 0, 0, 1])]);
        bytes[place] = byte;
        asked().read(&bytes)
    };
    assert_eq!(change(1, 8), Ok(Came::Stranger), "another number");
    assert_eq!(change(2, 1), Ok(Came::Stranger), "a question");
    assert_eq!(change(13, b't'), Ok(Came::Stranger), "another name");
    assert_eq!(change(23, 28), Ok(Came::Stranger), "another kind");
    assert_eq!(change(2, 0x83), Ok(Came::Truncated));
    assert_eq!(change(3, 3), Err(DnsError::NoName));
    assert_eq!(change(3, 2), Err(DnsError::Refused));
    assert_eq!(change(7, 2), Err(DnsError::Unreadable), "less than it says");
    assert!(matches!(change(13, b'S'), Ok(Came::Answer(_))), "the same name");
    // A name that leads to itself.
    let own = 12 + 11 + 4 + 1;
    assert_eq!(change(own, own as u8 - 1), Err(DnsError::Unreadable));
}

proptest! {
    #[test]
    fn whatever_comes_is_read_or_refused(rest in prop::collection::vec(any::<u8>(), 0..200), count in any::<u8>()) {
        let mut bytes = answer(&asked(), &[]);
        bytes[7] = count;
        bytes.extend(rest);
        let _read_or_refused = asked().read(&bytes);
    }

    #[test]
    fn an_answer_that_is_cut_off_is_refused(at in 0_usize..43) {
        let records = [record(THERE, 1, 60, &[127, 0, 0, 1])];
        let whole = answer(&asked(), &records);
        prop_assert_eq!(whole.len(), 43);
        let read = asked().read(&whole[..at]);
        prop_assert!(matches!(read, Ok(Came::Stranger) | Err(DnsError::Unreadable)), "{:?}", read);
    }
}
