//! The index: from a key to the number of its slot.

use core::hint::black_box;

use aya_ebpf::{
    bindings::{BPF_EXIST, BPF_NOEXIST},
    helpers::bpf_map_update_elem,
    maps::HashMap,
};
use mermin_bpf::abi::{
    key::{CARRIED, KeyV4, KeyV6, KeyWords},
    ledger::Reason,
    slot::{LANES, Slot, origin, state},
};

use super::{
    maps::{HINTS, HintSet, INDEX_V4, INDEX_V6, SLOTS, hint_mask, is_bare},
    pass::lanes_used,
};

const ENOENT: i64 = 2;
const E2BIG: i64 = 7;
const ENOMEM: i64 = 12;
const EBUSY: i64 = 16;
const EEXIST: i64 = 17;

/// A hint is a slot's number with a tag above it.
const SLOT_BITS: u32 = 24;
const SLOT_MASK: u32 = (1 << SLOT_BITS) - 1;

/// Keys that can be looked up.
pub(super) trait Key: Copy + 'static {
    /// The words of the key that are compared.
    const WORDS: usize;
    /// Bits of [`origin`] that name the IP version.
    const ORIGIN: u8;

    fn index() -> &'static HashMap<Self, u32>
    where
        Self: Sized;
    fn words(&self) -> KeyWords;
    /// The same without VLANs and tunnels.
    fn bare(&self) -> Self;

    /// As the index has it. A slot has the key of its flow's first packet with VLANs and tunnels in any case.
    #[inline(always)]
    fn indexed(&self) -> Self {
        if is_bare() { self.bare() } else { *self }
    }

    /// The words, to be stored.
    ///
    /// The compiler must not know that some are zero: it would call `memset` for a row of them, which is a loop over
    /// bytes here. Before Linux 6.3 the verifier also compares all states of a program more strictly once the program
    /// has a function (`precise` in `kernel/bpf/verifier.c`).
    #[inline(always)]
    fn opaque_words(&self) -> KeyWords {
        let mut words = self.words();
        for unused in words.iter_mut().skip(Self::WORDS) {
            *unused = black_box(0);
        }
        words
    }
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

    #[inline(always)]
    fn bare(&self) -> Self {
        Self::bare(*self)
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

    #[inline(always)]
    fn bare(&self) -> Self {
        Self::bare(*self)
    }
}

/// Result of a look-up.
pub(super) enum Found {
    /// The flow's slot.
    Flow(*mut Slot),
    /// An element that was recycled for another key while it was read: look again.
    Recycled,
    /// No such flow.
    Nothing,
}

/// Looks up a known flow: first where it was last found, which is 20 ns cheaper than the index, then in the index.
///
/// `digest` is the key's, and `lane` the counter line that the packet is about to be added to. A slot with any `doubts`
/// bit set in its lanes' bytes is returned as `Recycled`. Key and bits share one comparison, because a separate branch
/// gives the verifier a third more paths.
#[inline(always)]
pub(super) fn find_known<K: Key>(key: &K, digest: u64, lane: u32, doubts: u32) -> Found {
    if let Some(slot) = find_by_hint(key, digest, lane, doubts) {
        return Found::Flow(slot);
    }
    match find(key, digest) {
        Found::Flow(slot) if lanes_used(slot) & doubts != 0 => Found::Recycled,
        found => found,
    }
}

/// The slot's own key confirms the hint. The slot must also be live: the index no longer leads to a slot that is being
/// closed, but a hint still does, so without that check packets could be counted after the grace period.
#[inline(always)]
fn find_by_hint<K: Key>(key: &K, digest: u64, lane: u32, doubts: u32) -> Option<*mut Slot> {
    let set = HINTS.get_ptr(place(digest))?;
    let tag = tag(digest);
    let mut hint = tagged(set, 0, tag);
    if hint >> SLOT_BITS != tag {
        hint = tagged(set, 1, tag);
        if hint >> SLOT_BITS != tag {
            return None;
        }
    }
    let slot = SLOTS.get_ptr_mut(hint & SLOT_MASK)?;
    fetch(slot, lane);
    let differs = differs(slot, key) | u64::from(lanes_used(slot) & doubts);
    (differs == 0 && is_live(slot)).then_some(slot)
}

/// The hint with this tag in one pair of a set, if there is one.
#[inline(always)]
fn tagged(set: *const HintSet, pair: usize, tag: u32) -> u32 {
    // SAFETY: the set has two pairs, each a word; volatile because other CPUs change it.
    let pair = unsafe { (&raw const (*set)[pair]).read_volatile() };
    let (first, second) = (pair as u32, (pair >> 32) as u32);
    if first >> SLOT_BITS == tag {
        first
    } else {
        second
    }
}

