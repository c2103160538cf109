//! Magic numbers of compressed files.

/// A kind of compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::pcap) enum Packing {
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
    /// Frames of lz4.
    Lz4,
    /// Not supported.
    Bzip2,
    Xz,
    Compress,
    Lzip,
}

/// Skippable frames of zstd and lz4 begin with one of sixteen numbers.
#[cfg(feature = "pcap-compressed")]
const SKIPPABLE: u32 = 0x184d_2a50;

impl Packing {
    /// Detects the compression by the first octets of a file, or of a part of one.
    pub(in crate::pcap) const fn of(start: &[u8]) -> Option<Self> {
        Some(match start {
            [0x1f, 0x8b, 8, ..] => Self::Gzip,
            // The second pattern is a skippable frame of zstd or lz4. The frame behind it decides which.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            [0x04, 0x22, 0x4d, 0x18, ..] => Self::Lz4,
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Self::Bzip2,
            [0xfd, b'7', b'z', b'X', ..] => Self::Xz,
            [0x1f, 0x9d, ..] => Self::Compress,
            [b'L', b'Z', b'I', b'P', ..] => Self::Lzip,
            _ => return None,
        })
    }

    /// Returns true if this is the beginning of a skippable frame.
    #[cfg(feature = "pcap-compressed")]
    pub(super) const fn is_skippable(start: [u8; 4]) -> bool {
        u32::from_le_bytes(start) & !0xf == SKIPPABLE
    }

    pub(in crate::pcap) const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Lz4 => "lz4",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
            Self::Compress => "compress",
            Self::Lzip => "lzip",
        }
    }

    /// Returns true if a build with every feature supports it.
    pub(in crate::pcap) const fn is_unpacked(self) -> bool {
        matches!(self, Self::Gzip | Self::Zstd | Self::Lz4)
    }
}
