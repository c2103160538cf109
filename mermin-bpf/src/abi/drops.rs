//! Packets that the kernel dropped: the counts of each flow, in an array beside the slots, and the counts of packets without a flow.

use super::slot::DIRECTIONS;

/// Counts that a flow has for each direction. The last count is for all reasons for which no other count is left.
pub const REASONS_A_FLOW: usize = 4;

/// [`Dropped::reason`] of the last count.
pub const OTHER_REASONS: u64 = u32::MAX as u64;

/// Places for packets without a flow, one for each number of a reason. Linux 6.18 has 128 reasons; the last place is for all others.
pub const REASON_NUMBERS: usize = 512;

/// Reason of a buffer that the kernel frees and has not dropped (`SKB_NOT_DROPPED_YET`, since Linux 5.18): not counted.
pub const NOT_DROPPED: u32 = 0;

/// Least inode of a namespace: from it on, the kernel numbers objects that have no file of their own (`include/uapi/linux/nsfs.h` for the initial
/// namespaces, `PROC_DYNAMIC_FIRST` in `fs/proc/generic.c` for all others).
const FIRST_INODE: u32 = 0xefff_ff00;

/// Returns true if a namespace can have this inode.
///
/// ```
/// # use mermin_bpf::abi::drops::is_namespace;
/// assert!(is_namespace(0xf000_0001) && !is_namespace(0));
/// ```
#[inline(always)]
#[must_use]
pub const fn is_namespace(inode: u32) -> bool {
    inode >= FIRST_INODE
}

/// Packets of one reason.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// The kernel's number of the reason (`enum skb_drop_reason`); 0 while the count is not used. Stored once, by compare and swap.
    pub reason: u64,
    /// Packets on the wire: a super-packet counts its segments. Atomic.
    pub packets: u64,
}

/// Dropped packets of one flow: directions as in a slot's lanes.
#[repr(C, align(64))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drops {
    /// One cache line each.
    pub directions: [[Dropped; REASONS_A_FLOW]; DIRECTIONS],
}

/// Dropped packets that are in no flow's counts. All atomic.
#[repr(C, align(64))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DropCounters {
    /// Packets whose flow is not in the table, by the reason's number.
    pub flowless: [u64; REASON_NUMBERS],
    /// Packets that the kernel delivered. It frees the last segments of a connection, and the answers to a raw socket's pings, as if it
    /// dropped them.
    pub taken: u64,
    /// Packets without anything that tells their network namespace.
    pub unplaced: u64,
    /// Packets that the program could not look at, because its run interrupted its run for another packet.
    pub missed: u64,
    /// Packets of flows whose record the filter or `join` suppressed. User space adds to this count.
    pub suppressed: u64,
    /// Fills the line.
    pub reserved: [u64; 4],
}

/// Facts about the running kernel that the program reads from an array of constants, by their place there. Offsets are in octets.
pub mod fact {
    /// `sk_buff.head`.
    pub const HEAD: usize = 0;
    /// `sk_buff.tail`.
    pub const TAIL: usize = 1;
    /// `sk_buff.end`.
    pub const END: usize = 2;
    /// `sk_buff.network_header`.
    pub const NETWORK_HEADER: usize = 3;
    /// `sk_buff.dev`.
    pub const DEVICE: usize = 4;
    /// `sk_buff.sk`.
    pub const SOCKET: usize = 5;
    /// `sk_buff.skb_iif`.
    pub const CAME_BY: usize = 6;
    /// `sk_buff._skb_refdst`.
    pub const ROUTE: usize = 7;
    /// `net_device.ifindex`.
    pub const DEVICE_INDEX: usize = 8;
    /// `net_device.nd_net`.
    pub const DEVICE_NAMESPACE: usize = 9;
    /// `net.ns.inum`.
    pub const NAMESPACE_INODE: usize = 10;
    /// `sock.__sk_common.skc_net`.
    pub const SOCKET_NAMESPACE: usize = 11;
    /// `dst_entry.dev`.
    pub const ROUTE_DEVICE: usize = 12;
    /// `skb_shared_info.gso_segs`.
    pub const SEGMENTS: usize = 13;
    /// Inode of the watched network namespace.
    pub const WATCHED: usize = 14;
    /// 1 if the tracepoint tells the receiving socket (since Linux 6.11).
    pub const TELLS_RECEIVER: usize = 15;
    /// Number of `SKB_DROP_REASON_NOT_SPECIFIED`.
    pub const NOT_SPECIFIED: usize = 16;
    /// Number of `SKB_DROP_REASON_QUEUE_PURGE`; 0 where the kernel has none.
    pub const QUEUE_PURGE: usize = 17;
    /// Number of `SKB_DROP_REASON_NO_SOCKET`.
    pub const NO_SOCKET: usize = 18;
    /// `sk_buff.protocol`.
    pub const PROTOCOL: usize = 19;
    /// Number of facts.
    pub const COUNT: usize = 20;
}
