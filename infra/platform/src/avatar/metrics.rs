//! The backend as metrics: by the names that such backends give them, by those of NVIDIA's exporter, and our own.

use hulk_avatar::{BackendStatus, GpuStatus};

use super::stage::Stage;
use crate::metrics::{Form, Kind, Text};

const MIB: f64 = 1_048_576.0;

pub(crate) fn metrics(stage: &Stage, form: Form) -> String {
    let (backend, counts, faults) = stage.status();
    let mut text = Text::new(form);
    of_the_application(&mut text, &backend);
    let help = "Times that speech broke off for want of audio.";
    let name = text.head("audio_buffer_underruns", Kind::Counter, help);
    text.line(&name, &[], counts.underruns);
    let help = "From when a frame was due to when it was made.";
    counts.latency.write(&mut text, "frame_processing_latency_seconds", help);
    let help = "From a session's token to its socket.";
    counts.connection.write(&mut text, "livekit_connection_seconds", help);
    dcgm(&mut text, &backend);
    for (name, help, value) in [
        ("hulk_avatar_admitted", "Streams that were let in.", backend.totals.admitted),
        ("hulk_avatar_refused", "Streams that were not.", backend.totals.refused),
        ("hulk_avatar_lost", "Streams that faults ended.", backend.totals.lost_streams),
        ("hulk_avatar_failovers", "Sessions led to another GPU.", backend.totals.failovers),
        ("hulk_avatar_frames", "Frames handed to connections.", counts.frames),
        ("hulk_avatar_frames_dropped", "Frames that a slow caller missed.", counts.frames_dropped),
        ("hulk_avatar_vanished", "Callers gone without a word.", counts.vanished),
    ] {
        let name = text.head(name, Kind::Counter, help);
        text.line(&name, &[], value);
    }
    for (name, help, value) in [
        (
            "hulk_avatar_over_admitted_peak",
            "The most streams above a GPU's limit.",
            backend.totals.over_admitted_peak,
        ),
        ("hulk_avatar_zombies", "Streams without a sign of life.", backend.totals.zombies),
    ] {
        let name = text.head(name, Kind::Gauge, help);
        text.line(&name, &[], value);
    }
    growth(&mut text, &backend);
    let name = text.head("hulk_avatar_fault", Kind::Gauge, "Whether a fault is on.");
    for (id, fault, on) in &faults {
        let id = id.to_string();
        text.line(&name, &[("id", &id), ("kind", fault.name())], u8::from(*on));
    }
    text.end()
}

/// Under the names of the application's own exporter: a gauge that is called as a counter is among them.
fn of_the_application(text: &mut Text, backend: &BackendStatus) {
    let help = "Streams at present.";
    let name = text.head("concurrent_streams_total", Kind::Gauge, help);
    text.line(&name, &[], backend.totals.streams);
    each(text, backend, "gpu_utilization_percent", "Work in the last second.", |gpu| {
        gpu.utilisation * 100.0
    });
    each(text, backend, "gpu_memory_used_bytes", "Memory in use.", |gpu| {
        f64::from(gpu.memory_used_mib) * MIB
    });
    let help = "1 at the full rate, 0.5 at half, 0 where a GPU is not healthy.";
    each(text, backend, "video_quality_score", help, |gpu| gpu.quality);
}

/// Only where the backend has a scaler, or rolls a new version out.
fn growth(text: &mut Text, backend: &BackendStatus) {
    if let Some(scaling) = &backend.scaling {
        let name = text.head("hulk_avatar_gpus_ordered", Kind::Gauge, "GPUs that are to come.");
        text.line(&name, &[], scaling.gpus_ordered);
        let name = text.head("hulk_avatar_api_pods", Kind::Gauge, "Pods of the API.");
        text.line(&name, &[], scaling.api_pods);
    }
    if let Some(rollout) = &backend.rollout {
        let help = "The share of users led to the new version, in per cent.";
        let name = text.head("hulk_avatar_rollout_percent", Kind::Gauge, help);
        text.line(&name, &[], rollout.percent);
        let help = "Sessions moved back to the old version.";
        let name = text.head("hulk_avatar_rolled_back_sessions", Kind::Counter, help);
        text.line(&name, &[], rollout.moved);
    }
}

fn dcgm(text: &mut Text, backend: &BackendStatus) {
    each(text, backend, "DCGM_FI_DEV_GPU_UTIL", "Work in the last second, in per cent.", |gpu| {
        (gpu.utilisation * 100.0).round()
    });
    let used = |gpu: &GpuStatus| f64::from(gpu.memory_used_mib);
    each(text, backend, "DCGM_FI_DEV_FB_USED", "Memory in use, in MiB.", used);
    each(text, backend, "DCGM_FI_DEV_FB_FREE", "Memory that is free, in MiB.", |gpu| {
        f64::from(gpu.memory_mib) - used(gpu)
    });
    each(text, backend, "DCGM_FI_DEV_SM_CLOCK", "Clock in MHz.", |gpu| f64::from(gpu.sm_clock_mhz));
    each(text, backend, "DCGM_FI_DEV_XID_ERRORS", "Code of the last error.", |gpu| {
        gpu.xid.map_or(0.0, f64::from)
    });
    each(text, backend, "hulk_avatar_gpu_streams", "Streams of a GPU.", |gpu| gpu.streams as f64);
    each(text, backend, "hulk_avatar_gpu_waiting_frames", "Frames that wait for a batch.", |gpu| {
        gpu.waiting_frames as f64
    });
    each(text, backend, "hulk_avatar_gpu_healthy", "Whether it may have streams.", |gpu| {
        f64::from(u8::from(gpu.healthy))
    });
}

/// A gauge of each GPU.
fn each(
    text: &mut Text,
    backend: &BackendStatus,
    name: &str,
    help: &str,
    of: impl Fn(&GpuStatus) -> f64,
) {
    let name = text.head(name, Kind::Gauge, help);
    for gpu in &backend.gpus {
        let number = gpu.gpu.to_string();
        let labels = [("gpu", number.as_str()), ("kind", &gpu.kind), ("zone", &gpu.zone)];
        text.line(&name, &labels, of(gpu));
    }
}
