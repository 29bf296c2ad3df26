//! A connection, encrypted or not.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket as StdUdpSocket};
use std::pin::Pin;
use std::task::{Context, Poll};

use hulk_consent::Permit;
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::IpBindAddressNoPort;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio_rustls::client::TlsStream;

mod plain;

pub use plain::Plain;

/// A connection, encrypted or not.
#[derive(Debug)]
pub enum Line {
    /// As it is.
    Plain(Plain),
    /// Encrypted.
    Tls(Box<TlsStream<Plain>>),
}

impl AsyncRead for Line {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        text: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, text),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, text),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

/// Connects to the permitted address, with Nagle's algorithm off: requests are small and timed.
///
/// # Errors
/// What the operating system says; "too many open files" among it.
pub async fn dial(permit: Permit) -> io::Result<TcpStream> {
    dial_from(permit, None).await
}

/// The same from a local address, where one is given: each has its own ports.
///
/// # Errors
/// What the operating system says; "too many open files" among it.
#[expect(clippy::disallowed_methods, reason = "this is the one place that dials")]
pub async fn dial_from(permit: Permit, from: Option<IpAddr>) -> io::Result<TcpStream> {
    let to = permit.address();
    let stream = match from {
        None => TcpStream::connect(to).await?,
        Some(from) => {
            let socket = if to.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
            // The port is chosen with the address that it leads to: two targets may have the same.
            // Where the system cannot do that, each port of a local address is used once.
            let _may_be_unknown = setsockopt(&socket, IpBindAddressNoPort, &true);
            socket.bind((from, 0).into())?;
            socket.connect(to).await?
        }
    };
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A socket that sends datagrams to the permitted address and takes them only from there.
///
/// # Errors
/// What the operating system says; "too many open files" among it.
#[expect(clippy::disallowed_methods, reason = "this is the one place that dials")]
pub fn dial_udp(permit: Permit) -> io::Result<UdpSocket> {
    // A socket of IPv6 that stands on the loopback cannot send to an address of IPv4 in its clothes.
    let to = SocketAddr::new(permit.address().ip().to_canonical(), permit.address().port());
    let own: IpAddr = match to {
        SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    let socket = StdUdpSocket::bind((own, 0))?;
    socket.connect(to)?;
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(socket)
}
