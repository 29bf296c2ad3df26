//! HTTP/1.1 over a dialled connection.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hulk_consent::Permit;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// Answers of control ports are small: more is damage.
const CONTROL_BODY_MAX: usize = 4 << 20;

/// What can go wrong with a request.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// No connection.
    #[error("no connection to {to}: {source}")]
    Connect {
        /// Where to.
        to: std::net::SocketAddr,
        /// What the operating system said, or what was wrong with the encryption.
        #[source]
        source: io::Error,
    },
    /// The connection broke, or what came was not HTTP.
    #[error("the connection broke: {0}")]
    Broken(#[from] hyper::Error),
    /// Nothing came in time.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// The request could not be made.
    #[error("not a valid request: {0}")]
    Invalid(#[from] hyper::http::Error),
    /// The body was longer than a control answer may be, or broke off.
    #[error("the answer's body could not be read: {0}")]
    Body(String),
    /// An answer that says no.
    #[error("{path} was answered with {status}: {body}")]
    Status {
        /// The path that was asked.
        path: String,
        /// The status.
        status: StatusCode,
        /// The answer's text.
        body: String,
    },
}

/// One HTTP/1.1 connection; its driver ends with it.
#[derive(Debug)]
pub struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
}

impl Connection {
    /// Dials and starts HTTP/1.1.
    ///
    /// # Errors
    /// When there is no connection.
    pub async fn open(permit: Permit) -> Result<Self, HttpError> {
        Self::over(dialled(permit).await?).await
    }

    /// Starts HTTP/1.1 over what there is.
    ///
    /// # Errors
    /// When it cannot be.
    pub async fn over<S>(stream: S) -> Result<Self, HttpError>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // Its error, if any, reaches whoever waits for an answer.
        let driver = tokio::spawn(async move {
            let _seen_by_sender = connection.await;
        });
        Ok(Self { sender, driver })
    }

    /// Whether another request may be sent.
    pub fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Sends a request and waits for the head of the answer.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, HttpError> {
        self.sender.ready().await?;
        Ok(self.sender.send_request(request).await?)
    }
}

async fn dialled(permit: Permit) -> Result<TcpStream, HttpError> {
    crate::dial(permit).await.map_err(|source| HttpError::Connect { to: permit.address(), source })
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// GETs a small text over a connection of its own.
///
/// # Errors
/// When there is no good answer within `limit`.
pub async fn fetch(permit: Permit, path: &str, limit: Duration) -> Result<String, HttpError> {
    fetch_large(permit, path, limit, CONTROL_BODY_MAX).await
}

/// GETs a text of at most so many bytes over a connection of its own.
///
/// # Errors
/// When there is no good answer within `limit`.
pub async fn fetch_large(
    permit: Permit,
    path: &str,
    limit: Duration,
    bytes_max: usize,
) -> Result<String, HttpError> {
    exchange(permit, (Method::GET, path, &[]), Bytes::new(), limit, bytes_max).await
}

/// POSTs a small text over a connection of its own.
///
/// # Errors
/// When there is no good answer within `limit`.
pub async fn post(
    permit: Permit,
    path: &str,
    body: impl Into<Bytes> + Send,
    limit: Duration,
) -> Result<String, HttpError> {
    ask(permit, Method::POST, path, body.into(), limit).await
}

/// Sends a small request of any method over a connection of its own.
///
/// # Errors
/// When there is no good answer within `limit`.
pub async fn ask(
    permit: Permit,
    method: Method,
    path: &str,
    body: Bytes,
    limit: Duration,
) -> Result<String, HttpError> {
    // Control ports take nothing else, whatever the body.
    let headers = [("content-type", "application/json")];
    exchange(permit, (method, path, &headers), body, limit, CONTROL_BODY_MAX).await
}

/// POSTs JSON over a connection of its own, with a bearer's key where there is one.
///
/// # Errors
/// When there is no good answer within `limit`.
pub async fn post_json(
    permit: Permit,
    path: &str,
    key: Option<&str>,
    body: impl Into<Bytes> + Send,
    limit: Duration,
) -> Result<String, HttpError> {
    let bearer = key.map(|key| format!("Bearer {key}"));
    let mut headers = vec![("content-type", "application/json")];
    headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
    exchange(permit, (Method::POST, path, &headers), body.into(), limit, CONTROL_BODY_MAX).await
}

async fn exchange(
    permit: Permit,
    (method, path, headers): (Method, &str, &[(&str, &str)]),
    body: Bytes,
    limit: Duration,
    bytes_max: usize,
) -> Result<String, HttpError> {
    let request = Request::builder().method(method).uri(path);
    let request =
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let answer = answer_to(permit, request.body(Full::new(body))?, limit, bytes_max).await?;
    let (status, body) = (answer.status(), answer.into_body());
    let body = String::from_utf8_lossy(&body).into_owned();
    if status.is_success() {
        Ok(body)
    } else {
        Err(HttpError::Status { path: path.to_owned(), status, body })
    }
}

/// Sends a request over a connection of its own, to the address as its host where it names none, and
/// reads an answer of at most so many bytes, whatever its status.
///
/// # Errors
/// When there is no whole answer within `limit`.
pub async fn answer_to(
    permit: Permit,
    mut request: Request<Full<Bytes>>,
    limit: Duration,
    bytes_max: usize,
) -> Result<Response<Bytes>, HttpError> {
    let host = HeaderValue::from_str(&permit.address().to_string());
    request.headers_mut().entry(HOST).or_insert(host.map_err(hyper::http::Error::from)?);
    let exchange = async {
        let mut connection = Connection::open(permit).await?;
        let (head, body) = connection.send(request).await?.into_parts();
        let body = Limited::new(body, bytes_max).collect().await;
        let body = body.map_err(|error| HttpError::Body(error.to_string()))?;
        Ok(Response::from_parts(head, body.to_bytes()))
    };
    tokio::time::timeout(limit, exchange).await.map_err(|_| HttpError::Timeout(limit))?
}
