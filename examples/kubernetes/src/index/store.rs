//! Objects of one kind by uid.

use std::{collections::HashMap, sync::Arc};

use crate::Moment;

/// Objects of one kind. A slot is the place of an object until it is removed. An object that the cluster no longer has is
/// retired first: flows that ran before still have it.
#[derive(Debug)]
pub(super) struct Store<T> {
    slots: Vec<Option<Entry<T>>>,
    by_uid: HashMap<Arc<str>, u32>,
    free: Vec<u32>,
    /// Number of the list in progress, or of the last one.
    list: u32,
    present: usize,
}

#[derive(Debug)]
struct Entry<T> {
    uid: Arc<str>,
    /// The list in which the object was seen last.
    list: u32,
    /// The end of an object that the cluster no longer has.
    gone: Option<Moment>,
    value: T,
}

impl<T> Default for Store<T> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            by_uid: HashMap::new(),
            free: Vec::new(),
            list: 0,
            present: 0,
        }
    }
}

impl<T> Store<T> {
    /// Objects that the cluster has.
    pub(super) const fn present(&self) -> usize {
        self.present
    }

    pub(super) fn find(&self, uid: &str) -> Option<u32> {
        self.by_uid.get(uid).copied()
    }

    pub(super) fn get(&self, slot: u32) -> Option<&T> {
        let entry = self.slots.get(slot as usize)?.as_ref()?;
        Some(&entry.value)
    }

    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut T> {
        let entry = self.slots.get_mut(slot as usize)?.as_mut()?;
        Some(&mut entry.value)
    }

    /// Stores an object that the cluster has, in the slot of its uid.
    pub(super) fn put(&mut self, uid: Arc<str>, value: T) -> u32 {
        let entry = Entry {
            uid: Arc::clone(&uid),
            list: self.list,
            gone: None,
            value,
        };
        if let Some(slot) = self.find(&uid) {
            let place = &mut self.slots[slot as usize];
            let was_gone = place.as_ref().is_none_or(|entry| entry.gone.is_some());
            self.present += usize::from(was_gone);
            *place = Some(entry);
            return slot;
        }
        self.present += 1;
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
        });
        self.slots[slot as usize] = Some(entry);
        self.by_uid.insert(uid, slot);
        slot
    }

    /// Notes that the list in progress has an object, whose last version stays.
    pub(super) fn keep(&mut self, uid: &str) {
        let slot = self.find(uid);
        let entry = slot.and_then(|slot| self.slots.get_mut(slot as usize)?.as_mut());
        if let Some(entry) = entry {
            entry.list = self.list;
        }
    }

    /// Notes that the cluster no longer has an object. False if that was known.
    pub(super) fn retire(&mut self, slot: u32, at: Moment) -> bool {
        let entry = self.slots.get_mut(slot as usize).and_then(Option::as_mut);
        let Some(entry) = entry.filter(|entry| entry.gone.is_none()) else {
            return false;
        };
        entry.gone = Some(at);
        self.present -= 1;
        true
    }

    /// Returns true if the cluster no longer has the object.
    pub(super) fn is_retired(&self, slot: u32) -> bool {
        let entry = self.slots.get(slot as usize).and_then(Option::as_ref);
        entry.is_some_and(|entry| entry.gone.is_some())
    }

    /// Removes an object and frees its slot.
    pub(super) fn remove(&mut self, slot: u32) -> Option<T> {
        let entry = self.slots.get_mut(slot as usize)?.take()?;
        self.by_uid.remove(&entry.uid);
        self.present -= usize::from(entry.gone.is_none());
        self.free.push(slot);
        Some(entry.value)
    }

    /// Begins a list of all objects.
    pub(super) const fn begin_list(&mut self) {
        self.list = self.list.wrapping_add(1);
    }

    /// Returns objects that the list in progress did not have.
    pub(super) fn missing(&self) -> Vec<u32> {
        let slots = self.slots.iter().zip(0..);
        let missing = slots.filter(|(entry, _)| {
            let entry = entry.as_ref();
            entry.is_some_and(|entry| entry.gone.is_none() && entry.list != self.list)
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
        let [a, b] = ["a", "b"].map(|uid| store.put(uid.into(), uid));
        assert!(store.missing().is_empty());
        store.begin_list();
        store.put("b".into(), "b");
        assert_eq!(store.missing(), [a]);
        assert!(store.retire(a, Moment::default()) && !store.retire(a, Moment::default()));
        assert!(store.missing().is_empty() && store.present() == 1);
        assert_eq!(store.get(a), Some(&"a"));
        assert_eq!(store.remove(a), Some("a"));
        assert_eq!(store.put("c".into(), "c"), a);
        assert_eq!((store.find("a"), store.find("b")), (None, Some(b)));
    }
}
