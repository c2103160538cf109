//! Reading forward through octets that may end too early.

use super::end::End;

/// The octets that are left of a message or of a part of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    octets: &'a [u8],
    /// How the message ended if no octets follow.
    at_end: End,
}

impl<'a> Cursor<'a> {
    /// Of a message whose end may be missing.
    pub(super) const fn of_part(octets: &'a [u8]) -> Self {
        Self {
            octets,
            at_end: End::Cut,
        }
    }

    /// Octets that are left.
    pub(super) const fn rest(&self) -> &'a [u8] {
        self.octets
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.octets.is_empty()
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], End> {
        match self.octets.split_at_checked(length) {
            Some((taken, rest)) => {
                self.octets = rest;
                Ok(taken)
            }
            None => Err(self.at_end),
        }
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], End> {
        match self.octets.split_first_chunk() {
            Some((taken, rest)) => {
                self.octets = rest;
                Ok(*taken)
            }
            None => Err(self.at_end),
        }
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

    /// The next `length` octets as a part of their own. If fewer are there, those: then the part may be cut. Otherwise its end is
    /// its end, and to want more of it is malformed.
    pub(super) fn part(&mut self, length: usize) -> Result<Self, End> {
        let at_hand = length.min(self.octets.len());
        let is_whole = at_hand == length;
        if !is_whole && self.at_end == End::Malformed {
            return Err(End::Malformed);
        }
        Ok(Self {
            octets: self.take(at_hand)?,
            at_end: if is_whole { End::Malformed } else { End::Cut },
        })
    }

    /// True if the octets end here because there were no more at hand.
    pub(super) fn is_cut(&self) -> bool {
        self.at_end == End::Cut
    }
}
