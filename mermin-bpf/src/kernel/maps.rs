//! Maps and constants. Sizes here are the least; the loader sets the real ones before it creates the maps.

use core::hint::cold_path;

use aya_ebpf::{
    bindings::BPF_F_MMAPABLE,
    macros::map,
    maps::{Array, LruHashMap, ProgramArray, RingBuf},
};
use mermin_bpf::{
    abi::{
        digest::{Seed, Source},
        drops::{DropCounters, Drops, fact},
        fragment::{Early, FragmentFlow, FragmentKey},
        free::{FreeLine, FreeShape},
        globals::{Globals, next},
        index::{Bucket, Shape},
        ledger::{HookEntry, Reasons, Totals},
        opener::{self, Opener},
        slot::Slot,
        tcp_analysis::TcpAnalysis,
        tcp_socket::TcpSockets,
        tunnel::TunnelEndpoints,
    },
    track::pass::Turned,
    wire::tunnel::{Keyed, Ports, ports},
};

/// Places for packets on their way out.
pub(super) const DEPARTURES_KEPT: usize = 4096;

#[map]
pub(super) static INDEX: Array<Bucket> = Array::with_max_entries(1, BPF_F_MMAPABLE);
#[map]
pub(super) static SLOTS: Array<Slot> = Array::with_max_entries(1, BPF_F_MMAPABLE);
#[map]
pub(super) static FREE: Array<FreeLine> = Array::with_max_entries(3, BPF_F_MMAPABLE);
#[map]
pub(super) static FRESH: Array<u64> = Array::with_max_entries(1, BPF_F_MMAPABLE);
#[map]
pub(super) static HOOKS: Array<HookEntry> = Array::with_max_entries(2, BPF_F_MMAPABLE);
#[map]
pub(super) static TOTALS: Array<Totals> = Array::with_max_entries(4, BPF_F_MMAPABLE);
#[map]
pub(super) static REASONS: Array<Reasons> = Array::with_max_entries(16, BPF_F_MMAPABLE);
#[map]
pub(super) static GLOBALS: Array<Globals> = Array::with_max_entries(1, BPF_F_MMAPABLE);
#[map]
pub(super) static PROGRAMS: ProgramArray = ProgramArray::with_max_entries(next::COUNT, 0);
#[map]
pub(super) static TUNNELS: Array<TunnelEndpoints> = Array::with_max_entries(1, BPF_F_MMAPABLE);
#[map]
pub(super) static TCP_ANALYSIS: Array<TcpAnalysis> = Array::with_max_entries(1, BPF_F_MMAPABLE);
#[map]
pub(super) static TCP_SOCKETS: Array<TcpSockets> = Array::with_max_entries(1, BPF_F_MMAPABLE);
#[map]
pub(super) static DROPS: Array<Drops> = Array::with_max_entries(1, BPF_F_MMAPABLE);
#[map]
pub(super) static DROP_COUNTERS: Array<DropCounters> = Array::with_max_entries(1, BPF_F_MMAPABLE);
#[map]
pub(super) static DEPARTURES: Array<[u64; DEPARTURES_KEPT]> = Array::with_max_entries(1, 0);
#[map]
pub(super) static TURNED: LruHashMap<u64, Turned> = LruHashMap::with_max_entries(1, 0);
#[map]
pub(super) static FRAGMENTS: LruHashMap<FragmentKey, FragmentFlow> =
    LruHashMap::with_max_entries(1, 0);
#[map]
pub(super) static EARLY: LruHashMap<FragmentKey, Early> = LruHashMap::with_max_entries(1, 0);

#[map]
pub(super) static SECTIONS: RingBuf = RingBuf::with_byte_size(4096, 0);
#[map]
pub(super) static SENDERS: Array<u64> = Array::with_max_entries(1, 0);
#[map]
pub(super) static OPENERS: LruHashMap<u64, Opener> = LruHashMap::with_max_entries(1, 0);

#[unsafe(no_mangle)]
static SLOT_COUNT: u32 = 1;
#[unsafe(no_mangle)]
static SLOT_BITS: u32 = 0;
#[unsafe(no_mangle)]
static BUCKET_MASK: u32 = 0;
#[unsafe(no_mangle)]
static SEED: [u64; Seed::WORDS] = [0; Seed::WORDS];
#[unsafe(no_mangle)]
static CPU_COUNT: u32 = 1;
#[unsafe(no_mangle)]
static HOOK_MASK: u32 = 0;
#[unsafe(no_mangle)]
static DECAPSULATE: u32 = 1;
#[unsafe(no_mangle)]
static BARE: u32 = 0;
#[unsafe(no_mangle)]
static ANALYSE: u32 = 0;
#[unsafe(no_mangle)]
static SOCKETS: u32 = 0;
#[unsafe(no_mangle)]
static SECTIONS_ON: u32 = 0;
#[unsafe(no_mangle)]
static SAMPLED: u32 = 0;
#[unsafe(no_mangle)]
static POINT_SEED: [u64; Seed::WORDS] = [0; Seed::WORDS];
#[unsafe(no_mangle)]
static DROP_FACTS: [u32; fact::COUNT] = [0; fact::COUNT];
#[unsafe(no_mangle)]
static SENDERS_ON: u32 = 0;
#[unsafe(no_mangle)]
static OPENER_FACTS: [u32; opener::fact::COUNT] = [0; opener::fact::COUNT];
#[unsafe(no_mangle)]
static TUNNEL_PORTS: [u64; ports::WORDS] = [0; ports::WORDS];

/// Reads a constant that the loader wrote: the compiler must not fold the value above.
#[inline(always)]
fn constant(at: &'static u32) -> u32 {
    // SAFETY: a reference to a static is valid for reads.
    unsafe { core::ptr::read_volatile(at) }
}

