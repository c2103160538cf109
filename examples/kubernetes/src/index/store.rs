//! Objects of one kind by uid.

use std::{hash::BuildHasher as _, ops::Deref};

use hashbrown::{DefaultHashBuilder, HashTable};

use super::uid::{Key, Uid};
use crate::Moment;

/// Objects of one kind. A slot is the place of an object until it is removed. An object that the cluster no longer has is
/// retired first: flows that ran before still have it.
#[derive(Debug)]
pub(super) struct Store<T> {
    slots: Vec<Option<Stored<T>>>,
    /// Slots by uid: the slots have the uids.
    by_uid: HashTable<u32>,
    hasher: DefaultHashBuilder,
    free: Vec<u32>,
    /// Number of the list in progress, or of the last one.
    list: u32,
    present: usize,
}

/// An object with its uid.
#[derive(Debug)]
pub(crate) struct Stored<T> {
    pub(crate) uid: Uid,
    /// The list in which the object was seen last.
    list: u32,
    /// True if the cluster no longer has the object.
    is_gone: bool,
    /// The time at which somebody noticed.
    gone: Moment,
    value: T,
}

/// Objects of one kind as far as their uids tell, whatever they are.
pub(super) trait Uids {
    /// Objects that the cluster has.
    fn present(&self) -> usize;

    fn find(&self, uid: &str) -> Option<u32>;

    /// Notes that the list in progress has an object, whose last version stays.
    fn keep(&mut self, uid: &str);

    /// Notes the time at which somebody noticed that the cluster no longer has the object.
    fn noticed(&mut self, slot: u32, now: Moment);

    /// Returns true if the cluster no longer has the object, and somebody noticed at this time or before.
    fn is_gone_since(&self, slot: u32, limit: Moment) -> bool;

    /// Begins a list of all objects.
    fn begin_list(&mut self);

    /// Returns objects that the list in progress did not have.
    fn missing(&self) -> Vec<u32>;
}

impl<T> Deref for Stored<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> Default for Store<T> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            by_uid: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            free: Vec::new(),
            list: 0,
            present: 0,
        }
    }
}

impl<T> Store<T> {
    fn find_key(&self, key: Key<'_>) -> Option<u32> {
        let has_key = |slot: &u32| self.stored(*slot).is_some_and(|it| it.uid.key() == key);
        let found = self.by_uid.find(self.hasher.hash_one(key), has_key);
        found.copied()
    }

    /// Returns an object with its uid.
    pub(super) fn stored(&self, slot: u32) -> Option<&Stored<T>> {
        self.slots.get(slot as usize)?.as_ref()
    }

    pub(super) fn get(&self, slot: u32) -> Option<&T> {
        Some(&self.stored(slot)?.value)
    }

    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut T> {
        let entry = self.slots.get_mut(slot as usize)?.as_mut()?;
        Some(&mut entry.value)
    }

    /// Stores an object that the cluster has, in the slot of its uid.
    pub(super) fn put(&mut self, uid: &str, value: T) -> u32 {
        let key = Key::of(uid);
        if let Some(slot) = self.find_key(key)
            && let Some(entry) = &mut self.slots[slot as usize]
        {
            self.present += usize::from(entry.is_gone);
            (entry.list, entry.is_gone, entry.value) = (self.list, false, value);
            return slot;
        }
        let slot = self.free.pop().unwrap_or_else(|| {
            // A vector that doubles would be half empty.
            if self.slots.len() == self.slots.capacity() {
                self.slots.reserve_exact(self.slots.len() / 8 + 8);
            }
            self.slots.push(None);
            u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
        });
        self.present += 1;
        self.slots[slot as usize] = Some(Stored {
            uid: key.into(),
            list: self.list,
            is_gone: false,
            gone: Moment::MAX,
            value,
        });
        let (slots, hasher) = (&self.slots, &self.hasher);
        let hash = |slot: &u32| {
            let entry = slots.get(*slot as usize).and_then(Option::as_ref);
            entry.map_or(0, |entry| hasher.hash_one(entry.uid.key()))
        };
        self.by_uid.insert_unique(hasher.hash_one(key), slot, hash);
        slot
    }

    /// Notes that the cluster no longer has an object. False if that was known.
    pub(super) fn retire(&mut self, slot: u32) -> bool {
        let entry = self.slots.get_mut(slot as usize).and_then(Option::as_mut);
        let Some(entry) = entry.filter(|entry| !entry.is_gone) else {
            return false;
        };
        entry.is_gone = true;
        self.present -= 1;
        true
    }

    /// Removes an object and frees its slot.
    pub(super) fn remove(&mut self, slot: u32) -> Option<T> {
        let hash = self.hasher.hash_one(self.stored(slot)?.uid.key());
        if let Ok(entry) = self.by_uid.find_entry(hash, |it| *it == slot) {
            entry.remove();
        }
        let entry = self.slots.get_mut(slot as usize)?.take()?;
        self.present -= usize::from(!entry.is_gone);
        self.free.push(slot);
        Some(entry.value)
    }
}

impl<T> Uids for Store<T> {
    fn present(&self) -> usize {
        self.present
    }

    fn find(&self, uid: &str) -> Option<u32> {
        self.find_key(Key::of(uid))
    }

    fn keep(&mut self, uid: &str) {
        let slot = self.find(uid);
        let entry = slot.and_then(|slot| self.slots.get_mut(slot as usize)?.as_mut());
        if let Some(entry) = entry {
            entry.list = self.list;
        }
    }

    fn noticed(&mut self, slot: u32, now: Moment) {
        if let Some(Some(entry)) = self.slots.get_mut(slot as usize) {
            entry.gone = now;
        }
    }

    fn is_gone_since(&self, slot: u32, limit: Moment) -> bool {
        let entry = self.stored(slot);
        entry.is_some_and(|entry| entry.is_gone && entry.gone <= limit)
    }

    fn begin_list(&mut self) {
        self.list = self.list.wrapping_add(1);
    }

    fn missing(&self) -> Vec<u32> {
        let slots = self.slots.iter().zip(0..);
        let missing = slots.filter(|(entry, _)| {
            let entry = entry.as_ref();
            entry.is_some_and(|entry| !entry.is_gone && entry.list != self.list)
        });
        missing.map(|(_, slot)| slot).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_missing_from_a_list_are_those_of_earlier_lists() {
        let mut store = Store::default();
        store.begin_list();
        let [a, b] = ["a", "b"].map(|uid| store.put(uid, uid));
        assert!(store.missing().is_empty());
        store.begin_list();
        store.put("b", "b");
        assert_eq!(store.missing(), [a]);
        assert!(store.retire(a) && !store.retire(a));
        assert!(store.missing().is_empty() && store.present() == 1);
        assert_eq!(store.get(a), Some(&"a"));
        assert_eq!(store.remove(a), Some("a"));
        assert_eq!(store.put("c", "c"), a);
        assert_eq!((store.find("a"), store.find("b")), (None, Some(b)));
    }
}
