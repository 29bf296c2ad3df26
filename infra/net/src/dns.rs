//! Names, looked up at a name server and kept for as long as its answers say.

mod message;
mod query;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hulk_consent::{Permit, Scope};
use tokio::sync::Notify;
use tokio::time::Instant;

use message::{Answer, Kind, WireName};
use query::ask;

/// Within these, answers are kept for as long as they say.
const KEPT_MIN: Duration = Duration::from_secs(1);
const KEPT_MAX: Duration = Duration::from_secs(3600);
/// A look-up that failed is not repeated sooner.
const FAILED_KEPT: Duration = Duration::from_secs(1);

/// Why a name leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.why())]
pub enum DnsError {
    /// NXDOMAIN.
    NoName,
    /// It exists, and has neither an A nor an AAAA record.
    NoAddress,
    /// Each of its addresses is outside the scope; none has been connected to.
    OutOfScope,
    /// No answer came.
    Silent,
    /// Nobody listens there.
    NoServer,
    /// An answer that says no.
    Refused,
    /// What came is no answer to the question.
    Unreadable,
    /// No socket, or one that does not work; with the system's number of the error.
    Unasked(Option<i32>),
}

impl DnsError {
    /// Why, in words of which there are few: they are counted.
    pub(crate) fn why(self) -> &'static str {
        match self {
            Self::NoName => "the name does not exist",
            Self::NoAddress => "the name has no address",
            Self::OutOfScope => "the name leads outside the scope",
            Self::Silent => "the name server does not answer",
            Self::NoServer => "no name server answers there",
            Self::Refused => "the name server refuses to say",
            Self::Unreadable => "the name server's answer cannot be read",
            Self::Unasked(_) => "the name server could not be asked",
        }
    }
}

impl From<DnsError> for io::Error {
    fn from(error: DnsError) -> Self {
        match error {
            DnsError::Unasked(Some(code)) => Self::from_raw_os_error(code),
            error => Self::other(error),
        }
    }
}

/// A text that no name server can be asked for.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` cannot be looked up: it is no name")]
pub struct NotAName(String);

/// Where a name leads now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Within the scope, in the order of their numbers; at least one.
    addresses: Arc<[IpAddr]>,
    scope: Scope,
    /// Whether it led outside the scope, too.
    pub strays: bool,
}

impl Found {
    /// The address whose turn it is, and how often all have had theirs: `turn` counts from 0.
    ///
    /// # Errors
    /// When the scope does not have it: it has been judged before.
    pub fn permit(&self, turn: u64, port: u16) -> Result<(Permit, u64), DnsError> {
        let count = self.addresses.len().max(1) as u64;
        let address = self.addresses.get((turn % count) as usize).ok_or(DnsError::NoAddress)?;
        let permit = self.scope.permit(SocketAddr::new(*address, port));
        Ok((permit.map_err(|_| DnsError::OutOfScope)?, turn / count))
    }
}

/// A name that is looked up at a name server whenever what is known of it is too old.
#[derive(Debug)]
pub struct Name {
    server: Permit,
    name: WireName,
    scope: Scope,
    state: Mutex<State>,
    /// What is asked for has come.
    news: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// What was found last, and until when it counts.
    last: Option<(Result<Found, DnsError>, Instant)>,
    asking: bool,
}

impl Name {
    /// A name that the server is asked for; what it leads to must be within the scope.
    ///
    /// # Errors
    /// When it cannot be asked for.
    pub fn new(server: Permit, name: &str, scope: Scope) -> Result<Self, NotAName> {
        let name = WireName::parse(name).ok_or_else(|| NotAName(name.to_owned()))?;
        Ok(Self { server, name, scope, state: Mutex::default(), news: Notify::new() })
    }

    /// What is known without asking, while it counts.
    pub fn known(&self) -> Option<Result<Found, DnsError>> {
        let state = self.state();
        let (last, until) = state.last.as_ref()?;
        (Instant::now() < *until).then(|| last.clone())
    }

    /// Where it leads: what is known, or what the server answers. There is one question at a time;
    /// it goes on when those who wait for it give up.
    ///
    /// # Errors
    /// Why it leads nowhere.
    pub async fn look_up(self: &Arc<Self>) -> Result<Found, DnsError> {
        loop {
            let news = self.news.notified();
            if let Some(known) = self.known() {
                return known;
            }
            if !std::mem::replace(&mut self.state().asking, true) {
                let own = Arc::clone(self);
                tokio::spawn(async move { own.ask().await });
            }
            news.await;
        }
    }

