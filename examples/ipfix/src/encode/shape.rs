//! The set of fields in a record. Each combination that occurs has a template.
//!
//! IPFIX cannot express "unknown", and a collector that gets both IP versions in one record stores neither. So each
//! record uses a template with exactly its known fields.

use std::{
    net::IpAddr,
    time::{Duration, SystemTime},
};

use mermin_core::{
    Flow,
    flow::{Direction, Endpoint, MacAddress, NatSeen, Protocol, TunnelKind, Uniflow},
};

use super::names::Names;
use crate::settings::Settings;

/// A flow, in the direction of one record.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) flow: &'a Flow,
    /// Counts in the record's direction, and in the other one.
    pub(crate) forward: &'a Uniflow,
    pub(crate) reverse: &'a Uniflow,
    /// The record has the flow's reverse direction.
    pub(crate) backwards: bool,
}

impl<'a> View<'a> {
    pub(crate) fn forward(flow: &'a Flow) -> Self {
        Self {
            flow,
            forward: &flow.forward,
            reverse: &flow.reverse,
            backwards: false,
        }
    }

    pub(crate) fn backwards(flow: &'a Flow) -> Self {
        Self {
            flow,
            forward: &flow.reverse,
            reverse: &flow.forward,
            backwards: true,
        }
    }

    /// Returns packets that the kernel dropped in the record's direction, or in the other one.
    pub(crate) fn dropped(&self, reverse: bool) -> u64 {
        let Some(drops) = &self.flow.drops else {
            return 0;
        };
        let ways = [&drops.forward, &drops.reverse];
        let [dropped, _] = in_order(ways, self.backwards ^ reverse);
        dropped.iter().map(|one| one.packets).sum()
    }

    /// Returns true if there is something to report of the record's direction, or of the other one. The kernel may drop a packet
    /// before it is counted, so a direction may have dropped packets alone.
    pub(crate) fn has(&self, reverse: bool) -> bool {
        let way = if reverse { self.reverse } else { self.forward };
        way.packets.delta != 0 || self.dropped(reverse) != 0
    }

    /// Returns the MAC addresses of the record's source and destination.
    pub(crate) fn macs(&self) -> [Option<MacAddress>; 2] {
        let interface = &self.flow.interface;
        let macs = [interface.source_mac, interface.destination_mac];
        in_order(macs, self.backwards)
    }

    /// Returns true if packets in the record's direction, or in the other one, are translated after they were seen here.
    pub(crate) fn is_translated(&self, reverse: bool) -> bool {
        let later = if self.backwards ^ reverse {
            NatSeen::After
        } else {
            NatSeen::Before
        };
        self.flow
            .nat
            .as_deref()
            .is_some_and(|nat| nat.seen == later)
    }

    /// Returns sender and receiver of packets in the record's direction, or in the other one, on the other side of a translation.
    pub(crate) fn translated(&self, reverse: bool) -> [Endpoint; 2] {
        let nat = self.flow.nat.as_deref();
        let source = nat.and_then(|nat| nat.source).unwrap_or(self.flow.source);
        let destination = nat.and_then(|nat| nat.destination);
        let ends = [source, destination.unwrap_or(self.flow.destination)];
        in_order(ends, self.backwards ^ reverse)
    }

    /// Returns the time of the first packet in the record's direction, as far as the flow has it. A flow has the time of its first
    /// packet. If that was a SYN, the flow also has the time until the SYN-ACK, which is the first packet of the other direction.
    pub(crate) fn start(&self) -> SystemTime {
        let delay = self.answer().filter(|_| self.backwards);
        self.flow.start + delay.unwrap_or_default()
    }

    /// Returns the time from the SYN that began the flow to the SYN-ACK. `None` if it is unknown, if the source is not the client, or
    /// if the SYN-ACK is later than the flow's last packet, as in a capture file whose clock was set back.
    pub(crate) fn answer(&self) -> Option<Duration> {
        let Flow { start, end, .. } = *self.flow;
        let latency = self.flow.tcp.and_then(|tcp| tcp.handshake_latency);
        latency.filter(|latency| {
            let answer = start.checked_add(*latency);
            self.flow.direction == Direction::Forward && answer.is_some_and(|it| it <= end)
        })
    }
}

