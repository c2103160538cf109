//! The UDP ports of tunnels, and a fast look-up.

/// Largest number of ports of one kind of tunnel.
pub const MOST: usize = 4;
/// Bits of one port.
const BITS: u32 = 16;
const LOW: u64 = 0x0001_0001_0001_0001;
const HIGH: u64 = 0x8000_8000_8000_8000;

/// Up to [`MOST`] ports in one word, 16 bits each; unused places repeat the first port. The word 0 is the empty set.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Set(pub u64);

impl Set {
    /// The first [`MOST`] of these ports.
    #[must_use]
    pub const fn new(ports: &[u16]) -> Self {
        let Some(&first) = ports.first() else {
            return Self(0);
        };
        let mut word = first as u64 * LOW;
        let mut at = 1;
        while at < ports.len() && at < MOST {
            let shift = at as u32 * BITS;
            word = word & !(0xffff << shift) | (ports[at] as u64) << shift;
            at += 1;
        }
        Self(word)
    }

    /// True if a port is one of them: one comparison for all four.
    #[inline(always)]
    #[must_use]
    pub const fn has(self, port: u16) -> bool {
        // A place with the port becomes zero. Subtracting 1 from each place sets a clear top bit only in a place that
        // is zero, or above one.
        let differs = self.0 ^ (port as u64).wrapping_mul(LOW);
        self.0 != 0 && differs.wrapping_sub(LOW) & !differs & HIGH != 0
    }

    /// True if either port is one of them.
    #[inline(always)]
    #[must_use]
    pub const fn has_any(self, [from, to]: [u16; 2]) -> bool {
        self.has(from) || self.has(to)
    }
}

/// Remainders of ports modulo 64, one bit for each. One shift rules out most ports that are in no set.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Remainders(pub u64);

impl Remainders {
    /// The remainders of the first [`MOST`] ports of each list.
    const fn new(kinds: &[&[u16]]) -> Self {
        let mut bits = 0;
        let mut kind = 0;
        while kind < kinds.len() {
            let mut at = 0;
            while at < kinds[kind].len() && at < MOST {
                bits |= 1 << (kinds[kind][at] % u64::BITS as u16);
                at += 1;
            }
            kind += 1;
        }
        Self(bits)
    }

    /// The port's bit, as the lowest bit of the result. The other bits have no meaning.
    #[inline(always)]
    #[must_use]
    const fn of(self, port: u16) -> u64 {
        self.0.wrapping_shr(port as u32)
    }
}

/// False if the ports of a datagram, the sender's and the receiver's, rule out that it carries a packet. Most datagrams
/// end here, with one branch for both ports.
///
/// `word` returns the word of [`Ports::words`] with this index, here and in [`is_carrier`]. Only the words that the
/// answer needs are read.
#[inline(always)]
#[must_use]
pub fn may_be_carrier([from, to]: [u16; 2], word: impl Fn(usize) -> u64) -> bool {
    let [senders, receivers] = [0, 1].map(|side| Remainders(word(REMAINDERS_AT + side)));
    (senders.of(from) | receivers.of(to)) & 1 != 0
}

/// True if one of these ports is that of a tunnel that carries packets. [`may_be_carrier`] is the faster test, so call
/// that first.
#[inline(always)]
#[must_use]
pub fn is_carrier(ports: [u16; 2], word: impl Fn(usize) -> u64) -> bool {
    let [_, to] = ports;
    (CARRIERS_AT..EITHER_AT).any(|number| Set(word(number)).has(to))
        || (EITHER_AT..REMAINDERS_AT).any(|number| Set(word(number)).has_any(ports))
}

/// Ports of each kind, as lists of any length.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lists<'a> {
    /// VXLAN.
    pub vxlan: &'a [u16],
    /// VXLAN-GPE.
    pub vxlan_gpe: &'a [u16],
    /// Geneve.
    pub geneve: &'a [u16],
    /// GTP-U.
    pub gtpu: &'a [u16],
    /// L2TP.
    pub l2tp: &'a [u16],
    /// Teredo.
    pub teredo: &'a [u16],
    /// `WireGuard`.
    pub wireguard: &'a [u16],
}

/// Number of kinds that carry packets and are looked for by the receiver's port.
const CARRIERS: usize = 4;
/// Number of kinds that carry packets and are looked for by either side's port, because an answer may go to any port.
const EITHER: usize = 2;

