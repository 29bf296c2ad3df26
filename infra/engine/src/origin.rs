//! Where requests go, with everything that is the same for all of them made once.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use hulk_net::{Found, Line, Name, Permit, Scope, Speaks, Tls, Trust, dial_from};
use hulk_scenarios::{Http, LookUp, Origin, Target, Timeouts, Way};
use hyper::header::{HeaderName, HeaderValue};

use crate::client::http1::Http1;
use crate::client::http2::Http2;
use crate::connections::Connection;
use crate::run::EngineError;

/// A place that requests go to.
#[derive(Debug)]
pub(crate) struct Destination {
    way: Leads,
    /// Where connections are made from, in turn; where the system says, if there is none.
    local: Arc<[IpAddr]>,
    timeouts: Timeouts,
    tls: Option<Tls>,
    http: Http,
    /// `scheme://host`, and the port where it is not the scheme's own.
    base: String,
    /// What stands between the path and the number of a request.
    front: String,
    /// What each request carries that has no such header of its own.
    headers: Vec<TargetHeader>,
}

/// A header of a target's: the line as it goes out, with the end of the line before it.
#[derive(Debug)]
pub(crate) struct TargetHeader {
    line: String,
    /// Where the name and the value are in it.
    name_to: usize,
}

impl TargetHeader {
    const LINE_END: &'static str = "\r\n";
    const COLON: &'static str = ": ";

    fn new(name: &str, value: &str) -> Self {
        let name_to = Self::LINE_END.len() + name.len();
        Self { line: [Self::LINE_END, name, Self::COLON, value].concat(), name_to }
    }

    pub(crate) fn line(&self) -> &str {
        &self.line
    }

    pub(crate) fn name(&self) -> &str {
        &self.line[Self::LINE_END.len()..self.name_to]
    }

    pub(crate) fn value(&self) -> &str {
        &self.line[self.name_to + Self::COLON.len()..]
    }
}

/// How connections find their address.
#[derive(Debug)]
enum Leads {
    /// Viewers take turns with these; at least one.
    To(Vec<Permit>),
    /// Where a name leads now, and the port there.
    By(Arc<Name>, u16),
}

/// From where to where a connection goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hop {
    pub(crate) to: Permit,
    from: Option<IpAddr>,
}

/// The target's origins, in their order; none where nobody is sent to it. `permits` has the right to each contact
/// that they name, in the same order. Connections are made from the local addresses.
pub(crate) fn destinations(
    target: &Target,
    local: &[IpAddr],
    permits: &[Permit],
) -> Result<Vec<Destination>, EngineError> {
    let trusts = target.trusts().iter().map(|certificates| Trust::new(certificates.der()));
    let trusts = trusts.collect::<Result<Vec<_>, _>>()?;
    let edges: Vec<_> = permits.iter().map(|permit| permit.address()).collect();
    let mut rest = permits.iter().copied();
    let local: Arc<[IpAddr]> = local.into();
    let origins = target.origins(&edges);
    let mut names: Vec<(&LookUp, Arc<Name>)> = Vec::new();
    let mut made = Vec::with_capacity(origins.len());
    for origin in &origins {
        let contacts = origin.way.contacts();
        let permits: Vec<Permit> = rest.by_ref().take(contacts.len()).collect();
        // A permit is for one address, whoever says that it is another.
        if permits.is_empty() || !permits.iter().map(|permit| permit.address()).eq(contacts) {
            return Err(EngineError::Permits);
        }
        let way = match &origin.way {
            Way::Addresses(_) => Leads::To(permits),
            Way::Named(look_up) => Leads::By(name(look_up, &mut names)?, look_up.port),
        };
        made.push(Destination::new(origin, way, &local, &trusts)?);
    }
    if rest.next().is_some() { Err(EngineError::Permits) } else { Ok(made) }
}

