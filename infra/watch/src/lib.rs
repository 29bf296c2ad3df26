//! Observers of capacity
