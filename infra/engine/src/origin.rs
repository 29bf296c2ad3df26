//! Where requests go, with everything that is the same for all of them made once.

use std::io;

use hulk_net::{Line, Permit, Speaks, Tls, Trust, dial};
use hulk_scenarios::{Http, Origin, Target};
use hyper::header::{HeaderName, HeaderValue};

use crate::client::http1::Http1;
use crate::client::http2::Http2;
use crate::connections::Connection;
use crate::run::EngineError;

/// A place that requests go to.
#[derive(Debug)]
pub(crate) struct Destination {
    /// Its addresses; at least one.
    permits: Vec<Permit>,
    tls: Option<Tls>,
    http: Http,
    /// `scheme://host`, and the port where it is not the scheme's own.
    base: String,
    /// What stands between the path and the number of a request.
    front: String,
    /// What each request carries that has no such header of its own: the name, and the whole line
    /// with the line's end before it.
    headers: Vec<(String, String)>,
}

/// The target's origins, in their order; at least one. `permits` has the right to each of their
/// addresses, in the same order.
pub(crate) fn destinations(
    target: &Target,
    permits: &[Permit],
) -> Result<Vec<Destination>, EngineError> {
    let trusts = target.trusts().iter().map(|certificates| Trust::new(certificates.der()));
    let trusts = trusts.collect::<Result<Vec<_>, _>>()?;
    let edges: Vec<_> = permits.iter().map(|permit| permit.address()).collect();
    let mut rest = permits.iter().copied();
    let destination = |origin: &Origin| {
        let permits: Vec<Permit> = rest.by_ref().take(origin.addresses.len()).collect();
        // A permit is for one address, whoever says that it is another.
        let own = permits.iter().map(|permit| permit.address());
        if permits.is_empty() || !own.eq(origin.addresses.iter().copied()) {
            return Err(EngineError::Permits);
        }
        Destination::new(origin, permits, &trusts)
    };
    let made = target.origins(&edges).iter().map(destination).collect::<Result<Vec<_>, _>>()?;
    if made.is_empty() || rest.next().is_some() { Err(EngineError::Permits) } else { Ok(made) }
}

impl Destination {
    fn new(origin: &Origin, permits: Vec<Permit>, trusts: &[Trust]) -> Result<Self, EngineError> {
        let speaks = match origin.http {
            Http::One => Speaks::Http1,
            Http::Two => Speaks::Http2,
        };
        let tls = match &origin.tls {
            None => None,
            Some(settings) => {
                let trust = trusts.get(usize::from(settings.trust)).ok_or(EngineError::Permits)?;
                Some(trust.server(&settings.name, speaks)?)
            }
        };
        let header = |(name, value): &(String, hulk_scenarios::Secret)| {
            HeaderName::from_bytes(name.as_bytes()).ok()?;
            HeaderValue::from_str(value.reveal()).ok()?;
            Some((name.clone(), format!("\r\n{name}: {}", value.reveal())))
        };
        let headers = origin.headers.iter().map(header).collect::<Option<_>>();
        let host = HeaderValue::from_str(&origin.host).ok();
        let (Some(_), Some(headers)) = (host, headers) else { return Err(EngineError::Header) };
        let front = format!(" HTTP/1.1\r\nhost: {}\r\nx-hulk-request: ", origin.host);
        let (http, base) = (origin.http, origin.base.clone());
        Ok(Self { permits, tls, http, base, front, headers })
    }

    /// Of a plain host, for tests that bring their own connection.
    #[cfg(test)]
    pub(crate) fn of_test(host: &str) -> Self {
        let origin = Origin {
            base: format!("http://{host}"),
            addresses: Vec::new(),
            host: host.to_owned(),
            http: Http::One,
            tls: None,
            headers: Vec::new(),
        };
        Self::new(&origin, Vec::new(), &[]).unwrap()
    }

    /// An address that connections go to: each viewer has its own of several, and goes on to the
    /// next with each connection.
    pub(crate) fn permit(&self, viewer: u32, connection: u32) -> Permit {
        let place = u64::from(viewer) + u64::from(connection);
        self.permits[(place % self.permits.len() as u64) as usize]
    }

    /// What stands between the path and the number of a request.
    pub(crate) fn front(&self) -> &str {
        &self.front
    }

    /// What each request carries that has no such header of its own: the name, and the line.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().map(|(name, line)| (name.as_str(), line.as_str()))
    }

    /// The same without the lines' ends: the name, and the value.
    pub(crate) fn headers_alone(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers().filter_map(|(name, line)| Some((name, line.split_once(": ")?.1)))
    }

    /// `scheme://host`, and the port where it is not the scheme's own.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// A connection that has come so far as the system makes it.
    ///
    /// # Errors
    /// What the operating system says.
    pub(crate) async fn connect(&self, permit: Permit) -> io::Result<tokio::net::TcpStream> {
        dial(permit).await
    }

    /// Encrypts a connection, where the origin wants it, and speaks the origin's protocol on it.
    ///
    /// # Errors
    /// What the operating system says, or what was wrong with the server's certificate.
    pub(crate) async fn speak(&self, stream: tokio::net::TcpStream) -> io::Result<Connection> {
        let line = match &self.tls {
            None => Line::Plain(stream),
            Some(tls) => tls.connect(stream).await?,
        };
        match self.http {
            Http::One => Ok(Connection::Http1(Http1::new(line))),
            Http::Two => match Http2::new(line).await {
                Ok(client) => Ok(Connection::Http2(Box::new(client))),
                Err(broke) => Err(io::Error::other(broke)),
            },
        }
    }

    /// Whether connections are encrypted.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.tls.is_some()
    }
}
