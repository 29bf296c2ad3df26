//! A target of a few lines that can be told how to behave.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle, sleep};
use std::time::Duration;

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
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    over: AtomicBool,
    asked: AtomicU64,
    streams: Mutex<Vec<TcpStream>>,
}

impl SmallTarget {
    pub(crate) fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        let own = Arc::clone(&shared);
        let accepting = thread::spawn(move || accept(&listener, &own, manner));
        Self { port, shared, accepting: Some(accepting) }
    }

    /// How many requests have come.
    pub(crate) fn asked(&self) -> u64 {
        self.shared.asked.load(Ordering::SeqCst)
    }
}

impl Drop for SmallTarget {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        let _ended = self.accepting.take().map(JoinHandle::join);
        for stream in self.shared.streams.lock().unwrap().drain(..) {
            // One that the other side has closed is closed.
            let _closed = stream.shutdown(Shutdown::Both);
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>, manner: Manner) {
    while !shared.over.load(Ordering::SeqCst) {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false).unwrap();
                stream.set_nodelay(true).unwrap();
                shared.streams.lock().unwrap().push(stream.try_clone().unwrap());
                let shared = Arc::clone(shared);
                thread::spawn(move || serve(stream, &shared, manner));
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                sleep(Duration::from_millis(2));
            }
        }
    }
}

/// Takes requests without bodies until the connection ends.
fn serve(mut stream: TcpStream, shared: &Shared, manner: Manner) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|read| read > 0) {
        let is_end = line.trim_end().is_empty();
        line.clear();
        if !is_end {
            continue;
        }
        shared.asked.fetch_add(1, Ordering::SeqCst);
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
        if manner == Manner::Answers && stream.write_all(answer).is_err() {
            return;
        }
    }
}
