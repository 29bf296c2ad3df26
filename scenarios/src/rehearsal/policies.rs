//! Policies: what they lay down ahead is put on the run's clock, and another file's take their place.

use hulk_record::MatchTime;
use hulk_scaling::{Known, PlatformSpec, Policy};
use hulk_settings::{At, Section, keys_of, nearest_or_all, read};
use hulk_traffic_models::Audience;

use super::commentary::check_hearing;
use super::{LoadError, Rehearsal, source_of};
use crate::Target;

/// Puts what policies lay down ahead where it is on the run's clock.
pub(super) fn settle_policies(target: &mut Target, audience: &Audience, root: &Section<'_>) {
    let Target::Embedded(embedded) = target else { return };
    for (service, policy) in embedded.platform.services.iter().zip(&mut embedded.policies) {
        settle(policy, &service.name, audience, root);
    }
}

fn settle(policy: &mut Policy, service: &str, audience: &Audience, root: &Section<'_>) {
    check_hearing(policy, service, audience, root);
    if let Err(moment) = policy.settle(&|known| time_of(known, audience)) {
        let path = [At::Key("policy"), At::Key(service), At::Key("ahead")];
        let (message, hint) = no_moment(&moment, audience);
        root.problem_in(&path, message, Some(hint));
    }
}

/// What is said of a name that no moment of the day has, and the way out.
pub(crate) fn no_moment(name: &str, audience: &Audience) -> (String, String) {
    let known: Vec<&str> = audience.moments.iter().map(|known| known.name.as_str()).collect();
    (format!("the day has no moment `{name}`"), nearest_or_all(name, &known))
}

/// Notes a policy of a service that the platform does not have.
pub(super) fn check_service(name: &str, platform: &PlatformSpec, section: &Section<'_>) {
    let services: Vec<&str> = platform.services.iter().map(|known| known.name.as_str()).collect();
    if !services.contains(&name) {
        let hint = Some(nearest_or_all(name, &services));
        section.problem(format!("there is no service `{name}` to scale"), hint);
    }
}

fn time_of(known: &Known, audience: &Audience) -> Option<MatchTime> {
    let minute = match known {
        Known::Minute(minute) => *minute,
        Known::Moment(name) => audience.moment(name)?.minute,
    };
    Some(audience.time_of(minute))
}

impl Rehearsal {
    /// The same rehearsal, scaled by the policies of another file: a rehearsal, by its file or its
    /// shipped name, or a file that has `[policy.NAME]` alone. A service that it does not name
    /// keeps its own.
    ///
    /// # Errors
    /// When it cannot be read, every problem in it, or when this rehearsal's target takes none.
    pub fn with_policies(&self, path: &str) -> Result<Self, LoadError> {
        let mut changed = self.clone();
        let Target::Embedded(embedded) = &mut changed.target else {
            let reason = "only the embedded platform takes policies".to_owned();
            return Err(unfit(path, reason, "rehearse a file whose target is `embedded`"));
        };
        let (source, folder) = source_of(path)?;
        let whole = keys_of(&source).is_some_and(|keys| keys.iter().any(|key| key == "journeys"));
        let policies = match whole {
            true => self.lent_by(path, &Self::read(&source, &folder)?)?,
            false => read(&source, |root| of_file(root, &embedded.platform, &self.audience))?,
        };
        for (service, policy) in policies {
            // Services of another platform do not matter.
            let place = embedded.platform.services.iter().position(|known| known.name == service);
            if let Some(known) = place.and_then(|place| embedded.policies.get_mut(place)) {
                *known = policy;
            }
        }
        Ok(changed)
    }

    /// The policies of a whole rehearsal, on this one's day.
    fn lent_by(&self, path: &str, other: &Self) -> Result<Vec<(String, Policy)>, LoadError> {
        let Some(embedded) = other.platform() else {
            let reason = "it has no policies: its target is not embedded".to_owned();
            return Err(unfit(path, reason, "name a file whose target is `embedded`"));
        };
        let lent = embedded.platform.services.iter().zip(&embedded.policies);
        lent.map(|(service, policy)| {
            let mut policy = policy.clone();
            match policy.settle(&|known| time_of(known, &self.audience)) {
                Ok(()) => Ok((service.name.clone(), policy)),
                Err(moment) => {
                    let reason = format!("the day of {} has no moment `{moment}`", self.file);
                    Err(unfit(path, reason, "name one of that day, or a minute"))
                }
            }
        })
        .collect()
    }
}

