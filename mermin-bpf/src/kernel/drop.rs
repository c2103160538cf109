//! Counts packets that the kernel drops, by flow and reason.
//!
//! The program runs at the tracepoint `skb:kfree_skb`, anywhere in the kernel, and does not change the index. It has scratch memory of its
//! own, because it may interrupt the other programs.

use aya_ebpf::{
    helpers::generated::bpf_probe_read_kernel,
    macros::{map, raw_tracepoint},
    maps::PerCpuArray,
    programs::RawTracePointContext,
};
use mermin_bpf::{
    abi::{
        digest,
        drops::{
            Dropped, NOT_DROPPED, OTHER_REASONS, REASON_NUMBERS, REASONS_A_FLOW, fact, is_namespace,
        },
        key::KeyWords,
        ledger::{Reason, link},
        slot::{DIRECTIONS, origin},
    },
    index::{
        memory::Memory,
        search::{Found, search},
    },
    track::{key, tcp_analysis::payload},
    wire::{
        bytes::HEADER_LIMIT,
        encap_level::EncapLevel,
        ethertype,
        packet::{Frame, Packet, Version},
        protocol::{self, Kind},
        pseudo_ports::is_reply,
        tcp::flag,
        walk_start::WalkStart,
    },
};

use super::{
    atomic,
    index::{Key, Table},
    maps::{DROP_COUNTERS, DROPS, drop_fact, index_seed, index_shape, is_bare},
    skb::{Copied, barrier_var},
    workspace::{Workspace, launder},
};

/// Interfaces at which a packet's flow may be: the one it is at, the one it came by, and the one that its route leaves by.
const INTERFACES: usize = 3;
/// The bit of `sk_buff._skb_refdst` that is not part of the pointer (`SKB_DST_NOREF`).
const NOT_COUNTED: u64 = 1;

/// Here rather than with the other maps, because no other program uses it.
#[map]
static DROP_SCRATCH: PerCpuArray<DropScratch> = PerCpuArray::with_max_entries(1, 0);

/// A CPU's memory for one dropped packet.
#[repr(C)]
struct DropScratch {
    workspace: Workspace,
    /// Not 0 while a packet is looked at. Atomic.
    busy: u64,
    interfaces: [u32; INTERFACES],
    /// The key, without an interface.
    key: KeyWords,
    version: u8,
    direction: u8,
}

/// The tracepoint's arguments.
#[derive(Clone, Copy)]
struct Event {
    /// Address of the socket buffer.
    skb: u64,
    reason: u32,
    /// Address of the receiving socket; 0 without.
    receiver: u64,
}

/// Where a packet's flow is.
enum Place {
    Flow {
        number: u32,
        direction: u8,
    },
    /// A socket took the packet.
    Taken,
    /// In no flow.
    Nowhere,
    /// Nothing says its network namespace.
    Unplaced,
}

#[raw_tracepoint(tracepoint = "kfree_skb")]
#[expect(unreachable_pub, reason = "the loader finds it by its section")]
#[expect(clippy::needless_pass_by_value, reason = "the macro's signature")]
#[inline(always)]
pub fn mermin_drop(context: RawTracePointContext) -> i32 {
    let receiver = if drop_fact(fact::TELLS_RECEIVER) == 0 {
        0
    } else {
        context.arg(3)
    };
    let event = Event {
        skb: context.arg(0),
        reason: context.arg(2),
        receiver,
    };
    if event.reason == NOT_DROPPED {
        return 0;
    }
    let (Some(scratch), Some(counters)) =
        (DROP_SCRATCH.get_ptr_mut(0), DROP_COUNTERS.get_ptr_mut(0))
    else {
        return 0;
    };
    // SAFETY: this CPU's own memory, and counters that are only changed atomically.
    unsafe {
        let busy = &raw mut (*scratch).busy;
        if atomic::fetch_add(busy, 1) == 0 {
            if let Some(place) = find(&event, scratch) {
                let packets = segments(event.skb);
                let counter = match place {
                    Place::Unplaced => &raw mut (*counters).unplaced,
                    Place::Taken => &raw mut (*counters).taken,
                    Place::Flow { number, direction } => {
                        count(number, direction, event.reason, packets);
                        atomic::add(busy, u64::MAX);
                        return 0;
                    }
                    Place::Nowhere => {
                        // Through memory, or a verifier would tell states apart by the reasons that they rule out.
                        let workspace = &raw mut (*scratch).workspace;
                        let reason = barrier_var(workspace, event.reason as usize);
                        let number = reason.min(REASON_NUMBERS - 1);
                        &raw mut (*counters).flowless[number & (REASON_NUMBERS - 1)]
                    }
                };
                atomic::add(counter, packets);
            }
        } else {
            atomic::add(&raw mut (*counters).missed, 1);
        }
        atomic::add(busy, u64::MAX);
    }
    0
}

