//! Rehearsals whose outcome follows from arithmetic alone: this file knows nothing of HULK but the words
//! of its settings files.
//!
//! A service of n instances of r requests/s serves C = n·r. What comes above that waits: after t seconds of
//! a load λ > C a newcomer's wait is w = (λ/C − 1)·t, and whoever would wait longer than the patience P is
//! turned away. All times are match seconds, all rates requests a match second.
//!
//! Unless a row says otherwise: r = 50, n = 4 at the start, so C = 200; the load is 100 until 6 s. The
//! policy looks each E = 2 s at the requests since its last look: the first look that sees all of what
//! comes from 6 s on is at 8 s. What it orders serves D = 4 s later, at 12 s: λ is above C for E + D = 6 s.

/// A rehearsal and what must come of it.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) name: String,
    /// Why it turns where it does.
    pub(crate) formula: String,
    /// What the outcome turns on, and where it turns.
    pub(crate) value: f64,
    pub(crate) edge: f64,
    /// By the arithmetic: PASS, or FAIL.
    pub(crate) passes: bool,
    /// Where it fails: when the first request is turned away, and what the reason must say.
    pub(crate) fails_at_s: f64,
    pub(crate) reason: &'static str,
    /// The service that is judged, its policy, and who comes.
    pub(crate) service: Service,
    pub(crate) policy: String,
    pub(crate) load: String,
}

/// The numbers of the judged service.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    pub(crate) rated_rps: f64,
    pub(crate) patience_s: f64,
    pub(crate) evaluate_s: f64,
    /// From the look to the capacity, all in all.
    pub(crate) delay_s: f64,
    pub(crate) scale_in_hold_s: f64,
    /// More keys: of the service, of its provisioning, and of the whole platform.
    pub(crate) more: String,
    pub(crate) bought: String,
    pub(crate) platform: String,
    /// Another service that it asks before it answers: its requests/s.
    pub(crate) asks_rps: Option<f64>,
    /// The objective is of latency, with this limit in wall ms.
    pub(crate) quick_ms: Option<f64>,
}

impl Service {
    pub(super) fn patient(patience_s: f64) -> Self {
        Self {
            rated_rps: 50.0,
            patience_s,
            evaluate_s: 2.0,
            delay_s: 4.0,
            scale_in_hold_s: 600.0,
            more: "base_latency_ms = 5".to_owned(),
            bought: String::new(),
            platform: String::new(),
            asks_rps: None,
            quick_ms: None,
        }
    }
}

impl Row {
    /// How far from the edge, in percent of it.
    pub(crate) fn margin_percent(&self) -> f64 {
        (self.value / self.edge - 1.0) * 100.0
    }
}

/// Which policy, in few words: what it has at least, what it starts with, and more of its keys.
pub(super) fn policy(name: &str, keys: &str) -> String {
    format!("{name} = {{ min_instances = 4, {keys} }}")
}

pub(super) fn fixed(instances: u32) -> String {
    format!(
        "requests = {{ rated_per_min = 3000, min_instances = {instances}, max_instances = {instances} }}"
    )
}

pub(super) fn constant(per_s: f64, duration_s: f64) -> String {
    format!("[load]\nconstant_arrival_rate = {{ per_s = {per_s:?}, duration_s = {duration_s:?} }}")
}

/// 100 a second until 6 s, and then so many until the end.
pub(super) fn jump(per_s: f64, until_s: f64) -> String {
    stages(100.0, &[(6.0, 100.0), (until_s, per_s)])
}

/// Constant rates, each until then.
pub(super) fn stages(from_per_s: f64, until: &[(f64, f64)]) -> String {
    let mut list = Vec::new();
    let mut at_s = 0.0;
    for (until_s, per_s) in until {
        list.push(format!("{{ per_s = {per_s:?}, over_s = 0 }}"));
        list.push(format!("{{ per_s = {per_s:?}, over_s = {:?} }}", until_s - at_s));
        at_s = *until_s;
    }
    format!(
        "[load]\nramping_arrival_rate = {{ from_per_s = {from_per_s:?}, stages = [{}] }}",
        list.join(", ")
    )
}

pub(super) const SHORT_OF_4: &str = "it had only 4 of the ";

