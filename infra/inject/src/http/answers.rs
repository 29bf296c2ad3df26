//! From the server to the client: whose answer comes when, and what becomes of it.

use hyper::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};

use super::State;
use super::body::{Body, is_bodiless};
use super::head::{Answer, Head};
use super::source::{Cut, Source};
use super::toxics::{Asked, Failure, Toxics};

/// What a body is described by, and another one is not.
const OF_THE_BODY: [&str; 5] =
    ["transfer-encoding", "trailer", "content-encoding", "content-md5", "etag"];

/// The answer that is due to a request.
pub(super) enum Due {
    /// The server gives it.
    Server {
        asked: Asked,
        /// Waits to know whether the connection has another protocol behind it.
        switched: Option<oneshot::Sender<bool>>,
    },
    /// It is given here.
    Own(Own),
    /// None: from here on there are no messages.
    Bytes,
    /// None: the connection ends.
    Nothing,
}

/// An answer that is given here.
pub(super) struct Own {
    pub(super) asked: Asked,
    pub(super) failure: Failure,
    /// Whether the connection ends with it.
    pub(super) ends: bool,
}

/// How answers end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    /// There are no more: whatever the client still says is in vain.
    Answers,
    /// What came in the end were no answers: the other direction goes on.
    Bytes,
}

pub(super) struct Answers<'a, S, C> {
    pub(super) server: Source<S>,
    pub(super) client: C,
    pub(super) due: mpsc::Receiver<Due>,
    pub(super) toxics: &'a Toxics,
    pub(super) state: &'a State,
}

impl<S: AsyncRead + Unpin, C: AsyncWrite + Unpin> Answers<'_, S, C> {
    /// Hands on what comes until there can be no more.
    pub(super) async fn carry(mut self) -> Over {
        let mut over = self.hand_on_answers().await;
        if matches!(over, Ok(Over::Bytes)) {
            over = self.server.hand_on_all(&mut self.client).await.map(|()| Over::Bytes);
        }
        match &over {
            // What came of an answer that is not all there goes on, and so does the end.
            Err(Cut::Ended) => {
                let _best_effort = self.server.hand_on(&mut self.client).await;
            }
            Err(Cut::Source(error)) => self.state.failed(error),
            Ok(_) | Err(Cut::Sink(_) | Cut::NotHttp) => {}
        }
        if self.state.is_reset() {
            return Over::Answers;
        }
        let _best_effort = self.client.shutdown().await;
        over.unwrap_or(Over::Answers)
    }

    async fn hand_on_answers(&mut self) -> Result<Over, Cut> {
        loop {
            let over = match self.next().await? {
                Some(Due::Server { asked, switched }) => {
                    self.answer_of_server(Some(&asked), switched).await?
                }
                Some(Due::Own(own)) => {
                    self.answer_here(&own).await?;
                    own.ends.then_some(Over::Answers)
                }
                Some(Due::Bytes) => Some(Over::Bytes),
                Some(Due::Nothing) => Some(Over::Answers),
                // Said without being asked, as a server does that has waited for too long.
                None => self.answer_of_server(None, None).await?,
            };
            if let Some(over) = over {
                return Ok(over);
            }
        }
    }

    /// The next answer that is due; none where the server says something before any is.
    async fn next(&mut self) -> Result<Option<Due>, Cut> {
        let mut asking = true;
        loop {
            // What is due is known before the server can know of it.
            if let Ok(due) = self.due.try_recv() {
                return Ok(Some(due));
            }
            if !self.server.is_empty() {
                return Ok(None);
            }
            tokio::select! {
                biased;
                due = self.due.recv(), if asking => match due {
                    Some(due) => return Ok(Some(due)),
                    None => asking = false,
                },
                more = self.server.fill() => {
                    if !more? {
                        return Err(Cut::Ended);
                    }
                }
            }
        }
    }

    async fn answer_of_server(
        &mut self,
        asked: Option<&Asked>,
        switched: Option<oneshot::Sender<bool>>,
    ) -> Result<Option<Over>, Cut> {
        let method = asked.map_or("GET", |asked| &asked.request.method);
        let (Answer { status }, mut head) = self.last_head().await?;
        if status == 101 || (method == "CONNECT" && (200..300).contains(&status)) {
            let switched = switched.ok_or(Cut::NotHttp)?;
            self.send(asked, head, "").await?;
            let _gone = switched.send(true);
            return Ok(Some(Over::Bytes));
        }
        if let Some(switched) = switched {
            let _gone = switched.send(false);
        }
        let mut body = Body::of_answer(&head, status, method)?;
        let ends = body == Body::Rest;
        let other = asked.filter(|_| !is_bodiless(status));
        match other.and_then(|asked| self.toxics.other_body(asked)) {
            None => {
                self.send(asked, head, "").await?;
                self.server.relay(&mut body, &mut self.client).await?;
            }
            Some(other) => {
                // An answer that breaks off in the middle is none with another body either.
                self.server.drop_body(&mut body, u64::MAX).await?;
                for name in OF_THE_BODY {
                    head.remove(name);
                }
                head.set("Content-Length", &other.len().to_string());
                if ends {
                    head.set("Connection", "close");
                }
                self.send(asked, head, if method == "HEAD" { "" } else { &other }).await?;
            }
        }
        Ok(ends.then_some(Over::Answers))
    }

    /// The head of the answer itself; what comes before it goes on as it is.
    async fn last_head(&mut self) -> Result<(Answer, Head), Cut> {
        loop {
            let (answer, head) = self.server.head::<Answer>().await?;
            if answer.status == 101 || answer.status >= 200 {
                return Ok((answer, head));
            }
            self.client.write_all(&head.bytes()).await.map_err(Cut::Sink)?;
        }
    }

    async fn answer_here(&mut self, own: &Own) -> Result<(), Cut> {
        let Own { asked, failure: Failure { status, body }, ends } = own;
        let reason =
            StatusCode::from_u16(*status).ok().and_then(|status| status.canonical_reason());
        let mut head = Head::new(format!("HTTP/1.1 {status} {}", reason.unwrap_or_default()));
        if !is_bodiless(*status) {
            head.set("Content-Length", &body.len().to_string());
        }
        if *ends {
            head.set("Connection", "close");
        } else if asked.request.is_1_0 {
            head.set("Connection", "keep-alive");
        }
        let without = is_bodiless(*status) || asked.request.method == "HEAD";
        self.send(Some(asked), head, if without { "" } else { body }).await
    }

    /// Sends a head as the toxics have it, and what is known of the body.
    async fn send(&mut self, asked: Option<&Asked>, mut head: Head, body: &str) -> Result<(), Cut> {
        if let Some(asked) = asked {
            self.toxics.change_answer(asked, &mut head);
        }
        let mut bytes = head.bytes();
        if !body.is_empty() {
            bytes = [&bytes, body.as_bytes()].concat().into();
        }
        self.client.write_all(&bytes).await.map_err(Cut::Sink)
    }
}