fn unfit(path: &str, reason: String, hint: &str) -> LoadError {
    LoadError::Unreadable { path: path.into(), reason, hint: hint.to_owned() }
}

fn of_file(
    root: &Section<'_>,
    platform: &PlatformSpec,
    audience: &Audience,
) -> Option<Vec<(String, Policy)>> {
    let sections = root.named_sections("policy");
    if sections.is_empty() {
        let services: Vec<&str> =
            platform.services.iter().map(|known| known.name.as_str()).collect();
        let hint = Some(format!("add `[policy.NAME]` for one of {}", services.join(", ")));
        root.problem("there is no policy", hint);
    }
    let read = |(name, section): (String, Section<'_>)| {
        check_service(&name, platform, &section);
        let mut policy = Policy::read(&section)?;
        settle(&mut policy, &name, audience, root);
        Some((name, policy))
    };
    let policies: Vec<Option<(String, Policy)>> = sections.into_iter().map(read).collect();
    policies.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: [&str; 2] = ["match-day", "match-day-cloud-group"];

    fn policies(of: &Rehearsal) -> &[Policy] {
        &of.platform().unwrap().policies
    }

    /// The shipped rehearsal with the policies of a file of this text.
    fn with(name: &str, text: &str) -> Result<Rehearsal, String> {
        let folder = std::env::temp_dir().join(format!("hulk-policies-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(format!("{name}.toml"));
        std::fs::write(&path, text).unwrap();
        let changed = Rehearsal::load(SHIPPED[0]).unwrap().with_policies(path.to_str().unwrap());
        std::fs::remove_file(path).unwrap();
        changed.map_err(|error| error.to_string())
    }

    #[test]
    fn a_whole_rehearsal_lends_all_its_policies() {
        let [ladder, group] = SHIPPED.map(|name| Rehearsal::load(name).unwrap());
        let changed = ladder.with_policies(SHIPPED[1]).unwrap();
        assert_eq!(policies(&changed), policies(&group));
        assert_eq!(changed.audience, ladder.audience);
        assert_eq!(ladder.with_policies(SHIPPED[0]).unwrap(), ladder);
    }

    #[test]
    fn a_file_of_policies_changes_those_that_it_names() {
        let text = "[policy.home]\nrequests = { rated_per_min = 150_000, min_instances = 80, \
                    max_instances = 900 }\nahead = [{ moment = \"dhoni-out\", before_s = 300, \
                    min_instances = 250 }]\n";
        let (changed, ladder) = (with("home", text).unwrap(), Rehearsal::load(SHIPPED[0]).unwrap());
        let differ = policies(&changed).iter().zip(policies(&ladder)).filter(|(a, b)| a != b);
        let differ: Vec<&Policy> = differ.map(|(changed, _)| changed).collect();
        let [Policy::Scheduled(home)] = &differ[..] else { panic!("{differ:?}") };
        let out = ladder.audience.moment("dhoni-out").unwrap().minute;
        let from = ladder.audience.time_of(out).plus(-300_000_000);
        assert_eq!(home.ahead[0].span.map(|(from, _)| from), Some(from), "on this day's clock");
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let one = "requests = { rated_per_min = 1000, min_instances = 1, max_instances = 9 }\n";
        let unknown = with("unknown", &format!("[policy.hom]\n{one}")).unwrap_err();
        assert!(unknown.contains("there is no service `hom` to scale"), "{unknown}");
        let none = with("none", "\n").unwrap_err();
        assert!(none.contains("there is no policy"), "{none}");
        let more = with("more", &format!("name = \"x\"\n[policy.home]\n{one}")).unwrap_err();
        assert!(more.contains("name"), "{more}");
        let missing = Rehearsal::load(SHIPPED[0]).unwrap().with_policies("match-dya").unwrap_err();
        assert!(missing.to_string().contains("match-dya"), "{missing}");
    }
}
