//! Between a token and its socket: in which region a session counts, and how long it took.

use std::collections::{BTreeMap, VecDeque};

use hulk_record::{Offset, seed_of};
use thiserror::Error;

use super::gpu::StreamId;
use super::regions::{Region, Regions};

/// A token whose socket has not come by then is worth nothing.
const TOKEN_US: i64 = 30_000_000;
/// How many tokens wait at most; beyond it the oldest is worth nothing.
const TOKENS_MAX: usize = 100_000;

/// No region takes a session: all that it could go to are full, or none is known where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("no region has room")]
pub struct NoRegion;

#[derive(Debug, Clone, Copy, PartialEq)]
struct Token {
    at: Offset,
    region: Option<usize>,
}

/// A session whose socket is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entered {
    /// How long ago its token was given; none without one.
    pub since_token_us: Option<i64>,
    region: Option<usize>,
}

/// Sessions before and during their sockets. A session counts in its region from its token to the
/// end of its socket, or until its token is worth nothing any more.
#[derive(Debug, Clone, PartialEq)]
pub struct Lobby {
    regions: Regions,
    has_regions: bool,
    /// By the hash of each session's name.
    tokens: BTreeMap<u64, Token>,
    by_age: VecDeque<(Offset, u64)>,
    /// The regions of those whose sockets are open.
    open: BTreeMap<StreamId, usize>,
}

impl Lobby {
    /// A lobby of these regions; without any, nobody is refused and nobody is counted.
    pub fn new(regions: Vec<Region>) -> Self {
        Self {
            has_regions: !regions.is_empty(),
            regions: Regions::new(regions),
            tokens: BTreeMap::new(),
            by_age: VecDeque::new(),
            open: BTreeMap::new(),
        }
    }

    /// Gives a session a token; the name of the region that it is led to, if there are regions. A
    /// token that it had before is worth nothing any more.
    ///
    /// # Errors
    /// [`NoRegion`]: it has no token.
    pub fn token(
        &mut self,
        now: Offset,
        session: &str,
        location: Option<&str>,
    ) -> Result<Option<&str>, NoRegion> {
        self.forget(now);
        let key = seed_of(0, session);
        self.give_up(key);
        let region = if self.has_regions {
            Some(self.regions.enter(location).ok_or(NoRegion)?)
        } else {
            None
        };
        self.tokens.insert(key, Token { at: now, region });
        self.by_age.push_back((now, key));
        if self.by_age.len() > TOKENS_MAX {
            self.forget_oldest();
        }
        Ok(region.and_then(|number| self.regions.get(number)).map(|region| region.name.as_str()))
    }

    /// A session's socket is asked for: by its token, or else for the region of this name.
    ///
    /// # Errors
    /// [`NoRegion`]: it has no token, and the region that it names is full or unknown.
    pub fn enter(
        &mut self,
        now: Offset,
        session: &str,
        region: Option<&str>,
    ) -> Result<Entered, NoRegion> {
        self.forget(now);
        if let Some(Token { at, region }) = self.tokens.remove(&seed_of(0, session)) {
            return Ok(Entered { since_token_us: Some(now.since(at)), region });
        }
        let region = match region.filter(|_| self.has_regions) {
            Some(name) => Some(self.regions.enter_named(name).ok_or(NoRegion)?),
            None => None,
        };
        Ok(Entered { since_token_us: None, region })
    }

    /// The socket of a session is open, as this stream.
    pub fn open(&mut self, stream: StreamId, entered: Entered) {
        self.open.extend(entered.region.map(|region| (stream, region)));
    }

    /// A session that entered has no socket after all.
    pub fn turn_away(&mut self, entered: Entered) {
        if let Some(region) = entered.region {
            self.regions.leave(region);
        }
    }

    /// The socket of a stream is closed.
    pub fn close(&mut self, stream: StreamId) {
        if let Some(region) = self.open.remove(&stream) {
            self.regions.leave(region);
        }
    }

    /// Each region with its sessions.
    pub fn regions(&mut self, now: Offset) -> impl Iterator<Item = (&Region, u32)> {
        self.forget(now);
        self.regions.iter().map(|(region, sessions)| (region, *sessions))
    }

    /// Forgets the tokens that are too old.
    fn forget(&mut self, now: Offset) {
        while self.by_age.front().is_some_and(|(at, _)| now.since(*at) >= TOKEN_US) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((at, key)) = self.by_age.pop_front()
            && self.tokens.get(&key).is_some_and(|token| token.at == at)
        {
            self.give_up(key);
        }
    }

