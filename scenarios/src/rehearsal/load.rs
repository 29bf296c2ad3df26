//! A rehearsal from its file.

use std::path::Path;
use std::sync::Arc;

use hulk_chaos::Fault;
use hulk_record::ValidityLimits;
use hulk_scaling::{PlatformSpec, Policy};
use hulk_settings::{At, Problems, Section, Source, read};
use hulk_traffic_models::{Audience, Executor, Then};

use super::audience::{OwnMoment, keep_answered, read_spikes};
use super::check::check_together;
use super::commentary::Hearing;
use super::executor::{check_load, is_nobody, read_clock, read_people};
use super::generator::Generator;
use super::named::{Kind, read_key, read_name};
use super::objective::read_objective;
use super::policies::{check_service, settle_policies};
use super::size::check_size;
use crate::devices::Devices;
use crate::script::Ingredients;
use crate::target::UrlSettings;
use crate::{
    Callers, Embedded, Journey, Own, Proxied, Rehearsal, Script, Target, Watched, shipped,
};

/// What a run must have delivered; docs/verdict.md says why so much.
const LIMITS: ValidityLimits = ValidityLimits {
    lag_p99_max_ms: 10.0,
    generator_share_max: 0.05,
    cpu_share_max: 0.75,
    presence_off_share_max: 0.05,
    steal_share_max: 0.2,
    sleeper_late_max_ms: 500.0,
    little_max: 0.01,
    platform_stall_share_max: 0.005,
};

/// CPU time for a send of many that are due together, in ms of wall time: nobody sends all of them at once.
const SEND_CPU_MS: f64 = 0.01;
/// Of the time over which people act together, their sends may be late by this share: it is no sharper.
const WIDTH_SHARE: f64 = 0.05;

/// A journey with its file, for what only shows later.
type Sourced = (Journey, Arc<Source>);

const JOURNEY: Kind<'_, Sourced> = Kind {
    name: "journey",
    find: &shipped::journey,
    read: &|source, folder| Journey::read(source, folder).map(|read| (read, Arc::clone(source))),
};

pub(super) fn read_root(
    root: &Section<'_>,
    source: &Arc<Source>,
    folder: &Path,
    inner: &mut Problems,
) -> Option<Rehearsal> {
    let name = root.text("name");
    let (seed, clock) = (root.integer_or("seed", 0..=u64::MAX, 0), read_clock(root));
    // A seed that cannot be read is no reason not to look at the audience.
    let people = read_people(root, seed.unwrap_or_default(), folder, inner);
    let moments = root.sections("moment");
    let moments: Vec<Option<OwnMoment<'_>>> = moments.iter().map(OwnMoment::read).collect();
    let spikes = read_spikes(root);
    let nobody = people.as_ref().is_some_and(|(audience, _)| is_nobody(audience));
    let (ingredients, target) = match nobody {
        true => (Some(<_>::default()), Some(ReadTarget::Nothing)),
        false => (read_journeys(root, folder, inner), read_target(root, folder, inner)),
    };
    let callers = Callers::read(root, folder, inner);
    let objectives = root.list("objective", read_objective);
    let watched = Watched::read_all(root);
    let proxies = Proxied::read_all(root);
    let faults = root.list("fault", Fault::read);
    let generator = Generator::read(root);
    let commentary = Hearing::read(root);
    let (mut audience, lead_in_us) = people?;
    let (ingredients, sources) = ingredients?;
    let (exit, act) = (ingredients.exit.is_some(), ingredients.act.is_some());
    let moments = moments.into_iter().collect::<Option<Vec<_>>>()?;
    // A load without a day has none: below they are refused.
    let of_a_day = audience.executor.is_none();
    for moment in moments.into_iter().filter(|_| of_a_day) {
        moment.check(exit, act);
        moment.apply(&mut audience);
    }
    keep_answered(&mut audience, exit, act);
    if let Some(spikes) = spikes?.filter(|_| of_a_day) {
        audience.add_spikes(&spikes);
    }
    let (target, clock) = (target?, clock?);
    check_size(&audience, clock.speed, root)?;
    let ingredients = Ingredients { edges: target.edges(), speed: clock.speed, ..ingredients };
    let mut script = compile(root, ingredients, &sources, inner)?;
    check_load(root, &audience, &script);
    let mut target = target.compile(&mut script);
    settle_policies(&mut target, &audience, root);
    let limits = limits(&audience, clock.speed);
    let generator = generator?;
    let rehearsal = Rehearsal {
        name: name?,
        file: source.name.clone(),
        seed: seed?,
        clock,
        audience,
        lead_in_us,
        script: Arc::new(script),
        target,
        callers: callers?,
        watched: watched?,
        commentary: commentary?,
        proxies: proxies?,
        faults: faults?,
        objectives: objectives?,
        users_max: generator.users_max,
        local_addresses: generator.local_addresses,
        limits,
    };
    check_together(&rehearsal, root);
    Some(rehearsal)
}

