//! HTTP/2: one connection, one stream at a time.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http_body_util::Full;
use hulk_net::Line;
use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::task::JoinHandle;

use super::answer::Answer;
use super::scratch::take_answer;
use super::{Broke, Client, Outgoing, http1::push_id};

/// The answer's head, when it comes.
type Head = Pin<Box<dyn Future<Output = hyper::Result<Response<Incoming>>> + Send>>;

/// A connection that speaks HTTP/2; its driver ends with it.
pub(crate) struct Http2 {
    sender: SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
    head: Option<Head>,
    answer: Option<(Box<Answer>, Incoming)>,
    keep_body: bool,
}

impl Http2 {
    /// Over a connection that is open, and on which the server expects HTTP/2.
    ///
    /// # Errors
    /// When the server does not begin so.
    pub(crate) async fn new(line: Line) -> Result<Self, Broke> {
        let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(line)).await?;
        // Its error, if any, reaches whoever waits for an answer.
        let driver = tokio::spawn(async move {
            let _seen_by_sender = connection.await;
        });
        Ok(Self { sender, driver, head: None, answer: None, keep_body: false })
    }
}

impl fmt::Debug for Http2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http2").field("sender", &self.sender).finish_non_exhaustive()
    }
}

impl Drop for Http2 {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// A request in the library's form.
fn request_of(request: &Outgoing<'_>) -> Result<Request<Full<Bytes>>, Broke> {
    let Outgoing { to, method, rendered, id, .. } = *request;
    let mut marked = String::new();
    push_id(id, &mut marked);
    let mut made = Request::builder()
        .method(method.name())
        .uri(format!("{}{}", to.base(), rendered.path))
        .header("x-hulk-request", marked);
    for header in request.target_headers() {
        made = made.header(header.name(), header.value());
    }
    for (name, value) in &rendered.headers {
        made = made.header(name, value);
    }
    let body = Bytes::copy_from_slice(rendered.body.as_bytes());
    made.body(Full::new(body)).map_err(|_| Broke::Unwritable("a path or a header that is none"))
}

impl Client for Http2 {
    fn is_usable(&self) -> bool {
        !self.sender.is_closed()
    }

    fn is_open(&mut self, _: &mut Context<'_>) -> bool {
        self.is_usable()
    }

    fn begin(&mut self, _: &mut Context<'_>, request: &Outgoing<'_>) -> Result<(), Broke> {
        self.keep_body = request.keep_body;
        self.answer = None;
        self.head = Some(Box::pin(self.sender.send_request(request_of(request)?)));
        Ok(())
    }

    fn poll_first_byte(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broke>> {
        let Some(head) = &mut self.head else { return Poll::Ready(Err(Broke::Closed)) };
        let came = ready!(head.as_mut().poll(cx));
        self.head = None;
        let (head, body) = came?.into_parts();
        let mut answer = take_answer();
        let fields = head.headers.iter();
        let fields = fields.map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()));
        answer.set_fields(head.status.as_u16(), fields);
        self.answer = Some((answer, body));
        Poll::Ready(Ok(()))
    }

    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<Result<Box<Answer>, Broke>> {
        let Some((answer, body)) = &mut self.answer else {
            return Poll::Ready(Err(Broke::Closed));
        };
        while let Some(frame) = ready!(Pin::new(&mut *body).poll_frame(cx)) {
            if let Some(data) = frame?.data_ref() {
                answer.take_body(data, self.keep_body);
            }
        }
        let whole = self.answer.take();
        Poll::Ready(whole.map(|(answer, _)| answer).ok_or(Broke::Closed))
    }
}
