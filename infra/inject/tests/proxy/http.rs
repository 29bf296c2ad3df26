//! HTTP: messages go through byte by byte as they came, but for what each toxic says that it did.

use hulk_scenarios::chaos::Protocol;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::world::{LONG, World};

#[path = "http/bytes.rs"]
mod bytes;
#[path = "http/ends.rs"]
mod ends;
#[path = "http/messages.rs"]
mod messages;
#[path = "http/toxics.rs"]
mod toxics;

/// A request that nothing is special about, and its answer.
const ASK: &str = "GET /plain HTTP/1.1\r\nHost: a\r\n\r\n";
const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A proxy for HTTP before a server whose every byte the test says itself.
async fn world() -> (World, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    (World::new(Protocol::Http, listener.local_addr().unwrap()), listener)
}

/// One connection through the proxy: both of its ends.
struct Pair {
    client: TcpStream,
    server: TcpStream,
}

impl Pair {
    async fn new(world: &World, listener: &TcpListener) -> Self {
        let client = world.dial().await;
        let (server, _) = timeout(LONG, listener.accept()).await.unwrap().unwrap();
        Self { client, server }
    }

    /// The client says something, and the server hears it.
    async fn asks(&mut self, said: &str) {
        self.asks_as(said, said).await;
    }

    /// The client says something, and the server hears something else.
    async fn asks_as(&mut self, said: &str, heard: &str) {
        self.client.write_all(said.as_bytes()).await.unwrap();
        hears(&mut self.server, heard).await;
    }

    /// The server says something, and the client hears it.
    async fn answers(&mut self, said: &str) {
        self.answers_as(said, said).await;
    }

    /// The server says something, and the client hears something else.
    async fn answers_as(&mut self, said: &str, heard: &str) {
        self.server.write_all(said.as_bytes()).await.unwrap();
        hears(&mut self.client, heard).await;
    }

    /// The connection is as good as ever, in both directions, and nothing else is on its way.
    async fn goes_on(&mut self) {
        self.asks(ASK).await;
        self.answers(ANSWER).await;
    }
}

/// Exactly this comes next.
async fn hears(stream: &mut TcpStream, expected: &str) {
    let mut heard = vec![0; expected.len()];
    let mut length = 0;
    while length < heard.len() {
        let read = timeout(LONG, stream.read(&mut heard[length..])).await;
        let read = read.map_err(|_| "nothing comes").map(|read| read.unwrap());
        length += match read {
            Ok(bytes @ 1..) => bytes,
            end => panic!("{end:?} behind {:?}", String::from_utf8_lossy(&heard[..length])),
        };
        let (heard, expected) = (&heard[..length], &expected.as_bytes()[..length]);
        let text = String::from_utf8_lossy;
        assert!(heard == expected, "{:?}\nwas expected:\n{:?}", text(heard), text(expected));
    }
}

/// Nothing comes but the end, in good order.
async fn ends(stream: &mut TcpStream) {
    let read = timeout(LONG, stream.read(&mut [0])).await.unwrap();
    assert_eq!(read.map_err(|error| error.kind()), Ok(0));
}

/// Nothing comes but the end, whichever it is.
async fn is_gone(stream: &mut TcpStream) {
    let read = timeout(LONG, stream.read(&mut [0])).await.unwrap();
    assert_eq!(read.unwrap_or(0), 0);
}

/// Nothing comes but a reset.
async fn is_reset(stream: &mut TcpStream) {
    let read = timeout(LONG, stream.read(&mut [0])).await.unwrap();
    assert_eq!(read.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
}
