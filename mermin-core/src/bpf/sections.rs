//! Sections of payloads that the kernel program passes.

use std::{
    io,
    mem::size_of,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use mermin_bpf::abi::section::SectionHeader;

use crate::sys::{ring::RingBuffer, wake_ups::WakeUps};

/// The ring of sections.
#[derive(Debug)]
pub(crate) struct Sections {
    ring: RingBuffer,
    wake_ups: WakeUps,
    /// Keeps the map while nothing is attached.
    map: OwnedFd,
}

impl Sections {
    /// Maps a ring of so many octets.
    ///
    /// # Errors
    /// As [`RingBuffer::new`] and [`WakeUps::new`].
    pub(crate) fn new(map: OwnedFd, octets: u32) -> io::Result<Self> {
        Ok(Self {
            ring: RingBuffer::new(map.as_fd(), octets as usize)?,
            wake_ups: WakeUps::new(map.as_fd())?,
            map,
        })
    }

    /// Returns the map.
    pub(crate) fn map(&self) -> BorrowedFd<'_> {
        self.map.as_fd()
    }

    /// A descriptor that is readable once the ring is half full.
    pub(crate) fn wake_ups(&self) -> BorrowedFd<'_> {
        self.wake_ups.as_fd()
    }

    /// Returns true if the ring was half full since the last call.
    pub(crate) fn was_half_full(&self) -> bool {
        self.wake_ups.take()
    }

    /// Gives each section that waits, in order.
    pub(crate) fn read(&mut self, mut take: impl FnMut(&SectionHeader, &[u8])) {
        self.ring.read(|record| {
            let Some((header, octets)) =
                record.split_first_chunk::<{ size_of::<SectionHeader>() }>()
            else {
                return;
            };
            let header = header_of(header);
            if let Some(octets) = octets.get(..header.length.into()) {
                take(&header, octets);
            }
        });
    }
}

/// The fields in their order; the ABI is little-endian.
fn header_of(octets: &[u8; size_of::<SectionHeader>()]) -> SectionHeader {
    fn field<const N: usize>(rest: &mut &[u8]) -> [u8; N] {
        match rest.split_first_chunk() {
            Some((field, behind)) => {
                *rest = behind;
                *field
            }
            None => [0; N],
        }
    }
    let rest = &mut &octets[..];
    SectionHeader {
        first_seen: u64::from_le_bytes(field(rest)),
        time: u64::from_le_bytes(field(rest)),
        slot: u32::from_le_bytes(field(rest)),
        sequence: u32::from_le_bytes(field(rest)),
        payload: u32::from_le_bytes(field(rest)),
        length: u16::from_le_bytes(field(rest)),
        direction: u8::from_le_bytes(field(rest)),
        reserved: u8::from_le_bytes(field(rest)),
    }
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use super::*;

    #[test]
    fn header_is_read_as_it_lies_in_memory() {
        let octets: [u8; 32] = std::array::from_fn(|place| u8::try_from(place).unwrap());
        let header = header_of(&octets);
        let word = |at: usize| u32::from_le_bytes(octets[at..at + 4].try_into().unwrap());
        assert_eq!(header.slot, word(offset_of!(SectionHeader, slot)));
        assert_eq!(header.sequence, word(offset_of!(SectionHeader, sequence)));
        assert_eq!(header.payload, word(offset_of!(SectionHeader, payload)));
        assert_eq!(
            usize::from(header.length.to_le_bytes()[0]),
            offset_of!(SectionHeader, length)
        );
        assert_eq!(
            usize::from(header.direction),
            offset_of!(SectionHeader, direction)
        );
        assert_eq!(header.time.to_le_bytes()[0], 8);
    }
}
