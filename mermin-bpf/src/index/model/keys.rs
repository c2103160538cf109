//! Inserts, replaces and removes keys.

use std::vec::Vec;

use super::{
    super::{
        insert::{Inserted, insert, replace},
        memory::{Keys, Memory},
        remove::remove,
        search::{Found, search},
    },
    Replay, Turn, World, walk,
};
use crate::abi::index::{ENTRIES, Head, PLACES, Shape};

const SHAPE: Shape = Shape {
    slot_bits: 4,
    bucket_mask: PLACES as u32 - 1,
};
/// All keys have the same places, bucket 0 to 3, and the same tag.
const DIGEST: u64 = 1 << 16 | 6;
/// The entry of a key with another tag. No thread touches it.
const FOREIGN: u32 = 0xaaaa_aab0;
/// Number of slots.
const SLOTS: usize = 10;
/// Attempts of an insertion before it is given up.
const ATTEMPTS: u8 = 3;
/// Key of a free slot.
const NOBODY: u8 = 0;

/// One access.
#[derive(Clone, Copy, Debug)]
enum Access {
    Head(usize),
    SwapHead(usize, u64, u64),
    Subtract(usize, u64),
    Entry(usize, usize),
    SwapEntry(usize, usize, u32, u32),
    SetEntry(usize, usize, u32),
    Key(u32),
    Take(u8),
    GiveBack(u32),
    End(u32),
}

/// A fault built into the protocol, to see that the model finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// The head is changed even if it differs from the one that was read.
    HeadNotCompared,
    /// The head is read when the search is over.
    HeadReadLate,
    /// Pending entries are not seen.
    PendingUnseen,
    /// An insertion into a further place is not counted.
    NotCounted,
    /// An insertion into a further place is counted by a separate change, before the change that inserts the key.
    CountedLate,
    /// A replacement changes the entry even if it differs from the one that was found.
    EntryNotCompared,
}

/// The memory that all threads share.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Buckets {
    heads: [u64; PLACES],
    entries: [[u32; ENTRIES]; PLACES],
    keys: [u8; SLOTS],
    free: Vec<u32>,
    /// How often the flow in a slot was replaced or removed.
    ends: [u8; SLOTS],
}

impl Buckets {
    /// The first `empty` entries of each bucket are empty. All others are of a foreign key.
    fn new(empty: [usize; PLACES]) -> Self {
        let mut entries = [[FOREIGN; ENTRIES]; PLACES];
        for (bucket, empty) in entries.iter_mut().zip(empty) {
            bucket[..empty].fill(0);
        }
        Self {
            heads: [0; PLACES],
            entries,
            keys: [NOBODY; SLOTS],
            free: (0..4).rev().collect(),
            ends: [0; SLOTS],
        }
    }

    /// Entries that lead to a key.
    fn live(&self, key: u8) -> usize {
        let entries = self.entries.iter().flatten();
        entries
            .filter(|entry| **entry != FOREIGN && SHAPE.is_live(**entry))
            .filter(|entry| self.keys[SHAPE.slot(**entry) as usize] == key)
            .count()
    }

    /// Entries that lead to a slot.
    fn leading(&self, slot: usize) -> usize {
        let entries = self.entries.iter().flatten();
        entries
            .filter(|entry| **entry != FOREIGN && SHAPE.is_live(**entry))
            .filter(|entry| SHAPE.slot(**entry) as usize == slot)
            .count()
    }

    /// Entries of a bucket that a thread of the model inserted: the live ones, or all.
    fn ours(&self, bucket: usize, live: bool) -> u64 {
        let entries = self.entries[bucket].iter();
        let ours = entries.filter(|entry| **entry != FOREIGN && **entry != 0);
        ours.filter(|entry| !live || SHAPE.is_live(**entry)).count() as u64
    }
}

fn counted(head: u64, place: usize) -> u64 {
    (head / Head::unit(place)) & 0x3ff
}

impl super::Shared for Buckets {
    type Access = Access;
    type Fault = Fault;

