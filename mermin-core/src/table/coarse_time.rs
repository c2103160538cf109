//! Monotonic time in four octets, because every slot has two of them.

use zerocopy::FromZeros;

/// Steps of 2^26 ns (67 ms), for 9 years of uptime. Later times saturate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, FromZeros)]
pub(crate) struct CoarseTime(u32);

const SHIFT: u32 = 26;
/// One step, ns.
#[cfg(feature = "pcap")]
pub(crate) const STEP: u64 = 1 << SHIFT;

impl CoarseTime {
    /// At once.
    pub(crate) const NOW: Self = Self(0);
    /// Never, unless another event sets a time.
    pub(crate) const NEVER: Self = Self(u32::MAX - 1);
    /// Never: the slot is being closed, and the end of that gives it back.
    pub(crate) const CLOSING: Self = Self(u32::MAX);
    const LAST: u32 = u32::MAX - 2;

    /// The step that a time in ns falls into.
    pub(crate) fn at(nanoseconds: u64) -> Self {
        Self(u32::try_from(nanoseconds >> SHIFT).map_or(Self::LAST, |step| step.min(Self::LAST)))
    }

    /// The first step that begins no earlier than a time in ns. A sweep at that step is not too early.
    pub(crate) fn after(nanoseconds: u64) -> Self {
        Self::at(nanoseconds.saturating_add((1 << SHIFT) - 1))
    }

    /// The stored form, for the next process.
    pub(crate) fn to_bits(self) -> u32 {
        self.0
    }

    /// The inverse of [`to_bits`](Self::to_bits).
    pub(crate) fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The time at which the step began, ns.
    pub(crate) fn nanoseconds(self) -> u64 {
        u64::from(self.0) << SHIFT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timer_is_never_early_and_late_by_less_than_a_step() {
        for nanoseconds in [0, 1, (1 << SHIFT) - 1, 1 << SHIFT, 60_000_000_000] {
            let after = CoarseTime::after(nanoseconds).nanoseconds();
            assert!(after >= nanoseconds && after - nanoseconds < 1 << SHIFT);
            assert!(CoarseTime::at(nanoseconds).nanoseconds() <= nanoseconds);
        }
        assert!(CoarseTime::at(u64::MAX) < CoarseTime::NEVER);
    }
}
