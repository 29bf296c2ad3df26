//! What must hold, from the file.

use hulk_record::{Bound, Measure, Objective};
use hulk_settings::Section;

const KINDS: [&str; 5] = ["latency", "served_share", "capacity_debt", "startup", "stall_ratio"];

/// Reads an objective.
pub(super) fn read_objective(section: &Section<'_>) -> Option<Objective> {
    let name = section.text("name");
    let service = section.text("service");
    let bound = match section.variant(&KINDS) {
        Some((0, inner)) => {
            let measures = [("response", Measure::Response), ("service", Measure::Service)];
            let measure = inner.word("measure", &measures);
            let quantile = inner.number("quantile", 0.001..=0.999_999);
            let max_ms = inner.number("max_ms", 0.001..=3_600_000.0);
            let quantile_ppm = (quantile? * 1e6).round() as u32;
            Some(Bound::Latency { measure: measure?, quantile_ppm, max_ms: max_ms? })
        }
        Some((1, inner)) => inner.number("min", 0.0..=1.0).map(|min| Bound::ServedShare { min }),
        Some((2, inner)) => inner
            .number("max_instance_min", 0.0..=1e9)
            .map(|max_instance_min| Bound::CapacityDebt { max_instance_min }),
        Some((3, inner)) => {
            let quantile = inner.number("quantile", 0.001..=0.999_999);
            let max_ms = inner.number("max_ms", 0.001..=3_600_000.0);
            let quantile_ppm = (quantile? * 1e6).round() as u32;
            Some(Bound::Startup { quantile_ppm, max_ms: max_ms? })
        }
        Some((_, inner)) => inner.number("max", 0.0..=1.0).map(|max| Bound::StallRatio { max }),
        None => None,
    };
    Some(Objective { name: name?, service: service?, bound: bound? })
}