    fn access(&mut self, access: Access, fault: Option<Fault>) -> u64 {
        let swapped = |is_same: bool| u64::from(is_same);
        match access {
            Access::Head(bucket) => self.heads[bucket],
            Access::SwapHead(bucket, from, to) => {
                let head = &mut self.heads[bucket];
                let is_same = *head == from;
                if is_same {
                    *head = to;
                } else if fault == Some(Fault::HeadNotCompared) {
                    *head = head.wrapping_add(to.wrapping_sub(from));
                    return 1;
                }
                swapped(is_same)
            }
            Access::Subtract(bucket, amount) => {
                self.heads[bucket] = self.heads[bucket].wrapping_sub(amount);
                0
            }
            Access::Entry(bucket, number) => self.entries[bucket][number].into(),
            Access::SwapEntry(bucket, number, from, to) => {
                let entry = &mut self.entries[bucket][number];
                let is_same = *entry == from;
                if is_same {
                    *entry = to;
                } else if fault == Some(Fault::EntryNotCompared) && from != 0 && to != 0 {
                    *entry = to;
                    return 1;
                }
                swapped(is_same)
            }
            Access::SetEntry(bucket, number, to) => {
                self.entries[bucket][number] = to;
                0
            }
            Access::Key(slot) => self.keys[slot as usize].into(),
            Access::Take(key) => {
                let slot = self.free.pop().unwrap();
                self.keys[slot as usize] = key;
                slot.into()
            }
            Access::GiveBack(slot) => {
                self.keys[slot as usize] = NOBODY;
                self.free.push(slot);
                0
            }
            Access::End(slot) => {
                self.ends[slot as usize] += 1;
                0
            }
        }
    }

    fn defect(&self, at_rest: bool) -> Option<&'static str> {
        if (1..=2).any(|key| self.live(key) > 1) {
            return Some("two entries lead to a key");
        }
        let further = 1..PLACES;
        let head = self.heads[0];
        if further
            .clone()
            .any(|place| counted(head, place) < self.ours(place, true))
        {
            return Some("a count is too low");
        }
        if !at_rest {
            return None;
        }
        if (0..PLACES).any(|bucket| self.ours(bucket, true) != self.ours(bucket, false)) {
            return Some("an entry stays pending");
        }
        let is_count_wrong = |place: usize| counted(head, place) != self.ours(place, false);
        if further.clone().any(is_count_wrong) {
            return Some("a count is wrong");
        }
        // Else nobody would close its flow, or two would.
        let mut taken = (0..SLOTS).filter(|slot| self.keys[*slot] != NOBODY);
        taken
            .any(|slot| self.leading(slot) + usize::from(self.ends[slot]) != 1)
            .then_some("a flow is not ended once")
    }
}

/// The memory, and the key that is searched for.
struct Wanted<'a>(&'a Replay<'a, Buckets>, u8);

impl Memory for Wanted<'_> {
    type Bucket = usize;

    fn bucket(&self, number: u32) -> Option<usize> {
        Some(number as usize)
    }

    fn head(&self, bucket: usize) -> Head {
        Head(self.0.access(Access::Head(bucket)))
    }

    fn swap_head(&self, bucket: usize, from: Head, to: Head) -> bool {
        const INSERTION: u64 = 1 << 30;
        let to = match self.0.fault {
            Some(Fault::NotCounted | Fault::CountedLate) => Head(from.0.wrapping_add(INSERTION)),
            _ => to,
        };
        self.0.access(Access::SwapHead(bucket, from.0, to.0)) != 0
    }

    fn subtract(&self, bucket: usize, amount: u64) {
        if !self.0.has(Fault::NotCounted) {
            self.0.access(Access::Subtract(bucket, amount));
        }
    }

    fn entry(&self, bucket: usize, number: usize) -> u32 {
        if self.0.shared.entries[bucket][number] == FOREIGN {
            return FOREIGN;
        }
        let entry = self.0.access(Access::Entry(bucket, number)) as u32;
        if self.0.has(Fault::PendingUnseen) && !SHAPE.is_live(entry) && entry != 0 {
            return FOREIGN;
        }
        entry
    }

    fn swap_entry(&self, bucket: usize, number: usize, from: u32, to: u32) -> bool {
        self.0.access(Access::SwapEntry(bucket, number, from, to)) != 0
    }

    fn set_entry(&self, bucket: usize, number: usize, to: u32) {
        self.0.access(Access::SetEntry(bucket, number, to));
        if self.0.has(Fault::CountedLate) && bucket != 0 && SHAPE.is_live(to) {
            let count = Head::unit(bucket).wrapping_neg();
            self.0.access(Access::Subtract(0, count));
        }
    }
}

impl Keys for Wanted<'_> {
    fn key_matches(&self, slot: u32) -> bool {
        self.0.access(Access::Key(slot)) == u64::from(self.1)
    }
}

/// The work of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Work {
    /// A packet of a key.
    Packet(u8),
    /// A packet of a key that begins another connection.
    Restart(u8),
    /// User space closes these slots, one after the other.
    Close(&'static [u32]),
}

impl super::Work for Work {
    type Shared = Buckets;

