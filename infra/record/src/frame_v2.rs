//! Frames of records of version 2: without playback and single requests.

use serde::Deserialize;

use crate::{
    AnswerCount, ArrivalCounts, AudienceSample, CodecError, Frame, MachineSample, Offset,
    ResponseCount, SendCount, SeriesKey, SparseHistogram, TroubleCount, Unanswered, decode,
};

#[derive(Deserialize)]
struct FrameV2 {
    worker: u32,
    incarnation: u64,
    sequence: u64,
    from: Offset,
    to: Offset,
    watermark: Offset,
    series: Vec<(SeriesKey, SparseHistogram)>,
    arrivals: ArrivalCounts,
    sends: Vec<SendCount>,
    answers: Vec<AnswerCount>,
    unanswered: Vec<Unanswered>,
    unanswered_untold: u64,
    responses: Vec<ResponseCount>,
    troubles: Vec<TroubleCount>,
    bytes_received: u64,
    audience: AudienceSample,
    machine: MachineSample,
}

/// Reads a frame of version 2. What it did not tell stays empty.
pub(crate) fn read(bytes: &[u8]) -> Result<Frame, CodecError> {
    let old: FrameV2 = decode(bytes)?;
    Ok(Frame {
        worker: old.worker,
        incarnation: old.incarnation,
        sequence: old.sequence,
        from: old.from,
        to: old.to,
        watermark: old.watermark,
        series: old.series,
        arrivals: old.arrivals,
        sends: old.sends,
        answers: old.answers,
        unanswered: old.unanswered,
        unanswered_untold: old.unanswered_untold,
        responses: old.responses,
        troubles: old.troubles,
        bytes_received: old.bytes_received,
        audience: old.audience,
        machine: old.machine,
        ..Frame::default()
    })
}
