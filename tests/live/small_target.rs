//! A target of a few lines that can be told how to behave.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::served::Served;

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// It is answered.
    Answers,
    /// It is read, and that is all.
    Silent,
}

/// A server that ends, with all of its connections, with this value.
pub(crate) struct SmallTarget {
    pub(crate) port: u16,
    asked: Arc<AtomicU64>,
    _served: Served,
}

impl SmallTarget {
    pub(crate) fn start(manner: Manner) -> Self {
        let asked = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&asked);
        let served = Served::by(move |stream| serve(stream, &count, manner));
        Self { port: served.port, asked, _served: served }
    }

    /// How many requests have come.
    pub(crate) fn asked(&self) -> u64 {
        self.asked.load(Ordering::SeqCst)
    }
}

/// Takes requests without bodies until the connection ends.
fn serve(mut stream: TcpStream, asked: &AtomicU64, manner: Manner) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|read| read > 0) {
        let is_end = line.trim_end().is_empty();
        line.clear();
        if !is_end {
            continue;
        }
        asked.fetch_add(1, Ordering::SeqCst);
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
        if manner == Manner::Answers && stream.write_all(answer).is_err() {
            return;
        }
    }
}
