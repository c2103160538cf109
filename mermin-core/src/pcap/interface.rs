//! Interfaces of a capture.

use pcap_parser::{InterfaceDescriptionBlock, OptionCode};

use super::{
    link::Layer,
    time::{self, Resolution, Time},
};

/// An interface of a capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Interface {
    /// Number of its link type.
    pub(crate) link: u32,
    /// The link layer of its packets, if supported.
    pub(crate) layer: Option<Layer>,
    /// Its name, if the capture has one.
    pub(crate) name: Option<String>,
    resolution: Resolution,
    /// Seconds to add to its time stamps.
    time_offset: i64,
    /// Largest number of captured octets per packet; 0 for no limit.
    pub(super) snap: u32,
}

impl Interface {
    /// Creates the interface of a pcap file.
    pub(crate) fn unnamed(link: u32) -> Self {
        Self {
            link,
            layer: Layer::of(link),
            name: None,
            resolution: Resolution::MICROSECONDS,
            time_offset: 0,
            snap: 0,
        }
    }

    /// Creates the interface that a block of pcapng describes.
    pub(super) fn described(block: &InterfaceDescriptionBlock<'_>, big_endian: bool) -> Self {
        let option = |code: OptionCode| {
            let found = block.options.iter().find(|option| option.code == code)?;
            found.as_bytes().ok()
        };
        let time_offset = option(OptionCode::IfTsoffset)
            .and_then(|octets| octets.first_chunk::<8>())
            .map_or(0, |octets| {
                if big_endian {
                    i64::from_be_bytes(*octets)
                } else {
                    i64::from_le_bytes(*octets)
                }
            });
        Self {
            name: option(OptionCode::IfName)
                .map(|octets| String::from_utf8_lossy(octets))
                .map(|name| name.trim_end_matches('\0').to_owned())
                .filter(|name| !name.is_empty()),
            resolution: option(OptionCode::IfTsresol)
                .and_then(<[u8]>::first)
                .map_or(Resolution::MICROSECONDS, |&value| {
                    Resolution::from_option(value)
                }),
            time_offset,
            snap: block.snaplen,
            ..Self::unnamed(block.linktype.0.cast_unsigned())
        }
    }

    /// Returns the time of a packet with this time stamp.
    pub(super) fn time(&self, units: u64) -> Time {
        time::stamp(units, self.resolution, self.time_offset)
    }
}
