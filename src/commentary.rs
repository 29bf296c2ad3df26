//! The commentary, published while a run goes on: each message at its time, to a webhook and as
//! server-sent events. Whoever reads slowly or not at all stops nobody.

mod sse;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use hulk_net::{Epoch, Permit};
use hulk_record::{Clock, Feed, MatchTime, Offset, RunEvent};
use hulk_scenarios::{Rehearsal, Scope};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep_until, timeout};

use crate::outcome::Failure;
use crate::target::Seen;

/// How long the last messages may take after the end.
const STOP_LIMIT: Duration = Duration::from_secs(2);

/// A message as it is published.
struct Told {
    id: u32,
    at: MatchTime,
    /// One line of JSON.
    json: String,
}

/// What is published, and how far it has been.
#[derive(Clone)]
struct Paper {
    told: Arc<Vec<Told>>,
    /// Who plays, as JSON.
    who: Arc<str>,
    /// So many have been published.
    published: watch::Receiver<usize>,
    clock: Epoch,
    seen: mpsc::Sender<Seen>,
}

impl Paper {
    /// Puts down that something did not reach its reader.
    async fn note(&self, text: String) {
        let at = Offset(self.clock.now_us());
        let event = RunEvent { at, intended: None, kind: "commentary".to_owned(), text };
        // A run that is over writes nothing more.
        let _written = self.seen.send(Seen::Event(event)).await;
    }
}

/// Where the commentary is to be published.
pub(crate) struct Publisher {
    feed: Feed,
    name: String,
    clock: Clock,
    from_min: f64,
    webhook: Option<(Permit, String)>,
    sse: Option<Arc<TcpListener>>,
}

/// The commentary, being published.
pub(crate) struct Publishing {
    clock: JoinHandle<()>,
    webhook: Option<JoinHandle<()>>,
    sse: Option<JoinHandle<()>>,
}

impl Publisher {
    /// Takes the port of the server-sent events; none where nobody outside hears the commentary.
    pub(crate) async fn open(rehearsal: &Rehearsal) -> Result<Option<Self>, Failure> {
        let Some(hearing) = &rehearsal.commentary else { return Ok(None) };
        let webhook = hearing.webhook.as_ref().map(|url| Scope::default().permit_url(url));
        let webhook = webhook.transpose().map_err(|refusal| Failure::Usage(refusal.to_string()))?;
        let sse = match hearing.sse {
            Some(address) => {
                let listener = TcpListener::bind(address).await.map_err(|error| {
                    Failure::Usage(format!(
                        "`commentary.sse` cannot listen on {address}: {error}; nothing was sent"
                    ))
                })?;
                Some(Arc::new(listener))
            }
            None => None,
        };
        Ok((webhook.is_some() || sse.is_some()).then(|| Self {
            feed: rehearsal.feed(),
            name: rehearsal.name.clone(),
            clock: rehearsal.clock,
            from_min: rehearsal.audience.from_min,
            webhook,
            sse,
        }))
    }

    /// Begins to publish on a run's clock.
    pub(crate) fn begin(&self, clock: Epoch, seen: mpsc::Sender<Seen>) -> Publishing {
        let (publish, published) = watch::channel(0);
        let (told, who) = (Arc::new(self.told()), self.who());
        let paper = Paper { told, who: who.into(), published, clock, seen };
        let webhook = self
            .webhook
            .clone()
            .map(|(permit, path)| tokio::spawn(webhook::deliver(paper.clone(), permit, path)));
        let sse =
            self.sse.clone().map(|listener| tokio::spawn(sse::serve(paper.clone(), listener)));
        let times = paper.told.iter().map(|told| self.clock.wall(told.at)).collect();
        Publishing { clock: tokio::spawn(keep_time(times, clock, publish)), webhook, sse }
    }

    fn told(&self) -> Vec<Told> {
        let minute = |at: MatchTime| self.from_min + at.as_s() / 60.0;
        let messages = self.feed.messages.iter();
        messages
            .map(|message| Told {
                id: message.id,
                at: message.at,
                json: json!({
                    "match": self.name,
                    "id": message.id,
                    "match_min": minute(message.at),
                    "happened_min": minute(message.happened),
                    "event": message.event.name(),
                    "player": message.player,
                    "key_player": message.key_player,
                    "moment": message.moment,
                    "text": message.text,
                })
                .to_string(),
            })
            .collect()
    }

    fn who(&self) -> String {
        json!({
            "match": self.name,
            "clock_speed": self.clock.speed,
            "key_players": self.feed.key_players,
            "teams": self.feed.teams,
        })
        .to_string()
    }
}

impl Publishing {
    /// Publishes nothing more; what has been may still be delivered.
    pub(crate) async fn stop(self) {
        self.clock.abort();
        // Its end is known to the others when the sender of the clock is gone.
        for mut task in self.webhook.into_iter().chain(self.sse) {
            if timeout(STOP_LIMIT, &mut task).await.is_err() {
                task.abort();
            }
        }
    }
}

/// Tells how many messages are out, each at its time.
async fn keep_time(times: Vec<Offset>, clock: Epoch, publish: watch::Sender<usize>) {
    for (number, at) in (1..).zip(times) {
        sleep_until(clock.at_us(at.0)).await;
        publish.send_replace(number);
    }
}
