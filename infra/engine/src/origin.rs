//! Where requests go, with everything that is the same for all of them made once.

use hulk_net::{Connection, HttpError, Tls, Trust};
use hulk_scenarios::{Origin, Permit, Target};
use hyper::header::{HeaderName, HeaderValue};

use crate::run::EngineError;

/// A place that requests go to.
#[derive(Debug)]
pub(crate) struct Destination {
    permit: Permit,
    tls: Option<Tls>,
    /// The `host` header.
    pub(crate) host: HeaderValue,
    /// What each request carries that has no such header of its own.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
}

/// The target's origins, in their order; at least one. `permits` has the right to each.
pub(crate) fn destinations(
    target: &Target,
    permits: &[Permit],
) -> Result<Vec<Destination>, EngineError> {
    let trusts = target.trusts().iter().map(|certificates| Trust::new(certificates.der()));
    let trusts = trusts.collect::<Result<Vec<_>, _>>()?;
    let edges: Vec<_> = permits.iter().map(|permit| permit.address()).collect();
    let origins = target.origins(&edges);
    // A permit is for one address, whoever says that it is another.
    let fit = |(origin, permit): (&Origin, &Permit)| origin.address == permit.address();
    if origins.is_empty() || origins.len() != permits.len() || !origins.iter().zip(permits).all(fit)
    {
        return Err(EngineError::Permits);
    }
    { origins.iter().zip(permits) }
        .map(|(origin, permit)| Destination::new(origin, *permit, &trusts))
        .collect()
}

impl Destination {
    fn new(origin: &Origin, permit: Permit, trusts: &[Trust]) -> Result<Self, EngineError> {
        let tls = match &origin.tls {
            None => None,
            Some(settings) => {
                let trust = trusts.get(usize::from(settings.trust)).ok_or(EngineError::Permits)?;
                Some(trust.server(&settings.name)?)
            }
        };
        let header = |(name, value): &(String, hulk_scenarios::Secret)| {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            let mut value = HeaderValue::from_str(value.reveal()).ok()?;
            // Its debug text hides it.
            value.set_sensitive(true);
            Some((name, value))
        };
        let headers = origin.headers.iter().map(header).collect::<Option<_>>();
        let host = HeaderValue::from_str(&origin.host).ok();
        let (Some(host), Some(headers)) = (host, headers) else { return Err(EngineError::Header) };
        Ok(Self { permit, tls, host, headers })
    }

    /// The address that connections go to.
    pub(crate) fn permit(&self) -> Permit {
        self.permit
    }

    /// A new connection.
    pub(crate) async fn connect(&self) -> Result<Connection, HttpError> {
        match &self.tls {
            None => Connection::open(self.permit).await,
            Some(tls) => Connection::open_tls(self.permit, tls).await,
        }
    }
}
