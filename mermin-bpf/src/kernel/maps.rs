//! Maps and constants. Sizes here are the least; the loader sets the real ones before it creates the maps.

use aya_ebpf::{
    bindings::BPF_F_MMAPABLE,
    macros::map,
    maps::{Array, HashMap, PerCpuArray, ProgramArray, Stack},
};
use mermin_bpf::{
    abi::{
        globals::{Globals, next},
        key::{KeyV4, KeyV6, KeyWords},
        ledger::{Hook, Reasons, Totals},
        slot::Slot,
    },
    wire::bytes::HEADER_LIMIT,
};

use super::{count::Facts, ledger::Account};

#[map]
pub(super) static INDEX_V4: HashMap<KeyV4, u32> = HashMap::with_max_entries(1, 0);
#[map]
pub(super) static INDEX_V6: HashMap<KeyV6, u32> = HashMap::with_max_entries(1, 0);
#[map]
pub(super) static HINTS: Array<u64> = Array::with_max_entries(1, 0);
#[map]
pub(super) static SLOTS: Array<Slot> = Array::with_max_entries(1, BPF_F_MMAPABLE);
#[map]
pub(super) static FREE: Stack<u32> = Stack::with_max_entries(1, 0);
#[map]
pub(super) static FRESH: Array<u64> = Array::with_max_entries(1, BPF_F_MMAPABLE);
#[map]
pub(super) static HOOKS: Array<Hook> = Array::with_max_entries(2, BPF_F_MMAPABLE);
#[map]
pub(super) static TOTALS: Array<Totals> = Array::with_max_entries(4, BPF_F_MMAPABLE);
#[map]
pub(super) static REASONS: Array<Reasons> = Array::with_max_entries(16, BPF_F_MMAPABLE);
#[map]
pub(super) static GLOBALS: Array<Globals> = Array::with_max_entries(1, BPF_F_MMAPABLE);
#[map]
pub(super) static WORKSPACE: PerCpuArray<Workspace> = PerCpuArray::with_max_entries(1, 0);
#[map]
pub(super) static PROGRAMS: ProgramArray = ProgramArray::with_max_entries(next::COUNT, 0);

/// The first octets of a frame.
pub(super) type Headers = [u8; HEADER_LIMIT];

/// What one CPU keeps while it handles a packet.
#[repr(C)]
pub(super) struct Workspace {
    /// Copied headers.
    pub(super) headers: Headers,
    /// An offset on its way past the verifier.
    pub(super) offset: u64,
    /// The direction of the hook, for the program that is called next.
    pub(super) direction: u32,
    reserved: u32,
    /// A packet that has no flow yet, on its way to the program that makes one.
    pub(super) flowless: Flowless,
}

/// What making a flow takes.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Flowless {
    pub(super) key: KeyWords,
    /// As in [`Slot::origin`]: which kind of key.
    pub(super) version: u8,
    /// Whether the index was asked and knows of no such flow.
    pub(super) absent: bool,
    pub(super) account: Account,
    pub(super) facts: Facts,
}

#[unsafe(no_mangle)]
static SLOT_COUNT: u32 = 1;
#[unsafe(no_mangle)]
static HINT_MASK: u32 = 0;
#[unsafe(no_mangle)]
static CPU_COUNT: u32 = 1;
#[unsafe(no_mangle)]
static HOOK_MASK: u32 = 0;

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
pub(super) fn hint_mask() -> u32 {
    constant(&HINT_MASK)
}

#[inline(always)]
pub(super) fn cpu_count() -> u32 {
    constant(&CPU_COUNT)
}

#[inline(always)]
pub(super) fn hook_mask() -> u32 {
    constant(&HOOK_MASK)
}