pub(super) struct Outcome(bool, f64, &'static str);
pub(super) const PASSES: Outcome = Outcome(true, f64::NAN, "");
pub(super) const fn fails(at_s: f64, reason: &'static str) -> Outcome {
    Outcome(false, at_s, reason)
}

pub(super) fn row(
    (name, formula): (&str, &str),
    (value, edge): (f64, f64),
    Outcome(passes, fails_at_s, reason): Outcome,
    service: Service,
    (policy, load): (String, String),
) -> Row {
    let (name, formula) = (name.to_owned(), formula.to_owned());
    Row { name, formula, value, edge, passes, fails_at_s, reason, service, policy, load }
}

/// All rows; those of one question stand together.
pub(crate) fn rows() -> Vec<Row> {
    [
        follow_requests(),
        kubernetes(),
        clouds(),
        groups_and_rules(),
        bounds_and_holds(),
        known_before(),
        others(),
        super::bought::rows(),
    ]
    .concat()
}

fn follow_requests() -> Vec<Row> {
    let requests = || policy("requests", "rated_per_min = 3000, buffer = 0.3, max_instances = 50");
    let alone = ("fixed instances", "16 s of λ: (λ/200 − 1)·16 = P = 1 at λ = 212.5");
    let follows = ("requests and 30 %", "(λ/200 − 1)·6 = P = 1.5 at λ = 250");
    let late = ("requests, a slower start", "(260/200 − 1)·(E + D) = P = 1.5 at E + D = 5");
    let slow = |delay_s| Service { delay_s, ..Service::patient(1.5) };
    vec![
        row(
            alone,
            (206.0, 212.5),
            PASSES,
            Service::patient(1.0),
            (fixed(4), constant(206.0, 16.0)),
        ),
        // Turned away from t = 1/(219/200 − 1) on.
        row(
            alone,
            (219.0, 212.5),
            fails(10.53, SHORT_OF_4),
            Service::patient(1.0),
            (fixed(4), constant(219.0, 16.0)),
        ),
        row(
            follows,
            (241.0, 250.0),
            PASSES,
            Service::patient(1.5),
            (requests(), jump(241.0, 18.0)),
        ),
        // 6 + 1.5/(259/200 − 1).
        row(
            follows,
            (259.0, 250.0),
            fails(11.08, SHORT_OF_4),
            Service::patient(1.5),
            (requests(), jump(259.0, 18.0)),
        ),
        row(late, (4.8, 5.0), PASSES, slow(2.8), (requests(), jump(260.0, 18.0))),
        // 6 + 1.5/0.3.
        row(late, (5.2, 5.0), fails(11.0, SHORT_OF_4), slow(3.2), (requests(), jump(260.0, 18.0))),
    ]
}

fn kubernetes() -> Vec<Row> {
    let hpa = |target: f64| {
        let keys =
            format!("rps_per_instance = 50, target_utilisation = {target:?}, max_instances = 50");
        policy("hpa", &keys)
    };
    let doubles = (
        "HPA that doubles",
        "100 % of 4 pods busy at a target of 50 % make 8 of them: (λ/200 − 1)·6 = P = 1.2 at λ = 240",
    );
    let deaf = (
        "HPA with a target above 1/1.1",
        "a pod is at most 100 % busy, and 1 ÷ target is within the tolerance of 10 % above 0.909: it never scales",
    );
    vec![
        row(doubles, (231.0, 240.0), PASSES, Service::patient(1.2), (hpa(0.5), jump(231.0, 18.0))),
        // 6 + 1.2/(249/200 − 1).
        row(
            doubles,
            (249.0, 240.0),
            fails(10.9, SHORT_OF_4),
            Service::patient(1.2),
            (hpa(0.5), jump(249.0, 18.0)),
        ),
        // 1 ÷ 0.89 of 4 are 5, which serve 250; until then w = 0.2 · 6.
        row(deaf, (0.89, 1.0 / 1.1), PASSES, Service::patient(1.5), (hpa(0.89), jump(240.0, 20.0))),
        // 6 + 1.5/0.2.
        row(
            deaf,
            (0.93, 1.0 / 1.1),
            fails(13.5, SHORT_OF_4),
            Service::patient(1.5),
            (hpa(0.93), jump(240.0, 20.0)),
        ),
    ]
}

fn clouds() -> Vec<Row> {
    let tracking = || {
        // Below its target before the jump, by more than a look that comes late can make up.
        let keys =
            "rps_per_instance = 50, target_utilisation = 0.6, out_after_s = 4, max_instances = 50";
        policy("target_tracking", keys)
    };
    let step = || {
        let keys = "rps_per_instance = 50, out = [{ utilisation = 0.9, instances = 1 }], \
                    in = [{ utilisation = 0.01, instances = 1 }], after_s = 0, max_instances = 5";
        policy("step_scaling", keys)
    };
    let tracked = (
        "target tracking that waits",
        "over the target since the look at 8, rings at 12, serves at 16: (λ/200 − 1)·10 = P = 2 at λ = 240",
    );
    let stepped = (
        "step scaling that may add one",
        "5 instances from 12 on: [(λ − 200)·6 + (λ − 250)·10]/250 = P = 3.2 at λ = 281.25, at 22 s",
    );
    vec![
        row(
            tracked,
            (232.0, 240.0),
            PASSES,
            Service::patient(2.0),
            (tracking(), jump(232.0, 20.0)),
        ),
        // 6 + 2/(248/200 − 1).
        row(
            tracked,
            (248.0, 240.0),
            fails(14.33, SHORT_OF_4),
            Service::patient(2.0),
            (tracking(), jump(248.0, 20.0)),
        ),
        row(stepped, (272.0, 281.25), PASSES, Service::patient(3.2), (step(), jump(272.0, 22.0))),
        // 540 wait at 12 s; 800 do 260/40 s later.
        row(
            stepped,
            (290.0, 281.25),
            fails(18.5, SHORT_OF_4),
            Service::patient(3.2),
            (step(), jump(290.0, 22.0)),
        ),
    ]
}

fn groups_and_rules() -> Vec<Row> {
    let group = || {
        let keys = "rps_per_instance = 50, target_utilisation = 1, step_instances = 1, cooldown_s = 4, \
                    max_instances = 50";
        policy("cloud_group", keys)
    };
    let rules = || {
        let keys = "rps_per_instance = 50, cooldown_s = 60, max_instances = 50, out = [{ measure = \
                    \"cpu_percent\", threshold = 80, instances = 2 }], in = [{ measure = \"cpu_percent\", \
                    threshold = 10, instances = 1 }]";
        policy("rules", keys)
    };
    let grouped = (
        "cloud group of one at a time",
        "5 from 12 on, 6 from 16 on: [(λ − 200)·6 + (λ − 250)·4]/250 = P = 2.6 at λ = 285",
    );
    let ruled = ("rules that add two", "6 from 12 on: (λ/200 − 1)·6 = P = 1.8 at λ = 260");
    vec![
        row(grouped, (275.0, 285.0), PASSES, Service::patient(2.6), (group(), jump(275.0, 22.0))),
        // Before the first one serves: 6 + 2.6/(295/200 − 1).
        row(
            grouped,
            (295.0, 285.0),
            fails(11.47, SHORT_OF_4),
            Service::patient(2.6),
            (group(), jump(295.0, 22.0)),
        ),
        row(ruled, (251.0, 260.0), PASSES, Service::patient(1.8), (rules(), jump(251.0, 18.0))),
        // 6 + 1.8/(269/200 − 1).
        row(
            ruled,
            (269.0, 260.0),
            fails(11.22, SHORT_OF_4),
            Service::patient(1.8),
            (rules(), jump(269.0, 18.0)),
        ),
    ]
}

fn bounds_and_holds() -> Vec<Row> {
    let at_most_5 = || policy("requests", "rated_per_min = 3000, buffer = 0.3, max_instances = 5");
    let full = (
        "no more than 5",
        "5 from 12 on: [(λ − 200)·6 + (λ − 250)·10]/250 = P = 3 at λ = 278.125, at 22 s",
    );
    let again = (
        "a second wave",
        "290 until 6 s, 90 until 16 s, then 290 again: the looks at 8 to 16 want 2 of 6; a hold of up to 8 s \
         lets them go",
    );
    let held = |scale_in_hold_s| Service { scale_in_hold_s, ..Service::patient(1.0) };
    let two = "requests = { rated_per_min = 3000, buffer = 0, min_instances = 2, max_instances = 50, \
               initial_instances = 6 }";
    let waves = || (two.to_owned(), stages(290.0, &[(6.0, 290.0), (16.0, 90.0), (22.0, 290.0)]));
    vec![
        row(
            full,
            (269.0, 278.125),
            PASSES,
            Service::patient(3.0),
            (at_most_5(), jump(269.0, 22.0)),
        ),
        // 522 wait at 12 s; 750 do 228/37 s later.
        row(
            full,
            (287.0, 278.125),
            fails(18.16, SHORT_OF_4),
            Service::patient(3.0),
            (at_most_5(), jump(287.0, 22.0)),
        ),
        row(again, (8.3, 8.0), PASSES, held(8.3), waves()),
        // 2 serve 100: 16 + 1/(290/100 − 1).
        row(again, (7.7, 8.0), fails(16.53, "it had only 2 of the "), held(7.7), waves()),
    ]
}

fn known_before() -> Vec<Row> {
    let ahead = |before_s: f64| {
        format!(
            "{}\nahead = [{{ at_min = 0.1, before_s = {before_s:?}, min_instances = 6 }}]",
            policy("requests", "rated_per_min = 3000, buffer = 0.3, max_instances = 4")
        )
    };
    let known = (
        "what is known is laid down before",
        "wanted at the look at 6, 6 serve D later: (260/200 − 1)·D = P = 0.9 at D = 3",
    );
    let soon = |delay_s| Service { delay_s, ..Service::patient(0.9) };
    let early = (
        "what is known is laid down early enough",
        "6 are known at 6 s: wanted at the look at 4 where it is at least 2 s before, they serve at 8, else at \
         10; (284/200 − 1)·2 < P = 1.2 < 0.42·4",
    );
    let jump = || jump(260.0, 16.0);
    vec![
        row(known, (2.9, 3.0), PASSES, soon(2.9), (ahead(0.0), jump())),
        // 6 + 0.9/0.3.
        row(known, (3.1, 3.0), fails(9.0, SHORT_OF_4), soon(3.1), (ahead(0.0), jump())),
        row(
            early,
            (2.1, 2.0),
            PASSES,
            Service::patient(1.2),
            (ahead(2.1), self::jump(284.0, 16.0)),
        ),
        // 6 + 1.2/0.42.
        row(
            early,
            (1.9, 2.0),
            fails(8.86, SHORT_OF_4),
            Service::patient(1.2),
            (ahead(1.9), self::jump(284.0, 16.0)),
        ),
    ]
}

fn others() -> Vec<Row> {
    let limited = |rps: f64| Service {
        more: format!("base_latency_ms = 5\nrate_limit_rps = {rps:?}"),
        ..Service::patient(1.0)
    };
    let limit = ("a rate limit", "above it 429, once a bucket of one second's worth is empty");
    let asks = |patience_s| Service { asks_rps: Some(150.0), ..Service::patient(patience_s) };
    let chain = (
        "a service behind the service",
        "it serves 150 and has a patience of 1: (λ/150 − 1)·16 = 1 at λ = 159.375",
    );
    let quick = |quick_ms| Service {
        quick_ms: Some(quick_ms),
        more: "base_latency_ms = 400".to_owned(),
        ..Service::patient(1.0)
    };
    let latency =
        ("a limit of latency", "each answer takes 400 ms, and 1/400 of a match second of work");
    let users = |buffer: f64| {
        format!(
            "ladder = {{ rung_viewers = 1, buffer_viewers = {buffer:?}, rps_per_viewer = 1, rps_buffer = 0, \
             rps_per_instance = 1 }}"
        )
    };
    let ramp = "[audience]\nmodel = \"ramp.toml\"\nday = \"ramp\"\nfrom_min = 0\nto_min = \
                0.333333333\nscale = 1\nlead_in_ms = 2_000";
    let ladder = (
        "a ladder's buffer",
        "20 viewers more each second, who ask once a second, first a second after they came: so 20·⌊t⌋ more \
         are asked, and (for looks at 0, 2, …) 40·⌊(t − 4)/2⌋ + B more are served. Summed up, the longest wait \
         is P = 0.2 at B = 84.47",
    );
    let rung = || Service { rated_rps: 1.0, ..Service::patient(0.2) };
    vec![
        row(limit, (210.0, 200.0), PASSES, limited(210.0), (fixed(8), constant(200.0, 24.0))),
        // The bucket of 190 is empty after 190/10 s.
        row(
            limit,
            (190.0, 200.0),
            fails(19.0, "it had all the instances that its demand needed"),
            limited(190.0),
            (fixed(8), constant(200.0, 24.0)),
        ),
        row(chain, (155.0, 159.375), PASSES, asks(1.0), (fixed(8), constant(155.0, 16.0))),
        // 1/(164/150 − 1).
        row(
            chain,
            (164.0, 159.375),
            fails(10.71, "it had all the instances that its demand needed"),
            asks(1.0),
            (fixed(8), constant(164.0, 16.0)),
        ),
        row(latency, (436.0, 401.0), PASSES, quick(436.0), (fixed(8), constant(200.0, 16.0))),
        row(
            latency,
            (368.0, 401.0),
            fails(0.0, "(limit 368 ms)"),
            quick(368.0),
            (fixed(8), constant(200.0, 16.0)),
        ),
        row(ladder, (92.0, 84.47), PASSES, rung(), (users(92.0), ramp.to_owned())),
        row(
            ladder,
            (77.0, 84.47),
            fails(7.6, "it had only "),
            rung(),
            (users(77.0), ramp.to_owned()),
        ),
    ]
}
