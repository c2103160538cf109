//! Flows of first fragments, for as long as their others may come.

use std::collections::HashMap;

use mermin_bpf::{
    abi::fragment::{FragmentKey, Owner},
    track::fragment::is_fresh,
};

/// Packets in parts that are remembered at least; and at most twice as many.
const ROOM: usize = 4096;

/// Two halves: when the younger is full, the older goes.
#[derive(Debug, Default)]
pub(super) struct Fragments {
    young: HashMap<FragmentKey, Owner>,
    old: HashMap<FragmentKey, Owner>,
}

impl Fragments {
    pub(super) fn insert(&mut self, key: FragmentKey, owner: Owner) {
        if self.young.len() >= ROOM {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, owner);
    }

    /// The flow of a fragment that comes at `now`.
    pub(super) fn find(&self, key: &FragmentKey, now: u64) -> Option<Owner> {
        self.young
            .get(key)
            .or_else(|| self.old.get(key))
            .filter(|owner| is_fresh(owner, now))
            .copied()
    }
}

#[cfg(test)]
mod tests {
    use mermin_bpf::track::fragment::LIFETIME;

    use super::*;

    fn key(identification: u32) -> FragmentKey {
        FragmentKey {
            identification,
            ..FragmentKey::default()
        }
    }

    #[test]
    fn the_latest_are_remembered_and_no_more_than_there_is_room_for() {
        let mut fragments = Fragments::default();
        let count = 10 * u32::try_from(ROOM).unwrap();
        for number in 0..count {
            fragments.insert(key(number), Owner::default());
            let before = number.saturating_sub(u32::try_from(ROOM).unwrap() - 1);
            assert!(fragments.find(&key(before), 0).is_some(), "{number}");
        }
        assert!(fragments.young.len() + fragments.old.len() <= 2 * ROOM);
        assert_eq!(fragments.find(&key(0), 0), None);
    }

    #[test]
    fn a_number_is_used_again_after_a_while() {
        let mut fragments = Fragments::default();
        let owner = Owner {
            seen_at: 5,
            ..Owner::default()
        };
        fragments.insert(key(1), owner);
        assert_eq!(fragments.find(&key(1), 5 + LIFETIME), Some(owner));
        assert_eq!(fragments.find(&key(1), 6 + LIFETIME), None);
    }
}