/// The ports of each kind of tunnel.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// VXLAN, by the receiver's port.
    pub vxlan: Set,
    /// VXLAN-GPE, as VXLAN.
    pub vxlan_gpe: Set,
    /// Geneve, as VXLAN.
    pub geneve: Set,
    /// GTP-U, as VXLAN.
    pub gtpu: Set,
    /// L2TP, by either side's port.
    pub l2tp: Set,
    /// Teredo, by either side's port.
    pub teredo: Set,
    /// `WireGuard`, by either side's port.
    pub wireguard: Set,
    /// All ports of VXLAN, VXLAN-GPE, Geneve and GTP-U, in as few sets as possible.
    pub carriers: [Set; CARRIERS],
    /// All ports of L2TP and Teredo, in as few sets as possible.
    pub either: [Set; EITHER],
    /// Remainders for [`may_be_carrier`]: of the ports in `either`, for the sender's port; of those in `carriers` and
    /// `either`, for the receiver's port.
    pub remainders: [Remainders; 2],
}

/// Number of words of [`Ports`].
pub const WORDS: usize = REMAINDERS_AT + 2;
/// Index of [`Ports::wireguard`] in [`Ports::words`].
pub const SESSIONS_AT: usize = CARRIERS + EITHER;
/// Index of the first word of [`Ports::carriers`].
pub const CARRIERS_AT: usize = SESSIONS_AT + 1;
/// Index of the first word of [`Ports::either`].
pub const EITHER_AT: usize = CARRIERS_AT + CARRIERS;
/// Index of the first word of [`Ports::remainders`].
pub const REMAINDERS_AT: usize = EITHER_AT + EITHER;

impl Ports {
    /// No ports at all.
    pub const NONE: Self = Self::new(&Lists {
        vxlan: &[],
        vxlan_gpe: &[],
        geneve: &[],
        gtpu: &[],
        l2tp: &[],
        teredo: &[],
        wireguard: &[],
    });

    /// The first [`MOST`] ports of each kind.
    #[must_use]
    pub const fn new(lists: &Lists<'_>) -> Self {
        let kinds = [lists.vxlan, lists.vxlan_gpe, lists.geneve, lists.gtpu];
        let [vxlan, vxlan_gpe, geneve, gtpu] = kinds;
        let [first, second, third, fourth, ..] = together(&kinds);
        let [fifth, sixth, ..] = together(&[lists.l2tp, lists.teredo]);
        let senders = Remainders::new(&[lists.l2tp, lists.teredo]);
        let receivers = Remainders(Remainders::new(&kinds).0 | senders.0);
        Self {
            vxlan: Set::new(vxlan),
            vxlan_gpe: Set::new(vxlan_gpe),
            geneve: Set::new(geneve),
            gtpu: Set::new(gtpu),
            l2tp: Set::new(lists.l2tp),
            teredo: Set::new(lists.teredo),
            wireguard: Set::new(lists.wireguard),
            carriers: [first, second, third, fourth],
            either: [fifth, sixth],
            remainders: [senders, receivers],
        }
    }

    /// True if a datagram with these ports, the sender's and the receiver's, may carry a packet.
    #[must_use]
    pub fn carries(&self, ports: [u16; 2]) -> bool {
        let words = self.words();
        may_be_carrier(ports, |number| words[number]) && is_carrier(ports, |number| words[number])
    }

    /// Returns the ports of each kind from the first [`words`](Self::words). A walk into tunnels needs no others.
    #[inline(always)]
    #[must_use]
    pub const fn of_kinds(words: [u64; CARRIERS_AT]) -> Self {
        let [vxlan, vxlan_gpe, geneve, gtpu, l2tp, teredo, wireguard] = words;
        Self {
            vxlan: Set(vxlan),
            vxlan_gpe: Set(vxlan_gpe),
            geneve: Set(geneve),
            gtpu: Set(gtpu),
            l2tp: Set(l2tp),
            teredo: Set(teredo),
            wireguard: Set(wireguard),
            ..Self::NONE
        }
    }

    /// Returns the words in the order of the fields, as the loader writes them.
    #[must_use]
    pub const fn words(&self) -> [u64; WORDS] {
        let [first, second, third, fourth] = self.carriers;
        let [fifth, sixth] = self.either;
        let [senders, receivers] = self.remainders;
        [
            self.vxlan.0,
            self.vxlan_gpe.0,
            self.geneve.0,
            self.gtpu.0,
            self.l2tp.0,
            self.teredo.0,
            self.wireguard.0,
            first.0,
            second.0,
            third.0,
            fourth.0,
            fifth.0,
            sixth.0,
            senders.0,
            receivers.0,
        ]
    }
}