    /// One attempt, or the removal of one slot.
    fn turn(self, number: u8, replay: &Replay<'_, Buckets>) -> Turn {
        let key = match self {
            Self::Close(slots) => {
                let slot = slots[usize::from(number)];
                if remove(&Wanted(replay, NOBODY), SHAPE, DIGEST, slot) {
                    replay.access(Access::End(slot));
                }
                return if usize::from(number) + 1 == slots.len() {
                    Turn::Over
                } else {
                    Turn::Again
                };
            }
            Self::Packet(key) | Self::Restart(key) => key,
        };
        let memory = &Wanted(replay, key);
        let mut head = memory.head(0);
        let take = || replay.access(Access::Take(key)) as u32;
        let (slot, refused) = match search(memory, SHAPE, DIGEST, head) {
            Found::Pending => return Turn::Again,
            Found::Live(at) if matches!(self, Self::Restart(_)) => {
                let slot = take();
                let is_replaced = replace(memory, SHAPE, &at, slot);
                if is_replaced {
                    replay.access(Access::End(SHAPE.slot(at.entry)));
                }
                (slot, !is_replaced)
            }
            Found::Live(_) => return Turn::Over,
            Found::Nothing => {
                if replay.has(Fault::HeadReadLate) {
                    head = memory.head(0);
                }
                let slot = take();
                let inserted = insert(memory, SHAPE, DIGEST, head, slot);
                (slot, inserted != Inserted::Done)
            }
        };
        if refused {
            replay.access(Access::GiveBack(slot));
            return Turn::Again;
        }
        Turn::Over
    }

    fn most_turns(self) -> u8 {
        match self {
            Self::Close(slots) => slots.len() as u8,
            _ => ATTEMPTS,
        }
    }
}

/// Two packets of one key meet, and the home has room.
fn at_home() -> World<Work> {
    let works = [Work::Packet(1), Work::Packet(1), Work::Close(&[0, 1])];
    World::new(Buckets::new([2, 0, 0, 0]), &works)
}

/// Two packets of one key meet, and the home is full.
fn beyond() -> World<Work> {
    let works = [Work::Packet(1), Work::Packet(1), Work::Close(&[0, 1])];
    World::new(Buckets::new([0, 2, 0, 0]), &works)
}

/// The home's only entry belongs to another key of the same tag, until user space removes that key.
fn at_the_edge() -> World<Work> {
    const OTHER: u32 = 9;
    let works = [Work::Packet(1), Work::Packet(1), Work::Close(&[OTHER])];
    let mut world = World::new(Buckets::new([1, 1, 0, 0]), &works);
    world.shared.entries[0][0] = SHAPE.live(DIGEST).to(OTHER).0;
    world.shared.keys[OTHER as usize] = 2;
    world
}

/// A flow that is replaced by another of its key.
fn replaced() -> World<Work> {
    let works = [Work::Packet(1), Work::Restart(1), Work::Close(&[0, 1])];
    World::new(Buckets::new([2, 0, 0, 0]), &works)
}

/// Two packets meet that both replace the flow of their key.
fn replaced_twice() -> World<Work> {
    const FORMER: u32 = 9;
    let works = [
        Work::Restart(1),
        Work::Restart(1),
        Work::Close(&[FORMER, 0, 1]),
    ];
    let mut world = World::new(Buckets::new([2, 0, 0, 0]), &works);
    world.shared.entries[0][0] = SHAPE.live(DIGEST).to(FORMER).0;
    world.shared.keys[FORMER as usize] = 1;
    world
}

#[test]
fn no_key_ever_has_two_entries() {
    for (name, world) in [
        ("at home", at_home()),
        ("beyond", beyond()),
        ("at the edge", at_the_edge()),
        ("replaced", replaced()),
        ("replaced twice", replaced_twice()),
    ] {
        let states = walk(world, None);
        std::println!("{name}: {states:?} states");
        assert!(
            states.is_ok_and(|states| states > 500),
            "{name}: {states:?}"
        );
    }
}

#[test]
fn each_mistake_is_found() {
    let found = |world, fault| walk(world, Some(fault)).err();
    for world in [at_home, beyond] {
        for fault in [
            Fault::HeadNotCompared,
            Fault::HeadReadLate,
            Fault::PendingUnseen,
        ] {
            assert_eq!(
                found(world(), fault),
                Some("two entries lead to a key"),
                "{fault:?}"
            );
        }
    }
    for fault in [Fault::NotCounted, Fault::CountedLate] {
        assert!(found(beyond(), fault).is_some(), "{fault:?}");
    }
    assert_eq!(
        found(replaced_twice(), Fault::EntryNotCompared),
        Some("a flow is not ended once")
    );
}
