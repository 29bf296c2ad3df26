//! Who may ask the control port.
//!
//! Every page that is open in a browser of this machine can send to its loopback. Such a page has a
//! name of its own as its origin, or it has made a name of its own lead here; and without being asked
//! first a browser sends no JSON to a foreign place.

use hulk_net::Scope;
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, ORIGIN};
use hyper::http::uri::Authority;
use hyper::{Method, StatusCode};

/// Why somebody is not answered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Not asked by an address or name of this machine.
    Host,
    /// By a page from elsewhere.
    Origin,
    /// With something else than JSON.
    Form,
}

impl Refused {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Host | Self::Origin => StatusCode::FORBIDDEN,
            Self::Form => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        }
    }

    pub(crate) fn text(&self) -> &'static str {
        match self {
            Self::Host => {
                "the host that was asked is not this machine's loopback: ask 127.0.0.1, [::1] or \
                 localhost\n"
            }
            Self::Origin => "pages from elsewhere may not ask this port: open its own page\n",
            Self::Form => "JSON is expected: send `content-type: application/json`\n",
        }
    }
}

/// Whether a request may be answered.
pub(crate) fn admit(method: &Method, headers: &HeaderMap) -> Result<(), Refused> {
    let host = text(headers, HOST).ok_or(Refused::Host)?;
    let authority: Authority = host.parse().map_err(|_| Refused::Host)?;
    let port = authority.port_u16().unwrap_or(80);
    Scope::default().permit_host(authority.host(), port).map_err(|_| Refused::Host)?;
    if headers.contains_key(ORIGIN) {
        let own = format!("http://{host}");
        text(headers, ORIGIN).filter(|origin| *origin == own).ok_or(Refused::Origin)?;
    }
    if [Method::POST, Method::PUT].contains(method) {
        let kind = text(headers, CONTENT_TYPE).and_then(|kind| kind.split(';').next());
        kind.filter(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
            .ok_or(Refused::Form)?;
    }
    Ok(())
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn asked(method: Method, headers: &[(HeaderName, &'static str)]) -> Result<(), Refused> {
        let headers = headers.iter().map(|(name, value)| (name.clone(), *value));
        let headers = headers.map(|(name, value)| (name, HeaderValue::from_static(value)));
        admit(&method, &headers.collect())
    }

    #[test]
    fn only_names_and_addresses_of_the_loopback_are_answered() {
        for host in ["127.0.0.1:9000", "127.9.9.9", "localhost:9000", "[::1]:9000"] {
            assert_eq!(asked(Method::GET, &[(HOST, host)]), Ok(()), "{host}");
        }
        for host in ["example.org:9000", "localhost.example.org", "10.0.0.1:9000", "", "a b", "@"] {
            assert_eq!(asked(Method::GET, &[(HOST, host)]), Err(Refused::Host), "{host}");
        }
        assert_eq!(asked(Method::GET, &[]), Err(Refused::Host));
    }

    #[test]
    fn a_page_from_elsewhere_is_not_answered() {
        let from = |origin| asked(Method::GET, &[(HOST, "127.0.0.1:9000"), (ORIGIN, origin)]);
        assert_eq!(from("http://127.0.0.1:9000"), Ok(()));
        for origin in
            ["http://example.org", "null", "http://127.0.0.1:8000", "https://127.0.0.1:9000"]
        {
            assert_eq!(from(origin), Err(Refused::Origin), "{origin}");
        }
    }

    #[test]
    fn what_changes_something_is_json() {
        let sent =
            |method: Method, kind| asked(method, &[(HOST, "localhost:9000"), (CONTENT_TYPE, kind)]);
        for method in [Method::POST, Method::PUT] {
            assert_eq!(sent(method.clone(), "application/json; charset=utf-8"), Ok(()));
            for kind in ["text/plain", "application/x-www-form-urlencoded", ""] {
                assert_eq!(sent(method.clone(), kind), Err(Refused::Form), "{method} {kind}");
            }
            assert_eq!(asked(method, &[(HOST, "localhost")]), Err(Refused::Form));
        }
        assert_eq!(sent(Method::DELETE, "text/plain"), Ok(()), "it has no body to be of a form");
    }
}
