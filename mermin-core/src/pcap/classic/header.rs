//! The header of a pcap file, in the variants of different writers.

use super::super::{error::PcapError, time::Resolution, word::Order};

/// Octets of the header.
pub(super) const LENGTH: usize = 24;
/// Octets of a record's header.
const RECORD: usize = 16;
/// Octets of a record's header in the modified format of 1999 (a patch of libpcap for Linux), which adds interface and
/// protocol.
const MODIFIED_RECORD: usize = 24;
/// Link types have 26 bits. The bits above have the length of the frame check sequence and a flag for its presence.
const LINK_MASK: u32 = 0x03ff_ffff;

const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;
const MODIFIED: u32 = 0xa1b2_cd34;

/// The order of the two lengths of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lengths {
    /// The captured length comes first: since version 2.4.
    CapturedFirst,
    /// The original length comes first: before version 2.3, and in DG/UX with version 543.0.
    WireFirst,
    /// Version 2.3 has both orders: the captured length is the smaller one.
    Either,
}

/// Properties of a file from its header.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) order: Order,
    pub(super) resolution: Resolution,
    /// Octets of a record's header.
    pub(super) record: usize,
    pub(super) lengths: Lengths,
    /// Number of the link type.
    pub(super) link: u32,
}

/// Returns byte order and magic of a pcap file with this beginning; `None` for another format.
pub(super) fn magic(start: [u8; 4]) -> Option<(Order, u32)> {
    [Order::Little, Order::Big]
        .into_iter()
        .map(|order| (order, order.u32(start)))
        .find(|(_, magic)| matches!(*magic, MICROSECONDS | NANOSECONDS | MODIFIED))
}

impl Header {
    /// Reads a header.
    pub(super) fn read(octets: &[u8; LENGTH]) -> Result<Self, PcapError> {
        let start = octets.first_chunk().copied().unwrap_or_default();
        let Some((order, magic)) = magic(start) else {
            return Err(PcapError::foreign(octets));
        };
        // Zone, accuracy and snap length are between these fields, and no reader uses them.
        let [major, minor] = [4, 6].map(|at| order.u16_at(octets, at).unwrap_or_default());
        let link = order.u32_at(octets, 20).unwrap_or_default() & LINK_MASK;
        let is_aix = [major, minor] == [2, 2] && aix(link).is_some();
        Ok(Self {
            order,
            resolution: if magic == NANOSECONDS || is_aix {
                Resolution::NANOSECONDS
            } else {
                Resolution::MICROSECONDS
            },
            record: if magic == MODIFIED {
                MODIFIED_RECORD
            } else {
                RECORD
            },
            lengths: match [major, minor] {
                _ if is_aix => Lengths::CapturedFirst,
                [2, 0..=2] | [543, _] => Lengths::WireFirst,
                [2, 3] => Lengths::Either,
                [2, _] => Lengths::CapturedFirst,
                _ => return Err(unknown(major, minor)),
            },
            link: match aix(link) {
                Some(link) if is_aix => link,
                _ => link,
            },
        })
    }
}

fn unknown(major: u16, minor: u16) -> PcapError {
    PcapError::unsupported(
        0,
        format!("version {major}.{minor} of pcap is not known"),
        "convert it: `editcap -F pcap IN OUT`",
    )
}

/// Converts AIX's number for Ethernet, Token Ring or FDDI to a link type. AIX writes the interface types of RFC 1573,
/// in files of version 2.2 with nanoseconds. At the time of that version, no other writer used these numbers.
const fn aix(link: u32) -> Option<u32> {
    match link {
        6 => Some(1),
        9 => Some(6),
        15 => Some(10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Builds a header: version, then zone, accuracy and snap length, then the link type.
    fn file(magic: [u8; 4], version: [u8; 4], link: [u8; 4]) -> [u8; LENGTH] {
        let mut header = [0; LENGTH];
        header[..4].copy_from_slice(&magic);
        header[4..8].copy_from_slice(&version);
        header[20..].copy_from_slice(&link);
        header
    }

    #[test]
    fn three_magics_in_either_order() {
        let cases = [
            ([0xd4, 0xc3, 0xb2, 0xa1], Resolution::MICROSECONDS, 16),
            ([0x4d, 0x3c, 0xb2, 0xa1], Resolution::NANOSECONDS, 16),
            ([0x34, 0xcd, 0xb2, 0xa1], Resolution::MICROSECONDS, 24),
        ];
        for (little, resolution, record) in cases {
            let mut big = little;
            big.reverse();
            let cases = [
                (little, [2, 0, 4, 0], [113, 0, 0, 0], Order::Little),
                (big, [0, 2, 0, 4], [0, 0, 0, 113], Order::Big),
            ];
            for (magic, version, link, order) in cases {
                let header = Header::read(&file(magic, version, link)).unwrap();
                assert_eq!(header.order, order);
                assert_eq!((header.resolution, header.record), (resolution, record));
                assert_eq!(header.lengths, Lengths::CapturedFirst);
                assert_eq!(header.link, 113);
            }
        }
    }

    #[test]
    fn versions_tell_which_length_comes_first() {
        let lengths = |version: [u8; 4]| {
            let header = file([0xd4, 0xc3, 0xb2, 0xa1], version, [1, 0, 0, 0]);
            Header::read(&header).map(|header| header.lengths)
        };
        for minor in 0..3 {
            assert_eq!(lengths([2, 0, minor, 0]).unwrap(), Lengths::WireFirst);
        }
        assert_eq!(lengths([2, 0, 3, 0]).unwrap(), Lengths::Either);
        for minor in [4, 5, 9] {
            assert_eq!(lengths([2, 0, minor, 0]).unwrap(), Lengths::CapturedFirst);
        }
        assert_eq!(lengths([0x1f, 2, 0, 0]).unwrap(), Lengths::WireFirst);
        for (version, name) in [([1, 0, 2, 0], "1.2"), ([3, 0, 0, 0], "3.0")] {
            let text = lengths(version).unwrap_err().into_error("it").to_string();
            assert_eq!(
                text,
                format!("cannot read it at byte 0: version {name} of pcap is not known")
            );
        }
    }

    #[test]
    fn aix_has_link_types_of_its_own() {
        for (number, link) in [(6, 1), (9, 6), (15, 10)] {
            let octets = file([0xa1, 0xb2, 0xc3, 0xd4], [0, 2, 0, 2], [0, 0, 0, number]);
            let header = Header::read(&octets).unwrap();
            assert_eq!(header.link, link);
            assert_eq!(header.resolution, Resolution::NANOSECONDS);
            assert_eq!(header.lengths, Lengths::CapturedFirst);
        }
        let octets = file([0xa1, 0xb2, 0xc3, 0xd4], [0, 2, 0, 2], [0, 0, 0, 1]);
        let header = Header::read(&octets).unwrap();
        assert_eq!(
            (header.link, header.resolution),
            (1, Resolution::MICROSECONDS)
        );
    }
}
