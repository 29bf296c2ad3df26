//! What travels between a caller and a backend: messages, samples, and the code in the speech.

mod frame;
mod json;
mod pcm;
mod protobuf;
mod speech;

pub use protobuf::FrameMessage;
pub use speech::{PIECE_BYTES, PIECE_SAMPLES, PIECE_US, SAMPLE_RATE_HZ};

pub(crate) use json::{NotAFrame, Pointers, SpeakTemplate};
pub(crate) use pcm::{bytes, level, samples};
pub(crate) use protobuf::{FieldMap, Malformed};
pub(crate) use speech::{Code, Finder};
