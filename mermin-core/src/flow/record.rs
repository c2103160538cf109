//! The record itself.

use std::time::{Duration, SystemTime};

use super::{
    Direction, DirectionRule, EndReason, Endpoint, FlowId, Interface, Ipsec, ObservationPoint,
    Protocol, Several, Tcp, Tunnel, Uniflow, VlanIds,
};

/// One record of one flow: what was seen of a conversation on one interface since its previous record.
///
/// A record is made when a flow ends and, while it goes on, at every active timeout; the last may add nothing to the one
/// before. [`Flow::source`] is who started the flow, which may be the other host. A conversation that crosses several
/// watched interfaces is a flow of each, and reported by each unless they are [joined](crate::Join).
///
/// A long flow has several records with one [`id`](Flow::id) and rising [`sequence`](Flow::sequence) numbers. The pair
/// names the record: should it come twice (after a crash of the process that captured it), it is the same one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Flow {
    /// Which flow (IPFIX `flowId`, made unique across restarts).
    pub id: FlowId,
    /// Number of this record among the flow's, from 0.
    pub sequence: u64,
    /// First packet of the flow, to the nanosecond on a host; the earliest one of a capture (IPFIX `flowStartNanoseconds`).
    pub start: SystemTime,
    /// Last packet counted in this record, which came less than a [`time_resolution`](Flow::time_resolution) later; never before
    /// `start` or anything else that is known of the flow. The latest one of a capture (IPFIX `flowEndNanoseconds`).
    pub end: SystemTime,
    /// How exact `end` is. On a host a tick of the kernel (1 to 10 ms), because a precise clock for each packet has
    /// [its price](crate::FlowSourceBuilder::exact_end); one nanosecond with that option, and for a flow of one packet. Of a capture the unit of its time stamps. `None` where the capture tells no time (simple packet
    /// blocks of pcapng): then `start` and `end` are 1970, and attributes and text leave them out.
    pub time_resolution: Option<Duration>,
    /// Why this record was made (IPFIX `flowEndReason`).
    pub end_reason: EndReason,
    /// The side that started the flow: for TCP the sender of the SYN, else of the first packet (IPFIX `sourceIPv4Address`,
    /// `sourceIPv6Address`, `sourceTransportPort`).
    pub source: Endpoint,
    /// The other side (IPFIX `destinationIPv4Address`, `destinationIPv6Address`, `destinationTransportPort`).
    pub destination: Endpoint,
    /// IANA protocol number of the innermost header counted (IPFIX `protocolIdentifier`).
    pub protocol: Protocol,
    /// Tells if the source is the client (compare IPFIX `biflowDirection`).
    pub direction: Direction,
    /// The rule that decided that; absent where none did.
    pub direction_rule: Option<DirectionRule>,
    /// Where it was seen.
    pub interface: Interface,
    /// 802.1Q and 802.1ad tags (IPFIX `dot1qVlanId`, `dot1qCustomerVlanId`).
    pub vlans: VlanIds,
    /// In what packets differed, so that `vlans` and `tunnel` are not those of all.
    pub several: Several,
    /// Counts from source to destination.
    pub forward: Uniflow,
    /// Counts of the way back (RFC 5103 reverse information elements).
    pub reverse: Uniflow,
    /// Identifier of an ICMP or `ICMPv6` query and its answers: tells two pings apart.
    pub icmp_id: Option<u16>,
    /// Facts that only TCP has.
    pub tcp: Option<Tcp>,
    /// Visible fields of `IPsec` and `WireGuard`, whose packets cannot be looked into.
    pub ipsec: Option<Ipsec>,
    /// The outermost encapsulation, where the flow was inside one.
    pub tunnel: Option<Tunnel>,
    /// The interfaces that saw the conversation so far, in the order in which they did; empty unless conversations are
    /// [joined](crate::FlowSourceBuilder::join). An interface is there once for each of its flows, which differ in VLANs or tunnel.
    pub observation_points: Box<[ObservationPoint]>,
}

impl Flow {
    /// A record with these facts, nothing counted, and [`EndReason::ForcedEnd`]; set the rest field by field.
    #[must_use]
    pub fn new(
        id: FlowId,
        protocol: Protocol,
        source: Endpoint,
        destination: Endpoint,
        interface: Interface,
        start: SystemTime,
    ) -> Self {
        Self {
            id,
            sequence: 0,
            start,
            end: start,
            time_resolution: Some(Duration::from_nanos(1)),
            end_reason: EndReason::ForcedEnd,
            source,
            destination,
            protocol,
            direction: Direction::Unknown,
            direction_rule: None,
            interface,
            vlans: VlanIds::default(),
            several: Several::default(),
            forward: Uniflow::default(),
            reverse: Uniflow::default(),
            icmp_id: None,
            tcp: None,
            ipsec: None,
            tunnel: None,
            observation_points: Box::default(),
        }
    }

    /// True if this record adds packets to those before. The last one of a flow may add none: it tells the end.
    #[must_use]
    pub const fn adds(&self) -> bool {
        self.forward.packets.delta != 0 || self.reverse.packets.delta != 0
    }

    /// From the flow's first packet to the last one counted in this record, as exact as that; zero where times are unknown.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.end.duration_since(self.start).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::example::{everything, plain};

    #[test]
    fn a_record_stays_small() {
        // A queue of 65,536 records must not take more than 32 MiB.
        assert!(size_of::<Flow>() < 512, "{}", size_of::<Flow>());
    }

    #[test]
    fn a_new_record_has_counted_nothing() {
        let flow = plain();
        assert_eq!(flow.duration(), Duration::ZERO);
        assert_eq!(flow.forward, Uniflow::default());
        assert_eq!(everything().duration(), Duration::from_millis(1_500));
    }

    #[test]
    fn a_record_can_change_threads() {
        const fn check<T: Send + Sync + Unpin + 'static>() {}
        const { check::<Flow>() }
    }
}
