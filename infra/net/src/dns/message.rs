//! What is written to a name server, and read of what comes back (RFC 1035, RFC 3596).
//!
//! By hand: it is the question for an address and no more, and a crate for it would bring a second
//! way to draw random numbers and other features of crates that the hot path is made of.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::DnsError;

/// Bytes before the question.
const HEAD: usize = 12;
const CLASS_IN: u16 = 1;
const TYPE_CNAME: u16 = 5;
const NAME_MAX: usize = 255;
const LABEL_MAX: usize = 63;
/// No name leads to its addresses by way of more others.
const ALIASES_MAX: usize = 16;

/// Which addresses are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    A = 1,
    Aaaa = 28,
}

/// A name as it goes over the wire, in lower case: each label after its length, and a 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WireName(Vec<u8>);

/// A question, and what it starts with.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) bytes: Vec<u8>,
    name: WireName,
}

/// What a server knows of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) addresses: Vec<IpAddr>,
    /// For how long that is true, in s; none where there is no address.
    pub(super) ttl_s: Option<u32>,
}

/// What came from a server.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Came {
    Answer(Answer),
    /// It did not fit.
    Truncated,
    /// It is no answer to the question.
    Stranger,
}

/// A record of an answer.
struct Record {
    of: WireName,
    ttl_s: u32,
    data: Data,
}

enum Data {
    Address(IpAddr),
    /// Another name to go on with.
    Alias(WireName),
    Other,
}

impl WireName {
    /// Of labels with dots between; none where it is no name.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut wire = Vec::with_capacity(text.len() + 2);
        for label in text.strip_suffix('.').unwrap_or(text).split('.') {
            let length = u8::try_from(label.len()).ok()?;
            if length == 0 || label.len() > LABEL_MAX {
                return None;
            }
            wire.push(length);
            wire.extend(label.bytes().map(|byte| byte.to_ascii_lowercase()));
        }
        wire.push(0);
        (wire.len() <= NAME_MAX).then_some(Self(wire))
    }
}

impl Question {
    pub(super) fn new(number: u16, name: &WireName, kind: Kind) -> Self {
        // One question; the server is to find out what it does not know.
        let flags_and_counts = [1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        let mut bytes = number.to_be_bytes().to_vec();
        bytes.extend(flags_and_counts);
        bytes.extend(&name.0);
        bytes.extend((kind as u16).to_be_bytes());
        bytes.extend(CLASS_IN.to_be_bytes());
        Self { bytes, name: name.clone() }
    }

    /// Reads what came.
    ///
    /// # Errors
    /// What the server said, or that it cannot be read.
    pub(super) fn read(&self, came: &[u8]) -> Result<Came, DnsError> {
        let (ours, its) = (&self.bytes, came.get(..self.bytes.len()));
        let Some(its) = its.filter(|its| its[2] & 0x80 != 0 && its[..2] == ours[..2]) else {
            return Ok(Came::Stranger);
        };
        let (head, question) = its.split_at(HEAD);
        let refused = !matches!(head[3] & 0x0f, 0 | 3);
        if refused {
            return Err(DnsError::Refused);
        }
        // The question comes back, perhaps in other letters.
        if head[4..6] != [0, 1] || !question.eq_ignore_ascii_case(&ours[HEAD..]) {
            return Ok(Came::Stranger);
        }
        if head[3] & 0x0f == 3 {
            return Err(DnsError::NoName);
        }
        if head[2] & 0x02 != 0 {
            return Ok(Came::Truncated);
        }
        let count = u16::from_be_bytes([head[6], head[7]]);
        let mut reader = Reader { bytes: came, at: self.bytes.len() };
        let records: Option<Vec<Record>> = (0..count).map(|_| reader.record()).collect();
        let records = records.ok_or(DnsError::Unreadable)?;
        Ok(Came::Answer(followed(&records, &self.name)))
    }
}

/// The addresses of a name, by way of other names where it has them.
fn followed(records: &[Record], name: &WireName) -> Answer {
    let (mut of, mut ttl_s) = (name, u32::MAX);
    for _ in 0..ALIASES_MAX {
        let alias = records.iter().find_map(|record| match &record.data {
            Data::Alias(to) if record.of == *of => Some((to, record.ttl_s)),
            _ => None,
        });
        let Some((to, ttl)) = alias else { break };
        (of, ttl_s) = (to, ttl_s.min(ttl));
    }
    let address = |record: &Record| match record.data {
        Data::Address(ip) if record.of == *of => Some((ip, record.ttl_s)),
        _ => None,
    };
    let (addresses, ttls): (Vec<IpAddr>, Vec<u32>) = records.iter().filter_map(address).unzip();
    Answer { addresses, ttl_s: ttls.into_iter().min().map(|ttl| ttl.min(ttl_s)) }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let taken = self.bytes.get(self.at..self.at.checked_add(count)?)?;
        self.at += count;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    /// A name; its end may stand at a place before it, to which it leads.
    fn name(&mut self) -> Option<WireName> {
        let mut wire = Vec::new();
        let (mut end, mut before) = (None, self.at);
        loop {
            let length = usize::from(*self.take(1)?.first()?);
            match length {
                0 => break,
                1..=LABEL_MAX => {
                    wire.push(length as u8);
                    wire.extend(self.take(length)?.iter().map(u8::to_ascii_lowercase));
                }
                0xc0.. => {
                    let low = usize::from(*self.take(1)?.first()?);
                    end.get_or_insert(self.at);
                    let to = (length & 0x3f) << 8 | low;
                    // Only ever further back: so it comes to an end.
                    if to >= before {
                        return None;
                    }
                    (self.at, before) = (to, to);
                }
                _ => return None,
            }
            if wire.len() >= NAME_MAX {
                return None;
            }
        }
        wire.push(0);
        self.at = end.unwrap_or(self.at);
        Some(WireName(wire))
    }

    fn record(&mut self) -> Option<Record> {
        let of = self.name()?;
        let (kind, class) = (self.u16()?, self.u16()?);
        let ttl_s = u32::from_be_bytes(self.array()?);
        let length = usize::from(self.u16()?);
        let end = self.at.checked_add(length).filter(|end| *end <= self.bytes.len())?;
        let data = match (class, kind) {
            (CLASS_IN, 1) if length == 4 => {
                Data::Address(Ipv4Addr::from(self.array::<4>()?).into())
            }
            (CLASS_IN, 28) if length == 16 => {
                Data::Address(Ipv6Addr::from(self.array::<16>()?).into())
            }
            (CLASS_IN, TYPE_CNAME) => Data::Alias(self.name()?),
            _ => Data::Other,
        };
        self.at = end;
        // A time with the highest bit set means none (RFC 2181).
        let ttl_s = if ttl_s > i32::MAX as u32 { 0 } else { ttl_s };
        Some(Record { of, ttl_s, data })
    }
}

#[cfg(test)]
mod tests;
