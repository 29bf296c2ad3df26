//! Locks of data that stays sound if a thread fails while it holds one.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Waits for the lock, whatever became of who held it before.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