/// Reads kernel memory; zero where it cannot be read.
#[inline(always)]
fn read<T: Default>(at: u64, offset: usize) -> T {
    let mut value = T::default();
    // SAFETY: the helper writes to this program's stack, and fails for an address without memory.
    unsafe {
        bpf_probe_read_kernel(
            (&raw mut value).cast(),
            size_of::<T>() as u32,
            (at + u64::from(drop_fact(offset))) as *const _,
        );
    }
    value
}

/// Packets on the wire that a socket buffer stands for.
#[inline(always)]
fn segments(skb: u64) -> u64 {
    let shared = read::<u64>(skb, fact::HEAD) + u64::from(read::<u32>(skb, fact::END));
    u64::from(read::<u16>(shared, fact::SEGMENTS).max(1))
}

/// `None` for a packet of another network namespace, or of another protocol than IP. Both are known before the headers are read: the
/// tracepoint shows the dropped packets of all containers, and buffers of other families.
///
/// # Safety
/// `scratch` is this CPU's own.
#[inline(always)]
unsafe fn find(event: &Event, scratch: *mut DropScratch) -> Option<Place> {
    let skb = event.skb;
    // Netlink and others have buffers, too.
    let protocol = u16::from_be(read(skb, fact::PROTOCOL));
    if !matches!(protocol, ethertype::IPV4 | ethertype::IPV6) {
        return None;
    }
    let device: u64 = read(skb, fact::DEVICE);
    let of_device = inode(read(device, fact::DEVICE_NAMESPACE));
    match of_device.or_else(|| namespace(event)) {
        None => return Some(Place::Unplaced),
        Some(inode) if inode != drop_fact(fact::WATCHED) => return None,
        Some(_) => {}
    }
    // The result goes through map memory, whose contents the verifier does not follow. Else it would follow each path of the parser to the
    // end. SAFETY: by the contract above.
    let headers = unsafe {
        let parsed = parse(skb, scratch).unwrap_or(headers::UNREADABLE);
        barrier_var(&raw mut (*scratch).workspace, parsed)
    };
    if headers == headers::UNREADABLE {
        return Some(Place::Nowhere);
    }
    if is_taken(event, headers) {
        return Some(Place::Taken);
    }
    // SAFETY: as above.
    unsafe {
        let interfaces = &raw mut (*scratch).interfaces;
        interfaces.write_volatile([
            if of_device.is_some() {
                read(device, fact::DEVICE_INDEX)
            } else {
                0
            },
            read(skb, fact::CAME_BY),
            read(leaves_by(skb), fact::DEVICE_INDEX),
        ]);
        for number in 0..INTERFACES {
            let interface = (&raw const (*interfaces)[number]).read_volatile();
            if interface == 0 {
                continue;
            }
            if let Some(number) = search_at(scratch, interface) {
                let direction = (&raw const (*scratch).direction).read_volatile();
                return Some(Place::Flow { number, direction });
            }
        }
    }
    Some(Place::Nowhere)
}

