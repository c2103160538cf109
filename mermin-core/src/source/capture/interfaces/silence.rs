//! True if packets pass an interface and none reaches the program at its hook: then another program takes them earlier,
//! perhaps at a hook that no list shows (XDP).

/// Packets of one direction, so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    /// As the interface counts them.
    pub(super) passed: u64,
    /// As the program does.
    pub(super) counted: u64,
}

/// Fewer may be of the moments between the two looks.
const ENOUGH: u64 = 16;

impl Progress {
    /// Packets that passed since an earlier check, if none of them was counted.
    ///
    /// The two counters count different things (segments, frames dropped below), so only a standstill is a sign.
    pub(super) fn silence_since(self, before: Self) -> Option<u64> {
        let passed = self.passed.checked_sub(before.passed)?;
        (self.counted == before.counted && passed >= ENOUGH).then_some(passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_standstill_with_traffic_is_silence() {
        let at = |passed, counted| Progress { passed, counted };
        for (before, now, expected) in [
            (at(10, 10), at(10, 10), None),
            (at(10, 10), at(25, 10), None),
            (at(10, 10), at(26, 10), Some(16)),
            (at(10, 10), at(1000, 11), None),
            // Counters that were reset.
            (at(1000, 10), at(5, 10), None),
        ] {
            assert_eq!(now.silence_since(before), expected);
        }
    }
}
