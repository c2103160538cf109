//! The addresses of an IP packet.

/// Version of IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// Sender and receiver, in one form for both versions: as variants of an enum they would be copied octet by octet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    words: [[u64; 2]; 2],
    /// Version of both.
    pub version: Version,
}

impl Addresses {
    /// IPv4 addresses, in memory order.
    #[inline(always)]
    #[must_use]
    pub const fn v4([source, destination]: [u32; 2]) -> Self {
        Self {
            words: [[source as u64, 0], [destination as u64, 0]],
            version: Version::V4,
        }
    }

    /// IPv6 addresses, in memory order.
    #[inline(always)]
    #[must_use]
    pub const fn v6(words: [[u64; 2]; 2]) -> Self {
        Self {
            words,
            version: Version::V6,
        }
    }

    /// The words, in memory order. IPv4 uses the first four octets of each; the rest are zeroes.
    #[inline(always)]
    #[must_use]
    pub const fn words(&self) -> [[u64; 2]; 2] {
        // Word by word: otherwise the compiler calls `memmove` where a map's memory goes to a map's.
        let [[one, two], [three, four]] = self.words;
        [[one, two], [three, four]]
    }

    /// The same with sender and receiver exchanged.
    #[inline(always)]
    #[must_use]
    pub const fn reversed(&self) -> Self {
        let [source, destination] = self.words();
        Self {
            words: [destination, source],
            version: self.version,
        }
    }

    /// IPv4 addresses in memory order; the first four octets of IPv6 addresses.
    #[inline(always)]
    #[must_use]
    pub const fn first(&self) -> [u32; 2] {
        [self.words[0][0] as u32, self.words[1][0] as u32]
    }

    /// True for IPv6.
    #[inline(always)]
    #[must_use]
    pub const fn is_v6(&self) -> bool {
        matches!(self.version, Version::V6)
    }
}