impl Default for Ports {
    /// As registered: VXLAN 4789, VXLAN-GPE 4790, Geneve 6081, GTP-U 2152, L2TP 1701, Teredo 3544, `WireGuard` 51820.
    fn default() -> Self {
        Self::new(&Lists {
            vxlan: &[4789],
            vxlan_gpe: &[4790],
            geneve: &[6081],
            gtpu: &[2152],
            l2tp: &[1701],
            teredo: &[3544],
            wireguard: &[51_820],
        })
    }
}

/// The first [`MOST`] ports of each kind, in as few sets as possible. There are at most [`CARRIERS`] kinds.
const fn together(kinds: &[&[u16]]) -> [Set; CARRIERS] {
    let mut all = [0; CARRIERS * MOST];
    let (mut count, mut kind) = (0, 0);
    while kind < kinds.len() {
        let mut at = 0;
        while at < kinds[kind].len() && at < MOST {
            all[count] = kinds[kind][at];
            count += 1;
            at += 1;
        }
        kind += 1;
    }
    let (used, _) = all.split_at(count);
    let mut sets = [Set(0); CARRIERS];
    let mut number = 0;
    while number < sets.len() {
        sets[number] = Set::new(rest(used, number * MOST));
        number += 1;
    }
    sets
}

const fn rest(ports: &[u16], at: usize) -> &[u16] {
    if at < ports.len() {
        ports.split_at(at).1
    } else {
        &[]
    }
}

const _: () = assert!(size_of::<Ports>() == WORDS * size_of::<u64>());

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn without_ports_there_is_none() {
        assert!(!Set::default().has(0));
        assert!(!Ports::NONE.carries([0, 0]));
        assert!(!Ports::NONE.carries([1701, 4789]));
    }

    #[test]
    fn default_ports_are_the_registered_ones() {
        let ports = Ports::default();
        assert_eq!(ports.words()[CARRIERS_AT], ports.carriers[0].0);
        for port in [4789, 4790, 6081, 2152] {
            assert!(ports.carries([9, port]) && !ports.carries([port, 9]));
        }
        for port in [1701, 3544] {
            assert!(ports.carries([9, port]) && ports.carries([port, 9]));
        }
        assert!(!ports.carries([9, 51_820]) && ports.wireguard.has(51_820));
        let [kinds @ .., _, _, _, _, _, _, _, _] = ports.words();
        let kinds = Ports {
            carriers: ports.carriers,
            either: ports.either,
            remainders: ports.remainders,
            ..Ports::of_kinds(kinds)
        };
        assert_eq!(kinds, ports);
        assert_eq!(ports.carriers[1..], [Set(0); 3], "one comparison for all");
    }

    proptest! {
        #[test]
        fn set_has_its_ports_and_no_others(
            ports in proptest::collection::vec(1_u16.., 0..=MOST),
            near in any::<u16>(),
        ) {
            let set = Set::new(&ports);
            for port in [near, 0, 1, 0xffff, 0x7fff, 0x8000].into_iter().chain(ports.clone()) {
                for port in [port.wrapping_sub(1), port, port.wrapping_add(1)] {
                    prop_assert_eq!(set.has(port), ports.contains(&port), "{}", port);
                }
            }
        }

        #[test]
        fn carrier_check_covers_every_tunnel(
            vxlan in proptest::collection::vec(1_u16.., 0..=MOST),
            vxlan_gpe in proptest::collection::vec(1_u16.., 0..=MOST),
            geneve in proptest::collection::vec(1_u16.., 0..=MOST),
            gtpu in proptest::collection::vec(1_u16.., 0..=MOST),
            l2tp in proptest::collection::vec(1_u16.., 0..=MOST),
            teredo in proptest::collection::vec(1_u16.., 0..=MOST),
            port in any::<u16>(),
        ) {
            let ports = Ports::new(&Lists {
                vxlan: &vxlan,
                vxlan_gpe: &vxlan_gpe,
                geneve: &geneve,
                gtpu: &gtpu,
                l2tp: &l2tp,
                teredo: &teredo,
                wireguard: &[],
            });
            let either = [l2tp, teredo].concat();
            let all = [vxlan, vxlan_gpe, geneve, gtpu, either.clone()].concat();
            for port in all.iter().copied().chain([port]) {
                prop_assert_eq!(ports.carries([0, port]), all.contains(&port));
                prop_assert_eq!(ports.carries([port, 0]), either.contains(&port));
            }
        }
    }
}
