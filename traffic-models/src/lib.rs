//! The audience over time: curve, moments, arrivals and departures
