//! Messages as server-sent events: `GET /commentary`, and `GET /match` for who plays.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Paper;

/// So many may read at a time.
const READERS_MAX: usize = 64;
/// How long a reader may take to ask, or to take a message.
const LIMIT: Duration = Duration::from_secs(1);
/// A longer head is refused.
const HEAD_MAX: usize = 8 << 10;

/// Serves whoever comes, until everything is out and has been read.
pub(super) async fn serve(paper: Paper, listener: Arc<TcpListener>) {
    let (mut readers, mut end) = (JoinSet::new(), paper.published.clone());
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if readers.len() < READERS_MAX => {
                    readers.spawn(answer(paper.clone(), stream));
                }
                // Who has no room sees the connection close.
                Ok(_) => {}
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            Some(_left) = readers.join_next() => {}
            over = end.changed() => if over.is_err() { break },
        }
    }
    while readers.join_next().await.is_some() {}
}

async fn answer(mut paper: Paper, mut stream: TcpStream) {
    let _best_effort = stream.set_nodelay(true);
    let Ok(Some(head)) = timeout(LIMIT, head(&mut stream)).await else { return };
    let asked = match Asked::parse(&head) {
        Ok(asked) => asked,
        Err(refusal) => {
            return say(&mut stream, refusal, "text/plain", "GET /commentary, GET /match\n").await;
        }
    };
    let Asked::Commentary { last } = asked else {
        let who = Arc::clone(&paper.who);
        return say(&mut stream, "200 OK", "application/json", &who).await;
    };
    let next = match last {
        Some(last) => paper.told.iter().take_while(|told| told.id <= last).count(),
        None => *paper.published.borrow(),
    };
    let (mut read, mut write) = stream.split();
    let mut nothing = [0; 64];
    let gone = async { while matches!(read.read(&mut nothing).await, Ok(1..)) {} };
    let slow = tokio::select! {
        slow = stream_to(&mut write, &mut paper, next) => slow,
        () = gone => false,
    };
    if slow {
        paper.note("a reader of server-sent events was dropped: it does not read".to_owned()).await;
    }
}

/// Writes messages from the `next` one on; whether the reader was too slow.
async fn stream_to(
    out: &mut (impl AsyncWrite + Unpin),
    paper: &mut Paper,
    mut next: usize,
) -> bool {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-store\r\n\
                connection: close\r\n\r\n";
    let mut text = head.to_owned();
    loop {
        let published = *paper.published.borrow_and_update();
        for told in paper.told.iter().take(published).skip(next) {
            text += &format!("id: {}\nevent: message\ndata: {}\n\n", told.id, told.json);
        }
        next = next.max(published);
        match timeout(LIMIT, out.write_all(text.as_bytes())).await {
            Ok(Ok(())) => text.clear(),
            Ok(Err(_)) => return false,
            Err(_) => return true,
        }
        if paper.published.changed().await.is_err() {
            let _closing = timeout(LIMIT, out.write_all(b"event: end\ndata: {}\n\n")).await;
            return false;
        }
    }
}

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    /// Messages, after the one that was read last.
    Commentary { last: Option<u32> },
    /// Who plays.
    Match,
}

impl Asked {
    /// Reads a request's head; or the status of the refusal.
    fn parse(head: &str) -> Result<Self, &'static str> {
        let mut lines = head.split("\r\n");
        let mut request = lines.next().unwrap_or_default().split(' ');
        if request.next() != Some("GET") {
            return Err("405 Method Not Allowed");
        }
        match request.next() {
            Some("/match") => Ok(Self::Match),
            Some("/commentary") => {
                let named = lines.filter_map(|line| line.split_once(':'));
                let mut ids = named.filter(|(name, _)| name.eq_ignore_ascii_case("last-event-id"));
                Ok(Self::Commentary { last: ids.next().and_then(|(_, id)| id.trim().parse().ok()) })
            }
            _ => Err("404 Not Found"),
        }
    }
}

async fn head(stream: &mut TcpStream) -> Option<String> {
    let (mut head, mut buffer) = (Vec::new(), [0; 1024]);
    while head.len() < HEAD_MAX {
        match stream.read(&mut buffer).await {
            Ok(read @ 1..) => head.extend_from_slice(&buffer[..read]),
            _ => return None,
        }
        if head.windows(4).any(|end| end == b"\r\n\r\n") {
            return String::from_utf8(head).ok();
        }
    }
    None
}

async fn say(stream: &mut TcpStream, status: &str, kind: &str, body: &str) {
    let length = body.len();
    let text = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n{body}"
    );
    // Who has gone needs no answer.
    let _said = timeout(LIMIT, stream.write_all(text.as_bytes())).await;
}

#[cfg(test)]
mod tests;
