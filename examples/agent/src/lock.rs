//! Locks of facts that several threads read.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks, also after a panic of another thread: every change under a lock is complete before anything can panic.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
