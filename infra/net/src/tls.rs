//! Encrypted connections.

use std::io;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::Resumption;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use crate::Line;

/// Why there can be no encrypted connection at all.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// None of the certificates can be read.
    #[error("none of the {0} certificates of `ca` can be used: they are not X.509")]
    NoCertificate(usize),
    /// A name that cannot be in a certificate.
    #[error("`{0}` cannot be the name of a server in a certificate")]
    Name(String),
    /// The library refused its settings.
    #[error("encryption cannot be set up: {0}")]
    Settings(#[from] rustls::Error),
}

/// Those who may have signed a server's certificate. All connections share one, and with it the
/// sessions that servers offered to resume.
#[derive(Debug, Clone)]
pub struct Trust {
    one: Arc<ClientConfig>,
    two: Arc<ClientConfig>,
}

/// What is spoken on an encrypted connection: both sides agree on it while they encrypt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaks {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
}

/// A server that must prove its name.
#[derive(Debug, Clone)]
pub struct Tls {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Trust {
    /// Trusts those who have signed with one of these certificates, each in DER.
    ///
    /// # Errors
    /// When none of them can be used.
    pub fn new(certificates: &[Vec<u8>]) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        let all = certificates.iter().map(|der| CertificateDer::from(der.clone()));
        let (usable, _unusable) = roots.add_parsable_certificates(all);
        if usable == 0 {
            return Err(TlsError::NoCertificate(certificates.len()));
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // Resumed sessions would bring the other protocol along.
        let mut two = config.clone();
        two.alpn_protocols = vec![b"h2".to_vec()];
        two.resumption = Resumption::default();
        Ok(Self { one: Arc::new(config), two: Arc::new(two) })
    }

    /// A server of this name, or at this address; it is to speak that.
    ///
    /// # Errors
    /// When no certificate can be for it.
    pub fn server(&self, name: &str, speaks: Speaks) -> Result<Tls, TlsError> {
        let server = ServerName::try_from(name.to_owned());
        let server = server.map_err(|_| TlsError::Name(name.to_owned()))?;
        let config = Arc::clone(match speaks {
            Speaks::Http1 => &self.one,
            Speaks::Http2 => &self.two,
        });
        Ok(Tls { config, name: server })
    }
}

impl Tls {
    /// Encrypts a connection.
    ///
    /// # Errors
    /// What the operating system says, or what was wrong with the server's certificate.
    pub async fn connect(&self, stream: TcpStream) -> io::Result<Line> {
        let connector = TlsConnector::from(Arc::clone(&self.config));
        let stream = connector.connect(self.name.clone(), stream.into()).await?;
        Ok(Line::Tls(Box::new(stream)))
    }
}
