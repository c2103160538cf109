//! Sizes and offsets, checked at compile time. One hash over them names the layout in a BPF file system.

use core::mem::{offset_of, size_of};

use super::{
    digest::Seed,
    drops::{DropCounters, Dropped, Drops},
    fragment::{Early, FragmentFlow, FragmentKey},
    free::{FreeLine, FreeShape},
    globals::Globals,
    index::{Bucket, PLACES},
    key::{KeyTail, KeyV4, KeyV6},
    ledger::{HookEntry, Ignored, Reasons, Totals},
    opener::Opener,
    section::{OCTETS, Section, SectionHeader},
    slot::{Lane, Slot},
    tcp_analysis::{Counters, Direction, Latency, Sender, TcpAnalysis},
    tcp_socket::{TcpSocket, TcpSockets},
    tunnel::TunnelEndpoints,
};

const FACTS: [usize; 76] = [
    size_of::<KeyTail>(),
    size_of::<KeyV4>(),
    offset_of!(KeyV4, addresses),
    size_of::<KeyV6>(),
    offset_of!(KeyV6, addresses),
    size_of::<Slot>(),
    offset_of!(Slot, state),
    offset_of!(Slot, origin),
    offset_of!(Slot, link_length),
    offset_of!(Slot, lanes_used),
    offset_of!(Slot, first_seen),
    offset_of!(Slot, lanes),
    size_of::<Lane>(),
    offset_of!(Lane, octets),
    offset_of!(Lane, extra),
    offset_of!(Lane, last_seen),
    offset_of!(Lane, sample),
    offset_of!(Lane, tcp_flags),
    offset_of!(Lane, syn_at),
    offset_of!(Lane, first),
    offset_of!(Lane, acked_fin),
    offset_of!(Lane, fin_second),
    offset_of!(Slot, marks),
    size_of::<HookEntry>(),
    size_of::<Totals>(),
    size_of::<Ignored>(),
    size_of::<Reasons>(),
    size_of::<Globals>(),
    offset_of!(Globals, clock),
    offset_of!(Globals, sections_lost),
    offset_of!(Globals, rate),
    size_of::<TunnelEndpoints>(),
    offset_of!(TunnelEndpoints, id),
    offset_of!(TunnelEndpoints, ports),
    size_of::<FragmentKey>(),
    offset_of!(FragmentKey, ifindex),
    offset_of!(FragmentKey, identification),
    offset_of!(FragmentKey, ipv6),
    size_of::<Early>(),
    offset_of!(Early, seen_at),
    offset_of!(Early, taken),
    offset_of!(Early, ledger),
    offset_of!(HookEntry, generation),
    size_of::<FragmentFlow>(),
    offset_of!(FragmentFlow, seen_at),
    offset_of!(FragmentFlow, direction),
    offset_of!(FragmentFlow, carries),
    size_of::<TcpAnalysis>(),
    size_of::<Sender>(),
    offset_of!(Sender, timed),
    offset_of!(Sender, known),
    offset_of!(Sender, timed_at),
    offset_of!(Sender, asked_at),
    size_of::<Direction>(),
    offset_of!(Direction, gap),
    offset_of!(Direction, round_trip),
    offset_of!(Direction, handshake),
    offset_of!(Direction, response),
    size_of::<Counters>(),
    size_of::<Latency>(),
    offset_of!(Latency, min),
    size_of::<TcpSockets>(),
    offset_of!(TcpSocket, retransmissions),
    offset_of!(TcpSocket, delivered),
    offset_of!(TcpSocket, congestion_window),
    size_of::<Bucket>(),
    offset_of!(Bucket, entries),
    PLACES,
    size_of::<Drops>(),
    size_of::<DropCounters>(),
    offset_of!(DropCounters, taken),
    offset_of!(Dropped, packets),
    size_of::<Seed>(),
    offset_of!(Seed, summands),
    size_of::<FreeLine>(),
    FreeShape { cpus: 1 }.lines(1) as usize,
];

/// The number of the meaning. It is raised when bytes keep their place and change their meaning.
const MEANING: usize = 11;

/// FNV-1a over every size and offset and the meaning's number. Two builds with the same hash may share pinned maps.
pub const LAYOUT_HASH: u64 = {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ MEANING as u64;
    let mut at = 0;
    while at < FACTS.len() {
        hash = (hash ^ FACTS[at] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        at += 1;
    }
    hash
};

const _: () = {
    assert!(size_of::<KeyV4>() == 24);
    assert!(size_of::<KeyV6>() == 48);
    assert!(size_of::<Lane>() == 64);
    assert!(size_of::<Slot>() == 320);
    assert!(offset_of!(Slot, lanes) == 64);
    assert!(size_of::<HookEntry>() == 8);
    assert!(size_of::<Totals>() == 64);
    assert!(size_of::<Reasons>() == 512);
    assert!(size_of::<Globals>() == 128);
    assert!(size_of::<SectionHeader>() == 32);
    assert!(size_of::<Section>() == 32 + OCTETS);
    assert!(size_of::<TunnelEndpoints>() == 40);
    assert!(size_of::<TcpAnalysis>() == 448);
    assert!(offset_of!(TcpAnalysis, directions) == 64);
    assert!(size_of::<TcpSockets>() == 32);
    assert!(size_of::<Drops>() == 128);
    assert!(size_of::<Opener>() == 88);
    assert!(size_of::<FragmentKey>() == 56);
    assert!(size_of::<FragmentFlow>() == 72);
    assert!(size_of::<Early>() == 56);
    // User space reads and writes these from a mapping: bytes must mean the same on both sides.
    assert!(cfg!(target_endian = "little"));
};
