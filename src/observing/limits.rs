//! What the platform could not have more of: instances, balancers, bandwidth.

use hulk_record::Offset;
use hulk_watch::Observed;

use super::{Seen, event};

/// What has begun or ended since the last look.
pub(super) fn news(at: Offset, before: &Observed, now: &Observed) -> Vec<Seen> {
    let begun = begun(before, now).chain(turned_away(before, now));
    let begun = begun.map(|text| event(at, "limit", text));
    begun.chain(over(before, now).map(|text| event(at, "limit over", text))).collect()
}

/// Instances that cannot be had, from now on. How many they are is told once, for it changes with each
/// look of the policy.
fn begun<'a>(before: &'a Observed, now: &'a Observed) -> impl Iterator<Item = String> + 'a {
    let known = |seen: &Observed, service: &str, why: &str| {
        seen.lacking.iter().any(|(s, _, w)| (s.as_str(), w.as_str()) == (service, why))
    };
    let begun = now.lacking.iter().filter(move |(s, _, why)| !known(before, s, why));
    begun.map(|(service, count, why)| {
        let cause = match why.as_str() {
            "quota" => "the quota is used up",
            _ => "no zone has capacity",
        };
        format!("{service}: its policy wants {count} more than can be had: {cause}")
    })
}

/// Services whose policy lacks nothing any more.
fn over<'a>(before: &'a Observed, now: &'a Observed) -> impl Iterator<Item = String> + 'a {
    let over = before.lacking.iter().filter(move |(s, ..)| !now.lacking.iter().any(|n| n.0 == *s));
    over.map(|(service, ..)| format!("{service}: its policy has what it wants"))
}

/// Who has turned requests away for the first time: no instance did.
fn turned_away<'a>(before: &'a Observed, now: &'a Observed) -> impl Iterator<Item = String> + 'a {
    now.turned_away.iter().filter_map(|(who, count)| {
        let earlier = before.turned_away.get(who).copied().unwrap_or(0.0);
        let cause = match who.as_str() {
            hulk_scenarios::scaling::EDGE => "for want of bandwidth",
            _ => "by its load balancers",
        };
        (*count > 0.0 && earlier == 0.0)
            .then(|| format!("{who}: the first {count} requests are turned away {cause}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(lacking: &[(&str, f64, &str)], turned_away: &[(&str, f64)]) -> Observed {
        Observed {
            lacking: lacking.iter().map(|(s, n, w)| ((*s).into(), *n, (*w).into())).collect(),
            turned_away: turned_away.iter().map(|(s, n)| ((*s).into(), *n)).collect(),
            ..Observed::default()
        }
    }

    fn told(before: &Observed, now: &Observed) -> Vec<String> {
        let news = news(Offset(1), before, now).into_iter();
        let texts = news.map(|seen| match seen {
            Seen::Event(event) if event.kind.starts_with("limit") => event.text,
            _ => panic!("not a limit"),
        });
        texts.collect()
    }

    #[test]
    fn a_limit_is_told_when_it_is_reached_and_when_it_is_over() {
        let none = Observed::default();
        let full = seen(&[("home", 3.0, "capacity")], &[]);
        assert_eq!(
            told(&none, &full),
            ["home: its policy wants 3 more than can be had: no zone has capacity"]
        );
        assert!(told(&full, &seen(&[("home", 9.0, "capacity")], &[])).is_empty());
        assert_eq!(
            told(&full, &seen(&[("home", 2.0, "quota")], &[])),
            ["home: its policy wants 2 more than can be had: the quota is used up"]
        );
        assert_eq!(told(&full, &none), ["home: its policy has what it wants"]);
    }

    #[test]
    fn the_first_that_no_instance_turned_away_are_told_with_who_did() {
        let none = seen(&[], &[("edge", 0.0), ("home", 0.0)]);
        let some = seen(&[], &[("edge", 7.0), ("home", 4.0)]);
        assert_eq!(
            told(&none, &some),
            [
                "edge: the first 7 requests are turned away for want of bandwidth",
                "home: the first 4 requests are turned away by its load balancers",
            ]
        );
        assert!(told(&some, &seen(&[], &[("edge", 9.0), ("home", 4.0)])).is_empty());
    }
}
