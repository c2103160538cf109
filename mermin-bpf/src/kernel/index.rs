//! The index: from a key to the number of its slot.

use aya_ebpf::{
    bindings::{BPF_EXIST, BPF_NOEXIST},
    helpers::bpf_map_update_elem,
    maps::HashMap,
};
use mermin_bpf::abi::{
    key::{KeyV4, KeyV6, KeyWords},
    ledger::Reason,
    slot::{Slot, origin},
};

use super::maps::{INDEX_V4, INDEX_V6, SLOTS};

const ENOENT: i64 = 2;
const E2BIG: i64 = 7;
const ENOMEM: i64 = 12;
const EBUSY: i64 = 16;
const EEXIST: i64 = 17;

/// What can be looked up.
pub(super) trait Key: Copy + 'static {
    /// Words that tell two keys apart.
    const WORDS: usize;
    /// Bits of [`origin`] that name the IP version.
    const ORIGIN: u8;

    fn index() -> &'static HashMap<Self, u32>
    where
        Self: Sized;
    fn words(&self) -> KeyWords;
}

impl Key for KeyV4 {
    const WORDS: usize = Self::WORDS;
    const ORIGIN: u8 = 0;

    #[inline(always)]
    fn index() -> &'static HashMap<Self, u32> {
        &INDEX_V4
    }

    #[inline(always)]
    fn words(&self) -> KeyWords {
        self.words()
    }
}

impl Key for KeyV6 {
    const WORDS: usize = Self::WORDS;
    const ORIGIN: u8 = origin::IPV6;

    #[inline(always)]
    fn index() -> &'static HashMap<Self, u32> {
        &INDEX_V6
    }

    #[inline(always)]
    fn words(&self) -> KeyWords {
        self.words()
    }
}

/// What a look-up found.
pub(super) enum Found {
    /// The flow's slot.
    Flow(*mut Slot),
    /// An element that was recycled for another key while it was read: look again.
    Recycled,
    /// No such flow.
    Nothing,
}

/// Looks a flow up.
///
/// A hash element is recycled at once, so the number read from it may be another flow's. The slot's own key tells: it
/// cannot change before a grace period, which this program run holds up.
#[inline(always)]
pub(super) fn find<K: Key>(key: &K) -> Found {
    let Some(number) = K::index().get_ptr(key) else {
        return Found::Nothing;
    };
    // SAFETY: the element holds a number; volatile because it is read once and may change.
    let number = unsafe { number.read_volatile() };
    let Some(slot) = SLOTS.get_ptr_mut(number) else {
        return Found::Recycled;
    };
    let words = key.words();
    let mut differs = 0;
    for word in 0..K::WORDS {
        // SAFETY: `word` is below the key's length; the slot lives as long as its map.
        differs |= unsafe { (*slot).key[word] } ^ words[word];
    }
    if differs == 0 {
        Found::Flow(slot)
    } else {
        Found::Recycled
    }
}

/// What came of an update.
pub(super) enum Updated {
    /// The key leads to the new slot.
    Done,
    /// Somebody else was first: look again.
    Overtaken,
    /// It cannot be.
    Refused(Reason),
}

#[inline(always)]
fn update<K: Key>(key: &K, number: u32, flags: u32) -> Updated {
    let map = core::ptr::from_ref(K::index()).cast_mut().cast();
    // SAFETY: key and value live on this program's stack.
    let status = unsafe {
        bpf_map_update_elem(
            map,
            core::ptr::from_ref(key).cast(),
            (&raw const number).cast(),
            u64::from(flags),
        )
    };
    match -status {
        0 => Updated::Done,
        EEXIST | ENOENT => Updated::Overtaken,
        E2BIG | ENOMEM => Updated::Refused(Reason::IndexFull),
        EBUSY => Updated::Refused(Reason::IndexBusy),
        _ => Updated::Refused(Reason::IndexError),
    }
}

/// Makes a key known that is not.
#[inline(always)]
pub(super) fn publish<K: Key>(key: &K, number: u32) -> Updated {
    update(key, number, BPF_NOEXIST)
}

/// Leads a key that is known to another slot.
#[inline(always)]
pub(super) fn replace<K: Key>(key: &K, number: u32) -> Updated {
    update(key, number, BPF_EXIST)
}
