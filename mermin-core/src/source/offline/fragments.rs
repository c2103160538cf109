//! Memory of first fragments and their flows, and of later fragments that came before their first one. Entries expire
//! with the reassembly time.

use std::collections::HashMap;

use mermin_bpf::{
    abi::fragment::{Early, FragmentFlow, FragmentKey},
    track::{
        fragment::{early, flow_of, is_fresh},
        measure::Measure,
        parsed_frame::{Fragmentation, ParsedFrame},
    },
    wire::{ip::Ip, packet},
};

use super::table::Key;

/// Minimum number of remembered fragmented packets. The maximum is twice as many.
const ROOM: usize = 4096;

/// Keys of fragmented packets.
#[derive(Debug, Default)]
pub(super) struct Fragments {
    owners: Recent<FragmentFlow>,
    early: Recent<Early>,
}

impl Fragments {
    /// Remembers the flow of a first fragment, so that later fragments find it: those of the same packet, and those of
    /// the carriers around it. Returns the counts of later fragments that came before the first one.
    pub(super) fn remember_first(
        &mut self,
        parsed: &ParsedFrame,
        packet: &packet::Packet,
        key: &Key,
        direction: u8,
        now: u64,
    ) -> Measure {
        let own = match parsed.part {
            Fragmentation::First(_, own) => Some(own),
            Fragmentation::None(_) | Fragmentation::Later(..) => None,
        };
        if own.is_none() && parsed.outer_fragments == [None; 2] {
            return Measure::default();
        }
        let owner = flow_of(packet, &key.words(), direction, now);
        let mut before = Measure::default();
        if let Some(own) = own {
            self.insert(own, owner);
            before = self.take(&own, false, now);
        }
        before.plus(&self.remember_outer(parsed, owner, now))
    }

    /// Remembers the same flow for the first fragments of carriers. Their later fragments are parts of the flow's
    /// packet.
    pub(super) fn remember_outer(
        &mut self,
        parsed: &ParsedFrame,
        owner: FragmentFlow,
        now: u64,
    ) -> Measure {
        let mut before = Measure::default();
        for key in parsed.outer_fragments.into_iter().flatten() {
            self.insert(
                key,
                FragmentFlow {
                    carries: 1,
                    ..owner
                },
            );
            before = before.plus(&self.take(&key, true, now));
        }
        before
    }

    /// Remembers the flow of a packet's first fragment.
    fn insert(&mut self, key: FragmentKey, owner: FragmentFlow) {
        self.owners.insert(key, owner);
    }

    /// The flow of a fragment that comes at `now`.
    pub(super) fn find(&self, key: &FragmentKey, now: u64) -> Option<FragmentFlow> {
        self.owners
            .get(key)
            .filter(|owner| is_fresh(owner.seen_at, key.ipv6 != 0, now))
            .copied()
    }

    /// Remembers a fragment that came before its first one and is counted under the reason.
    pub(super) fn keep(&mut self, key: FragmentKey, ip: &Ip, frame_octets: u32, now: u64) {
        let fresh = Early {
            seen_at: now,
            ..Early::default()
        };
        let known = self.early.get(&key).copied();
        let known = known
            .filter(|known| is_fresh(known.seen_at, key.ipv6 != 0, now))
            .unwrap_or(fresh);
        let added = Early {
            packets: known.packets + 1,
            octets: known.octets + u64::from(ip.length),
            payload: known.payload + u64::from(ip.payload_length()),
            frame_octets: known.frame_octets + u64::from(frame_octets),
            ..known
        };
        self.early.insert(key, added);
    }

    /// Takes the counts that came before a packet's first fragment, which is a fragment itself or `carries` such a
    /// packet. They are no longer under the reason.
    pub(super) fn take(&mut self, key: &FragmentKey, carries: bool, now: u64) -> Measure {
        self.early
            .remove(key)
            .filter(|known| is_fresh(known.seen_at, key.ipv6 != 0, now))
            .map_or_else(Measure::default, |known| early(&known, carries))
    }
}

/// Two halves. When the newer one is full, the older one is dropped.
#[derive(Debug)]
struct Recent<V> {
    young: HashMap<FragmentKey, V>,
    old: HashMap<FragmentKey, V>,
}

impl<V> Default for Recent<V> {
    fn default() -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
        }
    }
}

impl<V> Recent<V> {
    fn insert(&mut self, key: FragmentKey, value: V) {
        if self.young.len() >= ROOM && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }

    fn get(&self, key: &FragmentKey) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    fn remove(&mut self, key: &FragmentKey) -> Option<V> {
        // Other counts of the older half belong to an earlier packet.
        let old = self.old.remove(key);
        self.young.remove(key).or(old)
    }
}

#[cfg(test)]
mod tests {
    use mermin_bpf::track::fragment::lifetime;

    use super::*;

    fn key(identification: u32) -> FragmentKey {
        FragmentKey {
            identification,
            ..FragmentKey::default()
        }
    }

    #[test]
    fn only_the_latest_are_kept() {
        let mut fragments = Fragments::default();
        let count = 10 * u32::try_from(ROOM).unwrap();
        for number in 0..count {
            fragments.insert(key(number), FragmentFlow::default());
            let before = number.saturating_sub(u32::try_from(ROOM).unwrap() - 1);
            assert!(fragments.find(&key(before), 0).is_some(), "{number}");
        }
        let owners = &fragments.owners;
        assert!(owners.young.len() + owners.old.len() <= 2 * ROOM);
        assert_eq!(fragments.find(&key(0), 0), None);
    }

    #[test]
    fn fragment_id_is_reusable_after_its_lifetime() {
        let mut fragments = Fragments::default();
        let owner = FragmentFlow {
            seen_at: 5,
            ..FragmentFlow::default()
        };
        for (ipv6, seconds) in [(0, 30), (1, 60)] {
            let key = FragmentKey { ipv6, ..key(1) };
            let whole = lifetime(ipv6 != 0);
            assert_eq!(whole, seconds * 1_000_000_000);
            fragments.insert(key, owner);
            assert_eq!(fragments.find(&key, 5 + whole), Some(owner));
            assert_eq!(fragments.find(&key, 6 + whole), None);
        }
    }
}
