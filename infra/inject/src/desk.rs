//! Which proxies there are, which toxics they have, and until when.
//!
//! Everything here is done at once: nobody who asks waits for a link, a dial or a toxic.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hulk_net::{Epoch, Scope};
use hulk_scenarios::chaos::{
    Attributes, Effect, Leases, Protocol, Ramp, Set, Toxic, ToxicError, ToxicKind,
};
use hulk_scenarios::record::{Offset, seed_of};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::error::ApiError;
use crate::link::Shared;
use crate::proxy::{House, Running};
use crate::spec::ProxySpec;

mod proxies;

use proxies::{Known, Lent, Proxy};
pub use proxies::{ProxyShown, ToxicShown};

/// So many proxies there may be, and so many toxics on each.
const PROXIES_MAX: usize = 1_000;
const TOXICS_MAX: usize = 100;
/// How often a toxic on a ramp becomes stronger.
const RAMP_STEP_MS: i64 = 50;

/// A toxic that is asked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ToxicAsked {
    /// Its name; `TYPE_STREAM` where there is none.
    pub name: Option<String>,
    /// Its type.
    pub kind: String,
    /// Its stream; `downstream` where there is none.
    pub stream: Option<String>,
    /// Its toxicity; 1 where there is none.
    pub toxicity: Option<f64>,
    /// Its attributes.
    pub attributes: Attributes,
    /// What its attributes begin with, and over how many ms they come to be what they are.
    pub ramp: Option<(Attributes, i64)>,
    /// Whether an attribute that the type does not have is refused, not ignored.
    pub strict: bool,
}

#[derive(Default)]
struct State {
    proxies: BTreeMap<String, Proxy>,
    leases: Leases<Lent>,
    toxics_ever: u64,
}

/// All proxies of this process.
pub struct Desk {
    scope: Scope,
    seed: u64,
    epoch: Epoch,
    /// How long what comes without a lease of its own is lent, in ms.
    lease_ms: i64,
    state: Mutex<State>,
    /// A lease or a ramp has begun: somebody may have to look sooner.
    news: Notify,
}

impl Desk {
    /// No proxies. What comes without a lease of its own is lent for `lease`.
    pub fn new(scope: Scope, seed: u64, lease: Duration) -> Arc<Self> {
        Arc::new(Self {
            scope,
            seed,
            epoch: Epoch(Instant::now()),
            lease_ms: lease.as_millis() as i64,
            state: Mutex::default(),
            news: Notify::new(),
        })
    }

    /// Heals what was not renewed, and makes stronger what is on a ramp, for ever.
    pub async fn keep(self: Arc<Self>) {
        loop {
            let news = self.news.notified();
            let wake = self.look(self.now());
            let due = self.epoch.at_us(wake.map_or(0, |at| at.0));
            tokio::select! {
                () = news => {}
                () = sleep_until(due), if wake.is_some() => {}
            }
        }
    }

    /// Every proxy, in the order of the names.
    pub fn proxies(&self) -> Vec<ProxyShown> {
        let (state, now) = (self.state(), self.now());
        state.proxies.values().map(|proxy| proxy.shown(&state.leases, now)).collect()
    }