#[inline(always)]
pub(super) fn slot_count() -> u32 {
    constant(&SLOT_COUNT)
}

#[inline(always)]
pub(super) fn free_shape() -> FreeShape {
    FreeShape { cpus: cpu_count() }
}

#[inline(always)]
pub(super) fn index_shape() -> Shape {
    Shape {
        slot_bits: constant(&SLOT_BITS),
        bucket_mask: constant(&BUCKET_MASK),
    }
}

/// A seed that the loader wrote, each word read where it is used.
pub(super) struct StoredSeed(&'static [u64; Seed::WORDS]);

/// The seed of the index.
#[inline(always)]
pub(super) fn index_seed() -> StoredSeed {
    StoredSeed(&SEED)
}

/// The seed of sampling.
#[inline(always)]
pub(super) fn point_seed() -> StoredSeed {
    StoredSeed(&POINT_SEED)
}

impl StoredSeed {
    #[inline(always)]
    fn word(&self, number: usize) -> u64 {
        // SAFETY: a reference to a static is valid for reads.
        unsafe { core::ptr::read_volatile(&raw const self.0[number]) }
    }
}

impl Source for StoredSeed {
    #[inline(always)]
    fn start(&self, ipv6: bool) -> u64 {
        self.word(usize::from(ipv6))
    }

    #[inline(always)]
    fn factor(&self) -> u64 {
        self.word(2)
    }

    #[inline(always)]
    fn summands(&self, word: usize) -> [u64; 2] {
        [self.word(4 + 2 * word), self.word(5 + 2 * word)]
    }
}

#[inline(always)]
pub(super) fn cpu_count() -> u32 {
    constant(&CPU_COUNT)
}

#[inline(always)]
pub(super) fn hook_mask() -> u32 {
    constant(&HOOK_MASK)
}

/// True if tunnels are decapsulated.
#[inline(always)]
pub(super) fn decapsulates() -> bool {
    constant(&DECAPSULATE) != 0
}

/// True if VLANs and tunnels are not part of the key.
#[inline(always)]
pub(super) fn is_bare() -> bool {
    constant(&BARE) != 0
}

/// True if TCP segments are analysed.
#[inline(always)]
pub(super) fn analyses() -> bool {
    constant(&ANALYSE) != 0
}

/// True if the kernel's values of TCP sockets are read.
#[inline(always)]
pub(super) fn reads_sockets() -> bool {
    constant(&SOCKETS) != 0
}

/// True if sections of payloads are passed to user space.
#[inline(always)]
pub(super) fn passes_sections() -> bool {
    constant(&SECTIONS_ON) != 0
}

/// True if flows are sampled.
#[inline(always)]
pub(super) fn is_sampled() -> bool {
    constant(&SAMPLED) != 0
}

/// A fact about the running kernel, by its number in [`fact`]: an offset in a structure, or the number of a reason.
#[inline(always)]
pub(super) fn drop_fact(number: usize) -> u32 {
    // SAFETY: a reference to a static is valid for reads.
    unsafe { core::ptr::read_volatile(&raw const DROP_FACTS[number]) }
}

/// True if the senders of first packets are noted.
#[inline(always)]
pub(super) fn notes_senders() -> bool {
    constant(&SENDERS_ON) != 0
}

/// An offset in the running kernel's structures, by its number in [`opener::fact`].
#[inline(always)]
pub(super) fn opener_fact(number: usize) -> u64 {
    // SAFETY: a reference to a static is valid for reads.
    u64::from(unsafe { core::ptr::read_volatile(&raw const OPENER_FACTS[number]) })
}

/// The set of fields in the key.
#[inline(always)]
pub(super) fn keyed() -> Keyed {
    if is_bare() {
        Keyed::Endpoints
    } else {
        Keyed::Way
    }
}

/// The ports of tunnels. The verifier knows these constants, and removes comparisons with empty sets.
#[inline(always)]
pub(super) fn tunnel_ports() -> Ports {
    Ports::of_kinds([0, 1, 2, 3, 4, 5, 6].map(ports_word))
}

/// As [`Ports::carries`].
#[inline(always)]
pub(super) fn carries(both: [u16; 2]) -> bool {
    if !ports::may_be_carrier(both, ports_word) {
        return false;
    }
    // Few datagrams come here, and not all of those are of a tunnel.
    cold_path();
    ports::is_carrier(both, ports_word)
}

/// The ports at which sessions are looked for: those of `WireGuard`.
#[inline(always)]
pub(super) fn session_ports() -> ports::Set {
    ports::Set(ports_word(ports::SESSIONS_AT))
}

#[inline(always)]
fn ports_word(number: usize) -> u64 {
    // SAFETY: a reference to a static is valid for reads.
    unsafe { core::ptr::read_volatile(&raw const TUNNEL_PORTS[number]) }
}

/// Returns the number of a slot; `None` does not occur, but the verifier wants it asked.
#[inline(always)]
pub(super) fn slot_number(slot: *mut Slot) -> Option<u32> {
    // Multiplying by the inverse of 5 modulo 2^64 divides a multiple of 5; a division takes ten times as long.
    const INVERSE_OF_5: usize = 0xcccc_cccc_cccc_cccd;
    const _: () = assert!(size_of::<Slot>() == 5 << 6);
    let first = SLOTS.get_ptr_mut(0)?;
    // The verifier allows no number to be made of a pointer, except the difference of two.
    let offset = (slot as usize).wrapping_sub(first as usize);
    Some((offset >> 6).wrapping_mul(INVERSE_OF_5) as u32)
}
