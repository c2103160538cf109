//! The record itself.

use std::time::{Duration, SystemTime};

use super::{
    Direction, DirectionRule, EndReason, Endpoint, FlowId, Interface, Ipsec, Protocol, Tcp, Tunnel,
    Uniflow, VlanIds,
};

/// One record of one flow: what was seen of a conversation on one interface since its previous record.
///
/// A record is made when a flow ends and, while it goes on, at every active timeout; the last may add nothing to the one
/// before. [`Flow::source`] is who started the flow, which may be the other host. A conversation that crosses several
/// watched interfaces is a flow of each.
///
/// A long flow has several records with one [`id`](Flow::id) and rising [`sequence`](Flow::sequence) numbers. The pair
/// names the record: should it come twice (after a crash of the process that captured it), it is the same one.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Flow {
    /// Which flow (IPFIX `flowId`, made unique across restarts).
    pub id: FlowId,
    /// Number of this record among the flow's, from 0.
    pub sequence: u64,
    /// First packet of the flow (IPFIX `flowStartNanoseconds`).
    pub start: SystemTime,
    /// Last packet counted in this record (IPFIX `flowEndNanoseconds`).
    pub end: SystemTime,
    /// Why this record was made (IPFIX `flowEndReason`).
    pub end_reason: EndReason,
    /// Who started the flow: for TCP who sent the SYN, else who was seen first (IPFIX `sourceIPv4Address`,
    /// `sourceIPv6Address`, `sourceTransportPort`).
    pub source: Endpoint,
    /// The other side (IPFIX `destinationIPv4Address`, `destinationIPv6Address`, `destinationTransportPort`).
    pub destination: Endpoint,
    /// IANA protocol number of the innermost header counted (IPFIX `protocolIdentifier`).
    pub protocol: Protocol,
    /// Whether the source is the client (compare IPFIX `biflowDirection`).
    pub direction: Direction,
    /// What decided that; absent where nothing did.
    pub direction_rule: Option<DirectionRule>,
    /// Where it was seen.
    pub interface: Interface,
    /// 802.1Q and 802.1ad tags (IPFIX `dot1qVlanId`, `dot1qCustomerVlanId`).
    pub vlans: VlanIds,
    /// What went from source to destination.
    pub forward: Uniflow,
    /// What came back (RFC 5103 reverse information elements).
    pub reverse: Uniflow,
    /// Identifier of an ICMP or `ICMPv6` query and its answers: tells two pings apart.
    pub icmp_id: Option<u16>,
    /// What only TCP has.
    pub tcp: Option<Tcp>,
    /// What is seen of `IPsec` and `WireGuard`, whose packets cannot be looked into.
    pub ipsec: Option<Ipsec>,
    /// The outermost encapsulation, where the flow was inside one.
    pub tunnel: Option<Tunnel>,
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
            end_reason: EndReason::ForcedEnd,
            source,
            destination,
            protocol,
            direction: Direction::Unknown,
            direction_rule: None,
            interface,
            vlans: VlanIds::default(),
            forward: Uniflow::default(),
            reverse: Uniflow::default(),
            icmp_id: None,
            tcp: None,
            ipsec: None,
            tunnel: None,
        }
    }

    /// From the flow's first packet to the last one counted in this record; zero should the clock have stepped back.
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
