//! Callers and backend together, in virtual time.

#[cfg(test)]
mod brown_out;
#[cfg(test)]
mod knee;
