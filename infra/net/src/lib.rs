//! The only dialler: every connection needs a permit
