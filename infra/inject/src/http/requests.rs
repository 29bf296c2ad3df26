//! From the client to the server: where each request begins, and who answers it.

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};

use super::answers::{Due, Own};
use super::body::Body;
use super::head::{Head, Request};
use super::source::{Cut, Source};
use super::toxics::{Asked, Failure, Toxics};
use super::{READ_AWAY_BYTES_MAX, State};

pub(super) struct Requests<'a, C, S> {
    pub(super) client: Source<C>,
    pub(super) server: S,
    /// Which answers are due, in their order.
    pub(super) due: mpsc::Sender<Due>,
    pub(super) toxics: &'a Toxics,
    pub(super) state: &'a State,
    /// How many requests have come.
    pub(super) asked: u64,
}

/// What may come behind a request.
enum Next {
    Request,
    /// No request any more.
    Bytes,
    /// Whatever it is, nobody would answer it.
    Nothing,
}

impl<C: AsyncRead + Unpin, S: AsyncWrite + Unpin> Requests<'_, C, S> {
    /// Hands on what comes until the client has no more, or nobody would answer it.
    pub(super) async fn carry(mut self) {
        let cut = match self.hand_on_requests().await {
            Ok(Next::Bytes) => self.client.hand_on_all(&mut self.server).await,
            // The server may know what it is, whoever speaks so.
            Err(Cut::NotHttp) if self.due.send(Due::Bytes).await.is_ok() => {
                self.state.set_in_request(false);
                self.client.hand_on_all(&mut self.server).await
            }
            Ok(_) => return,
            Err(cut) => Err(cut),
        };
        match cut {
            Ok(()) | Err(Cut::Ended) => {
                // What came of a request that is not all there goes on, and so does the end.
                let _best_effort = self.client.hand_on(&mut self.server).await;
                let _best_effort = self.server.shutdown().await;
            }
            Err(Cut::Sink(error)) => self.state.failed(&error),
            // The link has ended, or is about to.
            Err(Cut::Source(_) | Cut::NotHttp) => {}
        }
    }

    async fn hand_on_requests(&mut self) -> Result<Next, Cut> {
        loop {
            match self.hand_on_request().await? {
                Next::Request => {}
                next => return Ok(next),
            }
        }
    }

    async fn hand_on_request(&mut self) -> Result<Next, Cut> {
        let (request, head) = self.client.head::<Request>().await?;
        let body = match Body::of_request(&head) {
            Ok(body) => body,
            Err(error) => {
                self.client.put_back(&head.bytes());
                return Err(error.into());
            }
        };
        self.state.set_in_request(true);
        self.asked += 1;
        let asked = Asked { number: self.asked, request };
        match self.toxics.failure(&asked) {
            Some(failure) => self.answer_here(asked, failure, &head, body).await,
            None => self.ask_server(asked, head, body).await,
        }
    }

    /// The server never sees it.
    async fn answer_here(
        &mut self,
        asked: Asked,
        failure: Failure,
        head: &Head,
        mut body: Body,
    ) -> Result<Next, Cut> {
        let too_long = matches!(body, Body::Bytes(bytes) if bytes > READ_AWAY_BYTES_MAX);
        let ends = too_long || asked.request.ends_connection(head);
        if self.due.send(Due::Own(Own { asked, failure, ends })).await.is_err() {
            return Ok(Next::Nothing);
        }
        match self.client.drop_body(&mut body, READ_AWAY_BYTES_MAX).await {
            Ok(true) => self.state.set_in_request(false),
            Ok(false) | Err(Cut::NotHttp) => {
                // What comes next cannot be known.
                let _over = self.due.send(Due::Nothing).await;
                return Ok(Next::Nothing);
            }
            Err(cut) => return Err(cut),
        }
        Ok(if ends { Next::Nothing } else { Next::Request })
    }

    async fn ask_server(
        &mut self,
        asked: Asked,
        mut head: Head,
        mut body: Body,
    ) -> Result<Next, Cut> {
        self.toxics.change_request(&asked, &mut head);
        let may_switch = head.has("upgrade") || asked.request.method == "CONNECT";
        let (switched, verdict) = oneshot::channel();
        let switched = may_switch.then_some(switched);
        if self.due.send(Due::Server { asked, switched }).await.is_err() {
            return Ok(Next::Nothing);
        }
        self.server.write_all(&head.bytes()).await.map_err(Cut::Sink)?;
        self.client.relay(&mut body, &mut self.server).await?;
        self.state.set_in_request(false);
        if may_switch { self.wait(verdict).await } else { Ok(Next::Request) }
    }

    /// Waits until it is known what comes next.
    async fn wait(&mut self, mut verdict: oneshot::Receiver<bool>) -> Result<Next, Cut> {
        let mut ended = false;
        loop {
            tokio::select! {
                biased;
                switched = &mut verdict => return Ok(match switched {
                    Ok(true) => Next::Bytes,
                    Ok(false) => Next::Request,
                    Err(_) => Next::Nothing,
                }),
                more = self.client.fill(), if !ended && self.client.has_room() => {
                    ended = !more?;
                    if ended && self.client.is_empty() {
                        return Err(Cut::Ended);
                    }
                }
            }
        }
    }
}
