//! One flow's memory, shared with user space by `mmap`: reading it costs no system call.

use super::key::KeyWords;

/// Counter lines per direction. A CPU adds to the line of its number modulo this, because a packet costs 130 to 150 ns
/// instead of 40 if two CPUs add to one line at once.
pub const STRIPES: usize = 2;
/// Directions in canonical order: 0 = lower endpoint to higher, 1 = back.
pub const DIRECTIONS: usize = 2;
/// Counter lines of a slot.
pub const LANES: usize = STRIPES * DIRECTIONS;

/// Stage of a slot's life. The kernel writes `LIVE`, `REPLACED` and `RESAMPLED`, user space the others.
pub mod state {
    /// No flow: the slot was never used, is on the stack of free slots, is a CPU's spare slot, was emptied and not returned yet, or is
    /// being filled by the kernel program.
    pub const FREE: u8 = 0;
    /// A flow that the index points to.
    pub const LIVE: u8 = 1;
    /// User space is closing the flow. Packets that found the slot before may still count until the grace period ends.
    pub const CLOSING: u8 = 2;
    /// A new connection of the same key took the flow's place in the index. Only user space can finish the flow.
    pub const REPLACED: u8 = 3;
    /// Sampling now keeps flows at a higher rate than this flow's, so a slot with the new rate took its place in the index. Only user
    /// space can finish the flow.
    pub const RESAMPLED: u8 = 4;
}

/// Bits of [`Slot::marks`].
pub mod mark {
    /// A TCP FIN was seen: packets from then on are looked at more closely.
    pub const FIN: u8 = 1;
    const SHIFT_AT: u32 = 1;
    const SHIFT: u8 = 31;

    /// The bits of a flow that was kept as one of 2^`shift`. They do not change while the slot is not free.
    #[inline(always)]
    #[must_use]
    pub const fn kept_at(shift: u8) -> u8 {
        (shift & SHIFT) << SHIFT_AT
    }

    /// The inverse of [`kept_at`].
    #[inline(always)]
    #[must_use]
    pub const fn shift(marks: u8) -> u8 {
        marks >> SHIFT_AT & SHIFT
    }

    const _: () = assert!(crate::abi::sampling::Rate::MOST_SHIFT <= SHIFT);
}

/// Bits of [`Slot::origin`].
pub mod origin {
    /// The higher endpoint started the flow; without it, the lower one did.
    pub const HIGHER_STARTED: u8 = 1;
    /// A TCP SYN, or what opens a connection of SCTP or DCCP, decided who started.
    pub const BY_SYN: u8 = 2;
    /// The key is an IPv6 one.
    pub const IPV6: u8 = 4;
    /// The flow has a tunnel: [`OuterHeader`](crate::abi::tunnel::OuterHeader).
    pub const ENCAPSULATED: u8 = 8;
    /// The first packet was an answer, so its receiver started the flow. Without this bit and [`BY_SYN`], the sender of
    /// the first packet did.
    pub const BY_ANSWER: u8 = 64;
    /// Bits that say who started the flow, and how that was decided.
    pub const STARTER: u8 = HIGHER_STARTED | BY_SYN | BY_ANSWER;
    /// Position of the two bits with the number of the lane that counted the flow's first packet.
    const FIRST_LANE_AT: u32 = 4;

    /// Bits that name the lane of the flow's first packet.
    #[inline(always)]
    #[must_use]
    pub const fn first_lane(lane: u32) -> u8 {
        (lane as u8 & (super::LANES as u8 - 1)) << FIRST_LANE_AT
    }

    /// The lane that these bits name.
    #[must_use]
    pub const fn lane_of_first(origin: u8) -> usize {
        (origin >> FIRST_LANE_AT) as usize & (super::LANES - 1)
    }
}

/// Content of [`Lane::first`]: each lane has room for six octets. The lane of the first packet keeps the sender's MAC there.
/// With a tunnel, the other lanes keep those facts about it for which [`TunnelEndpoints`](super::tunnel::TunnelEndpoints) has
/// no room. Without a tunnel, one of them keeps the receiver's MAC.
///
/// The constants up to `OUTER_IDS` choose a lane, see [`lane`](first::lane); those after it choose an octet.
pub mod first {
    use super::LANES;