/// Has a counter line brought in beside the slot's first line. Left to itself the processor waits for one after the other,
/// because an atomic addition begins when all loads before it are done; and where flows are many, each wait is one for memory.
#[inline(always)]
fn fetch(slot: *mut Slot, lane: u32) {
    // SAFETY: the lane exists; what it holds is not used.
    unsafe { (&raw const (*slot).lanes[lane as usize & (LANES - 1)].packets).read_volatile() };
}

/// Leaves a hint to a slot in front of the others there, of which the last one goes.
#[inline(always)]
pub(super) fn hint(digest: u64, number: u32) {
    if let Some(set) = HINTS.get_ptr_mut(place(digest)) {
        let hint = tag(digest) << SLOT_BITS | number & SLOT_MASK;
        // SAFETY: each pair is read and stored whole; two CPUs at once lose a hint at worst.
        unsafe {
            let front = (&raw const (*set)[0]).read_volatile();
            let back = (&raw const (*set)[1]).read_volatile();
            (&raw mut (*set)[0]).write_volatile(front << 32 | u64::from(hint));
            (&raw mut (*set)[1]).write_volatile(back << 32 | front >> 32);
        }
    }
}

/// A multilinear digest of a key, mixed once at the end, so that no product waits for an earlier one. The digest is
/// only for speed: the slot's key is always compared.
#[inline(always)]
pub(super) fn digest<K: Key>(key: &K) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut words = key.words();
    if is_bare() {
        words[0] &= !CARRIED[0];
        words[1] &= !CARRIED[1];
    }
    let (mut sum, mut factor) = (0_u64, ODD);
    for word in &words[..K::WORDS] {
        sum = sum.wrapping_add(word.wrapping_mul(factor));
        factor = factor.wrapping_mul(ODD);
    }
    let mixed = (sum ^ sum >> 32).wrapping_mul(ODD);
    mixed ^ mixed >> 29
}

/// The place of a key's hints.
#[inline(always)]
fn place(digest: u64) -> u32 {
    (digest >> 32) as u32 & hint_mask()
}

/// Eight bits that distinguish a key from most others in its set without reading their slots.
#[inline(always)]
fn tag(digest: u64) -> u32 {
    digest as u32 >> SLOT_BITS
}

/// True if a slot is neither being closed nor replaced.
#[inline(always)]
pub(super) fn is_live(slot: *mut Slot) -> bool {
    // SAFETY: the slot lives as long as its map; its state is one byte.
    unsafe { (&raw const (*slot).state).read_volatile() == state::LIVE }
}

/// Looks up a flow in the index, and stores a hint.
///
/// A hash element is recycled at once, so the number read from it may be another flow's. The slot's own key decides: it
/// cannot change before a grace period, which cannot end during this program run.
#[inline(always)]
pub(super) fn find<K: Key>(key: &K, digest: u64) -> Found {
    // A copy for the helper: the key itself need not be in memory then, where a packet's hint is right.
    let copy = &key.indexed();
    let Some(number) = K::index().get_ptr(copy) else {
        return Found::Nothing;
    };
    // SAFETY: the element holds a number; volatile because it is read once and may change.
    let number = unsafe { number.read_volatile() };
    let Some(slot) = SLOTS.get_ptr_mut(number) else {
        return Found::Recycled;
    };
    if !holds(slot, key) {
        return Found::Recycled;
    }
    hint(digest, number);
    Found::Flow(slot)
}

/// True if a slot is a key's.
#[inline(always)]
fn holds<K: Key>(slot: *mut Slot, key: &K) -> bool {
    differs(slot, key) == 0
}

/// Bits in which the key of a slot differs from a key.
#[inline(always)]
fn differs<K: Key>(slot: *mut Slot, key: &K) -> u64 {
    let words = key.words();
    // SAFETY: within the key; the slot lives as long as its map.
    let differs = |number: usize| unsafe { (*slot).key[number] } ^ words[number];
    let (mut first, mut second) = (differs(0), differs(1));
    // A branch rather than a conditional mask: the verifier removes it when it is never taken.
    if is_bare() {
        first &= !CARRIED[0];
        second &= !CARRIED[1];
    }
    let mut found = first | second;
    for number in CARRIED.len()..K::WORDS {
        found |= differs(number);
    }
    found
}

/// Outcome of an update.
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
    let key = &key.indexed();
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
