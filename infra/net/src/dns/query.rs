//! A question to a name server, and its answer.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use hulk_consent::Permit;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::DnsError;
use super::message::{Answer, Came, Kind, Question, WireName};

/// How long an answer is waited for, and how often it is asked for.
const PATIENCE: Duration = Duration::from_secs(2);
const TRIES: u32 = 2;
/// An answer over UDP has at most 512 bytes, where the question does not allow more.
const BYTES_MAX: usize = 4096;

/// Asks for a name's records of a kind.
pub(super) async fn ask(server: Permit, name: &WireName, kind: Kind) -> Result<Answer, DnsError> {
    /// Answers are told apart by it; a socket for each question keeps strangers out.
    static NUMBER: AtomicU16 = AtomicU16::new(0);
    for _ in 0..TRIES {
        let question = Question::new(NUMBER.fetch_add(1, Ordering::Relaxed), name, kind);
        // Who does not answer is asked again, who says no is not.
        if let Ok(came) = timeout(PATIENCE, exchange(server, &question)).await {
            return came;
        }
    }
    Err(DnsError::Silent)
}

/// Over UDP, and over TCP where the answer does not fit.
async fn exchange(server: Permit, question: &Question) -> Result<Answer, DnsError> {
    match over_udp(server, question).await? {
        Some(answer) => Ok(answer),
        None => over_tcp(server, question).await,
    }
}

/// None where the answer does not fit.
#[expect(clippy::disallowed_methods, reason = "this is one of the two places that dial")]
async fn over_udp(server: Permit, question: &Question) -> Result<Option<Answer>, DnsError> {
    let to = server.address();
    let any = match to {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    // Connected, so that nobody else is heard.
    let socket = UdpSocket::bind((any, 0)).await.map_err(why)?;
    socket.connect(to).await.map_err(why)?;
    socket.send(&question.bytes).await.map_err(why)?;
    let mut buffer = [0; BYTES_MAX];
    loop {
        let length = socket.recv(&mut buffer).await.map_err(why)?;
        match question.read(buffer.get(..length).unwrap_or_default())? {
            Came::Answer(answer) => return Ok(Some(answer)),
            Came::Truncated => return Ok(None),
            Came::Stranger => {}
        }
    }
}

async fn over_tcp(server: Permit, question: &Question) -> Result<Answer, DnsError> {
    let mut stream = crate::line::dial(server).await.map_err(why)?;
    let length = (question.bytes.len() as u16).to_be_bytes();
    stream.write_all(&[&length, question.bytes.as_slice()].concat()).await.map_err(why)?;
    let length = stream.read_u16().await.map_err(why)?;
    let mut answer = vec![0; length.into()];
    stream.read_exact(&mut answer).await.map_err(why)?;
    match question.read(&answer)? {
        Came::Answer(answer) => Ok(answer),
        Came::Truncated | Came::Stranger => Err(DnsError::Unreadable),
    }
}

fn why(error: io::Error) -> DnsError {
    match error.kind() {
        ErrorKind::ConnectionRefused => DnsError::NoServer,
        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset => DnsError::Unreadable,
        _ => DnsError::Unasked(error.raw_os_error()),
    }
}
