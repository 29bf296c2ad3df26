//! A row of the table as the files of a rehearsal.

use super::table::{Row, Service};

/// Match seconds per wall second.
pub(super) const SPEED: f64 = 2.5;

/// 100 viewers, and 20 more each second.
const RAMP: &str = r#"
name = "ramp"
about = "a straight line"

[view_length]
lognormal = { mu = 12, sigma = 0 }
grade = "M"

[[days]]
name = "ramp"
minutes_grade = "M"
points = [{ minute = 0, viewers = 100, grade = "M" }, { minute = 1, viewers = 1300, grade = "M" }]
"#;

/// Its files: the rehearsal's is the first.
pub(crate) fn files(row: &Row) -> [(&'static str, String); 4] {
    [
        ("row.toml", rehearsal(row)),
        ("ask.toml", journey(row)),
        ("one.toml", platform(&row.service)),
        ("ramp.toml", RAMP.to_owned()),
    ]
}

fn rehearsal(row: &Row) -> String {
    let Row { policy, load, service, .. } = row;
    let objective = match service.quick_ms {
        None => "served_share = { min = 0.999 }".to_owned(),
        Some(ms) => {
            format!("latency = {{ measure = \"response\", quantile = 0.99, max_ms = {ms:?} }}")
        }
    };
    let behind = match service.asks_rps {
        None => "",
        Some(_) => {
            "[policy.store]\nrequests = { rated_per_min = 3000, min_instances = 3, max_instances = 3 }\n"
        }
    };
    format!(
        "name = \"row\"\nseed = 1\njourneys = [\"ask.toml\"]\n[clock]\nspeed = {SPEED:?}\n{load}\n\
         [target]\nembedded = {{ platform = \"one.toml\" }}\n[policy.door]\nrequests = {{ rated_per_min = \
         6e6, min_instances = 1, max_instances = 1 }}\n[policy.api]\n{policy}\n{behind}[[objective]]\nname = \
         \"api holds\"\nservice = \"api\"\n{objective}\n"
    )
}

/// A request; of a viewer who stays, one each second.
fn journey(row: &Row) -> String {
    let steps = if row.load.contains("ramp.toml") {
        "after = { name = \"come\", service = \"door\", get = \"/door\", on_resume = true }\n[[step]]\nevery = \
         { name = \"ask\", service = \"api\", get = \"/api\", period_s = 1 }"
    } else {
        "after = { name = \"ask\", service = \"api\", get = \"/api\" }"
    };
    format!("name = \"ask\"\ntimeout_ms = 30_000\nretry = {{ none = {{}} }}\n[[step]]\n{steps}\n")
}

fn platform(api: &Service) -> String {
    let Service {
        rated_rps,
        patience_s,
        evaluate_s,
        delay_s,
        scale_in_hold_s,
        more,
        bought,
        platform,
        ..
    } = api;
    let provisioning = |evaluate_s: f64, delay_s: f64, hold_s: f64, more: &str| {
        let third_s = delay_s / 4.0;
        format!(
            "provisioning = {{ evaluate_s = {evaluate_s:?}, decide_s = {third_s:?}, node_s = {:?}, app_s = \
             {third_s:?}, scale_in_hold_s = {hold_s:?}{more} }}",
            delay_s - 2.0 * third_s
        )
    };
    let own = provisioning(*evaluate_s, *delay_s, *scale_in_hold_s, bought);
    let never = provisioning(600.0, 4.0, 600.0, "");
    let (calls, store) = match api.asks_rps {
        None => ("", String::new()),
        Some(rps) => (
            "calls = [{ service = \"store\", timeout_ms = 20_000 }]\n",
            format!(
                "[service.store]\nrated_rps = {:?}\npatience_s = {patience_s:?}\nbase_latency_ms = 5\n\
                 decision_window_s = 2\n{never}\n",
                rps / 3.0
            ),
        ),
    };
    format!(
        "{platform}\n[edge.only]\nbase_latency_ms = 0\ncache_entries = 8\n[media]\norigin = \"door\"\nsegment_s = 6\n\
         window_segments = 3\nplaylist_ttl_s = 2\nsegment_ttl_s = 60\n[media.rendition.240p]\nkbps = 400\n\
         [service.door]\nrated_rps = 1e6\npatience_s = 10\nbase_latency_ms = 5\ndecision_window_s = \
         2\n{never}\n[service.api]\nrated_rps = {rated_rps:?}\npatience_s = \
         {patience_s:?}\ndecision_window_s = 2\n{more}\n{calls}{own}\n{store}[[route]]\npath = \
         \"/api\"\nservice = \"api\"\njson = {{ text = \"{{}}\" }}\n[[route]]\npath = \"/door\"\nservice = \
         \"door\"\njson = {{ text = \"{{}}\" }}\n"
    )
}
