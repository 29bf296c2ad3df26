//! Requests take no memory once everything has been there before.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use hulk_record::{Offset, Presence, Recorder, RecorderPlan};
use hulk_scenarios::traffic::Schedule;
use hulk_scenarios::{Books, Ended, Method, Next, Planned, Rehearsal, Rendered, Viewer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::answers::chunked;
use crate::client::http1::Http1;
use crate::client::scratch::{give_back, with_rendered};
use crate::client::{Client, Outgoing, RequestId};
use crate::origin::Destination;

const WARM_UP: usize = 100;
const REQUESTS: usize = 10_000;
const OK: &str = "HTTP/1.1 200 OK\r\nserver: one\r\ncontent-length: 2\r\n\r\nok";

/// A server that gives the same answer to each request, in pieces of so many bytes.
#[derive(Debug)]
struct Same {
    answer: &'static [u8],
    piece: usize,
    /// What is still to come of the present answer.
    left: &'static [u8],
}

impl Same {
    fn new(answer: String, piece: usize) -> Self {
        Self { answer: answer.leak().as_bytes(), piece, left: &[] }
    }
}

impl AsyncRead for Same {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.left.is_empty() {
            return Poll::Pending;
        }
        let (piece, left) = self.left.split_at(self.piece.min(self.left.len()));
        buffer.put_slice(piece);
        self.left = left;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Same {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        text: &[u8],
    ) -> Poll<io::Result<usize>> {
        assert!(self.left.is_empty(), "a request inside an answer");
        self.left = self.answer;
        Poll::Ready(Ok(text.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A viewer of the rehearsal beside this file, and what is written down of it.
struct Stay {
    to: Destination,
    viewer: Viewer,
    books: Books,
    now: Offset,
}

impl Stay {
    fn new() -> Self {
        let file = "/src/client/http1/torture/memory/rehearsal.toml";
        let rehearsal = Rehearsal::load(&format!("{}{file}", env!("CARGO_MANIFEST_DIR")));
        let rehearsal = Arc::new(rehearsal.unwrap_or_else(|error| panic!("{error:?}")));
        let plan = RecorderPlan {
            journeys: rehearsal.script.info(),
            moments: rehearsal.moments(),
            region: "here".to_owned(),
            interval_us: rehearsal.interval_us(),
            raw: false,
        };
        let start = rehearsal.lead_in_from();
        let recorder = Recorder::new(Arc::new(plan));
        let mut books = Books { recorder, presence: Presence::new(start) };
        let arrivals = rehearsal.arrivals(&Schedule::generate(&rehearsal.audience));
        let arrival = arrivals.first().unwrap();
        let now = rehearsal.clock.wall(arrival.arrive);
        let viewer = Viewer::come(&rehearsal, arrival, now, &mut books);
        Self { to: Destination::of_test("target.test"), viewer, books, now }
    }

    /// The next request, from its plan to the record.
    fn request(&mut self, client: &mut impl Client) {
        let cx = &mut Context::from_waker(Waker::noop());
        let Next::Send(planned) = self.viewer.next() else { panic!("nothing more to send") };
        self.viewer.send(planned, self.now);
        assert!(client.is_open(cx));
        self.begin(client, cx, &planned);
        assert!(client.poll_first_byte(cx).is_ready());
        self.now = self.now.plus(20);
        self.viewer.answer_began(self.now);
        let Poll::Ready(Ok(answer)) = client.poll_rest(cx) else { panic!("no answer") };
        let ended = Ended::Answer { status: answer.status, headers: &*answer, body: &answer.body };
        self.viewer.ended(ended, answer.bytes, self.now, &mut self.books);
        give_back(answer);
    }

    fn begin(&mut self, client: &mut impl Client, cx: &mut Context<'_>, planned: &Planned) {
        with_rendered(|rendered| {
            let method = self.viewer.render(self.now, 0, rendered);
            let (viewer, send) = self.viewer.send_id();
            let id = RequestId { run: 1, viewer, send };
            let keep_body = planned.wants_body;
            let request = Outgoing { to: &self.to, method, rendered, id, keep_body };
            client.begin(cx, &request).unwrap();
        });
    }
}

/// Counts allocations of so many calls, after a warm-up.
fn allocations(calls: usize, mut call: impl FnMut()) -> u64 {
    (0..WARM_UP).for_each(|_| call());
    allocation_counter::measure(|| (0..calls).for_each(|_| call())).count_total
}

#[test]
fn requests_of_a_client_take_no_memory() {
    let hint = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n";
    let answers = [
        ("length", OK.to_owned(), 1 << 16),
        ("in pieces", OK.to_owned(), 7),
        ("in chunks", chunked("5;x\r\nhello\r\n0\r\nx: y\r\n\r\n"), 1 << 16),
        ("after others", format!("{hint}{hint}{OK}"), 1 << 16),
        (
            "large",
            format!("HTTP/1.1 200 OK\r\ncontent-length: 50000\r\n\r\n{}", "b".repeat(50_000)),
            1000,
        ),
    ];
    for (name, answer, piece) in answers {
        for method in [Method::Get, Method::Post] {
            let mut client = Http1::new(Same::new(answer.clone(), piece));
            let mut send = 0;
            let cx = &mut Context::from_waker(Waker::noop());
            let to = Destination::of_test("target.test");
            let mut rendered = Rendered::default();
            rendered.path.push('/');
            let requests = if name == "large" { REQUESTS / 10 } else { REQUESTS };
            let counted = allocations(requests, || {
                send += 1;
                let id = RequestId { run: 1, viewer: 1, send };
                let request =
                    Outgoing { to: &to, method, rendered: &rendered, id, keep_body: true };
                client.begin(cx, &request).unwrap();
                assert!(client.poll_first_byte(cx).is_ready());
                let Poll::Ready(Ok(answer)) = client.poll_rest(cx) else { panic!("no answer") };
                give_back(answer);
                assert!(client.is_open(cx));
            });
            assert_eq!(counted, 0, "{name}, {method:?}");
        }
    }
}

#[test]
fn requests_of_a_viewer_take_no_memory_from_plan_to_record() {
    let (mut stay, mut client) = (Stay::new(), Http1::new(Same::new(OK.to_owned(), 1 << 16)));
    let mut by_step = Vec::new();
    for step in ["get", "post", "checked"] {
        by_step.push((step, allocations(900, || stay.request(&mut client))));
    }
    assert_eq!(by_step, [("get", 0), ("post", 0), ("checked", 0)]);
}
