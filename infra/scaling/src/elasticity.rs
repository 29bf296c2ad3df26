//! How well supply kept up with demand.
