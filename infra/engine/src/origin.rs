//! Where requests go, with everything that is the same for all of them made once.

use bytes::Bytes;
use http_body_util::Full;
use hulk_net::{Connection, HttpError, Tls, Trust};
use hulk_scenarios::{Method, Origin, Permit, Rendered, Target};
use hyper::Request;
use hyper::header::{HOST, HeaderName, HeaderValue};

use crate::run::EngineError;

/// Of an answer that a step looks into, so much is kept; more is counted and thrown away.
pub(crate) const BODY_KEPT_MAX: usize = 1 << 20;

/// A place that requests go to.
#[derive(Debug)]
pub(crate) struct Destination {
    permit: Permit,
    tls: Option<Tls>,
    /// The `host` header.
    host: HeaderValue,
    /// What each request carries that has no such header of its own.
    headers: Vec<(HeaderName, HeaderValue)>,
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

    /// A request as it goes out, under an id of its own.
    ///
    /// # Errors
    /// When the journey made something of it that is no HTTP.
    pub(crate) fn request(
        &self,
        method: Method,
        rendered: &Rendered,
        id: &str,
    ) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
        let body = match rendered.body.as_str() {
            "" => Bytes::new(),
            text => Bytes::copy_from_slice(text.as_bytes()),
        };
        let mut request = Request::builder()
            .method(match method {
                Method::Get => hyper::Method::GET,
                Method::Post => hyper::Method::POST,
                Method::Put => hyper::Method::PUT,
                Method::Delete => hyper::Method::DELETE,
            })
            .uri(rendered.path.as_str())
            .header(HOST, &self.host)
            .header("x-hulk-request", id);
        for (name, value) in &self.headers {
            if !rendered.headers.iter().any(|(own, _)| own == name.as_str()) {
                request = request.header(name, value);
            }
        }
        for (name, value) in &rendered.headers {
            request = request.header(name.as_str(), value.as_str());
        }
        request.body(Full::new(body))
    }
}
