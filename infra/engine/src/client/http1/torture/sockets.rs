//! The cases over real connections.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use hulk_net::{Line, Scope, dial};
use hulk_scenarios::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::time::{sleep, timeout};

use super::{AGAIN, Case, End, Outcome, cases, get, with_request};
use crate::client::http1::{Http1, Malformed};
use crate::client::scratch::give_back;
use crate::client::{Broke, Client};

/// What comes, comes within this.
const LIMIT: Duration = Duration::from_secs(20);
/// What does not come is not waited for longer.
const SHORT: Duration = Duration::from_millis(20);

pub(super) fn run<T>(test: impl Future<Output = T>) -> T {
    Builder::new_current_thread().enable_all().build().unwrap().block_on(test)
}

/// A connection, and the server's end of it.
pub(super) async fn connection() -> (Http1<Line>, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let permit = Scope::default().permit(listener.local_addr().unwrap()).unwrap();
    let (client, server) = tokio::join!(dial(permit), listener.accept());
    (Http1::new(Line::Plain(client.unwrap().into())), server.unwrap().0)
}

/// Reads a request without a body, or with the body `body`.
pub(super) async fn read_request(server: &mut TcpStream) {
    let mut came = Vec::new();
    let whole = |came: &[u8]| {
        let has_body = came.starts_with(b"POST");
        came.ends_with(if has_body { b"body" } else { b"\r\n\r\n" })
    };
    while !whole(&came) {
        let read = server.read_buf(&mut came).await.unwrap();
        assert!(read > 0, "the client closed after {:?}", String::from_utf8_lossy(&came));
    }
}

/// Sends a request.
pub(super) async fn begin(client: &mut impl Client, method: Method, body: &str) {
    poll_fn(|cx| {
        let begun = with_request((method, body), 0, |request| client.begin(cx, request));
        begun.unwrap();
        Poll::Ready(())
    })
    .await;
}

/// Waits for the answer.
pub(super) async fn answer(client: &mut impl Client) -> Result<(u16, Vec<u8>), Broke> {
    poll_fn(|cx| client.poll_first_byte(cx)).await?;
    let answer = poll_fn(|cx| client.poll_rest(cx)).await?;
    let came = (answer.status, answer.body.clone());
    give_back(answer);
    Ok(came)
}

pub(super) async fn is_open(client: &mut impl Client) -> bool {
    poll_fn(|cx| Poll::Ready(client.is_open(cx))).await
}

/// The server's part of a case.
async fn play(mut server: TcpStream, sends: &[u8], end: End) {
    read_request(&mut server).await;
    // A client that has seen enough may be gone.
    let _sent = server.write_all(sends).await;
    match end {
        End::Stay => {
            let mut next = [0; 1];
            if let Ok(1) = server.read(&mut next).await {
                server.write_all(AGAIN.as_bytes()).await.unwrap();
                sleep(LIMIT).await;
            }
        }
        End::Close => {}
        End::Reset => server.set_zero_linger().unwrap(),
    }
}

/// The client's part.
async fn ask(mut client: Http1<Line>, case: &Case) -> Outcome {
    let body = if case.method == Method::Post { "body" } else { "" };
    begin(&mut client, case.method, body).await;
    let limit = if case.wanted == Outcome::Waiting { SHORT } else { LIMIT };
    let (status, body) = match timeout(limit, answer(&mut client)).await {
        Ok(Ok(came)) => came,
        Ok(Err(broke)) => {
            assert!(!is_open(&mut client).await);
            let text = broke.to_string().to_lowercase();
            let reset = text.contains("connection reset");
            return Outcome::Failed(if reset {
                "connection reset".into()
            } else {
                broke.to_string()
            });
        }
        Err(_) => return Outcome::Waiting,
    };
    let again = matches!(case.wanted, Outcome::Answer { again: true, .. });
    if again {
        assert!(is_open(&mut client).await, "{}: closed", case.name);
        begin(&mut client, Method::Get, "").await;
        let second = timeout(LIMIT, answer(&mut client)).await.unwrap().unwrap();
        assert_eq!(second, (203, b"again".to_vec()), "{}", case.name);
    } else {
        // The end may come a little later than the answer.
        let over = async {
            while is_open(&mut client).await {
                sleep(Duration::from_millis(1)).await;
            }
        };
        assert!(timeout(LIMIT, over).await.is_ok(), "{}: still open", case.name);
    }
    Outcome::Answer { status, body, again }
}

#[test]
fn each_case_ends_the_same_over_a_socket() {
    run(async {
        for case in cases() {
            let (client, server) = connection().await;
            let outcome = tokio::select! {
                outcome = ask(client, &case) => outcome,
                () = async {
                    play(server, &case.sends, case.end).await;
                    std::future::pending::<()>().await;
                } => unreachable!(),
            };
            assert_eq!(outcome, case.wanted, "{}", case.name);
        }
    });
}

#[test]
fn answers_in_drops_with_pauses_come_whole() {
    let answer = "HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
                  3;x\r\nall\r\n2\r\n i\r\n1\r\nn\r\n0\r\nx: y\r\n\r\n";
    let case = get("drops", answer).gives(200, "all in");
    run(async {
        let (client, mut server) = connection().await;
        server.set_nodelay(true).unwrap();
        let dripping = async {
            read_request(&mut server).await;
            for byte in answer.bytes() {
                server.write_all(&[byte]).await.unwrap();
                sleep(Duration::from_micros(100)).await;
            }
            server.read_u8().await.unwrap();
            server.write_all(AGAIN.as_bytes()).await.unwrap();
        };
        let (outcome, ()) = tokio::join!(ask(client, &case), dripping);
        assert_eq!(outcome, case.wanted);
    });
}

#[test]
fn drops_without_end_are_cut_off_by_the_time_out() {
    let drops = || get("drops without end", "");
    // In each of its parts an answer may go on for ever; that it begins with two `H` is enough.
    for (start, case) in [
        ("", drops().fails(Malformed::Head)),
        ("HTTP/1.1 200 OK\r\nx: ", drops().waits()),
        ("HTTP/1.1 200 OK\r\n\r\n", drops().waits()),
    ] {
        let outcome = run(async {
            let (client, mut server) = connection().await;
            let dripping = async {
                read_request(&mut server).await;
                server.write_all(start.as_bytes()).await.unwrap();
                // A client that has seen enough may be gone.
                while server.write_all(b"H").await.is_ok() {
                    sleep(Duration::from_millis(1)).await;
                }
                std::future::pending::<()>().await;
            };
            tokio::select! {
                outcome = ask(client, &case) => outcome,
                () = dripping => unreachable!(),
            }
        });
        assert_eq!(outcome, case.wanted, "{start:?}");
    }
}
