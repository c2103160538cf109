//! Removes flows from the kernel's index.

use std::{
    io,
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
};

use mermin_bpf::{
    abi::{
        digest::{Seed, digest},
        index::{Bucket, Head, Shape, word},
        slot::origin,
    },
    index::{memory::Memory, remove},
    wire::tunnel::Keyed,
};

use super::slab::Slab;
use crate::{
    failpoint::{FailPoint, fail_point},
    sys::mapping::Mapping,
};

/// The index.
#[derive(Debug)]
pub(crate) struct Index {
    buckets: Mapping<Bucket>,
    shape: Shape,
    seed: Seed,
    keyed: Keyed,
}

/// Draws a random seed.
pub(crate) fn draw_seed() -> io::Result<Seed> {
    let mut octets = [0; size_of::<Seed>()];
    // No more than 256 octets: all or nothing (getrandom(2)).
    rustix::rand::getrandom(&mut octets, rustix::rand::GetRandomFlags::empty())?;
    let mut words = [0; Seed::WORDS];
    for (word, octets) in words.iter_mut().zip(octets.chunks_exact(size_of::<u64>())) {
        *word = octets
            .iter()
            .fold(0, |word, octet| word << 8 | u64::from(*octet));
    }
    Ok(Seed::from_words(&words))
}

impl Index {
    pub(crate) fn new(buckets: Mapping<Bucket>, shape: Shape, seed: Seed, keyed: Keyed) -> Self {
        Self {
            buckets,
            shape,
            seed,
            keyed,
        }
    }

    /// Removes the flow in a slot from the index. Returns false if the index does not lead to the slot: the flow was removed, or
    /// the kernel program has replaced it. A program run that began before may still count into it.
    pub(crate) fn remove(&self, slab: &Slab, slot: u32) -> bool {
        remove::remove(self, self.shape, self.digest(slab, slot), slot)
    }

    fn digest(&self, slab: &Slab, slot: u32) -> u64 {
        let (words, origin_bits) = slab.key(slot);
        digest(
            &words,
            origin_bits & origin::IPV6 != 0,
            self.keyed == Keyed::Endpoints,
            &self.seed,
        )
    }

    fn head_of(&self, bucket: usize) -> &AtomicU64 {
        let bucket = self.buckets.at(bucket);
        // SAFETY: within the mapping, which lives as long as `self`; heads are only changed atomically.
        unsafe { AtomicU64::from_ptr(&raw mut (*bucket).head) }
    }

    fn entry_of(&self, bucket: usize, number: usize) -> &AtomicU32 {
        let bucket = self.buckets.at(bucket);
        // SAFETY: a word of the bucket, whatever the number; entries are only changed atomically.
        unsafe { AtomicU32::from_ptr(bucket.cast::<u32>().add(word(number))) }
    }
}

/// Compares the index with the slots while nothing is inserted or removed.
#[cfg(feature = "__lab")]
impl Index {
    /// Returns what does not fit, in words. `surplus` counts of keys that are not in their home may be left of killed processes.
    pub(crate) fn defects(&self, slab: &Slab, surplus: u64) -> Vec<String> {
        use std::collections::{HashMap, HashSet};

        use mermin_bpf::abi::{index::PLACES, slot::state};

        let mut defects = Vec::new();
        let mut slots = HashSet::new();
        let mut keys = HashSet::new();
        let mut counts: HashMap<u32, [u64; PLACES]> = HashMap::new();
        for number in 0..self.shape.buckets() {
            for entry in self.buckets.read(number as usize).entries {
                if entry == 0 {
                    continue;
                }
                let slot = self.shape.slot(entry);
                let digest = self.digest(slab, slot);
                let live = self.shape.live(digest).to(slot);
                let place = (0..PLACES).find(|place| self.shape.bucket(digest, *place) == number);
                match place {
                    Some(place) if entry == live.0 && slab.state(slot) == state::LIVE => {
                        let home = self.shape.bucket(digest, 0);
                        counts.entry(home).or_default()[place] += 1;
                    }
                    _ => defects.push(format!("bucket {number}: stale entry {entry:#x}")),
                }
                let (words, origin_bits) = slab.key(slot);
                let is_new_key = keys.insert((words, origin_bits & origin::IPV6));
                if !slots.insert(slot) || !is_new_key {
                    defects.push(format!(
                        "bucket {number}: another entry of slot {slot}'s key"
                    ));
                }
            }
        }
        let live = |slot: &u32| slab.state(*slot) == state::LIVE;
        let lost = (0..slab.touched())
            .filter(live)
            .find(|slot| !slots.contains(slot));
        defects.extend(lost.map(|slot| format!("no entry leads to slot {slot}")));
        let mut counted = 0;
        for number in 0..self.shape.buckets() {
            let head = Head(self.buckets.read(number as usize).head);
            let there = counts.get(&number).copied().unwrap_or_default();
            for (place, there) in there.into_iter().enumerate().skip(1) {
                if head.count(place) < there {
                    defects.push(format!(
                        "bucket {number}: count of place {place} is too low"
                    ));
                }
                counted += head.count(place).saturating_sub(there);
            }
        }
        if counted > surplus {
            defects.push(format!("{counted} keys are counted that are not there"));
        }
        defects
    }
}

impl Memory for Index {
    type Bucket = usize;

    fn bucket(&self, number: u32) -> Option<usize> {
        let number = number as usize;
        (number < self.buckets.len()).then_some(number)
    }

    fn head(&self, bucket: usize) -> Head {
        Head(self.head_of(bucket).load(Ordering::SeqCst))
    }

    fn swap_head(&self, bucket: usize, from: Head, to: Head) -> bool {
        let head = self.head_of(bucket);
        head.compare_exchange(from.0, to.0, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
    }

    fn subtract(&self, bucket: usize, amount: u64) {
        fail_point(FailPoint::Uncounted);
        self.head_of(bucket).fetch_sub(amount, Ordering::SeqCst);
    }

    fn entry(&self, bucket: usize, number: usize) -> u32 {
        self.entry_of(bucket, number).load(Ordering::SeqCst)
    }

    fn swap_entry(&self, bucket: usize, number: usize, from: u32, to: u32) -> bool {
        let entry = self.entry_of(bucket, number);
        entry
            .compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
    }

    fn set_entry(&self, bucket: usize, number: usize, to: u32) {
        self.entry_of(bucket, number).store(to, Ordering::SeqCst);
    }
}
