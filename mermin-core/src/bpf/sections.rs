//! Sections of payloads that the kernel program passes.

use std::{io, mem::size_of, os::fd::OwnedFd};

use mermin_bpf::abi::section::SectionHeader;

use super::size::Sizes;
use crate::sys::ring::RingBuffer;

/// The ring of sections.
#[derive(Debug)]
pub(crate) struct Sections {
    ring: RingBuffer,
    /// Keeps the map while nothing is attached.
    _map: OwnedFd,
}

impl Sections {
    /// Maps the ring for these sizes.
    ///
    /// # Errors
    /// As [`RingBuffer::new`].
    pub(crate) fn new(map: OwnedFd, sizes: Sizes) -> io::Result<Self> {
        use std::os::fd::AsFd as _;

        let ring = RingBuffer::new(map.as_fd(), sizes.section_ring() as usize)?;
        Ok(Self { ring, _map: map })
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
    fn a_header_is_read_as_it_lies_in_memory() {
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
