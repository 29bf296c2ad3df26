//! A child process that is this program: told what to be, it tells where it listens, and it ends with
//! its parent.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, stdin, stdout};
use tokio::process::{ChildStdin, Command};
use tokio::time::timeout;

use crate::outcome::Failure;

/// The child's side: reads what it is to be from standard input, begins to serve, says on standard output
/// where, and serves until standard input ends.
pub(crate) async fn be_child<A: DeserializeOwned, P: Serialize>(
    serve: impl AsyncFnOnce(A) -> Result<P, Failure>,
) -> Result<i32, Failure> {
    let mut input = BufReader::new(stdin());
    let mut line = String::new();
    input.read_line(&mut line).await.map_err(Failure::internal)?;
    let plan = serde_json::from_str(&line)
        .map_err(|error| Failure::internal(format!("the parent's plan is damaged: {error}")))?;
    let mut greeting = serde_json::to_string(&serve(plan).await?).map_err(Failure::internal)?;
    greeting.push('\n');
    let mut output = stdout();
    output.write_all(greeting.as_bytes()).await.map_err(Failure::internal)?;
    output.flush().await.map_err(Failure::internal)?;
    // The parent says nothing more: whatever comes is its end.
    let mut end = [0];
    let _parent_is_gone = input.read(&mut end).await;
    Ok(0)
}

/// How long the child may take until it listens.
const START_LIMIT: Duration = Duration::from_secs(10);

/// Why a child could not be started, behind its name.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChildError {
    /// The program could not be run, or its pipes broke.
    #[error("could not be started: {0}")]
    Io(#[from] std::io::Error),
    /// The plan has no JSON form, or the answer is none.
    #[error("did not say where it listens: {0}")]
    Greeting(#[from] serde_json::Error),
    /// It ended before it listened; why, it has said itself.
    #[error("ended before it listened; nothing was sent")]
    Ended,
    /// It hung before it listened.
    #[error("did not listen within {START_LIMIT:?}; nothing was sent: is the machine too busy?")]
    Silent,
}

/// A running child; it ends with this value, and with this process.
#[derive(Debug)]
pub(crate) struct Child<P> {
    process: tokio::process::Child,
    /// Its end is the child's end.
    stdin: Option<ChildStdin>,
    ports: P,
}

impl<P: DeserializeOwned> Child<P> {
    /// Starts `program` with `arguments` and hands it the plan.
    ///
    /// # Errors
    /// When it does not come to listen.
    pub(crate) async fn start(
        program: &Path,
        arguments: &[&str],
        plan: &impl Serialize,
    ) -> Result<Self, ChildError> {
        let mut process = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A Ctrl-C at the terminal is the parent's to handle: it drains first.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let (Some(mut stdin), Some(stdout)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(ChildError::Silent);
        };
        let mut line = serde_json::to_string(plan)?;
        line.push('\n');
        let mut greeting = String::new();
        let exchange = async {
            stdin.write_all(line.as_bytes()).await?;
            BufReader::new(stdout).read_line(&mut greeting).await
        };
        match timeout(START_LIMIT, exchange).await {
            Ok(Ok(0)) => Err(ChildError::Ended),
            Err(_) => Err(ChildError::Silent),
            Ok(Err(error)) => Err(error.into()),
            Ok(Ok(_)) => {
                let ports = serde_json::from_str(&greeting)?;
                Ok(Self { process, stdin: Some(stdin), ports })
            }
        }
    }

    /// Where it listens.
    pub(crate) fn ports(&self) -> &P {
        &self.ports
    }

    /// How it ended, if it did.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.process.try_wait().ok().flatten()
    }

    /// Ends it and waits for its end.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub(crate) async fn stop(mut self) -> Result<ExitStatus, ChildError> {
        drop(self.stdin.take());
        match timeout(Duration::from_secs(2), self.process.wait()).await {
            Ok(status) => Ok(status?),
            Err(_) => {
                self.process.kill().await?;
                Ok(self.process.wait().await?)
            }
        }
    }
}
