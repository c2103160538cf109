//! Counters that belong to no interface, and hints of slots in which flows have begun.

use super::sampling::Rate;

/// Slots that share a word of [`MAP_FRESH`](super::names::MAP_FRESH).
pub const SLOTS_A_WORD: u32 = 64;

/// Programs that other programs call by tail call, by their place in [`MAP_PROGRAMS`](super::names::MAP_PROGRAMS).
pub mod next {
    /// [`PROGRAM_GENERAL`](crate::abi::names::PROGRAM_GENERAL).
    pub const GENERAL: u32 = 0;
    /// [`PROGRAM_CREATE`](crate::abi::names::PROGRAM_CREATE).
    pub const CREATE: u32 = 1;
    /// [`PROGRAM_TUNNEL`](crate::abi::names::PROGRAM_TUNNEL).
    pub const TUNNEL: u32 = 2;
    /// [`PROGRAM_DEVICE`](crate::abi::names::PROGRAM_DEVICE).
    pub const DEVICE: u32 = 3;
    /// [`PROGRAM_TCP`](crate::abi::names::PROGRAM_TCP).
    pub const TCP: u32 = 4;
    /// Number of these programs.
    pub const COUNT: u32 = 5;
}

/// Counters that belong to no interface.
#[repr(C, align(64))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Globals {
    /// Slots below this number were used at least once. It may exceed the number of slots by one per CPU. Atomic.
    pub high_water: u64,
    /// Sections of payloads that the ring had no room for. Atomic.
    pub sections_lost: u64,
    /// Keeps the counters on a line of their own.
    pub reserved: [u64; 6],
    /// Values that the clock program saw when user space last ran it.
    pub clock: Clock,
    /// The rate at which flows are kept; [`Rate::ALL`] if none are left out. User space writes it, and the kernel program lowers it.
    /// Changed by compare and swap alone.
    pub rate: Rate,
}

/// The same moment on three clocks. It serves to convert ticks into times, and the kernel program's times into those of a process.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    /// Kernel ticks (jiffies).
    pub ticks: u64,
    /// Coarse `CLOCK_MONOTONIC`, ns: as of the last tick.
    pub monotonic: u64,
    /// Precise `CLOCK_MONOTONIC`, ns.
    pub now: u64,
}
