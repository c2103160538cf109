//! Detects that packets pass an interface but none reaches the program at its hook. Then another program takes them
//! earlier, perhaps at a hook that no list shows (XDP).

/// Packets of one direction, so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    /// The interface's own count.
    pub(super) passed: u64,
    /// The program's count.
    pub(super) counted: u64,
}

/// A smaller difference can come from the time between the two readings.
const ENOUGH: u64 = 16;

impl Progress {
    /// Returns the packets that passed since an earlier check, if the program counted none of them.
    ///
    /// The two counters count different things (segments, frames dropped below the hook), so only a standstill is a
    /// sign.
    pub(super) fn silence_since(self, before: Self) -> Option<u64> {
        let passed = self.passed.checked_sub(before.passed)?;
        (self.counted == before.counted && passed >= ENOUGH).then_some(passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_stalled_counters_with_traffic_are_a_stall() {
        let at = |passed, counted| Progress { passed, counted };
        for (before, now, expected) in [
            (at(10, 10), at(10, 10), None),
            (at(10, 10), at(25, 10), None),
            (at(10, 10), at(26, 10), Some(16)),
            (at(10, 10), at(1000, 11), None),
            // The counters were reset.
            (at(1000, 10), at(5, 10), None),
        ] {
            assert_eq!(now.silence_since(before), expected);
        }
    }
}
