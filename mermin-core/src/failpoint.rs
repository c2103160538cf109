//! Places where the tests end the process as kill -9 would, chosen because something is half done there.

macro_rules! fail_points {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// A place in the life of a flow, or of an instance, where something is half done.
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
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];
        }
    };
}

fail_points! {
    /// A flow is marked as being closed, and its key still leads to it.
    Marked,
    /// Its key is gone, and programs may still count.
    Unlisted,
    /// The grace period is over, and the last record is not made.
    Quiet,
    /// The last record is made, and nothing says so.
    Recorded,
    /// The journal says so, and nobody has the record.
    Finished,
    /// The consumer has acknowledged it; the slot is still the flow's.
    Acknowledged,
    /// The slot is empty, and the journal still says that it is not.
    Scrubbed,
    /// The slot belongs to nobody: it is not in the stack of free ones.
    Nobodys,
    /// The next record's mark is half written.
    Noted,
    /// It is written, and nobody has the record.
    Offered,
    /// The withheld counts are written down, and none of them is moved.
    Planned,
    /// It is moved at one of two hooks.
    HalfMoved,
    /// It is moved, and the journal does not say so.
    Moved,
    /// The journal says so, and what was written down still stands.
    Suppressed,
    /// The sums of an interface that left are written, and do not count yet.
    Summed,
    /// They count, and its ledger still counts as well.
    Departing,
    /// Its ledger is empty, and what was written down says that it is not.
    Emptied,
    /// An interface has another name, and is there under both.
    Named,
    /// Flows of interfaces that went are marked, and their keys still lead to them.
    Parting,
    /// Pins are half made.
    Making,
    /// The maps are pinned, and nothing is attached.
    Made,
    /// Free slots are between two stacks.
    Moving,
    /// New flows are made by the new program, all else is done by the old ones.
    Connected,
    /// The new program is at one hook, the old one at the others.
    Swapped,
    /// A program is on its way from one place at its hook to another.
    Shifted,
    /// Slots that were taken over are half looked at.
    TakingOver,
    /// Free slots are half returned.
    Returning,
    /// Pins are half removed.
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
