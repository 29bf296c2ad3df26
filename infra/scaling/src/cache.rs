//! A tier's cache: keeps answers for their time to live, as many as it has room for, and asks the
//! next tier once for all who wait for the same path.
//!
//! With room for C answers, and each of W ≥ C paths asked for as often as any other, the paths that
//! it has are C of the W, each as likely as any other: it hits C ÷ W of the time. So a working set
//! that fits (W ≤ C) is always hit, and one that doubles beyond it is missed half the time.

use std::collections::HashMap;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;

use hulk_record::MatchTime;
use lru::LruCache;

use crate::Body;

/// What the cache says to a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Lookup {
    /// Here it is, until then.
    Hit(MatchTime, Body),
    /// The next tier has been asked already; the request waits with the others.
    Wait,
    /// Ask the next tier for this path.
    Miss(Arc<str>),
}

/// Answers by path, and who waits for one: viewers, or the tier before.
#[derive(Debug, Clone)]
pub(crate) struct TierCache<W> {
    fresh: LruCache<Arc<str>, (MatchTime, Body)>,
    waiting: HashMap<Arc<str>, Vec<W>>,
}

impl<W> TierCache<W> {
    pub(crate) fn new(entries: NonZeroU32) -> Self {
        let entries = NonZeroUsize::try_from(entries).unwrap_or(NonZeroUsize::MAX);
        Self { fresh: LruCache::new(entries), waiting: HashMap::new() }
    }

    /// Looks a path up; on a miss `who` waits for [`Self::fill`] or [`Self::fail`].
    pub(crate) fn look(&mut self, now: MatchTime, path: &str, who: W) -> Lookup {
        match self.fresh.get(path) {
            Some((until, body)) if now < *until => return Lookup::Hit(*until, body.clone()),
            Some(_) => {
                self.fresh.pop(path);
            }
            None => {}
        }
        if let Some(waiting) = self.waiting.get_mut(path) {
            waiting.push(who);
            return Lookup::Wait;
        }
        let path: Arc<str> = path.into();
        self.waiting.insert(Arc::clone(&path), vec![who]);
        Lookup::Miss(path)
    }

    /// The next tier answered: everyone who waited gets it.
    pub(crate) fn fill(&mut self, path: &Arc<str>, until: MatchTime, body: Body) -> Vec<W> {
        self.fresh.put(Arc::clone(path), (until, body));
        self.fail(path)
    }

    /// The next tier did not answer: nothing is kept.
    pub(crate) fn fail(&mut self, path: &str) -> Vec<W> {
        self.waiting.remove(path).unwrap_or_default()
    }

    /// Forgets everything, and who waits.
    pub(crate) fn clear(&mut self) {
        self.fresh.clear();
        self.waiting.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(entries: u32) -> TierCache<u64> {
        TierCache::new(NonZeroU32::new(entries).unwrap())
    }

    fn miss(path: &str) -> Lookup {
        Lookup::Miss(path.into())
    }

    #[test]
    fn one_miss_asks_for_all_and_what_is_kept_expires() {
        let mut cache = cache(8);
        let at = MatchTime::from_s;
        assert_eq!(cache.look(at(0.0), "/a", 1), miss("/a"));
        assert_eq!(cache.look(at(0.1), "/a", 2), Lookup::Wait);
        assert_eq!(cache.fill(&"/a".into(), at(3.0), Body::Bytes(7)), [1, 2]);
        assert_eq!(cache.look(at(2.9), "/a", 3), Lookup::Hit(at(3.0), Body::Bytes(7)));
        assert_eq!(cache.look(at(3.0), "/a", 4), miss("/a"));
        assert_eq!(cache.fail("/a"), [4]);
        assert_eq!(cache.look(at(3.1), "/a", 5), miss("/a"));
    }

    #[test]
    fn the_least_recently_used_answer_goes_when_there_is_no_room() {
        let (mut cache, now, until) = (cache(2), MatchTime(0), MatchTime::from_s(60.0));
        for path in ["/a", "/b"] {
            cache.look(now, path, 0);
            cache.fill(&path.into(), until, Body::Empty);
        }
        assert_eq!(cache.look(now, "/a", 0), Lookup::Hit(until, Body::Empty));
        cache.look(now, "/c", 0);
        cache.fill(&"/c".into(), until, Body::Empty);
        assert_eq!(cache.look(now, "/b", 0), miss("/b"));
        assert_eq!(cache.look(now, "/a", 0), Lookup::Hit(until, Body::Empty));
    }

    #[test]
    fn the_cache_stays_bounded() {
        let mut cache = cache(64);
        for n in 0..10_000 {
            let path: Arc<str> = format!("/{n}").into();
            cache.look(MatchTime(0), &path, n);
            cache.fill(&path, MatchTime(1), Body::Empty);
        }
        assert_eq!((cache.fresh.len(), cache.waiting.len()), (64, 0));
    }
}
