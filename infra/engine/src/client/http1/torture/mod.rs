//! What servers send, and what they should not.
//!
//! Each case of [`answers`] and [`rubbish`] is a server's side of a connection with what must come
//! of it. It is read in one piece, byte by byte, in two pieces for every place between them, and
//! over a real connection. [`differential`] lays what is made up at random beside hyper.

mod answers;
mod connections;
mod differential;
mod memory;
mod rubbish;
mod script;
mod sockets;

use std::task::{Context, Poll, Waker};

use hulk_scenarios::{Method, Rendered};

use super::Http1;
use crate::client::scratch::give_back;
use crate::client::{Broke, Client, Outgoing, RequestId};
use crate::origin::Destination;
use script::Script;

/// What the server does after it has sent everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// It waits for the next request, and answers with [`AGAIN`].
    Stay,
    /// It closes the connection.
    Close,
    /// It breaks the connection off.
    Reset,
}

/// What a second request on a connection is answered by.
const AGAIN: &str = "HTTP/1.1 203 Again\r\ncontent-length: 5\r\n\r\nagain";

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    Answer {
        status: u16,
        body: Vec<u8>,
        /// Whether the connection carried another request afterwards.
        again: bool,
    },
    Failed(String),
    /// Neither has come yet.
    Waiting,
}

/// A server's side of a connection.
#[derive(Debug, Clone)]
struct Case {
    name: &'static str,
    method: Method,
    sends: Vec<u8>,
    end: End,
    wanted: Outcome,
}

fn case(method: Method, name: &'static str, sends: impl AsRef<[u8]>) -> Case {
    Case { name, method, sends: sends.as_ref().to_vec(), end: End::Stay, wanted: Outcome::Waiting }
}

fn get(name: &'static str, sends: impl AsRef<[u8]>) -> Case {
    case(Method::Get, name, sends)
}

impl Case {
    fn closes(mut self) -> Self {
        self.end = End::Close;
        self
    }

    fn resets(mut self) -> Self {
        self.end = End::Reset;
        self
    }

    /// An answer, after which the connection carries another request.
    fn gives(mut self, status: u16, body: impl AsRef<[u8]>) -> Self {
        self.wanted = Outcome::Answer { status, body: body.as_ref().to_vec(), again: true };
        self
    }

    /// An answer, after which the connection is over.
    fn gives_last(mut self, status: u16, body: impl AsRef<[u8]>) -> Self {
        self.wanted = Outcome::Answer { status, body: body.as_ref().to_vec(), again: false };
        self
    }

    fn fails(mut self, why: impl ToString) -> Self {
        self.wanted = Outcome::Failed(why.to_string());
        self
    }

    /// What was sent is the beginning of an answer whose rest does not come.
    fn waits(self) -> Self {
        Self { wanted: Outcome::Waiting, ..self }
    }

    /// What comes of it when it arrives in these pieces.
    fn in_pieces(&self, pieces: Vec<Vec<u8>>) -> Outcome {
        let mut client = Http1::new(Script::new(pieces, self.end));
        outcome(&mut client, self.method)
    }
}

fn cases() -> Vec<Case> {
    [answers::cases(), answers::interim(), rubbish::heads(), rubbish::bodies()].concat()
}

/// A request to nowhere in particular.
fn with_request<T>(
    (method, body): (Method, &str),
    send: u32,
    use_it: impl FnOnce(&Outgoing<'_>) -> T,
) -> T {
    let to = Destination::of_test("target.test");
    let mut rendered = Rendered::default();
    rendered.path.push('/');
    rendered.body.push_str(body);
    let id = RequestId { run: 0xabc, viewer: 1, send };
    use_it(&Outgoing { to: &to, method, rendered: &rendered, id, keep_body: true })
}

/// Sends a request and takes what is there at once.
fn try_one(client: &mut impl Client, method: Method, send: u32) -> Outcome {
    let cx = &mut Context::from_waker(Waker::noop());
    let body = if method == Method::Post { "body" } else { "" };
    if let Err(broke) = with_request((method, body), send, |request| client.begin(cx, request)) {
        return Outcome::Failed(broke.to_string());
    }
    match client.poll_first_byte(cx) {
        Poll::Ready(Ok(())) => {}
        Poll::Ready(Err(broke)) => return Outcome::Failed(broke.to_string()),
        Poll::Pending => return Outcome::Waiting,
    }
    match client.poll_rest(cx) {
        Poll::Ready(Ok(answer)) => {
            assert_eq!(answer.bytes, answer.body.len() as u64);
            let (status, body) = (answer.status, answer.body.clone());
            give_back(answer);
            Outcome::Answer { status, body, again: false }
        }
        Poll::Ready(Err(broke)) => Outcome::Failed(broke.to_string()),
        Poll::Pending => Outcome::Waiting,
    }
}

/// The same, and whether another request can follow.
fn outcome(client: &mut impl Client, method: Method) -> Outcome {
    let mut outcome = try_one(client, method, 0);
    let open = client.is_open(&mut Context::from_waker(Waker::noop()));
    match &mut outcome {
        Outcome::Answer { again, .. } if open => {
            let second = try_one(client, Method::Get, 1);
            let body = b"again".to_vec();
            assert_eq!(second, Outcome::Answer { status: 203, body, again: false });
            *again = true;
        }
        Outcome::Failed(_) => assert!(!open, "open after a failure"),
        _ => {}
    }
    outcome
}

fn split(sends: &[u8], at: usize) -> Vec<Vec<u8>> {
    let (first, second) = sends.split_at(at);
    vec![first.to_vec(), second.to_vec()]
}

#[test]
fn each_case_has_a_name_of_its_own_and_they_are_many() {
    let mut names: Vec<_> = cases().iter().map(|case| case.name).collect();
    names.sort_unstable();
    let all = names.len();
    names.dedup();
    assert!(names.len() == all && all >= 100, "{all}");
}

#[test]
fn each_case_ends_as_it_must() {
    for case in cases() {
        assert_eq!(case.in_pieces(vec![case.sends.clone()]), case.wanted, "{}", case.name);
    }
}

#[test]
fn each_case_ends_the_same_byte_by_byte() {
    for case in cases() {
        let pieces = case.sends.iter().map(|byte| vec![*byte]).collect();
        assert_eq!(case.in_pieces(pieces), case.wanted, "{}", case.name);
    }
}

#[test]
fn each_case_ends_the_same_in_two_pieces_split_anywhere() {
    for case in cases() {
        // Long ones are long by what is repeated in their middle.
        let long = case.sends.len() > 2000;
        for at in (1..case.sends.len()).filter(|at| !long || at % 997 == 0) {
            let pieces = split(&case.sends, at);
            assert_eq!(case.in_pieces(pieces), case.wanted, "{} at {at}", case.name);
        }
    }
}

#[test]
fn why_a_connection_broke_tells_idle_ones_apart() {
    let reset = || std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    assert!(Broke::Closed.is_of_idle() && Broke::early(reset()).is_of_idle());
    assert!(!Broke::Io(reset()).is_of_idle(), "an answer had begun");
    assert!(!Broke::early(std::io::ErrorKind::TimedOut.into()).is_of_idle());
}
