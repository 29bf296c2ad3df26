//! Connections that must prove who they lead to. The certificates are valid for a hundred years.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hulk_net::{Connection, Permit, Scope, Speaks, Trust, dial, why_io};
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{HandshakeKind, ServerConfig};

fn file(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/certificates").join(name)
}

fn trust(name: &str) -> Trust {
    let certificate = CertificateDer::from_pem_file(file(name)).unwrap();
    Trust::new(&[certificate.to_vec()]).unwrap()
}

/// A server for `shop.test` and 127.0.0.1 that answers with what it knows of the connection: the
/// protocol, and whether a session was resumed.
async fn server() -> Permit {
    let chain = vec![CertificateDer::from_pem_file(file("server.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(file("server.key")).unwrap();
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let permit = Scope::default().permit(listener.local_addr().unwrap()).unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A client that does not trust it goes away.
            let Ok(stream) = acceptor.accept(stream).await else { continue };
            let (_, tls) = stream.get_ref();
            let protocol = String::from_utf8_lossy(tls.alpn_protocol().unwrap_or_default());
            let resumed = tls.handshake_kind() == Some(HandshakeKind::Resumed);
            let told = format!("{protocol} {resumed}");
            let answer = move |_: Request<Incoming>| {
                let told = told.clone();
                async move {
                    let answer = hyper::Response::builder().header("told", told);
                    answer.body(Full::new(Bytes::new()))
                }
            };
            let serve = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service_fn(answer));
            tokio::spawn(serve);
        }
    });
    permit
}

/// What the server says of a connection.
async fn told(permit: Permit, trust: &Trust, name: &str) -> Result<String, &'static str> {
    let tls = trust.server(name, Speaks::Http1).unwrap();
    let encrypted = tls.connect(dial(permit).await.map_err(|error| why_io(&error))?).await;
    let line = encrypted.map_err(|error| why_io(&error))?;
    let mut connection = Connection::over(line).await.unwrap();
    let request = Request::builder().uri("/").header("host", name).body(Full::new(Bytes::new()));
    let answer = connection.send(request.unwrap()).await.unwrap();
    Ok(answer.headers()["told"].to_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_server_that_proves_its_name_is_spoken_to_and_its_sessions_are_resumed() {
    let (permit, trust) = (server().await, trust("ca.pem"));
    assert_eq!(told(permit, &trust, "shop.test").await, Ok("http/1.1 false".to_owned()));
    assert_eq!(told(permit, &trust, "shop.test").await, Ok("http/1.1 true".to_owned()));
    assert_eq!(told(permit, &trust, "127.0.0.1").await, Ok("http/1.1 false".to_owned()));
}

#[tokio::test]
async fn a_certificate_that_does_not_fit_is_no_connection_and_says_why() {
    let permit = server().await;
    let wrong_name = told(permit, &trust("ca.pem"), "shop.example").await;
    assert_eq!(wrong_name, Err("certificate verify failed: NotValidForName"));
    let wrong_signer = told(permit, &trust("other-ca.pem"), "shop.test").await;
    assert_eq!(wrong_signer, Err("certificate verify failed: UnknownIssuer"));
}

#[tokio::test]
async fn what_is_no_server_or_no_tls_says_why() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let permit = Scope::default().permit(listener.local_addr().unwrap()).unwrap();
    let plain = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        drop(listener);
        stream
    });
    let trust = trust("ca.pem");
    assert_eq!(told(permit, &trust, "shop.test").await, Err("the server does not speak TLS"));
    drop(plain.await.unwrap());
    assert_eq!(told(permit, &trust, "shop.test").await, Err("connection refused"));
}

#[test]
fn what_is_no_certificate_and_what_is_no_name_is_refused() {
    assert!(Trust::new(&[vec![0x30, 0]]).is_err());
    assert!(trust("ca.pem").server("shop test", Speaks::Http1).is_err());
}