/// Inode of the packet's network namespace where its device does not say it; `None` if nothing does. TCP clears the device. Its trees of
/// segments out of order and those of fragments keep another buffer's address in its place, and other queues other things: what lies there
/// is no namespace, or is not readable.
#[inline(always)]
fn namespace(event: &Event) -> Option<u32> {
    inode(read(event.receiver, fact::SOCKET_NAMESPACE))
        .or_else(|| {
            let socket = read(event.skb, fact::SOCKET);
            inode(read(socket, fact::SOCKET_NAMESPACE))
        })
        .or_else(|| inode(read(leaves_by(event.skb), fact::DEVICE_NAMESPACE)))
}

/// Address of the device that the packet's route leaves by; it may not be readable.
#[inline(always)]
fn leaves_by(skb: u64) -> u64 {
    let route = read::<u64>(skb, fact::ROUTE) & !NOT_COUNTED;
    read(route, fact::ROUTE_DEVICE)
}

/// Inode of what may be a network namespace; `None` if it cannot be one.
#[inline(always)]
fn inode(namespace: u64) -> Option<u32> {
    let inode = read(namespace, fact::NAMESPACE_INODE);
    is_namespace(inode).then_some(inode)
}

/// Kinds of packets by their headers. Packets of two kinds may have been taken by a socket before the kernel frees them.
mod headers {
    /// A packet that was not taken.
    pub(super) const PACKET: usize = 0;
    /// A segment of TCP without payload that opens no connection.
    pub(super) const EMPTY: usize = 1;
    /// An answer to a ping.
    pub(super) const REPLY: usize = 2;
    /// IP, without a key.
    pub(super) const UNREADABLE: usize = 3;
}

/// True if a socket took the packet that the kernel frees. A socket frees the FIN, the RST and the last acknowledgment of a connection
/// without a reason, or with its queue. A raw socket gets a copy of an answer to a ping.
#[inline(always)]
fn is_taken(event: &Event, headers: usize) -> bool {
    let reason = event.reason;
    match headers {
        headers::EMPTY => {
            reason == drop_fact(fact::QUEUE_PURGE)
                || reason == drop_fact(fact::NOT_SPECIFIED)
                    && (event.receiver != 0 || drop_fact(fact::TELLS_RECEIVER) == 0)
        }
        headers::REPLY => reason == drop_fact(fact::NO_SOCKET),
        _ => false,
    }
}

/// Reads the packet's headers, and stores its key. Returns one of [`headers`].
///
/// # Safety
/// `scratch` is this CPU's own.
#[inline(always)]
unsafe fn parse(skb: u64, scratch: *mut DropScratch) -> Result<usize, Reason> {
    // SAFETY: by the contract above.
    unsafe {
        let workspace = &raw mut (*scratch).workspace;
        let start = u32::from(read::<u16>(skb, fact::NETWORK_HEADER));
        let tail: u32 = read(skb, fact::TAIL);
        // As in `Skb::copy`.
        let last = tail
            .wrapping_sub(start)
            .min(HEADER_LIMIT as u32)
            .wrapping_sub(1);
        let last = barrier_var(workspace, last as usize);
        if last >= HEADER_LIMIT {
            return Err(Reason::Unreadable);
        }
        let length = last + 1;
        let from = read::<u64>(skb, fact::HEAD) + u64::from(start);
        let headers = (&raw mut (*workspace).headers).cast();
        if bpf_probe_read_kernel(headers, length as u32, from as *const _) != 0 {
            return Err(Reason::Unreadable);
        }
        (*workspace).length = length as u32;
        let bytes = Copied::again(workspace);
        // Lengths are not compared: a receiver may have cut the buffer, or have joined several.
        let frame = Frame {
            length: u32::MAX,
            link: link::IP,
            stripped_vlan: None,
            segmented: true,
        };
        let start = WalkStart {
            kind: WalkStart::BARE_IP,
            at: 0,
            end: u32::MAX,
            goes_on: true,
        };
        let level = EncapLevel::outermost(bytes, &frame, &start)?;
        let level = launder(&raw mut (*workspace).level, level);
        let ip = launder(&raw mut (*workspace).ip, level.ip(bytes, &frame)?);
        if ip.later_fragment {
            return Err(Reason::Fragment);
        }
        let transport = level.transport(bytes, &frame, ip)?;
        let transport = launder(&raw mut (*workspace).transport, transport);
        let packet = Packet::new(level, ip, transport);
        let direction = match packet.addresses.version {
            Version::V4 => {
                let (key, direction) = key::v4(&packet, 0);
                keep_key(scratch, &key);
                direction
            }
            Version::V6 => {
                let (key, direction) = key::v6(&packet, 0);
                keep_key(scratch, &key);
                direction
            }
        };
        (*scratch).direction = direction;
        Ok(kind(&packet, transport.icmp[0]))
    }
}

