//! `[callers.objectives]`: what is asked of all calls.

use hulk_record::{CallObjectives, SessionObjectives};
use hulk_settings::Section;

/// What the file says, and the usual for the rest. Its price list may stand in the backend's file.
pub(super) fn read(callers: &Section<'_>) -> Option<CallObjectives> {
    let usual = CallObjectives::default();
    let Some(section) = callers.section_optional("objectives") else {
        return (!callers.has("objectives")).then_some(usual);
    };
    let share = |key, usual| section.number_or(key, 0.0..=1.0, usual);
    let optional = |key, range| match section.has(key) {
        true => section.number(key, range).map(Some),
        false => Some(None),
    };
    let session = read_session(&section, usual.session);
    let concurrent_min = match section.has("min_concurrent") {
        true => section.integer("min_concurrent", 1..=10_000).map(|least| Some(least as u32)),
        false => Some(None),
    };
    let goodput_min = share("min_goodput", usual.goodput_min);
    let availability_min = share("min_availability", usual.availability_min);
    let error_rate_max = share("max_error_rate", usual.error_rate_max);
    let monthly_cost = optional("monthly_cost", 0.0..=1e9);
    let cost_max = section.number_or("max_cost", 0.0..=1e9, usual.cost_max);
    let recovery_ms_max = optional("max_recovery_ms", 100.0..=3_600_000.0);
    Some(CallObjectives {
        session: session?,
        concurrent_min: concurrent_min?,
        goodput_min: goodput_min?,
        availability_min: availability_min?,
        error_rate_max: error_rate_max?,
        monthly_cost: monthly_cost?,
        cost_max: cost_max?,
        recovery_s_max: recovery_ms_max?.map(|ms| ms / 1e3),
    })
}

fn read_session(section: &Section<'_>, usual: SessionObjectives) -> Option<SessionObjectives> {
    let ms = |key, usual: u32| section.integer_or(key, 1..=600_000, usual.into());
    let setup_ms_max = ms("max_setup_ms", usual.setup_ms_max);
    let latency_ms_max = ms("max_latency_ms", usual.latency_ms_max);
    let underruns_max =
        section.integer_or("max_underruns", 1..=1_000_000, usual.underruns_max.into());
    let fps_min = section.number_or("min_fps", 0.0..=120.0, usual.fps_min);
    let ahead = section.number_or("max_av_ahead_ms", 0.0..=10_000.0, usual.av_ahead_ms_max);
    let behind = section.number_or("max_av_behind_ms", 0.0..=10_000.0, usual.av_behind_ms_max);
    Some(SessionObjectives {
        setup_ms_max: setup_ms_max? as u32,
        latency_ms_max: latency_ms_max? as u32,
        underruns_max: underruns_max? as u32,
        fps_min: fps_min?,
        av_ahead_ms_max: ahead?,
        av_behind_ms_max: behind?,
    })
}
