//! How connections end, and requests that do not go out at once.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use hulk_scenarios::Method;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::{sleep, timeout};

use super::script::Script;
use super::sockets::{answer, begin, connection, is_open, read_request, run};
use super::{End, Outcome, try_one};
use crate::client::Client;
use crate::client::http1::Http1;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const LARGE: usize = 20_000_000;
const LIMIT: Duration = Duration::from_secs(20);

/// Until the client has seen what has come.
async fn closed(client: &mut impl Client) {
    let over = async {
        while is_open(client).await {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(LIMIT, over).await.unwrap();
}

#[test]
fn a_connection_that_is_closed_while_it_waits_is_seen() {
    run(async {
        for reset in [false, true] {
            let (mut client, mut server) = connection().await;
            begin(&mut client, Method::Get, "").await;
            read_request(&mut server).await;
            server.write_all(OK.as_bytes()).await.unwrap();
            assert_eq!(answer(&mut client).await.unwrap(), (200, b"ok".to_vec()));
            assert!(is_open(&mut client).await);
            if reset {
                server.set_zero_linger().unwrap();
            }
            drop(server);
            closed(&mut client).await;
        }
    });
}

#[test]
fn an_answer_that_nobody_asked_for_ends_the_connection() {
    run(async {
        let (mut client, mut server) = connection().await;
        assert!(is_open(&mut client).await);
        server.write_all(b"HTTP/1.1 408 Late\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        closed(&mut client).await;
    });
}

#[test]
fn a_connection_that_is_closed_as_the_request_is_sent_is_told_apart() {
    run(async {
        for reset in [false, true] {
            let (mut client, mut server) = connection().await;
            begin(&mut client, Method::Get, "").await;
            if reset {
                server.set_zero_linger().unwrap();
            } else {
                read_request(&mut server).await;
            }
            drop(server);
            let broke = answer(&mut client).await.unwrap_err();
            assert!(broke.is_of_idle(), "{broke:?}");
            assert!(!is_open(&mut client).await);
        }
    });
}

#[test]
fn a_connection_that_is_reset_inside_the_answer_is_no_idle_one() {
    run(async {
        for sent in ["HTTP/1.1 100 Continue\r\n\r\n", "H", "HTTP/1.1 200 OK\r\n\r\n"] {
            let (mut client, mut server) = connection().await;
            begin(&mut client, Method::Get, "").await;
            read_request(&mut server).await;
            server.write_all(sent.as_bytes()).await.unwrap();
            server.set_zero_linger().unwrap();
            drop(server);
            let broke = answer(&mut client).await.unwrap_err();
            assert!(!broke.is_of_idle(), "{broke:?}");
        }
    });
}

#[test]
fn half_a_close_ends_what_has_no_length_and_no_more() {
    run(async {
        let sent = [
            ("", None),
            (OK, Some("ok")),
            ("HTTP/1.1 200 OK\r\n\r\nall", Some("all")),
            ("HTT", None),
        ];
        for (sent, wanted) in sent {
            let (mut client, mut server) = connection().await;
            begin(&mut client, Method::Get, "").await;
            read_request(&mut server).await;
            server.write_all(sent.as_bytes()).await.unwrap();
            server.shutdown().await.unwrap();
            let came = answer(&mut client).await.ok().map(|(_, body)| body);
            assert_eq!(came.as_deref(), wanted.map(str::as_bytes), "{sent}");
            closed(&mut client).await;
        }
    });
}

#[test]
fn an_early_answer_to_a_large_request_is_an_answer_and_the_last() {
    run(async {
        for reset in [false, true] {
            let (mut client, mut server) = connection().await;
            begin(&mut client, Method::Post, &"b".repeat(LARGE)).await;
            let mut some = [0; 1000];
            server.read_exact(&mut some).await.unwrap();
            let sent = "HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno";
            server.write_all(sent.as_bytes()).await.unwrap();
            if !reset {
                let came = answer(&mut client).await.unwrap();
                assert_eq!(came, (413, b"no".to_vec()));
            }
            // Closed with something unread: the system resets the connection.
            drop(server);
            if reset {
                let came = answer(&mut client).await.unwrap();
                assert_eq!(came, (413, b"no".to_vec()));
            }
            assert!(!is_open(&mut client).await, "not everything was sent");
        }
    });
}

#[test]
fn a_large_request_goes_out_whole_to_who_reads_slowly() {
    run(async {
        let (mut client, mut server) = connection().await;
        let body: String = (0..LARGE / 8).map(|n| format!("{n:08}")).collect();
        begin(&mut client, Method::Post, &body).await;
        let reading = async {
            let mut came = Vec::new();
            while !came.ends_with(&body.as_bytes()[body.len() - 8..]) {
                server.read_buf(&mut came).await.unwrap();
                if came.len() % 1000 == 0 {
                    sleep(Duration::from_micros(100)).await;
                }
            }
            let start = came.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
            assert!(came[start..] == *body.as_bytes(), "other bytes");
            server.write_all(OK.as_bytes()).await.unwrap();
            read_request(&mut server).await;
            server.write_all(OK.as_bytes()).await.unwrap();
        };
        let asking = async {
            assert_eq!(answer(&mut client).await.unwrap().0, 200);
            assert!(is_open(&mut client).await);
            begin(&mut client, Method::Get, "").await;
            assert_eq!(answer(&mut client).await.unwrap().0, 200);
        };
        timeout(LIMIT, async { tokio::join!(reading, asking) }).await.unwrap();
    });
}

/// A stream as an encrypted one: what is written goes on only when it is flushed, and that not at
/// the first time.
#[derive(Debug)]
struct Holding {
    script: Script,
    held: Vec<u8>,
    refusals: u32,
}

impl AsyncRead for Holding {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.script).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Holding {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        text: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.held.extend_from_slice(text);
        Poll::Ready(Ok(text.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.refusals > 0 {
            self.refusals -= 1;
            return Poll::Pending;
        }
        let held = std::mem::take(&mut self.held);
        Pin::new(&mut self.script).poll_write(cx, &held).map_ok(|_| ())
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[test]
fn what_an_encrypted_stream_keeps_back_is_flushed_while_the_answer_is_waited_for() {
    let script = Script::new(vec![OK.into()], End::Stay);
    let mut client = Http1::new(Holding { script, held: Vec::new(), refusals: 3 });
    let cx = &mut Context::from_waker(Waker::noop());
    assert_eq!(try_one(&mut client, Method::Get, 0), Outcome::Waiting);
    assert!(client.poll_first_byte(cx).is_pending());
    assert!(client.poll_first_byte(cx).is_ready());
    assert!(client.poll_rest(cx).is_ready());
    assert!(client.is_open(cx));
}