/// Returns the values of two sides or directions, exchanged if the record is backwards.
pub(crate) fn in_order<T>(sides: [T; 2], backwards: bool) -> [T; 2] {
    let [first, second] = sides;
    if backwards {
        [second, first]
    } else {
        [first, second]
    }
}

/// The layer above IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Transport {
    Tcp,
    /// Ports without TCP flags.
    Ports,
    Icmp,
    /// A security parameters index.
    Ipsec,
    Other,
}

/// The set of fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of its own")]
pub(crate) struct Shape {
    pub(crate) ipv6: bool,
    pub(crate) transport: Transport,
    /// True for each MAC address that is known: the source's, the destination's.
    pub(crate) macs: [bool; 2],
    /// Number of VLAN tags: two at most.
    pub(crate) vlans: u8,
    /// True if a tunnel has the id of a virtual network.
    pub(crate) segment: bool,
    /// Present if the tunnel's addresses are included; true for IPv6.
    pub(crate) outer: Option<bool>,
    /// True if the reverse direction is in the same record.
    pub(crate) reverse: bool,
    /// True if packets that the kernel dropped are in the record.
    pub(crate) dropped: bool,
    /// True for each direction whose packets are translated after they were seen here: the record's, and the other one in it.
    pub(crate) translated: [bool; 2],
    /// True if the delay of the other direction's first packet is in the record.
    pub(crate) answer: bool,
    /// True if flows are sampled.
    pub(crate) sampled: bool,
    pub(crate) names: Names,
}

impl Shape {
    pub(crate) fn of(view: &View<'_>, settings: &Settings) -> Self {
        let flow = view.flow;
        let tunnel = flow.tunnel.as_ref();
        let reverse = settings.biflow && view.has(true);
        Self {
            ipv6: flow.source.address.is_ipv6(),
            transport: transport(flow),
            macs: view.macs().map(|mac| mac.is_some()),
            vlans: u8::try_from(flow.vlans.len().min(2)).unwrap_or(0),
            segment: segment(flow).is_some(),
            outer: tunnel
                .filter(|_| settings.outer_addresses)
                .map(|tunnel| tunnel.source.address.is_ipv6()),
            reverse,
            dropped: view.dropped(false) != 0 || reverse && view.dropped(true) != 0,
            translated: [
                view.is_translated(false),
                reverse && view.is_translated(true),
            ],
            answer: settings.biflow && view.answer().is_some(),
            sampled: flow.sampling_interval.is_some(),
            names: Names::of(flow),
        }
    }

    /// Returns the same without names.
    pub(crate) fn without_names(self) -> Self {
        Self {
            names: Names::default(),
            ..self
        }
    }
}

fn transport(flow: &Flow) -> Transport {
    match flow.protocol {
        Protocol::TCP => Transport::Tcp,
        Protocol::ICMP | Protocol::ICMPV6 => Transport::Icmp,
        _ if flow.source.port.is_some() => Transport::Ports,
        _ if spi(flow).is_some() => Transport::Ipsec,
        _ => Transport::Other,
    }
}

/// Returns the SPI of an `IPsec` packet.
pub(crate) fn spi(flow: &Flow) -> Option<u32> {
    flow.ipsec
        .as_ref()
        .and_then(|ipsec| ipsec.esp_spi.or(ipsec.ah_spi))
}

/// Returns `layer2SegmentId` (351): the kind of network in the first octet, its id of 24 bits in the last three. `None` for ids of other
/// kinds, which may be longer and are not those of a network.
pub(crate) fn segment(flow: &Flow) -> Option<u64> {
    /// Values of IANA's registry for that element.
    const VXLAN: u64 = 1;
    const NVGRE: u64 = 2;
    let tunnel = flow.tunnel.as_ref()?;
    let id = u64::from(tunnel.id?);
    Some(match tunnel.kind {
        TunnelKind::Vxlan => VXLAN << 56 | id,
        // Kinds without a value use 0, which is reserved.
        TunnelKind::VxlanGpe | TunnelKind::Geneve => id,
        TunnelKind::Gre => NVGRE << 56 | virtual_subnet(flow, id)?,
        _ => return None,
    })
}

