//! An edge's port: open, or closed while the edge is lost.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hulk_net::{begin_to_listen, listen, reserve};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::door::Door;
use crate::viewer::Viewer;

/// How long something that failed is left alone.
const AGAIN: Duration = Duration::from_millis(10);

/// Accepts viewers, except while the edge is lost.
pub(crate) async fn keep(edge: usize, listener: TcpListener, door: Arc<Door>) -> io::Result<()> {
    let address = listener.local_addr()?;
    let Some(state) = door.edge(edge) else { return Ok(()) };
    let mut lost = state.lost.subscribe();
    let mut open = listener;
    loop {
        tokio::select! {
            () = accept(edge, &open, &door) => {}
            () = until(&mut lost, true) => {}
        }
        drop(open);
        // The port stays taken: nobody else may listen there meanwhile.
        let reserved = again(|| reserve(address)).await;
        state.listens.send_replace(false);
        until(&mut lost, false).await;
        open = match begin_to_listen(reserved) {
            Ok(listener) => listener,
            Err(_) => again(|| listen(address)).await,
        };
        state.listens.send_replace(true);
    }
}

/// Waits until the edge is lost, or is not.
async fn until(lost: &mut watch::Receiver<bool>, wanted: bool) {
    // The door lives as long as whoever waits here: an error cannot be.
    let _changed = lost.wait_for(|lost| *lost == wanted).await;
}

/// Tries until it works.
async fn again<T>(mut attempt: impl FnMut() -> io::Result<T>) -> T {
    loop {
        match attempt() {
            Ok(value) => return value,
            Err(_) => sleep(AGAIN).await,
        }
    }
}

async fn accept(edge: usize, listener: &TcpListener, door: &Arc<Door>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors: the connections that end make room.
            sleep(AGAIN).await;
            continue;
        };
        // Without it answers of several packets wait for acknowledgements.
        let _best_effort = stream.set_nodelay(true);
        let Some(state) = door.edge(edge) else { return };
        tokio::spawn(serve(stream, Viewer::new(Arc::clone(door), edge), state.lost.subscribe()));
    }
}

/// Serves a viewer until one of the two is gone.
async fn serve(stream: TcpStream, viewer: Viewer, mut lost: watch::Receiver<bool>) {
    let service = service_fn(|request| viewer.answer(request));
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        biased;
        // A viewer who breaks off is a viewer who left.
        _left = &mut connection => {}
        () = until(&mut lost, true) => {
            // Reset, not closed: so it looks to a viewer whose edge is gone.
            let stream = connection.into_parts().io.into_inner();
            let _best_effort = stream.set_zero_linger();
        }
    }
}
