//! From record to verdict to report: pure functions
