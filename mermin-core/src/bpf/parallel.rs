//! Runs independent work on all CPUs. All long steps of opening are kernel calls that do not wait for each other.
//!
//! While it opens, the capture thread has helpers, at most one for each CPU. The kernel zeroes a map's memory, and
//! verifies a program, within the system call. So maps are created in parallel, the largest first, then programs are
//! loaded, while the thread itself maps the memory. A library reads the object (`bpf/image.rs`); mermin-core makes the
//! system calls itself.

use std::{
    num::NonZero,
    panic,
    sync::{Mutex, PoisonError},
    thread,
};

/// Runs `work` on every item in threads, in the order of the items, and `own` in the calling thread, which then
/// helps. Results are in no order. If a thread cannot be started, the others do its work.
pub(super) fn parallel_map<I: Send, O: Send, R>(
    items: Vec<I>,
    work: impl Fn(I) -> O + Sync,
    own: impl FnOnce() -> R,
) -> (Vec<O>, R) {
    let cpus = thread::available_parallelism().map_or(1, NonZero::get);
    let helpers = cpus.min(items.len());
    let items = Mutex::new(items.into_iter());
    let next = || items.lock().unwrap_or_else(PoisonError::into_inner).next();
    let take = || {
        let mut done = Vec::new();
        while let Some(item) = next() {
            done.push(work(item));
        }
        done
    };
    thread::scope(|scope| {
        let helpers: Vec<_> = (0..helpers)
            .filter_map(|_| {
                let helper = thread::Builder::new().name("mermin-load".into());
                helper.spawn_scoped(scope, take).ok()
            })
            .collect();
        let own = own();
        let mut done = take();
        for helper in helpers {
            let joined = helper.join();
            done.extend(joined.unwrap_or_else(|cause| panic::resume_unwind(cause)));
        }
        (done, own)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_item_is_done_once() {
        for items in [0, 1, 100] {
            let (mut done, own) = parallel_map((0..items).collect(), |item| item * 2, || "own");
            done.sort_unstable();
            let wanted: Vec<u32> = (0..items).map(|item| item * 2).collect();
            assert_eq!((done, own), (wanted, "own"));
        }
    }
}
