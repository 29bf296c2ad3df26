//! Why a request had no answer, in words of which there are few: they are counted.

use std::error::Error;
use std::io;

use tokio_rustls::rustls::{CertificateError, Error as TlsError};

use crate::{DnsError, HttpError};

impl HttpError {
    /// Why, without anything that differs from one request to the next.
    pub fn why(&self) -> &'static str {
        match self {
            Self::Connect { source, .. } => why_io(source),
            Self::Broken(error) => why_hyper(error),
            Self::Timeout(_) => "nothing came in time",
            Self::Invalid(_) => "the request could not be written",
            Self::Body(_) => "the answer broke off",
            Self::Status { .. } => "the answer says no",
        }
    }
}

/// Why a connection failed, without anything that differs from one to the next.
pub fn why_io(error: &io::Error) -> &'static str {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>());
    if let Some(inner) = inner {
        return of_tls(inner);
    }
    if let Some(inner) = error.get_ref().and_then(|inner| inner.downcast_ref::<DnsError>()) {
        return inner.why();
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused",
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => "connection reset",
        io::ErrorKind::ConnectionAborted => "connection aborted",
        io::ErrorKind::UnexpectedEof => "connection closed while it was encrypted",
        io::ErrorKind::TimedOut => "connection timed out",
        io::ErrorKind::HostUnreachable => "host unreachable",
        io::ErrorKind::NetworkUnreachable => "network unreachable",
        _ => "refused by the system",
    }
}

fn of_tls(error: &TlsError) -> &'static str {
    use CertificateError as Bad;
    match error {
        TlsError::InvalidCertificate(certificate) => match certificate {
            Bad::UnknownIssuer => "certificate verify failed: UnknownIssuer",
            Bad::NotValidForName | Bad::NotValidForNameContext { .. } => {
                "certificate verify failed: NotValidForName"
            }
            Bad::Expired | Bad::ExpiredContext { .. } => "certificate verify failed: Expired",
            Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
                "certificate verify failed: NotValidYet"
            }
            Bad::BadSignature => "certificate verify failed: BadSignature",
            Bad::BadEncoding => "certificate verify failed: BadEncoding",
            Bad::InvalidPurpose | Bad::InvalidPurposeContext { .. } => {
                "certificate verify failed: InvalidPurpose"
            }
            _ => "certificate verify failed",
        },
        TlsError::InvalidMessage(_) => "the server does not speak TLS",
        TlsError::AlertReceived(_) => "the server refused to encrypt",
        TlsError::PeerIncompatible(_) => "the server encrypts in no way that is known here",
        _ => "encryption failed",
    }
}

/// Why an answer did not come, in the library's words made few.
pub fn why_hyper(error: &hyper::Error) -> &'static str {
    if error.is_parse() {
        return "what came is not HTTP";
    }
    if error.is_incomplete_message() {
        return "connection closed before the answer was complete";
    }
    let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    match source {
        Some(source) => why_io(source),
        None if error.is_canceled() || error.is_closed() => "connection closed",
        None => "connection broken",
    }
}
