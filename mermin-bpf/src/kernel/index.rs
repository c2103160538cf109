//! The kernel's way to the index: from a key to its slot.

use core::hint::black_box;

use mermin_bpf::{
    abi::{
        digest,
        index::{Bucket, ENTRIES, Head, word},
        key::{CARRIED, KeyV4, KeyV6, KeyWords},
        slot::{LANES, Slot, origin},
    },
    index::memory::{Keys, Memory},
};

use super::{
    atomic,
    maps::{INDEX, SLOTS, index_seed, index_shape},
    options::{Chosen, Options},
    sampling,
    workspace::Workspace,
};

/// Keys that can be looked up.
pub(super) trait Key: Copy + 'static {
    /// The words of the key that are compared.
    const WORDS: usize;
    /// Bits of [`origin`] that name the IP version.
    const ORIGIN: u8;

    fn words(&self) -> KeyWords;

    /// Of the lower endpoint and the higher one.
    fn ports(&self) -> [u16; 2];

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
    fn words(&self) -> KeyWords {
        self.words()
    }

    #[inline(always)]
    fn ports(&self) -> [u16; 2] {
        self.tail.ports
    }
}

impl Key for KeyV6 {
    const WORDS: usize = Self::WORDS;
    const ORIGIN: u8 = origin::IPV6;

    #[inline(always)]
    fn words(&self) -> KeyWords {
        self.words()
    }

    #[inline(always)]
    fn ports(&self) -> [u16; 2] {
        self.tail.ports
    }
}

/// The key's digest.
#[inline(always)]
pub(super) fn digest<O: Options, K: Key>(key: &K) -> u64 {
    digest::digest(&key.words(), K::ORIGIN != 0, O::is_bare(), &index_seed())
}

/// Looks for a flow where nearly all are: at the first entry of the home bucket that has the key's tag. `None` also for
/// others, for a slot with any `doubts` bit set in its lanes' bytes, and for one that was kept at a lower rate than the present one; the
/// program that makes flows looks everywhere.
///
/// `lane` is the counter line that the packet is about to be added to.
#[inline(always)]
pub(super) fn find_known<O: Options, K: Key>(
    key: &K,
    digest: u64,
    lane: u32,
    doubts: u32,
) -> Option<*mut Slot> {
    let shape = index_shape();
    let bucket = INDEX.get_ptr(shape.bucket(digest, 0))?;
    let (live, mask) = (shape.live(digest).0, shape.tag_mask());
    let entry = (0..ENTRIES)
        .map(
            #[inline(always)]
            |number| entry(bucket, number),
        )
        .find(
            #[inline(always)]
            |entry| entry & mask == live,
        )?;
    let slot = SLOTS.get_ptr_mut(entry & !mask)?;
    prefetch_lane(slot, lane);
    let differs = differs::<O>(slot, &key.words(), K::WORDS, K::ORIGIN, doubts);
    (differs | sampling::excess::<O>(slot) == 0).then_some(slot)
}

/// Has a counter line brought in beside the slot's first line. Left to itself the processor waits for one after the other,
/// because an atomic addition begins when all loads before it are done; and where flows are many, each wait is one for memory.
#[inline(always)]
fn prefetch_lane(slot: *mut Slot, lane: u32) {
    // SAFETY: the lane exists; what it holds is not used.
    unsafe { (&raw const (*slot).lanes[lane as usize & (LANES - 1)].packets).read_volatile() };
}

/// Where a slot's origin begins in the word that its state begins.
const ORIGIN_AT: u32 = 8;

/// Bits in which a slot's key differs from a key, and those of `doubts` that are set in its lanes' bytes.
///
/// Key and bits share one comparison, because a separate branch gives the verifier a third more paths.
#[expect(
    clippy::cast_ptr_alignment,
    reason = "the word stands at a multiple of eight within a slot, which is aligned to more"
)]
#[inline(always)]
fn differs<O: Options>(
    slot: *mut Slot,
    words: &KeyWords,
    compared: usize,
    version: u8,
    doubts: u32,
) -> u64 {
    // SAFETY: within the key; the slot lives as long as its map.
    let differs = |number: usize| unsafe { (*slot).key[number] } ^ words[number];
    let (mut first, mut second) = (differs(0), differs(1));
    // A branch rather than a conditional mask: the verifier removes it when it is never taken.
    if O::is_bare() {
        first &= !CARRIED[0];
        second &= !CARRIED[1];
    }
    let mut found = first | second;
    for number in CARRIED.len()..compared {
        found |= differs(number);
    }
    // SAFETY: eight octets within the slot: state, origin, and two others, then the lanes' bytes.
    let facts = unsafe { (&raw const (*slot).state).cast::<u64>().read_volatile() };
    let matter = u64::from(doubts) << 32 | u64::from(origin::IPV6) << ORIGIN_AT;
    found | (facts ^ u64::from(version) << ORIGIN_AT) & matter
}

