//! What serves connections for a test, in its own way.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle, sleep};
use std::time::Duration;

/// A port on loopback; it ends, with all of its connections, with this value.
pub(crate) struct Served {
    pub(crate) port: u16,
    over: Arc<AtomicBool>,
    streams: Arc<Mutex<Vec<TcpStream>>>,
    accepting: Option<JoinHandle<()>>,
}

impl Served {
    /// Serves each connection on a thread of its own.
    pub(crate) fn by(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        Self::at((Ipv4Addr::LOCALHOST, 0).into(), serve)
    }

    /// The same at an address.
    pub(crate) fn at(
        address: SocketAddr,
        serve: impl Fn(TcpStream) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let over = Arc::new(AtomicBool::new(false));
        let streams: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
        let (end, kept, serve) = (Arc::clone(&over), Arc::clone(&streams), Arc::new(serve));
        let accepting = thread::spawn(move || {
            while !end.load(Ordering::SeqCst) {
                match listener.accept() {
                    Ok((stream, _)) => {
                        stream.set_nonblocking(false).unwrap();
                        stream.set_nodelay(true).unwrap();
                        kept.lock().unwrap().push(stream.try_clone().unwrap());
                        let serve = Arc::clone(&serve);
                        thread::spawn(move || serve(stream));
                    }
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::WouldBlock);
                        sleep(Duration::from_millis(2));
                    }
                }
            }
        });
        Self { port, over, streams, accepting: Some(accepting) }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        let _ended = self.accepting.take().map(JoinHandle::join);
        for stream in self.streams.lock().unwrap().drain(..) {
            // One that the other side has closed is closed.
            let _closed = stream.shutdown(Shutdown::Both);
        }
    }
}
