//! Makes a record of a flow's snapshot.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use mermin_bpf::{
    abi::{
        key::{KeyTail, KeyV4, KeyV6},
        ledger::Ignored,
    },
    track::{origin::First, tcp},
    wire::{
        protocol,
        pseudo_ports::{icmp_identifier, spi},
    },
};

use super::{
    export_state::{ExportState, Exported},
    snapshot::{FlowSnapshot, Side},
};
use crate::{
    filter::FlowFields,
    flow::{
        Count, Direction, EndReason, Endpoint, Flow, FlowId, IcmpMessage, Interface, IpHeader,
        Ipsec, MacAddress, Protocol, Tcp, TcpFlags, TcpState, Uniflow, VlanIds,
    },
};

/// Bits of a flow id: epoch, slot, and start time.
const SLOT_BITS: u32 = 24;
const TIME_BITS: u32 = 56;

/// Converts slots and monotonic times into ids and dates.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecordClock {
    /// Random, drawn when the table is made: ids of two tables differ. A pinned instance keeps table and epoch over restarts.
    pub(crate) epoch: u64,
    /// Now on the monotonic clock, ns.
    pub(crate) monotonic: u64,
    /// The same moment on the wall clock, ns since 1970. If the wall clock is set, later records use the new time.
    pub(crate) wall: i64,
    /// A tick of the kernel, ns: the resolution of the time of a flow's last packet.
    pub(crate) tick: u64,
}

/// Converts ns since 1970, negative before it.
pub(crate) fn date(nanoseconds: i64) -> SystemTime {
    let distance = Duration::from_nanos(nanoseconds.unsigned_abs());
    if nanoseconds < 0 {
        UNIX_EPOCH - distance
    } else {
        UNIX_EPOCH + distance
    }
}

impl RecordClock {
    fn date(&self, monotonic: u64) -> SystemTime {
        let since = i128::from(self.wall) - i128::from(self.monotonic) + i128::from(monotonic);
        let limit = if since < 0 { i64::MIN } else { i64::MAX };
        date(i64::try_from(since).unwrap_or(limit))
    }

    /// No two flows of a slot begin in the same nanosecond, so slot and time name a flow within an epoch.
    fn id(&self, slot: u32, first_seen: u64) -> FlowId {
        let time = u128::from(first_seen) & ((1 << TIME_BITS) - 1);
        let slot = u128::from(slot) & ((1 << SLOT_BITS) - 1);
        FlowId::from_u128(
            u128::from(self.epoch) << (SLOT_BITS + TIME_BITS) | slot << TIME_BITS | time,
        )
    }
}

/// The slot that a flow was in, from its id.
pub(crate) fn slot_of(id: FlowId) -> u32 {
    let slot = id.to_u128() >> TIME_BITS & ((1 << SLOT_BITS) - 1);
    u32::try_from(slot).unwrap_or(0)
}

/// Makes the flow's next record. `exported` is the state after its latest one, and `listening` is the direction by
/// listening ports.
pub(crate) fn record(
    slot: u32,
    flow: &FlowSnapshot,
    exported: &ExportState,
    reason: EndReason,
    interface: &Arc<str>,
    clock: &RecordClock,
    listening: Direction,
) -> Flow {
    let tail = flow.tail();
    let number = tail.protocol();
    let starter = usize::from(flow.higher_started);
    let [source, destination] = endpoints(flow);
    let mut record = Flow::new(
        clock.id(slot, flow.first_seen),
        Protocol(number),
        source,
        destination,
        Interface::new(tail.ifindex, Arc::clone(interface)),
        clock.date(flow.first_seen),
    );
    record.sequence = u64::from(exported.sequence);
    record.end = clock.date(flow.ended());
    record.time_resolution = Some(Duration::from_nanos(if flow.packets() == 1 {
        1
    } else {
        clock.tick
    }));
    record.end_reason = reason;
    record.sampling_interval = flow.sampling_interval;
    [
        record.interface.source_mac,
        record.interface.destination_mac,
    ] = macs(flow);
    let vlans = tail.vlans();
    // A priority tag (id 0) is listed only if a VLAN tag follows inside it.
    let known = vlans
        .iter()
        .rposition(|&id| id != 0)
        .map_or(0, |last| last + 1);
    record.vlans = VlanIds::from_slice(&vlans[..known]);
    record.several = flow.several;
    let half = |side: usize| uniflow(&flow.sides[side], &exported.exported[side], flow, number);
    record.forward = half(starter);
    record.reverse = half(1 - starter);
    let ports = [source.port, destination.port];
    let (direction, rule) = direction::decide(flow, number, ports, listening);
    record.direction = direction;
    record.direction_rule = Some(rule);
    match number {
        protocol::TCP => {
            record.tcp = Some(connection(&flow.sides[starter], &flow.sides[1 - starter]));
        }
        protocol::ICMP | protocol::ICMPV6 => record.icmp_id = icmp_identifier(tail.ports),
        protocol::ESP => record.ipsec = Some(Ipsec::esp(spi(tail.ports))),
        protocol::AH => record.ipsec = Some(Ipsec::ah(spi(tail.ports))),
        _ => {}
    }
    if let Some(outer) = &flow.outer {
        encapsulation::add(&mut record, flow, outer);
    }
    record
}