    /// One proxy.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn proxy(&self, name: &str) -> Result<ProxyShown, ApiError> {
        let state = self.state();
        let proxy = state.proxies.get(name).ok_or(ApiError::NoProxy)?;
        Ok(proxy.shown(&state.leases, self.now()))
    }

    /// Makes a proxy, and opens its port where it is enabled.
    ///
    /// # Errors
    /// When it cannot be, or cannot listen: then there is none.
    pub fn create(&self, spec: ProxySpec) -> Result<ProxyShown, ApiError> {
        let name = spec.name.clone();
        let mut state = self.state();
        if state.proxies.contains_key(&name) {
            return Err(ApiError::ProxyExists);
        }
        self.add(&mut state, spec)?;
        let proxy = state.proxies.get(&name).ok_or(ApiError::NoProxy)?;
        Ok(proxy.shown(&state.leases, self.now()))
    }

    /// Makes each of these proxies, where it is not there as it is asked for; one that is there and is
    /// different goes. The first error ends it, and what was made before stays.
    pub fn populate(&self, specs: Vec<ProxySpec>) -> (Vec<ProxyShown>, Option<ApiError>) {
        let mut made = Vec::new();
        for spec in specs {
            let name = spec.name.clone();
            let mut state = self.state();
            let like = state.proxies.get(&name).map(|known| known.spec.is_like(&spec, &self.scope));
            let done = match like {
                Some(true) => Ok(()),
                Some(false) => self
                    .judge(&spec)
                    .map(|()| self.forget(&mut state, &name))
                    .and_then(|()| self.add(&mut state, spec)),
                None => self.add(&mut state, spec),
            };
            if let Err(error) = done {
                return (made, Some(error));
            }
            if let Some(proxy) = state.proxies.get(&name) {
                made.push(proxy.shown(&state.leases, self.now()));
            }
        }
        (made, None)
    }

    /// Changes where a proxy listens or leads to, and whether it listens. Its toxics stay.
    ///
    /// # Errors
    /// When there is none, or it cannot be so.
    pub fn update(
        &self,
        name: &str,
        change: impl FnOnce(&mut ProxySpec),
    ) -> Result<ProxyShown, ApiError> {
        let mut state = self.state();
        let State { proxies, leases, .. } = &mut *state;
        let proxy = proxies.get_mut(name).ok_or(ApiError::NoProxy)?;
        let mut spec = proxy.spec.clone();
        change(&mut spec);
        self.judge(&spec)?;
        if !spec.is_like(&proxy.spec, &self.scope) {
            proxy.running = None;
        }
        proxy.spec = spec;
        let down = Lent::Down(name.to_owned());
        if proxy.spec.enabled {
            leases.end(&down);
            self.enable(proxy)?;
        } else {
            proxy.running = None;
            leases.grant(down, self.until(None));
            self.news.notify_one();
        }
        Ok(proxy.shown(leases, self.now()))
    }

    /// Ends a proxy, with its connections.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn delete(&self, name: &str) -> Result<(), ApiError> {
        let mut state = self.state();
        if !state.proxies.contains_key(name) {
            return Err(ApiError::NoProxy);
        }
        self.forget(&mut state, name);
        Ok(())
    }

    /// Removes every toxic and enables every proxy.
    ///
    /// # Errors
    /// When one cannot listen; the others do.
    pub fn reset(&self) -> Result<(), ApiError> {
        let mut state = self.state();
        let State { proxies, leases, .. } = &mut *state;
        leases.all();
        let mut failed = None;
        for proxy in proxies.values_mut() {
            proxy.remove(|_| true, "reset");
            failed = self.enable(proxy).err().or(failed);
        }
        failed.map_or(Ok(()), Err)
    }

    /// Sets a toxic on a proxy, for `lease_ms` or as long as a toxic is lent here.
    ///
    /// # Errors
    /// What is wrong first: proxy, stream, type, name, attributes.
    pub fn add_toxic(
        &self,
        proxy: &str,
        asked: &ToxicAsked,
        lease_ms: Option<i64>,
    ) -> Result<ToxicShown, ApiError> {
        let mut state = self.state();
        let State { proxies, leases, toxics_ever } = &mut *state;
        let proxy = proxies.get_mut(proxy).ok_or(ApiError::NoProxy)?;
        let name = asked.name()?;
        if proxy.toxics.iter().any(|known| known.set.toxic.name == name) {
            return Err(ApiError::ToxicExists);
        }
        if proxy.toxics.len() >= TOXICS_MAX {
            return Err(ApiError::TooMany { what: "toxics on this proxy", most: TOXICS_MAX });
        }
        let now = self.now();
        let (toxic, ramp) = asked.toxic(proxy.spec.protocol, now)?;
        *toxics_ever += 1;
        let set = Set { id: *toxics_ever, toxic, effect: Arc::new(Effect::default()) };
        leases.grant(Lent::Toxic(set.id), self.until(lease_ms));
        let known = Known { set, ramp, asked: asked.clone() };
        let shown = known.shown(leases, now);
        proxy.toxics.push(known);
        proxy.tell();
        self.news.notify_one();
        Ok(shown)
    }

    /// Sets a toxic; where it is there already, it is changed to be like this, and its lease is renewed.
    ///
    /// # Errors
    /// What is wrong first; a toxic of that name and another type, or stream, is another one.
    pub fn put_toxic(
        &self,
        proxy: &str,
        asked: &ToxicAsked,
        lease_ms: Option<i64>,
    ) -> Result<ToxicShown, ApiError> {
        let mut state = self.state();
        let State { proxies, leases, .. } = &mut *state;
        let known_proxy = proxies.get_mut(proxy).ok_or(ApiError::NoProxy)?;
        let name = asked.name()?;
        let now = self.now();
        let until = self.until(lease_ms);
        let known = known_proxy.toxics.iter_mut().find(|known| known.set.toxic.name == name);
        // One whose lease has ended, and that nobody has taken back yet, is set anew.
        let Some(known) = known.filter(|known| leases.renew(&known.lent(), now, until)) else {
            drop(state);
            self.look(now);
            return self.add_toxic(proxy, asked, lease_ms);
        };
        if known.asked != *asked {
            let (toxic, ramp) = asked.toxic(known_proxy.spec.protocol, now)?;
            let same =
                |a: &Toxic, b: &Toxic| a.stream == b.stream && a.kind.name() == b.kind.name();
            if !same(&toxic, &known.set.toxic) {
                return Err(ApiError::ToxicExists);
            }
            (known.set.toxic, known.ramp, known.asked) = (toxic, ramp, asked.clone());
        }
        let shown = known.shown(leases, now);
        known_proxy.tell();
        self.news.notify_one();
        Ok(shown)
    }

    /// Changes a toxic's attributes or its toxicity; that renews its lease.
    ///
    /// # Errors
    /// When there is none, or it cannot be so.
    pub fn update_toxic(
        &self,
        proxy: &str,
        toxic: &str,
        toxicity: Option<f64>,
        attributes: &Attributes,
        lease_ms: Option<i64>,
    ) -> Result<ToxicShown, ApiError> {
        let mut state = self.state();
        let State { proxies, leases, .. } = &mut *state;
        let proxy = proxies.get_mut(proxy).ok_or(ApiError::NoProxy)?;
        let known = proxy.toxics.iter_mut().find(|known| known.set.toxic.name == toxic);
        let known = known.ok_or(ApiError::NoToxic)?;
        let changed = known.set.toxic.changed(toxicity, attributes)?;
        if changed != known.set.toxic {
            known.ramp = None;
            known.set.toxic = changed;
        }
        let now = self.now();
        if !leases.renew(&known.lent(), now, self.until(lease_ms)) {
            return Err(ApiError::Lapsed);
        }
        let shown = known.shown(leases, now);
        proxy.tell();
        Ok(shown)
    }

    /// Lends a toxic for longer.
    ///
    /// # Errors
    /// When there is none, or its lease has ended.
    pub fn renew_toxic(
        &self,
        proxy: &str,
        toxic: &str,
        lease_ms: i64,
    ) -> Result<ToxicShown, ApiError> {
        self.update_toxic(proxy, toxic, None, &Attributes::new(), Some(lease_ms))
    }

    /// Removes a toxic; what it did.
    ///
    /// # Errors
    /// When there is none.
    pub fn remove_toxic(&self, proxy: &str, toxic: &str) -> Result<ToxicShown, ApiError> {
        let mut state = self.state();
        let State { proxies, leases, .. } = &mut *state;
        let proxy = proxies.get_mut(proxy).ok_or(ApiError::NoProxy)?;
        let gone = proxy.remove(|known| known.set.toxic.name == toxic, "removed");
        let (id, shown) = gone.into_iter().next().ok_or(ApiError::NoToxic)?;
        leases.end(&Lent::Toxic(id));
        Ok(shown)
    }

    /// Does what is due; when to look again.
    fn look(&self, now: Offset) -> Option<Offset> {
        let mut state = self.state();
        let State { proxies, leases, .. } = &mut *state;
        for lapsed in leases.lapsed(now) {
            match lapsed {
                Lent::Toxic(id) => {
                    for proxy in proxies.values_mut() {
                        proxy.remove(|known| known.set.id == id, "lapsed");
                    }
                }
                Lent::Down(name) => {
                    // Its port may be taken meanwhile: it is tried again.
                    if proxies.get_mut(&name).is_some_and(|proxy| self.enable(proxy).is_err()) {
                        leases.grant(Lent::Down(name), now.plus(1_000_000));
                    }
                }
            }
        }
        let mut ramps = false;
        for proxy in proxies.values_mut() {
            ramps |= proxy.climb(now);
        }
        let next = ramps.then(|| now.plus(RAMP_STEP_MS * 1_000));
        leases.next_lapse().into_iter().chain(next).min()
    }

    fn judge(&self, spec: &ProxySpec) -> Result<(), ApiError> {
        spec.listen_address(&self.scope)?;
        spec.upstream_permit(&self.scope)?;
        Ok(())
    }

    fn add(&self, state: &mut State, spec: ProxySpec) -> Result<(), ApiError> {
        self.judge(&spec)?;
        if state.proxies.len() >= PROXIES_MAX {
            return Err(ApiError::TooMany { what: "proxies", most: PROXIES_MAX });
        }
        let mut proxy = Proxy::new(spec);
        if proxy.spec.enabled {
            self.start(&mut proxy)?;
        } else {
            state.leases.grant(Lent::Down(proxy.spec.name.clone()), self.until(None));
            self.news.notify_one();
        }
        state.proxies.insert(proxy.spec.name.clone(), proxy);
        Ok(())
    }

    fn forget(&self, state: &mut State, name: &str) {
        let Some(proxy) = state.proxies.remove(name) else { return };
        for known in &proxy.toxics {
            state.leases.end(&Lent::Toxic(known.set.id));
        }
        state.leases.end(&Lent::Down(name.to_owned()));
    }

    /// Has a proxy listen, where it does not; one that cannot is down.
    fn enable(&self, proxy: &mut Proxy) -> Result<(), ApiError> {
        let started = if proxy.running.is_none() { self.start(proxy) } else { Ok(()) };
        proxy.spec.enabled = started.is_ok();
        started
    }

    /// Opens the port of a proxy, and remembers which it is.
    fn start(&self, proxy: &mut Proxy) -> Result<(), ApiError> {
        let at = proxy.spec.listen_address(&self.scope)?;
        let shared = Shared {
            protocol: proxy.spec.protocol,
            epoch: self.epoch,
            upstream: Arc::clone(&proxy.upstream),
            downstream: Arc::clone(&proxy.downstream),
        };
        let house = House {
            spec: proxy.spec.clone(),
            scope: self.scope.clone(),
            seed: seed_of(self.seed, &proxy.spec.name),
            shared,
            doors: Arc::clone(&proxy.doors),
        };
        let running = Running::start(house, at, proxy.order());
        let running = running
            .map_err(|source| ApiError::Listen { address: proxy.spec.listen.clone(), source })?;
        proxy.spec.listen = running.address().to_string();
        proxy.running = Some(running);
        Ok(())
    }

    fn until(&self, lease_ms: Option<i64>) -> Offset {
        self.now().plus(lease_ms.unwrap_or(self.lease_ms) * 1_000)
    }

    fn now(&self) -> Offset {
        Offset(self.epoch.now_us())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ToxicAsked {
    fn name(&self) -> Result<String, ToxicError> {
        let named = Toxic::name_of(self.name.as_deref(), &self.kind, self.stream.as_deref());
        named.map(|(name, _)| name)
    }

    /// The toxic as it is at `now`, and its way up.
    fn toxic(&self, protocol: Protocol, now: Offset) -> Result<(Toxic, Option<Ramp>), ToxicError> {
        let (name, stream) = (self.name.as_deref(), self.stream.as_deref());
        let mut toxic = Toxic::new(name, &self.kind, stream, self.toxicity, &self.attributes)?;
        if self.strict
            && let Err((error, problems)) = ToxicKind::read_strictly(&self.kind, &self.attributes)
        {
            let first = problems.into_iter().next().map(ToxicError::Attribute);
            return Err(error.or(first).unwrap_or(ToxicError::Type));
        }
        toxic.fits(protocol)?;
        let Some((from, over_ms)) = &self.ramp else { return Ok((toxic, None)) };
        let ramp = Ramp::new(&self.kind, from.clone(), toxic.kind.attributes(), *over_ms, now)?;
        toxic.kind = ramp.at(now).0;
        Ok((toxic, Some(ramp)))
    }
}
