//! Frames of records of version 1. The wire form names no field, so each version needs its own.

use serde::Deserialize;

use crate::{
    ArrivalCounts, AudienceSample, CodecError, Frame, MachineSample, Offset, SendCount, SeriesKey,
    SparseHistogram, decode,
};

#[derive(Deserialize)]
struct FrameV1 {
    worker: u32,
    incarnation: u64,
    sequence: u64,
    from: Offset,
    to: Offset,
    watermark: Offset,
    series: Vec<(SeriesKey, SparseHistogram)>,
    arrivals: ArrivalCounts,
    sends: Vec<SendCountV1>,
    bytes_received: u64,
    audience: AudienceV1,
    machine: MachineSample,
}

#[derive(Deserialize)]
struct SendCountV1 {
    service: String,
    due_interval: i32,
    first: u64,
    retries: u64,
    served: u64,
    abandoned: u64,
}

#[derive(Deserialize)]
struct AudienceV1 {
    present: u64,
    presence_us: u64,
    visits_ended: u64,
    visits_us: u64,
}

/// Reads a frame of version 1. What it did not tell stays empty.
pub(crate) fn read(bytes: &[u8]) -> Result<Frame, CodecError> {
    let old: FrameV1 = decode(bytes)?;
    Ok(Frame {
        worker: old.worker,
        incarnation: old.incarnation,
        sequence: old.sequence,
        from: old.from,
        to: old.to,
        watermark: old.watermark,
        series: old.series,
        arrivals: old.arrivals,
        sends: old.sends.into_iter().map(SendCountV1::converted).collect(),
        bytes_received: old.bytes_received,
        audience: AudienceSample {
            present: old.audience.present,
            presence_us: old.audience.presence_us,
            visits_ended: old.audience.visits_ended,
            visits_us: old.audience.visits_us,
            ..AudienceSample::default()
        },
        machine: old.machine,
        ..Frame::default()
    })
}

impl SendCountV1 {
    fn converted(self) -> SendCount {
        SendCount {
            service: self.service,
            due_interval: self.due_interval,
            first: self.first,
            retries: self.retries,
            served: self.served,
            abandoned: self.abandoned,
            ..SendCount::default()
        }
    }
}
