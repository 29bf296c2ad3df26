//! Frames of records of versions 2 to 4.
//!
//! Since version 2 fields were only added at a frame's end. The wire form names no field, so an
//! older frame is how today's begins, and what it did not tell is put behind it.

use serde::Serialize;

use crate::{
    CallersSample, CodecError, Frame, ProcessSample, QoeCounts, RawSample, Session, decode, encode,
};

/// Reads a frame of version 2: without playback and single requests.
pub(crate) fn read_v2(bytes: &[u8]) -> Result<Frame, CodecError> {
    let untold: (_, Vec<RawSample>, u64) = (QoeCounts::default(), Vec::new(), 0);
    read_v3(&followed_by(bytes, &untold)?)
}

/// Reads a frame of version 3: without the process's own sample.
pub(crate) fn read_v3(bytes: &[u8]) -> Result<Frame, CodecError> {
    read_v4(&followed_by(bytes, &ProcessSample::default())?)
}

/// Reads a frame of version 4: without callers of an avatar backend.
pub(crate) fn read_v4(bytes: &[u8]) -> Result<Frame, CodecError> {
    let untold: (_, Vec<Session>, u64) = (CallersSample::default(), Vec::new(), 0);
    decode(&followed_by(bytes, &untold)?)
}

fn followed_by(bytes: &[u8], untold: &impl Serialize) -> Result<Vec<u8>, CodecError> {
    Ok([bytes, &encode(untold)?].concat())
}