    /// The first packet's own lane: MAC of its sender; zeroes for none.
    pub const MAC: usize = 0;
    /// [`OuterHeader::mac`](crate::abi::tunnel::OuterHeader::mac) of a flow with a tunnel.
    pub const OUTER_MAC: usize = 1;
    /// MAC of the receiver of the first packet, of a flow without a tunnel; zeroes for none.
    pub const RECEIVER_MAC: usize = OUTER_MAC;
    /// [`OuterHeader::flags`](crate::abi::tunnel::OuterHeader::flags), then
    /// [`OuterHeader::link_length`](crate::abi::tunnel::OuterHeader::link_length), then the octets of [`VLAN_IDS`] and [`VLAN_TAGS`].
    pub const OUTER_FLAGS: usize = 2;
    /// [`EncapLevel::ids`](crate::wire::encap_level::EncapLevel::ids) of the first packet in four octets, then the octets of [`TUNNEL_IDS`]
    /// and [`TUNNELS`].
    pub const OUTER_IDS: usize = 3;

    /// Which octet of [`OUTER_FLAGS`] is 1 once a packet had other VLAN ids than the first.
    pub const VLAN_IDS: usize = 2;
    /// Which octet of [`OUTER_FLAGS`] is 1 once a packet had more tags than a key has room for.
    pub const VLAN_TAGS: usize = 3;
    /// Which octet of [`OUTER_IDS`] is 1 once a packet came by other tunnel ids than the first.
    pub const TUNNEL_IDS: usize = 4;
    /// Which octet of [`OUTER_IDS`] is 1 once a packet came by tunnels of another kind or between other ends than the
    /// first, or by none.
    pub const TUNNELS: usize = 5;

    /// The lane that `what` chooses, given the lane of the first packet.
    #[inline(always)]
    #[must_use]
    pub const fn lane(of_first: usize, what: usize) -> usize {
        (of_first ^ what) & (LANES - 1)
    }
}

/// History of a lane: a state, and the hooks at which its packets were counted. User space turns the states
/// [`SAMPLED`](lane::SAMPLED) and [`SEEN`](lane::SEEN) back to [`WANTED`](lane::WANTED) when a record is made, and the next
/// packet leaves a new sample.
pub mod lane {
    use super::{DIRECTIONS, STRIPES};
    use crate::abi::ledger::HookDirection;

    /// No packet yet: the reader may skip the line.
    pub const UNUSED: u8 = 0;
    /// Counted into before; the interval's first packet has not come.
    pub const WANTED: u8 = 1;
    /// Holds the sample of the interval's first packet.
    pub const SAMPLED: u8 = 2;
    /// Counted into in this interval, but another stripe had the first packet.
    pub const SEEN: u8 = 3;

    /// Bits that hold the state.
    pub const STATE: u8 = 3;
    /// A packet was counted at ingress.
    pub const CAME: u8 = 4;
    /// A packet was counted at egress.
    pub const LEFT: u8 = 8;

    /// The bit of a hook.
    #[inline(always)]
    #[must_use]
    pub const fn at(hook: HookDirection) -> u8 {
        match hook {
            HookDirection::Ingress => CAME,
            HookDirection::Egress => LEFT,
        }
    }

    /// Returns a mask for [`Slot::lanes_used`](super::Slot::lanes_used) as one word: this bit in the octet of each lane of a
    /// direction.
    #[inline(always)]
    #[must_use]
    pub const fn all(direction: u8, bit: u8) -> u32 {
        let mut bits = 0;
        let mut stripe = 0;
        while stripe < STRIPES {
            bits |= (bit as u32) << (8 * DIRECTIONS * stripe);
            stripe += 1;
        }
        bits << (8 * direction as u32)
    }
}

/// Bits of a lane's sample above the fields of [`Sample`]: by which hook its packet came.
pub mod crossed {
    use crate::abi::ledger::HookDirection;

    /// A packet was sampled. The bit stays when another sample is wanted.
    const KNOWN: u64 = 1 << 63;
    const EGRESS: u64 = 1 << 62;

    /// Bits to add to a sample.
    #[inline(always)]
    #[must_use]
    pub const fn by(hook: HookDirection) -> u64 {
        match hook {
            HookDirection::Ingress => KNOWN,
            HookDirection::Egress => KNOWN | EGRESS,
        }
    }

    /// The hook that the bits name, once a packet was sampled.
    #[must_use]
    pub const fn hook(sample: u64) -> Option<HookDirection> {
        if sample & KNOWN == 0 {
            None
        } else if sample & EGRESS == 0 {
            Some(HookDirection::Ingress)
        } else {
            Some(HookDirection::Egress)
        }
    }
}

