//! Open flows: an index from key to slot, and free slots.

use std::{
    collections::HashMap,
    hash::{Hash, Hasher},
};

use mermin_bpf::{
    abi::{
        fragment::FragmentFlow,
        key::{CARRIED, KeyV4, KeyV6, KeyWords},
        ledger::Reason,
    },
    track::key,
    wire::{
        packet::{Packet, Version},
        tunnel::Keyed,
    },
};

use super::{hasher::Fold, slot::Slot};
use crate::table::snapshot::FlowSnapshot;

/// A packet's key, whatever its IP version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    V4([u64; KeyV4::WORDS]),
    V6([u64; KeyV6::WORDS]),
}

impl Key {
    /// The key as stored in the index.
    fn indexed(mut self, keyed: Keyed) -> Self {
        if keyed == Keyed::Endpoints {
            let words = match &mut self {
                Self::V4(words) => &mut words[..],
                Self::V6(words) => &mut words[..],
            };
            for (word, carried) in words.iter_mut().zip(CARRIED) {
                *word &= !carried;
            }
        }
        self
    }

    /// Key and direction of a packet of the interface with this index.
    pub(super) fn of(packet: &Packet, ifindex: u32) -> (Self, u8) {
        match packet.addresses.version {
            Version::V4 => {
                let (key, direction) = key::v4(packet, ifindex);
                let [a, b, c, ..] = key.words();
                (Self::V4([a, b, c]), direction)
            }
            Version::V6 => {
                let (key, direction) = key::v6(packet, ifindex);
                (Self::V6(key.words()), direction)
            }
        }
    }

    /// Key of a first fragment's flow.
    pub(super) const fn of_fragment(owner: &FragmentFlow) -> Self {
        Self::of_words(&owner.key, owner.ipv6 != 0)
    }

    fn of_slot(slot: &Slot) -> Self {
        Self::of_words(&slot.flow.key, slot.flow.ipv6)
    }

    const fn of_words(words: &KeyWords, ipv6: bool) -> Self {
        let [a, b, c, ..] = *words;
        if ipv6 {
            Self::V6(*words)
        } else {
            Self::V4([a, b, c])
        }
    }

    pub(super) fn words(&self) -> KeyWords {
        match *self {
            Self::V4([a, b, c]) => [a, b, c, 0, 0, 0],
            Self::V6(words) => words,
        }
    }
}

/// The words of a key in the index. They are compared and hashed in line: the array's own comparison is a call.
#[derive(Clone, Copy, Debug, Eq)]
struct Words<const N: usize>([u64; N]);

impl<const N: usize> PartialEq for Words<N> {
    fn eq(&self, other: &Self) -> bool {
        let pairs = self.0.iter().zip(&other.0);
        pairs.fold(0, |differ, (one, other)| differ | (one ^ other)) == 0
    }
}

impl<const N: usize> Hash for Words<N> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.iter().for_each(|word| state.write_u64(*word));
    }
}

/// Slots and their index.
#[derive(Debug)]
pub(super) struct Table {
    slots: Vec<Slot>,
    free: Vec<u32>,
    v4: HashMap<Words<{ KeyV4::WORDS }>, u32, Fold>,
    v6: HashMap<Words<{ KeyV6::WORDS }>, u32, Fold>,
    most: u32,
    keyed: Keyed,
}

impl Table {
    /// A table for this many concurrent flows. Memory is allocated as flows come.
    pub(super) fn new(most: u32, seed: u64, keyed: Keyed) -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            v4: HashMap::with_hasher(Fold::new(seed)),
            v6: HashMap::with_hasher(Fold::new(seed)),
            most,
            keyed,
        }
    }

    /// Number of flows that can be open at once.
    pub(super) fn capacity(&self) -> u32 {
        self.most
    }

    pub(super) fn find(&self, key: &Key) -> Option<u32> {
        match key.indexed(self.keyed) {
            Key::V4(words) => self.v4.get(&Words(words)).copied(),
            Key::V6(words) => self.v6.get(&Words(words)).copied(),
        }
    }

    pub(super) fn get(&mut self, number: u32) -> Option<&mut Slot> {
        self.slots
            .get_mut(number as usize)
            .filter(|slot| slot.serial != 0)
    }

    /// A slot that has a flow.
    pub(super) fn slot(&self, number: u32) -> Option<&Slot> {
        self.slots
            .get(number as usize)
            .filter(|slot| slot.serial != 0)
    }

    /// The flow in a slot.
    pub(super) fn flow(&self, number: u32) -> Option<&FlowSnapshot> {
        self.slot(number).map(|slot| &slot.flow)
    }

    /// Slots that were used at any time.
    pub(super) fn touched(&self) -> u32 {
        u32::try_from(self.slots.len()).unwrap_or(u32::MAX)
    }

    /// Number of open flows.
    pub(super) fn open(&self) -> u64 {
        (self.slots.len() - self.free.len()) as u64
    }

    /// Snapshots of all open flows.
    #[cfg(feature = "__lab")]
    pub(super) fn flows(&self) -> impl Iterator<Item = &FlowSnapshot> {
        let open = self.slots.iter().filter(|slot| slot.serial != 0);
        open.map(|slot| &slot.flow)
    }

    /// Adds a flow whose key is not in the table.
    pub(super) fn insert(&mut self, key: &Key, slot: Slot) -> Result<u32, Reason> {
        let number = self.free.pop().unwrap_or_else(|| self.touched());
        if let Some(place) = self.slots.get_mut(number as usize) {
            *place = slot;
        } else if number < self.most {
            self.slots.push(slot);
        } else {
            return Err(Reason::TableFull);
        }
        match key.indexed(self.keyed) {
            Key::V4(words) => self.v4.insert(Words(words), number),
            Key::V6(words) => self.v6.insert(Words(words), number),
        };
        Ok(number)
    }

    /// Removes a flow.
    pub(super) fn remove(&mut self, number: u32) -> Option<Slot> {
        let slot = self.get(number).map(Slot::take)?;
        match Key::of_slot(&slot).indexed(self.keyed) {
            Key::V4(words) => self.v4.remove(&Words(words)),
            Key::V6(words) => self.v6.remove(&Words(words)),
        };
        self.free.push(number);
        Some(slot)
    }
}
