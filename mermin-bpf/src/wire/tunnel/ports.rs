//! UDP ports that tunnels are looked for at.

/// Ports of one kind of tunnel.
pub const MOST: usize = 4;
/// Bits of one port.
const BITS: u32 = 16;
const LOW: u64 = 0x0001_0001_0001_0001;
const HIGH: u64 = 0x8000_8000_8000_8000;

/// Up to [`MOST`] ports in one word, 16 bits each; unused places repeat the first. 0 is none.
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

    /// Whether a port is one of them: one comparison for all four.
    #[inline(always)]
    #[must_use]
    pub const fn has(self, port: u16) -> bool {
        // The word's sixteens that equal the port become zero, and only a zero borrows from its own top bit.
        let differs = self.0 ^ (port as u64).wrapping_mul(LOW);
        self.0 != 0 && differs.wrapping_sub(LOW) & !differs & HIGH != 0
    }
}

/// Where each kind is looked for, by the receiver's port.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// VXLAN.
    pub vxlan: Set,
    /// Geneve.
    pub geneve: Set,
    /// GTP-U.
    pub gtpu: Set,
    /// `WireGuard`, by either side's port.
    pub wireguard: Set,
    /// The first three kinds together, in as few sets as they take.
    pub carriers: [Set; 3],
}

/// Words of [`Ports`].
pub const WORDS: usize = 7;
/// Where [`Ports::wireguard`] is among them.
pub const SESSIONS_AT: usize = 3;
/// Where [`Ports::carriers`] begin.
pub const CARRIERS_AT: usize = 4;

impl Ports {
    /// No ports at all.
    pub const NONE: Self = Self::new(&[], &[], &[], &[]);

    /// The first [`MOST`] ports of each kind.
    #[must_use]
    pub const fn new(vxlan: &[u16], geneve: &[u16], gtpu: &[u16], wireguard: &[u16]) -> Self {
        let kinds = [vxlan, geneve, gtpu];
        let mut all = [0; 3 * MOST];
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
        Self {
            vxlan: Set::new(vxlan),
            geneve: Set::new(geneve),
            gtpu: Set::new(gtpu),
            wireguard: Set::new(wireguard),
            carriers: [
                Set::new(used),
                Set::new(rest(used, MOST)),
                Set::new(rest(used, 2 * MOST)),
            ],
        }
    }

    /// Whether a datagram to this port may carry others.
    #[inline(always)]
    #[must_use]
    pub const fn carries(&self, port: u16) -> bool {
        let [first, second, third] = self.carriers;
        first.has(port) || second.has(port) || third.has(port)
    }

    /// The inverse of [`Ports::words`].
    #[inline(always)]
    #[must_use]
    pub const fn from_words(words: [u64; WORDS]) -> Self {
        let [vxlan, geneve, gtpu, wireguard, first, second, third] = words;
        Self {
            vxlan: Set(vxlan),
            geneve: Set(geneve),
            gtpu: Set(gtpu),
            wireguard: Set(wireguard),
            carriers: [Set(first), Set(second), Set(third)],
        }
    }

    /// As the loader writes them.
    #[must_use]
    pub const fn words(&self) -> [u64; WORDS] {
        let [first, second, third] = self.carriers;
        [
            self.vxlan.0,
            self.geneve.0,
            self.gtpu.0,
            self.wireguard.0,
            first.0,
            second.0,
            third.0,
        ]
    }
}

impl Default for Ports {
    /// As registered: VXLAN 4789, Geneve 6081, GTP-U 2152, `WireGuard` 51820.
    fn default() -> Self {
        Self::new(&[4789], &[6081], &[2152], &[51_820])
    }
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
        assert!(!Ports::NONE.carries(0));
        assert!(!Ports::NONE.carries(4789));
    }

    #[test]
    fn as_registered() {
        let ports = Ports::default();
        assert_eq!(ports.words()[CARRIERS_AT], ports.carriers[0].0);
        for port in [4789, 6081, 2152] {
            assert!(ports.carries(port));
        }
        assert!(!ports.carries(51_820) && ports.wireguard.has(51_820));
        assert_eq!(Ports::from_words(ports.words()), ports);
        assert_eq!(ports.carriers[1..], [Set(0); 2], "one comparison for all");
    }

    proptest! {
        #[test]
        fn a_set_has_its_ports_and_no_others(
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
        fn carriers_are_all_that_carry(
            vxlan in proptest::collection::vec(1_u16.., 0..=MOST),
            geneve in proptest::collection::vec(1_u16.., 0..=MOST),
            gtpu in proptest::collection::vec(1_u16.., 0..=MOST),
            port in any::<u16>(),
        ) {
            let ports = Ports::new(&vxlan, &geneve, &gtpu, &[]);
            let all = [vxlan, geneve, gtpu].concat();
            for port in all.iter().copied().chain([port]) {
                prop_assert_eq!(ports.carries(port), all.contains(&port));
            }
        }
    }
}
