//! The connections of a user.

use std::task::{Context, Poll};

use hulk_record::Offset;

use crate::client::answer::Answer;
use crate::client::http1::Http1;
use crate::client::http2::Http2;
use crate::client::{Broke, Client, Outgoing};

/// A connection by any protocol.
#[derive(Debug)]
pub(crate) enum Connection {
    /// Stands where its user stands, so that a request finds it in memory that it has touched.
    Http1(Http1),
    Http2(Box<Http2>),
}

/// By name, not by a table of methods: what a request goes through is compiled as one.
impl Client for Connection {
    fn is_usable(&self) -> bool {
        match self {
            Self::Http1(client) => client.is_usable(),
            Self::Http2(client) => client.is_usable(),
        }
    }

    fn is_open(&mut self, cx: &mut Context<'_>) -> bool {
        match self {
            Self::Http1(client) => client.is_open(cx),
            Self::Http2(client) => client.is_open(cx),
        }
    }

    fn begin(&mut self, cx: &mut Context<'_>, request: &Outgoing<'_>) -> Result<(), Broke> {
        match self {
            Self::Http1(client) => client.begin(cx, request),
            Self::Http2(client) => client.begin(cx, request),
        }
    }

    fn poll_first_byte(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broke>> {
        match self {
            Self::Http1(client) => client.poll_first_byte(cx),
            Self::Http2(client) => client.poll_first_byte(cx),
        }
    }

    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<Result<Box<Answer>, Broke>> {
        match self {
            Self::Http1(client) => client.poll_rest(cx),
            Self::Http2(client) => client.poll_rest(cx),
        }
    }
}

/// The connections of a user, each with the place of the destination that it leads to.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    /// The only one of most users.
    first: Option<(usize, Connection)>,
    more: Vec<(usize, Connection)>,
    /// How many there have been.
    made: u32,
    /// When one was used last.
    pub(crate) used: Offset,
}

impl Connections {
    /// The connection to a place.
    pub(crate) fn to(&mut self, place: usize) -> Option<&mut Connection> {
        let mut known = self.first.iter_mut().chain(&mut self.more);
        known.find(|(to, _)| *to == place).map(|(_, connection)| connection)
    }

    /// A new connection; one that was there to the same place is closed.
    pub(crate) fn open(&mut self, place: usize, connection: Connection) {
        self.close(place);
        match self.first {
            None => self.first = Some((place, connection)),
            Some(_) => self.more.push((place, connection)),
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.more.len()
    }

    /// The number of the next one.
    pub(crate) fn next(&mut self) -> u32 {
        let next = self.made;
        self.made = self.made.wrapping_add(1);
        next
    }

    /// Closes the connection to a place, if there is one.
    pub(crate) fn close(&mut self, place: usize) {
        self.first.take_if(|(to, _)| *to == place);
        self.more.retain(|(to, _)| *to != place);
    }

    /// Closes all.
    pub(crate) fn close_all(&mut self) {
        self.first = None;
        self.more.clear();
    }
}
