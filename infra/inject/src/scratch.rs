//! A buffer that everything on a thread reads into, so that nobody who waits owns one.

use std::cell::RefCell;

/// So much can be read at once.
const BYTES: usize = 128 << 10;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; BYTES]);
}

/// Reads with the thread's buffer, of which so much is wanted at most. What is in it then must be taken
/// before this returns.
pub(crate) fn with<T>(bytes_max: usize, read: impl FnOnce(&mut [u8]) -> T) -> T {
    SCRATCH.with_borrow_mut(|scratch| read(&mut scratch[..bytes_max.min(BYTES)]))
}