/// One of a bucket's entries.
#[inline(always)]
fn entry(bucket: *const Bucket, number: usize) -> u32 {
    // SAFETY: a word of the bucket, whatever the number; volatile because other CPUs change it.
    unsafe { bucket.cast::<u32>().add(word(number)).read_volatile() }
}

/// The index, and the key that is searched for in it.
pub(super) struct Table<'a> {
    pub(super) words: &'a KeyWords,
    /// As in [`Slot::origin`].
    pub(super) version: u8,
    /// This CPU's own.
    pub(super) workspace: *mut Workspace,
}

impl Memory for Table<'_> {
    type Bucket = *mut Bucket;

    #[inline(always)]
    fn bucket(&self, number: u32) -> Option<*mut Bucket> {
        INDEX.get_ptr_mut(number)
    }

    /// An addition of nothing, because it is a barrier: a load would let loads behind it go first on arm64.
    #[inline(always)]
    fn head(&self, bucket: *mut Bucket) -> Head {
        // SAFETY: within the map; heads are only changed atomically.
        Head(unsafe { atomic::fetch_add(&raw mut (*bucket).head, black_box(0)) })
    }

    #[inline(always)]
    fn swap_head(&self, bucket: *mut Bucket, from: Head, to: Head) -> bool {
        // In test builds only: two CPUs that meet both insert.
        if cfg!(mermin_fault = "unguarded") {
            // SAFETY: as above.
            unsafe { atomic::add(&raw mut (*bucket).head, to.0.wrapping_sub(from.0)) };
            return true;
        }
        // In test builds only: no search finds a key that is not in its home.
        let to = if cfg!(mermin_fault = "uncounted") {
            from.after_insertion(0).unwrap_or(to)
        } else {
            to
        };
        // SAFETY: as above.
        unsafe { atomic::swap(&raw mut (*bucket).head, from.0, to.0) }
    }

    #[inline(always)]
    fn subtract(&self, bucket: *mut Bucket, amount: u64) {
        // SAFETY: as above.
        unsafe { atomic::add(&raw mut (*bucket).head, amount.wrapping_neg()) }
    }

    #[inline(always)]
    fn entry(&self, bucket: *mut Bucket, number: usize) -> u32 {
        entry(bucket, number)
    }

    #[inline(always)]
    fn swap_entry(&self, bucket: *mut Bucket, number: usize, from: u32, to: u32) -> bool {
        // In test builds only: two CPUs that meet both replace a flow.
        if cfg!(mermin_fault = "overwritten") && from != 0 {
            self.set_entry(bucket, number, to);
            return true;
        }
        // SAFETY: a word of the bucket, whatever the number; it is only changed atomically.
        unsafe { atomic::swap(bucket.cast::<u32>().add(word(number)), from, to) }
    }

    #[inline(always)]
    fn set_entry(&self, bucket: *mut Bucket, number: usize, to: u32) {
        // SAFETY: as above.
        unsafe { atomic::exchange(bucket.cast::<u32>().add(word(number)), to) };
    }

    #[inline(always)]
    fn forget(&self, number: usize) -> usize {
        // SAFETY: this CPU's own.
        unsafe {
            let place = &raw mut (*self.workspace).number;
            place.write_volatile(number as u64);
            place.read_volatile() as usize
        }
    }
}

impl Keys for Table<'_> {
    #[inline(always)]
    fn key_matches(&self, slot: u32) -> bool {
        let slot = SLOTS.get_ptr_mut(slot);
        slot.is_some_and(
            #[inline(always)]
            |slot| differs::<Chosen>(slot, self.words, self.words.len(), self.version, 0) == 0,
        )
    }
}
