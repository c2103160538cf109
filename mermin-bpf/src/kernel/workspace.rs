//! A CPU's scratch memory for a packet, between programs and to limit the verifier's states.
//!
//! The verifier does not follow values through a map. A value stored here and read back is one state, however many
//! paths led there; without that, it would follow each path to the end, beyond its limit of a million instructions.

use core::{hint::black_box, mem::MaybeUninit};

use aya_ebpf::{macros::map, maps::PerCpuArray};
use mermin_bpf::{
    abi::{
        fragment::{Early, FragmentFlow, FragmentKey},
        key::KeyWords,
        ledger::Reason,
        section::Section,
        tunnel::OuterHeader,
    },
    track::tcp_analysis::Outcome,
    wire::{
        bytes::HEADER_LIMIT, encap_level::EncapLevel, ip::Ip, transport::Transport, tunnel::DEPTH,
    },
};

use super::{count::Facts, ledger::Account, tcp_analysis::PendingSegment};

#[map]
pub(super) static WORKSPACE: PerCpuArray<Workspace> = PerCpuArray::with_max_entries(1, 0);

/// The first bytes of a frame.
pub(super) type Headers = [u8; HEADER_LIMIT];

/// The level of a packet that the programs have reached.
pub(super) mod stage {
    /// Nothing is known.
    pub(in super::super) const FRESH: u8 = 0;
    /// Headers are copied, and [`Workspace::level`](super::Workspace::level) is where to go on.
    pub(in super::super) const INSIDE: u8 = 1;
    /// As [`INSIDE`], and the packet is counted by its outermost IP packet, whose level is in
    /// [`Workspace::outermost`](super::Workspace::outermost).
    pub(in super::super) const OUTERMOST: u8 = 2;
    /// As [`INSIDE`], and it carries no packet.
    pub(in super::super) const INNERMOST: u8 = 3;
    /// Belongs under [`Workspace::reason`](super::Workspace::reason).
    pub(in super::super) const REFUSED: u8 = 4;
    /// As [`REFUSED`], also where packets are counted by their outermost one and faults of inner ones do not matter.
    pub(in super::super) const SETTLED: u8 = 5;
}

#[repr(C)]
pub(super) struct Workspace {
    /// Copied headers.
    pub(super) headers: Headers,
    /// An offset, stored so that the verifier forgets its origin.
    pub(super) offset: u64,
    /// That of the hook at which the packet is.
    pub(super) account: Account,
    /// Octets of headers that were copied.
    pub(super) length: u32,
    /// One of [`stage`].
    pub(super) stage: u8,
    /// True if there is an outer header.
    pub(super) encapsulated: bool,
    /// A bit for each level: the outer packet there is a first fragment.
    pub(super) outer_fragments: u8,
    pub(super) reason: Reason,
    /// Where packets are counted by their outermost one: octets from the frame's start to the end of the innermost
    /// transport header, which each segment of a super-packet repeats. Else 0.
    pub(super) repeated: u32,
    pub(super) level: EncapLevel,
    /// That of the outermost packet.
    pub(super) outermost: EncapLevel,
    pub(super) ip: Ip,
    pub(super) transport: Transport,
    /// The outermost tunnel, from the point of view of the packet's sender.
    pub(super) outer: OuterHeader,
    /// The packets of `outer_fragments`.
    pub(super) around: [FragmentKey; DEPTH as usize],
    /// A fragment that is being looked up or entered, and its flow.
    pub(super) fragment: FragmentKey,
    pub(super) owner: FragmentFlow,
    /// A fragment that arrived before its first one, to be stored in the map.
    pub(super) early: Early,
    /// A segment of TCP that was counted, for the program that analyses it.
    pub(super) segment: PendingSegment,
    /// Its effect on the analysis of TCP.
    pub(super) outcome: Outcome,
    /// How the packet begins its flow, if it does.
    pub(super) opening: Opening,
    /// A packet that has no flow yet, for the program that creates one.
    pub(super) flowless: PendingFlow,
    /// A number that is stored and read back, so that the verifier forgets its value.
    pub(super) number: u64,
    /// The section of the packet's payload, before it is copied to the ring.
    pub(super) section: Section,
}

/// How a packet begins its flow, should it do so.
#[derive(Clone, Copy)]
pub(super) struct Opening {
    /// Its [initial number](mermin_bpf::track::initial::number), packed: an `Option` without a number leaves a register
    /// uninitialised, and the verifier rejects that.
    pub(super) number: u64,
    /// Bits of [`Slot::origin`](mermin_bpf::abi::slot::Slot::origin): who started it.
    pub(super) origin: u8,
}

/// All that making a flow takes.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct PendingFlow {
    pub(super) key: KeyWords,
    /// The key's.
    pub(super) digest: u64,
    /// As in [`Slot::origin`](mermin_bpf::abi::slot::Slot::origin): which kind of key.
    pub(super) version: u8,
    /// How often the program that makes flows was overtaken by another CPU.
    pub(super) overtaken: u8,
    /// True for a later fragment, which begins no flow.
    pub(super) later: bool,
    pub(super) facts: Facts,
}

impl Workspace {
    /// Begins a new packet, of which only the hook is known.
    ///
    /// # Safety
    /// `workspace` is this CPU's own.
    #[inline(always)]
    pub(super) unsafe fn begin(workspace: *mut Self, account: Account) {
        // SAFETY: by the contract above.
        unsafe {
            (*workspace).account = account;
            (*workspace).stage = stage::FRESH;
            (*workspace).encapsulated = false;
            (*workspace).outer_fragments = 0;
            (*workspace).repeated = 0;
        }
    }
}

impl Workspace {
    /// Copies the present level to that of the outermost packet.
    ///
    /// # Safety
    /// `workspace` is this CPU's own.
    #[inline(always)]
    pub(super) unsafe fn keep_outermost(workspace: *mut Self) {
        type Word = MaybeUninit<u64>;
        // SAFETY: by the contract above, and both are of this size. Word by word, or the compiler calls `memmove`.
        unsafe {
            let from = (&raw const (*workspace).level).cast::<Word>();
            let to = (&raw mut (*workspace).outermost).cast::<Word>();
            for at in 0..size_of::<EncapLevel>() / size_of::<Word>() {
                to.add(at).write_volatile(from.add(at).read_volatile());
            }
        }
    }
}

const _: () = assert!(size_of::<EncapLevel>().is_multiple_of(size_of::<u64>()));

/// Stores a value in the map and reads it back: compiler and verifier then know nothing about it.
///
/// # Safety
/// `place` is this CPU's own, and stays as it is while the value is used.
#[inline(always)]
pub(super) unsafe fn launder<'a, T>(place: *mut T, value: T) -> &'a T {
    // SAFETY: by the contract above.
    unsafe {
        place.write(value);
        &*black_box(place.cast_const())
    }
}
