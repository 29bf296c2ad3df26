//! The child's side: from its plan to its end.

use std::net::Ipv4Addr;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, stdin, stdout};
use tokio::net::TcpListener;

use crate::door::Door;
use crate::{Plan, Ports, control};

/// A platform that cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Pipes or sockets failed.
    #[error("the platform's pipes or sockets failed: {0}")]
    Io(#[from] std::io::Error),
    /// The plan is not what it should be.
    #[error("the platform's plan is damaged: {0}")]
    Plan(#[from] serde_json::Error),
}

/// Reads the plan from standard input, names the ports on standard output, and serves until
/// standard input ends.
///
/// # Errors
/// When there is no plan or no port.
pub async fn serve_embedded() -> Result<(), ServeError> {
    let mut input = BufReader::new(stdin());
    let mut line = String::new();
    input.read_line(&mut line).await?;
    let plan: Plan = serde_json::from_str(&line)?;
    let (edge, control) = (listen().await?, listen().await?);
    let ports = Ports { edge: edge.local_addr()?, control: control.local_addr()? };
    let door = Arc::new(Door::new(plan));
    tokio::spawn(Arc::clone(&door).keep_time());
    tokio::spawn(accept(edge, Arc::clone(&door)));
    tokio::spawn(control::accept(control, door));
    let mut greeting = serde_json::to_string(&ports)?;
    greeting.push('\n');
    let mut output = stdout();
    output.write_all(greeting.as_bytes()).await?;
    output.flush().await?;
    // The parent says nothing more: whatever comes is its end.
    let mut end = [0];
    let _parent_is_gone = input.read(&mut end).await;
    Ok(())
}

async fn listen() -> std::io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await
}

async fn accept(listener: TcpListener, door: Arc<Door>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors: the connections that end make room.
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            continue;
        };
        // Without it answers of several packets wait for acknowledgements.
        let _best_effort = stream.set_nodelay(true);
        let door = Arc::clone(&door);
        tokio::spawn(async move {
            let viewer = door.connected();
            let service = service_fn(|request| viewer.answer(request));
            // A viewer who breaks off is a viewer who left.
            let _left = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