/// The name at its server: what is asked for once is known to all who ask for it.
fn name<'a>(
    look_up: &'a LookUp,
    known: &mut Vec<(&'a LookUp, Arc<Name>)>,
) -> Result<Arc<Name>, EngineError> {
    let same = |other: &LookUp| (other.server, &other.name) == (look_up.server, &look_up.name);
    if let Some((_, name)) = known.iter().find(|(other, _)| same(other)) {
        return Ok(Arc::clone(name));
    }
    let scope = Scope::default();
    let server = scope.permit(look_up.server).map_err(|_| EngineError::Permits)?;
    let name = Arc::new(Name::new(server, &look_up.name, scope)?);
    known.push((look_up, Arc::clone(&name)));
    Ok(name)
}

impl Destination {
    fn new(
        origin: &Origin,
        way: Leads,
        local: &Arc<[IpAddr]>,
        trusts: &[Trust],
    ) -> Result<Self, EngineError> {
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
            Some(TargetHeader::new(name, value.reveal()))
        };
        let headers = origin.headers.iter().map(header).collect::<Option<_>>();
        let host = HeaderValue::from_str(&origin.host).ok();
        let (Some(_), Some(headers)) = (host, headers) else { return Err(EngineError::Header) };
        let front = format!(" HTTP/1.1\r\nhost: {}\r\nx-hulk-request: ", origin.host);
        let (http, base) = (origin.http, origin.base.clone());
        let (local, timeouts) = (Arc::clone(local), origin.timeouts);
        Ok(Self { way, local, timeouts, tls, http, base, front, headers })
    }

    /// Of a plain host, for tests that bring their own connection.
    #[cfg(test)]
    pub(crate) fn of_test(host: &str) -> Self {
        let origin = Origin {
            base: format!("http://{host}"),
            way: Way::Addresses(Vec::new()),
            timeouts: Timeouts::default(),
            host: host.to_owned(),
            http: Http::One,
            tls: None,
            headers: Vec::new(),
        };
        Self::new(&origin, Leads::To(Vec::new()), &[].into(), &[]).unwrap()
    }

    /// Where a connection goes, and from where: each viewer has an address of its own of several,
    /// and goes on to the next with each connection. None where the name must be looked up first.
    pub(crate) fn hop(&self, viewer: u32, connection: u32) -> Option<io::Result<Hop>> {
        let turn = u64::from(viewer) + u64::from(connection);
        let found = match &self.way {
            Leads::To(permits) => {
                let count = permits.len() as u64;
                let to = permits[(turn % count) as usize];
                return Some(Ok(self.pair(to, turn / count)));
            }
            Leads::By(name, port) => name.known()?.and_then(|found| found.permit(turn, *port)),
        };
        Some(found.map(|(to, round)| self.pair(to, round)).map_err(io::Error::from))
    }

    /// Each local address has its turn once all of the target's have had theirs: so all pairs do.
    fn pair(&self, to: Permit, round: u64) -> Hop {
        let fits = |from: &&IpAddr| from.is_ipv4() == to.address().is_ipv4();
        let count = self.local.iter().filter(fits).count().max(1) as u64;
        let from = self.local.iter().filter(fits).nth((round % count) as usize).copied();
        Hop { to, from }
    }

    /// Looks the name up where there is one, or waits for who does.
    ///
    /// # Errors
    /// Why it leads nowhere.
    pub(crate) async fn look_up(&self) -> io::Result<Option<Found>> {
        match &self.way {
            Leads::To(_) => Ok(None),
            Leads::By(name, _) => Ok(Some(name.look_up().await?)),
        }
    }

    /// How long each phase of a request may last.
    pub(crate) fn timeouts(&self) -> &Timeouts {
        &self.timeouts
    }

    /// What stands between the path and the number of a request.
    pub(crate) fn front(&self) -> &str {
        &self.front
    }

    /// What each request carries that has no such header of its own.
    pub(crate) fn headers(&self) -> &[TargetHeader] {
        &self.headers
    }

    /// `scheme://host`, and the port where it is not the scheme's own.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// A connection that has come so far as the system makes it.
    ///
    /// # Errors
    /// What the operating system says.
    pub(crate) async fn connect(&self, hop: Hop) -> io::Result<tokio::net::TcpStream> {
        dial_from(hop.to, hop.from).await
    }

    /// Encrypts a connection, where the origin wants it, and speaks the origin's protocol on it.
    ///
    /// # Errors
    /// What the operating system says, or what was wrong with the server's certificate.
    pub(crate) async fn speak(&self, stream: tokio::net::TcpStream) -> io::Result<Connection> {
        let line = match &self.tls {
            None => Line::Plain(stream.into()),
            Some(tls) => tls.connect(stream).await?,
        };
        match self.http {
            Http::One => Ok(Connection::Http1(Http1::new(line))),
            Http::Two => {
                let client = Http2::new(line).await.map_err(io::Error::other)?;
                Ok(Connection::Http2(Box::new(client)))
            }
        }
    }

    /// Whether connections are encrypted.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.tls.is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::net::SocketAddr;

    use hulk_scenarios::Own;

    use super::*;

    fn target(addresses: Vec<SocketAddr>) -> Target {
        let mut own = Own::default();
        own.origins.push(Origin {
            base: "http://shop.test".to_owned(),
            way: Way::Addresses(addresses),
            timeouts: Timeouts::default(),
            host: "shop.test".to_owned(),
            http: Http::One,
            tls: None,
            headers: Vec::new(),
        });
        Target::Url(own)
    }

    fn permit(address: SocketAddr) -> Permit {
        Scope::default().permit(address).unwrap()
    }

    /// The destination of an origin with these addresses, from these local ones.
    fn destination(to: &[&str], local: &[&str]) -> Destination {
        let addresses: Vec<SocketAddr> = to.iter().map(|text| text.parse().unwrap()).collect();
        let permits: Vec<Permit> = addresses.iter().copied().map(permit).collect();
        let local: Vec<IpAddr> = local.iter().map(|text| text.parse().unwrap()).collect();
        destinations(&target(addresses), &local, &permits).unwrap().remove(0)
    }

    fn hop(to: &Destination, viewer: u32, connection: u32) -> (String, String) {
        let Hop { to, from } = to.hop(viewer, connection).unwrap().unwrap();
        (to.address().to_string(), from.map_or_else(String::new, |from| from.to_string()))
    }

    #[test]
    fn viewers_take_turns_and_go_on_with_each_connection() {
        let to = destination(&["127.0.0.1:80", "127.0.0.2:80", "127.0.0.3:80"], &[]);
        let places = |viewer| (0..4).map(move |made| hop(&to, viewer, made).0).collect::<Vec<_>>();
        let turns = ["127.0.0.2:80", "127.0.0.3:80", "127.0.0.1:80", "127.0.0.2:80"];
        assert_eq!(places(1), turns);
    }

    #[test]
    fn each_local_address_meets_each_of_the_targets() {
        let to = destination(&["127.0.0.1:80", "127.0.0.2:80"], &["127.0.0.8", "127.0.0.9"]);
        let pairs: BTreeSet<(String, String)> = (0..4).map(|viewer| hop(&to, viewer, 0)).collect();
        assert_eq!(pairs.len(), 4, "{pairs:?}");
    }

    #[test]
    fn an_address_is_met_by_a_local_one_of_its_family() {
        let to = destination(&["127.0.0.1:80", "[::1]:80"], &["127.0.0.8", "::1"]);
        let pairs: BTreeSet<(String, String)> = (0..9).map(|viewer| hop(&to, viewer, 0)).collect();
        let wanted = [("127.0.0.1:80", "127.0.0.8"), ("[::1]:80", "::1")];
        assert_eq!(pairs, wanted.map(|(to, from)| (to.to_owned(), from.to_owned())).into());
        let to = destination(&["[::1]:80"], &["127.0.0.8"]);
        assert_eq!(hop(&to, 0, 0).1, "", "as the system makes it");
    }

    #[test]
    fn a_permit_for_another_address_is_none() {
        let target = target(vec![([127, 0, 0, 1], 80).into()]);
        let other = permit(([127, 0, 0, 2], 80).into());
        for permits in [vec![other], Vec::new()] {
            let made = destinations(&target, &[], &permits);
            assert!(matches!(made, Err(EngineError::Permits)), "{permits:?}");
        }
    }
}
