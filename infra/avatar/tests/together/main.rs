//! Callers and backend together, in virtual time.

#[cfg(test)]
mod knee;