/// Fields by which a filter decides about the flow.
pub(crate) fn flow_fields<'a>(flow: &FlowSnapshot, interface: &'a str) -> FlowFields<'a> {
    let tail = flow.tail();
    let [source, destination] = endpoints(flow);
    FlowFields {
        source,
        destination,
        protocol: Protocol(tail.protocol()),
        interface_index: tail.ifindex,
        interface_name: interface,
        mac: macs(flow)[0],
    }
}

/// Packets and frame octets of one direction since the flow's latest record, exported or suppressed.
pub(crate) fn unexported(side: &Side, exported: &Exported, link_length: u8) -> Ignored {
    let frames = frame_octets(link_length, side.packets, side.octets, side.extra);
    let before = frame_octets(
        link_length,
        exported.packets,
        exported.octets,
        exported.extra,
    );
    Ignored {
        packets: side.packets.wrapping_sub(exported.packets),
        octets: frames.wrapping_sub(before),
    }
}

fn frame_octets(link_length: u8, packets: u64, octets: u64, extra: u64) -> u64 {
    octets
        .wrapping_add(packets.wrapping_mul(u64::from(link_length)))
        .wrapping_add(extra)
}

/// MAC addresses on the sides of source and destination, as far as they are known.
fn macs(flow: &FlowSnapshot) -> [Option<MacAddress>; 2] {
    let known = |mac: [u8; 6]| (mac != [0; 6]).then_some(MacAddress(mac));
    let [sender, receiver] = flow.macs.map(known);
    // An answer went to the source.
    if flow.first == First::Answer {
        [receiver, sender]
    } else {
        [sender, receiver]
    }
}

/// Source and destination.
fn endpoints(flow: &FlowSnapshot) -> [Endpoint; 2] {
    let [low, high] = addresses(flow);
    let [source, destination] = if flow.higher_started {
        [high, low]
    } else {
        [low, high]
    };
    let [source_port, destination_port] = ports(&flow.tail(), flow.higher_started);
    [
        Endpoint {
            address: source,
            port: source_port,
        },
        Endpoint {
            address: destination,
            port: destination_port,
        },
    ]
}

fn addresses(flow: &FlowSnapshot) -> [IpAddr; 2] {
    if flow.ipv6 {
        KeyV6::from_words(&flow.key).addresses.map(address_v6)
    } else {
        KeyV4::from_words(&flow.key)
            .addresses
            .map(|word| IpAddr::V4(Ipv4Addr::from(word.to_ne_bytes())))
    }
}

fn address_v6(words: [u64; 2]) -> IpAddr {
    let mut octets = [0; 16];
    let (first, second) = octets.split_at_mut(8);
    first.copy_from_slice(&words[0].to_ne_bytes());
    second.copy_from_slice(&words[1].to_ne_bytes());
    IpAddr::V6(Ipv6Addr::from(octets))
}

/// Ports of source and destination, for protocols that have them.
fn ports(tail: &KeyTail, higher_started: bool) -> [Option<u16>; 2] {
    if !protocol::Kind::of(tail.protocol()).has_ports() {
        return [None, None];
    }
    let [low, high] = tail.ports.map(Some);
    if higher_started {
        [high, low]
    } else {
        [low, high]
    }
}

fn uniflow(side: &Side, exported: &Exported, flow: &FlowSnapshot, number: u8) -> Uniflow {
    let frames = |packets, octets, extra| frame_octets(flow.link_length, packets, octets, extra);
    let count = |total: u64, before: u64| Count {
        delta: total.wrapping_sub(before),
        total,
    };
    let icmp = matches!(number, protocol::ICMP | protocol::ICMPV6);
    Uniflow {
        packets: count(side.packets, exported.packets),
        octets: count(side.octets, exported.octets),
        frame_octets: count(
            frames(side.packets, side.octets, side.extra),
            frames(exported.packets, exported.octets, exported.extra),
        ),
        ip: side.sample.map(|sample| {
            IpHeader::new(
                sample.traffic_class,
                sample.ttl,
                flow.ipv6.then_some(sample.flow_label),
            )
        }),
        icmp: side.sample.filter(|_| icmp).map(|sample| IcmpMessage {
            kind: sample.icmp_type,
            code: sample.icmp_code,
        }),
        tcp_flags: (number == protocol::TCP && side.packets != 0)
            .then_some(TcpFlags(side.tcp.flags)),
    }
}

fn connection(opener: &Side, other: &Side) -> Tcp {
    let latency = (opener.syn_at != 0 && other.syn_at >= opener.syn_at)
        .then(|| Duration::from_nanos(other.syn_at - opener.syn_at));
    Tcp {
        state: TcpState::from_track(tcp::state(opener.tcp, other.tcp)),
        handshake_latency: latency,
    }
}

mod direction;
mod encapsulation;

#[cfg(test)]
mod tests;