fn limits(audience: &Audience, speed: f64) -> ValidityLimits {
    if let Some(Executor::MassAction(of)) = &audience.executor {
        let cpu_ms = f64::from(of.users) * SEND_CPU_MS;
        let width_ms = of.within_s / speed * 1e3 * WIDTH_SHARE;
        let lag_p99_max_ms = LIMITS.lag_p99_max_ms.max(cpu_ms).max(width_ms);
        return ValidityLimits { lag_p99_max_ms, ..LIMITS };
    }
    match audience.then() {
        // Users who send as fast as they are answered take all there is, also from those who come.
        Then::Again { .. } => ValidityLimits {
            cpu_share_max: ValidityLimits::CPU_NOT_JUDGED,
            generator_share_max: 1.0,
            ..LIMITS
        },
        Then::Watch | Then::Leave => LIMITS,
    }
}

/// What viewers do: the journeys one after another, what they do at moments, and with what.
/// With the journeys' files, in the same order.
fn read_journeys(
    root: &Section<'_>,
    folder: &Path,
    inner: &mut Problems,
) -> Option<(Ingredients, Vec<Arc<Source>>)> {
    let names = root.texts("journeys");
    let journeys: Vec<Option<Sourced>> = names
        .iter()
        .flatten()
        .enumerate()
        .map(|(place, name)| {
            let at = [At::Key("journeys"), At::Item(place)];
            read_name(root, &at, name, folder, inner, &JOURNEY)
        })
        .collect();
    if names.as_ref().is_some_and(Vec::is_empty) {
        let hint = Some("for example `journeys = [\"streaming\"]`".to_owned());
        root.problem_at("journeys", "viewers need something to do", hint);
    }
    let kind =
        Kind { name: "devices", find: &shipped::devices, read: &|source, _| Devices::read(source) };
    let devices = root.has("devices").then(|| read_key(root, "devices", folder, inner, &kind));
    let (mut exit, mut act, mut exit_patience_s) = (Some(None), Some(None), Some(0.0));
    if let Some(on) = root.section_optional("on") {
        if let Some(section) = on.section_optional("exit") {
            exit = read_key(&section, "journey", folder, inner, &JOURNEY).map(Some);
            exit_patience_s = section.number_or("patience_s", 0.1..=3600.0, 60.0);
        }
        if let Some(section) = on.section_optional("act") {
            act = read_key(&section, "journey", folder, inner, &JOURNEY).map(Some);
        }
    }
    names?;
    let journeys = journeys.into_iter().collect::<Option<Vec<_>>>()?;
    let (journeys, mut sources): (Vec<_>, Vec<_>) = journeys.into_iter().unzip();
    let mut keep = |(journey, source): Sourced| {
        sources.push(source);
        journey
    };
    let (exit, act) = (exit?.map(&mut keep), act?.map(&mut keep));
    let ingredients = Ingredients {
        journeys,
        exit,
        exit_patience_s: exit_patience_s?,
        act,
        devices: devices.map_or(Some(None), |given| given.map(Some))?,
        edges: Vec::new(),
        speed: 1.0,
    };
    Some((ingredients, sources))
}

