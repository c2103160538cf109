//! Places where tests kill the process with SIGKILL, each in the middle of an operation.

macro_rules! fail_points {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// A place in the middle of an operation on a flow or an instance.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u32)]
        #[cfg_attr(
            not(feature = "__lab"),
            expect(unreachable_pub, reason = "the lab's, where there is one")
        )]
        pub enum FailPoint {
            $($(#[$doc])* $name,)*
        }

        #[cfg(feature = "__lab")]
        impl FailPoint {
            /// All places.
            pub const ALL: &[Self] = &[$(Self::$name,)*];
        }
    };
}

fail_points! {
    /// A flow is marked as closing, and its key still leads to it.
    Marked,
    /// Its key is deleted from a bucket that is not its home, and the home still counts it.
    Uncounted,
    /// Its key is deleted, and programs may still count.
    Unlisted,
    /// The grace period is over, and the last record is not made.
    Quiet,
    /// The last record is made, and the journal does not have it.
    Recorded,
    /// The journal has it, and the consumer does not.
    Finished,
    /// The consumer has acknowledged it, and the slot still has the flow.
    Acknowledged,
    /// The slot is empty, and its journal page is not cleared.
    Scrubbed,
    /// The slot has no owner: it is not in the stack of free slots.
    Unowned,
    /// The note of the next record is half written.
    Noted,
    /// The note is written, and the consumer does not have the record.
    Offered,
    /// The plan of a suppressed record is written, and no count is moved.
    Planned,
    /// The counts are moved at one of two hooks.
    HalfMoved,
    /// The counts are moved, and the journal is not updated.
    Moved,
    /// The journal is updated, and the plan is not cleared.
    Suppressed,
    /// The sums of a removed interface are written, and not valid yet.
    Summed,
    /// The sums are valid, and the ledger of the interface is not empty yet.
    Departing,
    /// The ledger is empty, and the word still names it.
    Emptied,
    /// An interface has another name, and both names are stored.
    Named,
    /// Flows of removed interfaces are marked, and their keys still lead to them.
    Parting,
    /// Some of the pins are made.
    Making,
    /// The maps are pinned, and nothing is attached.
    Made,
    /// Some free slots are on the new stack.
    Moving,
    /// The new program creates flows, and old programs at the hooks do everything else.
    Connected,
    /// The new program is at one hook, and old programs are at the others.
    Swapped,
    /// A program is being moved to another place at its hook.
    Shifted,
    /// Some of the slots are taken over.
    TakingOver,
    /// Some of the free slots are returned.
    Returning,
    /// Some of the pins are removed.
    Removing,
}

/// Ends the process here if a test wants it.
#[cfg(not(feature = "__lab"))]
#[inline]
pub(crate) fn fail_point(_: FailPoint) {}

#[cfg(feature = "__lab")]
pub(crate) use armed::fail_point;
#[cfg(feature = "__lab")]
pub use armed::kill_at;

#[cfg(feature = "__lab")]
mod armed {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::FailPoint;

    /// The point's number, from 1; 0 is none.
    static WHERE: AtomicU32 = AtomicU32::new(0);
    static PASSES_LEFT: AtomicU32 = AtomicU32::new(0);

    /// Has this process killed when it comes by `point` for the time after `passes`.
    pub fn kill_at(point: FailPoint, passes: u32) {
        PASSES_LEFT.store(passes, Ordering::Relaxed);
        WHERE.store(point as u32 + 1, Ordering::Release);
    }

    pub(crate) fn fail_point(point: FailPoint) {
        if WHERE.load(Ordering::Acquire) == point as u32 + 1
            && PASSES_LEFT.fetch_sub(1, Ordering::Relaxed) == 0
        {
            let own = rustix::process::getpid();
            let _ = rustix::process::kill_process(own, rustix::process::Signal::KILL);
        }
    }
}
