//! What the ring carries: hints that save user space a look at every slot. The slots are the truth.

/// A flow began in a slot. May come late, for a slot that was used again since, or not at all.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NewFlow {
    /// [`super::slot::Slot::first_seen`] of the flow: stale when the slot has another.
    pub first_seen: u64,
    /// Number of the slot.
    pub slot: u32,
    /// Kernel index of the interface.
    pub ifindex: u32,
}

/// Counters that belong to no interface.
#[repr(C, align(64))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Globals {
    /// Slots below this were used at least once. May run past the number of slots by one per CPU. Atomic.
    pub high_water: u64,
    /// Keeps the counters on lines of their own.
    pub reserved: [u64; 7],
    /// Events that the ring refused. Atomic.
    pub ring_refused: u64,
    /// As above.
    pub reserved_too: [u64; 7],
    /// What the clock program saw when user space last ran it.
    pub clock: Clock,
}

/// The same moment on two clocks, so that ticks can be told as time.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    /// Kernel ticks (jiffies).
    pub ticks: u64,
    /// Coarse `CLOCK_MONOTONIC`, ns: as of the last tick.
    pub monotonic: u64,
}