    /// A token is worth nothing any more.
    fn give_up(&mut self, key: u64) {
        if let Some(Token { region: Some(region), .. }) = self.tokens.remove(&key) {
            self.regions.leave(region);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `near` of two sessions, 5 ms from bombay, and `far` of one, 50 ms.
    fn lobby() -> Lobby {
        let region = |name: &str, capacity, ms| Region {
            name: name.to_owned(),
            capacity,
            priority: 0,
            distance_ms: BTreeMap::from([("bombay".to_owned(), ms)]),
        };
        Lobby::new(vec![region("near", 2, 5.0), region("far", 1, 50.0)])
    }

    fn token(lobby: &mut Lobby, s: f64, session: &str) -> Result<String, NoRegion> {
        let region = lobby.token(Offset::from_s(s), session, Some("bombay"))?;
        Ok(region.unwrap().to_owned())
    }

    fn sessions(lobby: &mut Lobby, s: f64) -> Vec<u32> {
        lobby.regions(Offset::from_s(s)).map(|(_, sessions)| sessions).collect()
    }

    #[test]
    fn a_session_counts_from_its_token_to_the_end_of_its_socket() {
        let mut lobby = lobby();
        let led = ["a", "b", "c"].map(|session| token(&mut lobby, 0.0, session).unwrap());
        assert_eq!(led, ["near", "near", "far"]);
        assert_eq!(token(&mut lobby, 1.0, "d"), Err(NoRegion));
        assert_eq!(NoRegion.to_string(), "no region has room");
        let entered = lobby.enter(Offset(1_500_000), "a", None).unwrap();
        assert_eq!(entered.since_token_us, Some(1_500_000));
        lobby.open(StreamId(7), entered);
        let away = lobby.enter(Offset(2_000_000), "c", None).unwrap();
        lobby.turn_away(away);
        assert_eq!(sessions(&mut lobby, 3.0), [2, 0]);
        lobby.close(StreamId(7));
        lobby.close(StreamId(7));
        assert_eq!(sessions(&mut lobby, 3.0), [1, 0]);
    }

    #[test]
    fn a_token_whose_socket_never_came_counts_for_30_s() {
        let mut lobby = lobby();
        token(&mut lobby, 0.0, "a").unwrap();
        token(&mut lobby, 10.0, "a").unwrap();
        token(&mut lobby, 20.0, "b").unwrap();
        // The second token of the one session took the place of its first.
        assert_eq!(sessions(&mut lobby, 39.9), [2, 0]);
        assert_eq!(sessions(&mut lobby, 40.0), [1, 0]);
        let late = lobby.enter(Offset::from_s(40.0), "a", None).unwrap();
        assert_eq!(late.since_token_us, None);
        assert_eq!(sessions(&mut lobby, 50.0), [0, 0]);
    }

    #[test]
    fn who_has_no_token_is_in_the_region_that_the_socket_names() {
        let mut lobby = lobby();
        let mut enter = |region| lobby.enter(Offset(0), "", region).map(|entered| entered.region);
        let entered = [Some("far"), Some("far"), Some("mars")].map(&mut enter);
        assert_eq!(entered, [Ok(Some(1)), Err(NoRegion), Err(NoRegion)]);
        assert_eq!(enter(None), Ok(None), "it counts nowhere");
    }

    #[test]
    fn without_regions_a_token_is_only_timed() {
        let mut lobby = Lobby::new(Vec::new());
        assert_eq!(lobby.token(Offset(0), "a", Some("mars")), Ok(None));
        let entered = lobby.enter(Offset(250_000), "a", Some("mars")).unwrap();
        assert_eq!((entered.since_token_us, entered.region), (Some(250_000), None));
    }

    #[test]
    fn no_number_of_tokens_grows_without_bound() {
        let mut lobby = Lobby::new(Vec::new());
        for n in 0..=TOKENS_MAX {
            lobby.token(Offset(0), &n.to_string(), None).unwrap();
        }
        assert_eq!((lobby.tokens.len(), lobby.by_age.len()), (TOKENS_MAX, TOKENS_MAX));
        assert_eq!(lobby.enter(Offset(1), "0", None).unwrap().since_token_us, None);
    }
}
