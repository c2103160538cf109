//! Keys: fields that are equal in all packets of a flow.

/// Bits of [`KeyTail::protocol_vlan`] that hold one VLAN id.
const VLAN_BITS: u32 = 12;
const VLAN_MASK: u32 = (1 << VLAN_BITS) - 1;

/// The part of a key that does not depend on the IP version.
///
/// The two endpoints stand in canonical order (the lower one first), so both directions of a conversation have the
/// same key. A bit beside the key is the packet's direction.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyTail {
    /// Kernel index of the interface.
    pub ifindex: u32,
    /// IP protocol number in the low byte, then two VLAN ids of 12 bits, the outer one lower. 0 is no VLAN.
    pub protocol_vlan: u32,
    /// Digest of the other parts that distinguish flows: deeper VLAN tags, and a tunnel's type, id and outer endpoints. 0 is none.
    pub encapsulation: u32,
    /// Transport ports in host byte order, lower endpoint first.
    /// For ICMP, see [`crate::wire::pseudo_ports`].
    pub ports: [u16; 2],
}

impl KeyTail {
    /// Packs protocol and VLAN ids; ids above 12 bits lose their upper bits, as on the wire.
    #[inline(always)]
    #[must_use]
    pub const fn pack(protocol: u8, outer_vlan: u16, inner_vlan: u16) -> u32 {
        protocol as u32
            | (outer_vlan as u32 & VLAN_MASK) << 8
            | (inner_vlan as u32 & VLAN_MASK) << (8 + VLAN_BITS)
    }

    /// The same without VLANs and tunnels: two packets with the same own endpoints have it in common.
    #[inline(always)]
    #[must_use]
    pub const fn bare(mut self) -> Self {
        self.protocol_vlan &= u8::MAX as u32;
        self.encapsulation = 0;
        self
    }

    /// IANA protocol number.
    #[must_use]
    pub const fn protocol(&self) -> u8 {
        self.protocol_vlan as u8
    }

    /// VLAN ids, outermost first; 0 where there is none.
    #[must_use]
    pub const fn vlans(&self) -> [u16; 2] {
        [
            (self.protocol_vlan >> 8 & VLAN_MASK) as u16,
            (self.protocol_vlan >> (8 + VLAN_BITS) & VLAN_MASK) as u16,
        ]
    }
}

/// Key of an IPv4 flow, 24 bytes: hashing 24 bytes instead of 48 saves 14 ns per packet.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyV4 {
    /// Everything but the addresses.
    pub tail: KeyTail,
    /// Addresses as they stand on the wire (network byte order in memory), lower endpoint first.
    pub addresses: [u32; 2],
}

/// Key of an IPv6 flow, 48 bytes.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyV6 {
    /// Everything but the addresses.
    pub tail: KeyTail,
    /// Addresses as they stand on the wire (network byte order in memory), lower endpoint first.
    pub addresses: [[u64; 2]; 2],
}

/// Bits of VLANs and tunnels in the first two words of a key: [`KeyTail::bare`] leaves them out.
pub const CARRIED: [u64; 2] = [!(u8::MAX as u64) << 32, u32::MAX as u64];

const _: () = assert!(CARRIED[0] == 0xffff_ff00_0000_0000);

/// Words of the longest key.
pub const KEY_WORDS: usize = 6;

/// A key as its slot keeps it, whatever its IP version: compared word by word after each index look-up.
pub type KeyWords = [u64; KEY_WORDS];

const fn two(low: u32, high: u32) -> u64 {
    low as u64 | (high as u64) << 32
}

impl KeyTail {
    #[inline(always)]
    const fn words(&self) -> [u64; 2] {
        [
            two(self.ifindex, self.protocol_vlan),
            two(
                self.encapsulation,
                self.ports[0] as u32 | (self.ports[1] as u32) << 16,
            ),
        ]
    }

