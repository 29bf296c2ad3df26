//! Who answers during the self-test: a process of its own, so that neither its CPU nor its
//! descriptors are the worker's.

use std::env::current_exe;
use std::io::{Write, stdout};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::time::Duration;

use hulk_engine::raise_open_files;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, stdin};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::runtime::Builder;
use tokio::time::timeout;

use crate::outcome::Failure;

/// How long the child may take until it listens.
const START_LIMIT: Duration = Duration::from_secs(10);
/// What ends the head of a request; ours have no body.
const HEAD_END: &[u8] = b"\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// The child; it ends with this value, and with this process.
pub(super) struct Responder {
    pub(super) address: SocketAddr,
    _process: Child,
}

impl Responder {
    pub(super) async fn start() -> Result<Self, Failure> {
        let program = current_exe().map_err(Failure::internal)?;
        let mut process = Command::new(program)
            .args(["worker", "--responder"])
            // Its end is the child's end.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(Failure::internal)?;
        let silent = || Failure::internal("the responder did not listen: is the machine too busy?");
        let stdout = process.stdout.take().ok_or_else(silent)?;
        let mut line = String::new();
        let greeting = timeout(START_LIMIT, BufReader::new(stdout).read_line(&mut line)).await;
        greeting.map_err(|_| silent())?.map_err(Failure::internal)?;
        let address = line.trim().parse().map_err(|_| silent())?;
        Ok(Self { address, _process: process })
    }
}

/// `hulk worker --responder`: the child's side. It ends with its standard input.
pub(super) fn respond() -> Result<i32, Failure> {
    raise_open_files();
    let runtime = Builder::new_current_thread().enable_all().build().map_err(Failure::internal)?;
    let result: std::io::Result<()> = runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        writeln!(stdout(), "{}", listener.local_addr()?)?;
        let mut nothing = [0; 1];
        let mut input = stdin();
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    // Without a descriptor the caller's connection fails: that is its finding.
                    if let Ok((stream, _)) = accepted {
                        tokio::spawn(answer(stream));
                    }
                }
                _ended = input.read(&mut nothing) => return Ok(()),
            }
        }
    });
    runtime.shutdown_background();
    result.map(|()| 0).map_err(Failure::internal)
}

/// Answers each request of a connection until it closes.
async fn answer(mut stream: TcpStream) {
    let _best_effort = stream.set_nodelay(true);
    let mut buffer = [0; 1024];
    // How much of a head's end has been read.
    let mut matched = 0;
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        for byte in &buffer[..read] {
            matched = match *byte {
                byte if byte == HEAD_END[matched] => matched + 1,
                b'\r' => 1,
                _ => 0,
            };
            if matched == HEAD_END.len() {
                matched = 0;
                if stream.write_all(ANSWER).await.is_err() {
                    return;
                }
            }
        }
    }
}
