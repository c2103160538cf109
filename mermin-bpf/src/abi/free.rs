//! The memory of free slots: a stack of their numbers, and for each CPU the slots that it took and did not use.

/// Numbers in a line.
pub const NUMBERS: usize = 16;

/// Spare slots that a CPU may have. One is enough unless a run of the program interrupts another one on its CPU: a packet
/// interrupts a test run, and with `PREEMPT_RT` a packet another one.
pub const SPARES: usize = 2;

/// One cache line of the map. The first line begins with a [`Top`]. Then each CPU has a line that begins with its [`SPARES`]
/// spare slots: each is 0, or one more than a slot's number. The remaining lines have the numbers on the stack.
#[repr(C, align(64))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FreeLine {
    /// Slot numbers.
    pub numbers: [u32; NUMBERS],
}

/// How many numbers are on the stack (25 bits), and a counter of changes (39 bits). Each push and pop raises the counter, so no
/// two states of the stack have the same value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Top(pub u64);

impl Top {
    const COUNT_BITS: u32 = 25;
    const CHANGE: u64 = 1 << Self::COUNT_BITS;

    /// Numbers on the stack.
    #[inline(always)]
    #[must_use]
    pub const fn count(self) -> u32 {
        (self.0 & (Self::CHANGE - 1)) as u32
    }

    /// The place of the uppermost number; `None` if there is none.
    #[inline(always)]
    #[must_use]
    pub const fn uppermost(self) -> Option<u32> {
        self.count().checked_sub(1)
    }

    /// The top after one more number was pushed.
    #[inline(always)]
    #[must_use]
    pub const fn pushed(self) -> Self {
        Self(self.0.wrapping_add(Self::CHANGE + 1))
    }

    /// The top after the uppermost number was popped.
    #[inline(always)]
    #[must_use]
    pub const fn popped(self) -> Self {
        Self(self.0.wrapping_add(Self::CHANGE - 1))
    }
}

/// Layout of the map for a number of CPUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FreeShape {
    /// CPUs the kernel may ever bring up.
    pub cpus: u32,
}

impl FreeShape {
    /// Lines for so many slots.
    #[must_use]
    pub const fn lines(self, slots: u32) -> u32 {
        1 + self.cpus + slots.div_ceil(NUMBERS as u32)
    }

    /// The line of a CPU's spare slots.
    #[inline(always)]
    #[must_use]
    pub const fn spare(self, cpu: u32) -> u32 {
        1 + cpu
    }

    /// The line of a place of the stack, and the position of that place in the line.
    #[inline(always)]
    #[must_use]
    pub const fn place(self, place: u32) -> (u32, usize) {
        (
            1 + self.cpus + place / NUMBERS as u32,
            place as usize & (NUMBERS - 1),
        )
    }
}

const _: () = assert!(size_of::<FreeLine>() == 64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn top_counts_numbers_and_changes() {
        let empty = Top(0);
        assert_eq!((empty.count(), empty.uppermost()), (0, None));
        let one = empty.pushed();
        assert_eq!((one.count(), one.uppermost()), (1, Some(0)));
        let again = one.popped();
        assert_eq!(again.count(), 0);
        assert_ne!(again, empty);
        // The counter of changes begins anew without disturbing the number on the stack.
        let last = Top(u64::MAX << 25 | 5);
        assert_eq!(last.pushed(), Top(6));
        assert_eq!(last.popped(), Top(4));
    }

    #[test]
    fn each_place_has_a_number_of_its_own() {
        let (shape, slots) = (FreeShape { cpus: 3 }, 40);
        let places: std::collections::HashSet<_> =
            (0..slots).map(|place| shape.place(place)).collect();
        assert_eq!(places.len(), slots as usize);
        let spares = (0..shape.cpus).map(|cpu| shape.spare(cpu));
        let lines: std::vec::Vec<u32> =
            spares.chain(places.iter().map(|(line, _)| *line)).collect();
        assert!(
            lines
                .iter()
                .all(|line| (1..shape.lines(slots)).contains(line))
        );
        assert!(places.iter().all(|(line, _)| *line > shape.spare(2)));
    }
}