/// What does not fit is told where it stands in its journey's file, or where the rehearsal names
/// that journey.
fn compile(
    root: &Section<'_>,
    ingredients: Ingredients,
    sources: &[Arc<Source>],
    inner: &mut Problems,
) -> Option<Script> {
    let misfits = match Script::compile(ingredients) {
        Ok(script) => return Some(script),
        Err(misfits) => misfits,
    };
    for misfit in misfits {
        let source = misfit.journey.and_then(|journey| sources.get(journey));
        match source.and_then(|source| misfit.problem(source)) {
            Some(problem) => inner.list.push(problem),
            None => {
                let place = misfit.journey.map(At::Item);
                let path: Vec<At<'_>> = [At::Key("journeys")].into_iter().chain(place).collect();
                root.problem_in(&path, misfit.message, misfit.hint);
            }
        }
    }
    None
}

/// A `[policy.name]`: its policy, where that could be read.
struct PolicySection<'a> {
    name: String,
    policy: Option<Policy>,
    section: Section<'a>,
}

/// A target that was read; a URL's services are known when the journeys are compiled.
enum ReadTarget<'a> {
    Embedded(Box<Embedded>),
    Url(Box<UrlSettings<'a>>),
    /// Nobody is sent anywhere.
    Nothing,
}

impl ReadTarget<'_> {
    /// The names of the edges that viewers ask; one without a name of its own for a URL.
    fn edges(&self) -> Vec<String> {
        match self {
            Self::Embedded(embedded) => embedded.edges(),
            Self::Url(_) | Self::Nothing => Own::edges(),
        }
    }

    fn compile(self, script: &mut Script) -> Target {
        match self {
            Self::Embedded(embedded) => Target::Embedded(embedded),
            Self::Url(settings) => {
                let own = settings.compile(&script.services);
                if let Some(hls) = &mut script.hls {
                    hls.what.base = own.base_of(hls.service).to_owned();
                }
                Target::Url(own)
            }
            Self::Nothing => Target::Url(Own::default()),
        }
    }
}

fn read_target<'a>(
    root: &Section<'a>,
    folder: &Path,
    inner: &mut Problems,
) -> Option<ReadTarget<'a>> {
    let policies: Vec<PolicySection<'_>> = root
        .named_sections("policy")
        .into_iter()
        .map(|(name, section)| PolicySection { name, policy: Policy::read(&section), section })
        .collect();
    let section = root.section("target")?;
    match section.variant(&["embedded", "url"])? {
        (0, embedded) => read_embedded(&embedded, &policies, folder, inner)
            .map(|embedded| ReadTarget::Embedded(Box::new(embedded))),
        (_, url) => {
            if !policies.is_empty() {
                let hint = Some("remove `[policy]`, or aim at `embedded`".to_owned());
                root.problem_at("policy", "only the embedded platform takes policies", hint);
            }
            UrlSettings::read(&url, folder).map(|read| ReadTarget::Url(Box::new(read)))
        }
    }
}

fn read_embedded(
    section: &Section<'_>,
    policies: &[PolicySection<'_>],
    folder: &Path,
    inner: &mut Problems,
) -> Option<Embedded> {
    let kind = Kind {
        name: "platform",
        find: &shipped::platform,
        read: &|source, _| read(source, PlatformSpec::read),
    };
    let platform = read_key(section, "platform", folder, inner, &kind)?;
    for PolicySection { name, section, .. } in policies {
        check_service(name, &platform, section);
    }
    let mut chosen = Vec::with_capacity(platform.services.len());
    for service in &platform.services {
        match policies.iter().find(|known| known.name == service.name) {
            // What it lacks has been noted; the others are still looked at.
            Some(known) => chosen.extend(known.policy.clone()),
            None => {
                let name = &service.name;
                let hint = Some(format!("add `[policy.{name}]` with `ladder = {{ … }}`"));
                section.problem_at("platform", format!("service `{name}` has no policy"), hint);
            }
        }
    }
    (chosen.len() == platform.services.len()).then_some(Embedded { platform, policies: chosen })
}
