//! The data plane: goose users as parked slots, pacing and recording
