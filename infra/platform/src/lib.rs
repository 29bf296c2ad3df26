//! The reference platform: a streaming service of known truth