/// Returns one of [`headers`].
#[inline(always)]
fn kind(packet: &Packet, icmp_type: u8) -> usize {
    if matches!(packet.kind, Kind::Tcp) {
        if packet.tcp_flags & flag::SYN == 0 && payload(packet) == 0 {
            return headers::EMPTY;
        }
    } else if matches!(packet.protocol, protocol::ICMP | protocol::ICMPV6)
        && is_reply(packet.protocol, icmp_type)
    {
        return headers::REPLY;
    }
    headers::PACKET
}

/// # Safety
/// `scratch` is this CPU's own.
#[inline(always)]
unsafe fn keep_key<K: Key>(scratch: *mut DropScratch, key: &K) {
    // SAFETY: by the contract above.
    unsafe {
        (*scratch).key = key.opaque_words();
        (*scratch).version = K::ORIGIN;
    }
}

/// Looks for the flow at an interface; returns the number of its slot.
///
/// # Safety
/// `scratch` is this CPU's own.
#[inline(always)]
unsafe fn search_at(scratch: *mut DropScratch, interface: u32) -> Option<u32> {
    // SAFETY: by the contract above.
    unsafe {
        let key = &raw mut (*scratch).key;
        let first = (&raw const (*key)[0]).read_volatile();
        let of_interface = first >> 32 << 32 | u64::from(interface);
        (&raw mut (*key)[0]).write_volatile(of_interface);
        let version = (&raw const (*scratch).version).read_volatile();
        let words = &*core::hint::black_box(key.cast_const());
        let digest = digest::digest(words, version & origin::IPV6 != 0, is_bare(), &index_seed());
        let shape = index_shape();
        let table = Table {
            words,
            version,
            workspace: &raw mut (*scratch).workspace,
        };
        let head = table.head(table.bucket(shape.bucket(digest, 0))?);
        match search(&table, shape, digest, head) {
            Found::Live(at) => Some(shape.slot(at.entry)),
            Found::Pending | Found::Nothing => None,
        }
    }
}

/// Adds to the count of this reason, to an unused one, or to the last one, which is for all other reasons.
#[inline(always)]
fn count(number: u32, direction: u8, reason: u32, packets: u64) {
    let Some(drops) = DROPS.get_ptr_mut(number) else {
        return;
    };
    let direction = usize::from(direction) & (DIRECTIONS - 1);
    let reason = u64::from(reason);
    // SAFETY: within the array's element. A reason is stored once, and counters are only changed atomically.
    unsafe {
        let counts: *mut [Dropped; REASONS_A_FLOW] = &raw mut (*drops).directions[direction];
        for number in 0..REASONS_A_FLOW - 1 {
            let count = &raw mut (*counts)[number];
            let of = &raw mut (*count).reason;
            let mut known = of.read_volatile();
            if known == 0 {
                atomic::swap(of, 0, reason);
                known = of.read_volatile();
            }
            if known == reason {
                atomic::add(&raw mut (*count).packets, packets);
                return;
            }
        }
        let last = &raw mut (*counts)[REASONS_A_FLOW - 1];
        (&raw mut (*last).reason).write_volatile(OTHER_REASONS);
        atomic::add(&raw mut (*last).packets, packets);
    }
}