    #[inline(always)]
    const fn from_words(words: [u64; 2]) -> Self {
        let ports = (words[1] >> 32) as u32;
        Self {
            ifindex: words[0] as u32,
            protocol_vlan: (words[0] >> 32) as u32,
            encapsulation: words[1] as u32,
            ports: [ports as u16, (ports >> 16) as u16],
        }
    }
}

impl KeyV4 {
    /// Words of this key that are compared.
    pub const WORDS: usize = 3;

    /// The same without VLANs and tunnels.
    #[inline(always)]
    #[must_use]
    pub const fn bare(mut self) -> Self {
        self.tail = self.tail.bare();
        self
    }

    /// The key's memory as the slot stores it (little-endian).
    #[inline(always)]
    #[must_use]
    pub const fn words(&self) -> KeyWords {
        let tail = self.tail.words();
        [
            tail[0],
            tail[1],
            two(self.addresses[0], self.addresses[1]),
            0,
            0,
            0,
        ]
    }

    /// The inverse of [`KeyV4::words`].
    #[inline(always)]
    #[must_use]
    pub const fn from_words(words: &KeyWords) -> Self {
        Self {
            tail: KeyTail::from_words([words[0], words[1]]),
            addresses: [words[2] as u32, (words[2] >> 32) as u32],
        }
    }
}

impl KeyV6 {
    /// Words of this key that are compared.
    pub const WORDS: usize = 6;

    /// The same without VLANs and tunnels.
    #[inline(always)]
    #[must_use]
    pub const fn bare(mut self) -> Self {
        self.tail = self.tail.bare();
        self
    }

    /// The key's memory as the slot stores it (little-endian).
    #[inline(always)]
    #[must_use]
    pub const fn words(&self) -> KeyWords {
        let tail = self.tail.words();
        let [low, high] = self.addresses;
        [tail[0], tail[1], low[0], low[1], high[0], high[1]]
    }

    /// The inverse of [`KeyV6::words`].
    #[inline(always)]
    #[must_use]
    pub const fn from_words(words: &KeyWords) -> Self {
        Self {
            tail: KeyTail::from_words([words[0], words[1]]),
            addresses: [[words[2], words[3]], [words[4], words[5]]],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tail() -> KeyTail {
        KeyTail {
            ifindex: 0x0102_0304,
            protocol_vlan: KeyTail::pack(6, 0xfff, 0xabc),
            encapsulation: 0x0506_0708,
            ports: [443, 51_000],
        }
    }

    #[test]
    fn words_are_the_memory_of_the_key() {
        let v4 = KeyV4 {
            tail: tail(),
            addresses: [0x0a00_0001, 0x0a00_0002],
        };
        assert_eq!(KeyV4::from_words(&v4.words()), v4);
        let v6 = KeyV6 {
            tail: tail(),
            addresses: [[1, 2], [3, 4]],
        };
        assert_eq!(KeyV6::from_words(&v6.words()), v6);
    }

    #[test]
    fn bare_key_has_neither_vlans_nor_tunnels() {
        let v4 = KeyV4 {
            tail: tail(),
            addresses: [1, 2],
        };
        let bare = v4.bare();
        assert_eq!((bare.tail.vlans(), bare.tail.encapsulation), ([0; 2], 0));
        assert_eq!((bare.tail.protocol(), bare.tail.ports), (6, [443, 51_000]));
        let differs: [u64; 2] = [0, 1].map(|word| bare.words()[word] ^ v4.words()[word]);
        assert_eq!([differs[0] & !CARRIED[0], differs[1] & !CARRIED[1]], [0; 2]);
        assert_eq!(v4.words()[0] & CARRIED[0], differs[0]);
        assert_eq!(v4.words()[1] & CARRIED[1], differs[1]);
        let v6 = KeyV6 {
            tail: tail(),
            addresses: [[1, 2], [3, 4]],
        };
        assert_eq!(v6.bare().words()[..2], bare.words()[..2]);
    }

    #[test]
    fn vlan_ids_and_protocol_keep_apart() {
        assert_eq!(tail().protocol(), 6);
        assert_eq!(tail().vlans(), [0xfff, 0xabc]);
    }
}
