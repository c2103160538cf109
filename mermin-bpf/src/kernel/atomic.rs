//! Shared counters. `core::sync::atomic` offers no addition on this target, which has no compare-and-swap.

use core::intrinsics::{AtomicOrdering, atomic_cxchg, atomic_xadd, atomic_xchg};

/// Adds without returning the old value: every kernel and JIT since 5.14 supports that form.
///
/// # Safety
/// `counter` is valid, aligned, and only ever changed atomically.
#[inline(always)]
pub(super) unsafe fn add(counter: *mut u64, amount: u64) {
    // SAFETY: by the contract above.
    unsafe { atomic_xadd::<u64, u64, { AtomicOrdering::Relaxed }>(counter, amount) };
}

/// Adds and returns the old value.
///
/// Not relaxed: LLVM 22 turns a relaxed addition into the form without a result even where the result is used, and then
/// returns the amount.
///
/// # Safety
/// As [`add`].
#[inline(always)]
pub(super) unsafe fn fetch_add(counter: *mut u64, amount: u64) -> u64 {
    // SAFETY: by the contract above.
    unsafe { atomic_xadd::<u64, u64, { AtomicOrdering::SeqCst }>(counter, amount) }
}

/// Changes a word if it is `from`; true if it was. A full barrier.
///
/// # Safety
/// `at` is valid, aligned, and only ever changed atomically.
#[inline(always)]
pub(super) unsafe fn swap<T: Copy + PartialEq>(at: *mut T, from: T, to: T) -> bool {
    // SAFETY: by the contract above.
    unsafe {
        atomic_cxchg::<T, { AtomicOrdering::SeqCst }, { AtomicOrdering::SeqCst }>(at, from, to).1
    }
}

/// Stores a word and returns the former one. A full barrier.
///
/// # Safety
/// As [`swap`].
#[inline(always)]
pub(super) unsafe fn exchange(at: *mut u32, to: u32) -> u32 {
    // SAFETY: by the contract above.
    unsafe { atomic_xchg::<u32, { AtomicOrdering::SeqCst }>(at, to) }
}