/// Counters of one direction and stripe: one cache line.
#[repr(C, align(64))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lane {
    /// Packets on the wire: a GSO or GRO super-packet counts its segments. Atomic.
    pub packets: u64,
    /// IP octets on the wire (IPFIX octetDeltaCount). Atomic.
    pub octets: u64,
    /// Frame octets beyond `octets + packets * link_length`, two's complement: padding. Atomic, rarely written.
    pub extra: u64,
    /// Kernel ticks (jiffies) at the last packet: 13 ns cheaper to read than the coarse clock, and as fine. The kernel
    /// derives them from `CLOCK_MONOTONIC`, so the two never drift apart; see [`Clock`](super::globals::Clock). With
    /// `exact_end` the loader has the precise clock read in its place, and this is `CLOCK_MONOTONIC`, ns.
    pub last_seen: u64,
    /// First packet of the interval, see [`Sample`] and [`crossed`].
    pub sample: u64,
    /// TCP flags seen, or the fields of other protocols that stand for them
    /// ([`Packet::tcp_flags`](crate::wire::packet::Packet::tcp_flags)): byte `k` holds `1 << k` once flag bit `k` was seen, and that of
    /// SYN the ACK of a SYN-ACK ([`lane_bytes`](crate::track::tcp::lane_bytes)). Each flag has a byte of its own, because then no CPU's store can
    /// undo another one's, and old arm64 kernels refuse an atomic OR.
    pub tcp_flags: u64,
    /// In the first stripe: precise `CLOCK_MONOTONIC` of the first segment with SYN, ns; 0 without. In the second stripe: the
    /// direction's [initial number](crate::track::initial::number), packed.
    pub syn_at: u64,
    /// Value of [`first`] for this lane; zeroes where it says nothing.
    pub first: [u8; 6],
    /// 1 once this direction acknowledged something after the other direction's FIN.
    pub acked_fin: u8,
    /// 1 when this direction's FIN came after the other's.
    pub fin_second: u8,
}

impl Lane {
    /// The number of the lane whose [`syn_at`](Self::syn_at) is a direction's initial number.
    #[inline(always)]
    #[must_use]
    pub const fn of_initial_number(direction: usize) -> usize {
        DIRECTIONS | direction & (DIRECTIONS - 1)
    }
}

/// A flow: one cache line of fields, then the lanes `[stripe * 2 + direction]`.
#[repr(C, align(64))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slot {
    /// The key; zeroes while the slot is free. User space clears it before it gives the slot back. So a program that still has an
    /// old entry of the index sees that the key differs.
    pub key: KeyWords,
    /// One of [`state`].
    pub state: u8,
    /// Bits of [`origin`].
    pub origin: u8,
    /// Octets before the IP header in the flow's first packet; 255 stands for more.
    pub link_length: u8,
    /// Bits of [`mark`].
    pub marks: u8,
    /// For each lane one of the states of [`lane`], and its bits for hooks.
    pub lanes_used: [u8; LANES],
    /// Precise `CLOCK_MONOTONIC` of the first packet, ns. No two flows of one slot share it, so it names the incarnation.
    pub first_seen: u64,
    /// Counters.
    pub lanes: [Lane; LANES],
}

/// Header fields of one packet, in one word so that it is stored whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// IPv4 type of service or IPv6 traffic class: DSCP in the upper six bits, ECN in the lower two.
    pub traffic_class: u8,
    /// IPv4 time to live or IPv6 hop limit.
    pub ttl: u8,
    /// ICMP or ICMPv6 type; 0 for other protocols.
    pub icmp_type: u8,
    /// ICMP or ICMPv6 code; 0 for other protocols.
    pub icmp_code: u8,
    /// IPv6 flow label, 20 bits; 0 for IPv4.
    pub flow_label: u32,
}

impl Sample {
    /// The word a lane stores.
    #[inline(always)]
    #[must_use]
    pub const fn pack(self) -> u64 {
        self.traffic_class as u64
            | (self.ttl as u64) << 8
            | (self.icmp_type as u64) << 16
            | (self.icmp_code as u64) << 24
            | (self.flow_label as u64 & 0xf_ffff) << 32
    }

    /// The inverse of [`Sample::pack`].
    #[must_use]
    pub const fn unpack(word: u64) -> Self {
        Self {
            traffic_class: word as u8,
            ttl: (word >> 8) as u8,
            icmp_type: (word >> 16) as u8,
            icmp_code: (word >> 24) as u8,
            flow_label: (word >> 32) as u32 & 0xf_ffff,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::ledger::HookDirection;

    #[test]
    fn sample_round_trips() {
        let sample = Sample {
            traffic_class: 0xb8,
            ttl: 64,
            icmp_type: 3,
            icmp_code: 4,
            flow_label: 0xf_abcd,
        };
        assert_eq!(Sample::unpack(sample.pack()), sample);
        assert_eq!(crossed::hook(sample.pack()), None);
        for hook in [HookDirection::Ingress, HookDirection::Egress] {
            let word = sample.pack() | crossed::by(hook);
            assert_eq!(Sample::unpack(word), sample);
            assert_eq!(crossed::hook(word), Some(hook));
        }
    }
}
