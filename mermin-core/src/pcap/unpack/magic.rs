//! How compressed files begin.

/// A kind of compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::pcap) enum Packing {
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
    /// Frames of lz4.
    Lz4,
    /// Those that are not unpacked.
    Bzip2,
    Xz,
    Compress,
    Lzip,
}

/// Frames of zstd and lz4 that hold nothing of the file begin with one of sixteen numbers.
#[cfg(feature = "pcap-compressed")]
const SKIPPABLE: u32 = 0x184d_2a50;

impl Packing {
    /// By the first octets of a file, or of a part of one.
    pub(in crate::pcap) const fn of(start: &[u8]) -> Option<Self> {
        Some(match start {
            [0x1f, 0x8b, 8, ..] => Self::Gzip,
            // Frames of zstd or of lz4 that hold nothing begin the second way; which one it is, is found out behind it.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            [0x04, 0x22, 0x4d, 0x18, ..] => Self::Lz4,
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Self::Bzip2,
            [0xfd, b'7', b'z', b'X', ..] => Self::Xz,
            [0x1f, 0x9d, ..] => Self::Compress,
            [b'L', b'Z', b'I', b'P', ..] => Self::Lzip,
            _ => return None,
        })
    }

    /// True if a frame that begins so holds nothing.
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

    /// True if a build with every feature unpacks it.
    pub(in crate::pcap) const fn is_unpacked(self) -> bool {
        matches!(self, Self::Gzip | Self::Zstd | Self::Lz4)
    }
}
