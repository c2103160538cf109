//! Takes decisions out of octets.

/// Octets that are used up from the front.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bits<'a>(pub(crate) &'a [u8]);

impl<'a> Bits<'a> {
    /// The next octet; `None` at the end.
    pub(crate) fn next(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    /// The next octet, or 0.
    pub(crate) fn octet(&mut self) -> u8 {
        self.next().unwrap_or(0)
    }

    /// The next two octets, or what is there of them.
    pub(crate) fn word(&mut self) -> u16 {
        u16::from_be_bytes([self.octet(), self.octet()])
    }

    /// All that is left.
    pub(crate) fn rest(self) -> &'a [u8] {
        self.0
    }
}
