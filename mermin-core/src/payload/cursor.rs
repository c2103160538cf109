//! Reading forward through octets that may end too early.

use super::end::End;

/// The octets that are left of a message or of a part of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    octets: &'a [u8],
    /// Octets that belong behind these and are not at hand.
    missing: usize,
}

impl<'a> Cursor<'a> {
    /// Reads a message of unknown length, whose end may be missing.
    pub(super) const fn of_part(octets: &'a [u8]) -> Self {
        Self {
            octets,
            missing: usize::MAX,
        }
    }

    /// Octets that are left.
    pub(super) const fn rest(&self) -> &'a [u8] {
        self.octets
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.octets.is_empty()
    }

    /// The end of the message if so many octets are not at hand.
    const fn short(&self, length: usize) -> End {
        if length > self.octets.len().saturating_add(self.missing) {
            End::Malformed
        } else {
            End::Cut
        }
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], End> {
        let Some((taken, rest)) = self.octets.split_at_checked(length) else {
            return Err(self.short(length));
        };
        self.octets = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], End> {
        let Some((taken, rest)) = self.octets.split_first_chunk() else {
            return Err(self.short(N));
        };
        self.octets = rest;
        Ok(*taken)
    }

    pub(super) fn u8(&mut self) -> Result<u8, End> {
        self.array().map(|[octet]| octet)
    }

    pub(super) fn u16(&mut self) -> Result<u16, End> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, End> {
        self.array().map(u32::from_be_bytes)
    }

    /// The next `length` octets as a part of their own, of which the last ones may be missing.
    ///
    /// # Errors
    /// [`End::Malformed`] if the part would be longer than what it is a part of.
    pub(super) fn part(&mut self, length: usize) -> Result<Self, End> {
        let at_hand = length.min(self.octets.len());
        let missing = length - at_hand;
        if missing > self.missing {
            return Err(End::Malformed);
        }
        Ok(Self {
            octets: self.take(at_hand)?,
            missing,
        })
    }

    /// True if octets are missing.
    pub(super) const fn is_cut(&self) -> bool {
        self.missing != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn part_is_no_longer_than_its_whole() {
        let mut whole = Cursor::of_part(&[1, 2, 3, 4]);
        let mut part = whole.part(10).unwrap();
        assert!(part.is_cut() && whole.is_empty());
        assert_eq!(part.part(11).err(), Some(End::Malformed));
        assert_eq!(part.take(10).err(), Some(End::Cut));
        assert_eq!(part.take(11).err(), Some(End::Malformed));
        assert_eq!(part.u16(), Ok(0x0102));
        let mut inner = part.part(2).unwrap();
        assert_eq!(
            (inner.is_cut(), inner.u16(), inner.u8()),
            (false, Ok(0x0304), Err(End::Malformed))
        );
        assert_eq!(part.u8(), Err(End::Cut));
    }
}
