//! How well each service kept up, as a sentence a person would say.

use hulk_scaling::elasticity::Elasticity;

use crate::verdict::{ServiceScaling, Verdict};
use crate::words::{escape, instances, minute, number};

/// A sentence for each service that was judged, those that were short first.
pub(super) fn sentences(verdict: &Verdict) -> String {
    let mut judged: Vec<(&ServiceScaling, &Elasticity)> =
        verdict.scaling.iter().filter_map(|s| s.elasticity.as_ref().map(|e| (s, e))).collect();
    judged.sort_by(|a, b| b.1.debt_unit_min.total_cmp(&a.1.debt_unit_min));
    let items: String = judged
        .iter()
        .map(|(scaling, figures)| {
            let behind = scaling.fell_behind().map(|told| format!(" {told}")).unwrap_or_default();
            format!("<li>{}</li>\n", escape(&(sentence(scaling, figures) + &behind)))
        })
        .collect();
    if items.is_empty() { items } else { format!("<ul>\n{items}</ul>\n") }
}

fn sentence(scaling: &ServiceScaling, figures: &Elasticity) -> String {
    let short = match &scaling.shortage {
        None => format!("{} always had the instances that it needed", scaling.service),
        Some(short) => format!(
            "{} was short of up to {} for {} match minutes, worst at minute {}",
            scaling.service,
            instances(figures.debt_peak_units),
            number(short.lasted_match_min),
            minute(short.worst_match_min),
        ),
    };
    let followed = match (scaling.lag_longest_match_s, scaling.rises_not_followed) {
        (None, 0) => "what it needed never rose".to_owned(),
        (None, 1) => "its one rise was not followed before the end".to_owned(),
        (None, rises) => format!("none of its {rises} rises was followed before the end"),
        (Some(0.0), 0) => "every rise found the instances ready".to_owned(),
        (Some(longest), 0) => {
            format!("it followed a rise after {} match seconds at the longest", number(longest))
        }
        (Some(longest), rises) => format!(
            "it followed a rise after up to {} match seconds and {rises} not at all",
            number(longest)
        ),
    };
    let spare = match figures.theta_o_pct {
        0.0 => "it never held more than it needed".to_owned(),
        more => format!("it held {} % more than it needed on average", number(more)),
    };
    format!("{short}; {followed}; {spare}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scaling(lag_longest_match_s: Option<f64>, rises_not_followed: usize) -> ServiceScaling {
        ServiceScaling {
            service: "home".into(),
            not_judged: None,
            window_match_s: 60.0,
            window_requests_max: 1,
            not_served: 0,
            viewers_not_served: None,
            not_served_first_match_min: None,
            moment: None,
            elasticity: None,
            demand_peak: 1.0,
            supply_peak: 1.0,
            shortage: None,
            lag_longest_match_s,
            rises_not_followed,
            lags: Vec::new(),
            lags_left_out: 0,
            violation_match_min: 0.0,
            cost_instance_h: Some(1.0),
            scale_outs: Vec::new(),
            scale_outs_left_out: 0,
            enough: None,
        }
    }

    fn figures(debt_peak_units: f64, theta_o_pct: f64) -> Elasticity {
        Elasticity {
            window_s: 1.0,
            a_u_units: 0.0,
            a_o_units: 0.0,
            theta_u_pct: 0.0,
            theta_o_pct,
            theta_o_by_supply_pct: 0.0,
            tau_u_pct: 0.0,
            tau_o_pct: 0.0,
            instability_pct: 0.0,
            jitter_per_min: 0.0,
            debt_unit_min: 0.0,
            debt_peak_units,
        }
    }

    #[test]
    fn golden_a_sentence_for_each_way_to_keep_up() {
        let short = crate::verdict::Shortage {
            first_match_min: 259.0,
            worst_match_min: 260.0,
            worst_demand: 145.0,
            worst_supply: 103.0,
            lasted_match_min: 3.1,
            not_served: 0,
            viewers_not_served: None,
        };
        let late = ServiceScaling { shortage: Some(short), ..scaling(Some(120.0), 0) };
        assert_eq!(
            sentence(&late, &figures(42.0, 18.04)),
            "home was short of up to 42 instances for 3.1 match minutes, worst at minute 260.0; it \
             followed a rise after 120 match seconds at the longest; it held 18 % more than it needed \
             on average."
        );
        let told = |longest, rises| sentence(&scaling(longest, rises), &figures(0.0, 0.0));
        let end = "; it never held more than it needed.";
        let start = "home always had the instances that it needed; ";
        for (found, middle) in [
            (told(None, 0), "what it needed never rose"),
            (told(Some(0.0), 0), "every rise found the instances ready"),
            (told(None, 1), "its one rise was not followed before the end"),
            (told(None, 3), "none of its 3 rises was followed before the end"),
            (
                told(Some(60.0), 2),
                "it followed a rise after up to 60 match seconds and 2 not at all",
            ),
        ] {
            assert_eq!(found, format!("{start}{middle}{end}"));
        }
    }
}