    async fn ask(&self) {
        let (v4, v6) = tokio::join!(
            ask(self.server, &self.name, Kind::A),
            ask(self.server, &self.name, Kind::Aaaa),
        );
        let (found, kept) = self.judge(v4, v6);
        *self.state() = State { last: Some((found, Instant::now() + kept)), asking: false };
        self.news.notify_waiters();
    }

    /// What both answers come to, and for how long it counts.
    fn judge(
        &self,
        v4: Result<Answer, DnsError>,
        v6: Result<Answer, DnsError>,
    ) -> (Result<Found, DnsError>, Duration) {
        let error = [&v4, &v6].into_iter().find_map(|answer| answer.as_ref().err().copied());
        let answers = || [&v4, &v6].into_iter().flatten();
        let mut all: Vec<IpAddr> = answers().flat_map(|answer| answer.addresses.clone()).collect();
        // A server may turn them round with each answer: viewers stay where they are.
        all.sort_unstable();
        all.dedup();
        if all.is_empty() {
            return (Err(error.unwrap_or(DnsError::NoAddress)), FAILED_KEPT);
        }
        let ttl_s = answers().filter_map(|answer| answer.ttl_s).min().unwrap_or_default();
        let kept = Duration::from_secs(ttl_s.into()).clamp(KEPT_MIN, KEPT_MAX);
        let within = |ip: &IpAddr| self.scope.permit(SocketAddr::new(*ip, 0)).is_ok();
        let addresses: Arc<[IpAddr]> = all.iter().copied().filter(within).collect();
        if addresses.is_empty() {
            return (Err(DnsError::OutOfScope), kept);
        }
        let strays = addresses.len() < all.len();
        (Ok(Found { addresses, scope: self.scope.clone(), strays }), kept)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(addresses: &[&str], ttl_s: u32) -> Result<Answer, DnsError> {
        let addresses: Vec<IpAddr> = addresses.iter().map(|text| text.parse().unwrap()).collect();
        let ttl_s = (!addresses.is_empty()).then_some(ttl_s);
        Ok(Answer { addresses, ttl_s })
    }

    fn name() -> Name {
        let server = Scope::Loopback.permit(([127, 0, 0, 1], 53).into()).unwrap();
        Name::new(server, "shop.test", Scope::Loopback).unwrap()
    }

    #[test]
    fn an_answer_is_kept_for_as_long_as_it_says_within_limits() {
        let kept = |a, b| name().judge(answer(&["127.0.0.1"], a), answer(&["::1"], b)).1.as_secs();
        assert_eq!((kept(60, 90), kept(90, 60), kept(0, 9), kept(9_999, 9_000)), (60, 60, 1, 3600));
        // What does not lead anywhere says nothing of how long.
        let (found, kept) = name().judge(answer(&["127.0.0.1"], 7), Err(DnsError::Silent));
        assert_eq!((found.map(|found| found.strays), kept.as_secs()), (Ok(false), 7));
        let (found, kept) = name().judge(Err(DnsError::NoName), answer(&[], 0));
        assert_eq!((found, kept.as_secs()), (Err(DnsError::NoName), 1));
        let (found, _) = name().judge(answer(&[], 0), answer(&[], 0));
        assert_eq!(found, Err(DnsError::NoAddress));
    }

    #[test]
    fn addresses_take_turns_and_none_is_outside_the_scope() {
        let (found, _) =
            name().judge(answer(&["127.0.0.9", "10.0.0.1", "127.0.0.2"], 5), answer(&["::1"], 5));
        let found = found.unwrap();
        assert!(found.strays);
        let turn = |turn| {
            let (permit, round) = found.permit(turn, 80).unwrap();
            format!("{} {round}", permit.address())
        };
        let turns: Vec<String> = (0..4).map(turn).collect();
        assert_eq!(turns, ["127.0.0.2:80 0", "127.0.0.9:80 0", "[::1]:80 0", "127.0.0.2:80 1"]);
        let (found, _) = name().judge(answer(&["10.0.0.1"], 5), answer(&["2001:db8::1"], 5));
        assert_eq!(found, Err(DnsError::OutOfScope));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let server = Scope::Loopback.permit(([127, 0, 0, 1], 53).into()).unwrap();
        let long = format!("{}.test", "a".repeat(64));
        for wrong in [long.as_str(), "a..b"] {
            assert!(Name::new(server, wrong, Scope::Loopback).is_err(), "{wrong}");
        }
    }
}