/// Returns the virtual subnet in a key of GRE: its upper 24 bits (RFC 7637 section 3.2). NVGRE carries Ethernet, which has MAC addresses,
/// and reserves the lowest 4,096 numbers: a smaller key is one of GRE's own.
fn virtual_subnet(flow: &Flow, key: u64) -> Option<u64> {
    const RESERVED: u64 = 0xfff;
    let interface = &flow.interface;
    let is_ethernet = interface.source_mac.is_some() || interface.destination_mac.is_some();
    Some(key >> 8).filter(|subnet| is_ethernet && *subnet > RESERVED)
}

/// Writes the octets of an address.
pub(crate) fn put_address(address: IpAddr, out: &mut Vec<u8>) {
    match address {
        IpAddr::V4(v4) => out.extend_from_slice(&v4.octets()),
        IpAddr::V6(v6) => out.extend_from_slice(&v6.octets()),
    }
}

#[cfg(test)]
mod tests {
    use mermin_core::{
        flow::{Endpoint, Tcp, TcpState, Tunnel},
        sink::testing::flows,
    };

    use super::*;

    #[test]
    fn only_ids_of_virtual_networks_are_segments() {
        let mut flow = flows(1).remove(0);
        let end = Endpoint {
            port: None,
            ..flow.source
        };
        let mut segment_of = |kind, id, mac| {
            let mut tunnel = Tunnel::new(kind, Protocol::UDP, end, end);
            tunnel.id = Some(id);
            flow.tunnel = Some(tunnel);
            flow.interface.source_mac = None;
            flow.interface.destination_mac = mac;
            segment(&flow)
        };
        let mac = Some(MacAddress([2, 0, 0, 0, 0, 1]));
        for (kind, id, mac, segment) in [
            (
                TunnelKind::Vxlan,
                0x00ab_cdef,
                mac,
                Some(0x0100_0000_00ab_cdef),
            ),
            (TunnelKind::VxlanGpe, 7, None, Some(7)),
            (TunnelKind::Geneve, 0x00ff_ffff, mac, Some(0x00ff_ffff)),
            // VSID 0xabcdef, FlowID 0x99.
            (
                TunnelKind::Gre,
                0xabcd_ef99,
                mac,
                Some(0x0200_0000_00ab_cdef),
            ),
            // IP in GRE, and Ethernet in GRE with a key that is no virtual subnet.
            (TunnelKind::Gre, 0xabcd_ef99, None, None),
            (TunnelKind::Gre, 0x000f_ff99, mac, None),
            (TunnelKind::Gtpu, 0xabcd_ef99, None, None),
            (TunnelKind::L2tp, 7, mac, None),
            (TunnelKind::Erspan, 7, mac, None),
        ] {
            assert_eq!(segment_of(kind, id, mac), segment, "{kind:?} {id:x}");
        }
    }

    #[test]
    fn answered_connection_starts_with_its_answer_in_the_second_direction() {
        let mut flow = flows(1).remove(0);
        flow.end = flow.start + Duration::from_millis(90);
        flow.direction = Direction::Forward;
        let late = |flow: &Flow| {
            let views = [View::forward(flow), View::backwards(flow)];
            views.map(|view| view.start().duration_since(flow.start).unwrap().as_millis())
        };
        let mut answered = |milliseconds| {
            let mut tcp = Tcp::new(TcpState::Established);
            tcp.handshake_latency = Some(Duration::from_millis(milliseconds));
            flow.tcp = Some(tcp);
            flow.clone()
        };
        assert_eq!(late(&answered(20)), [0, 20]);
        // The clock was set back meanwhile.
        assert_eq!(late(&answered(91)), [0, 0]);
        let mut joined_late = answered(20);
        joined_late.direction = Direction::Reverse;
        assert_eq!(late(&joined_late), [0, 0]);
        flow.tcp = None;
        assert_eq!(late(&flow), [0, 0]);
    }
}
