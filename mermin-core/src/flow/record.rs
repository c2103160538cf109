//! The record of a flow.

use std::{
    num::NonZeroU32,
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::{
    AddedAttribute, Application, Direction, DirectionRule, Drops, EndReason, Endpoint, FlowId,
    Interface, Ipsec, Nat, ObservationPoint, Process, Protocol, Several, Tcp, TcpAnalysis,
    TcpSockets, Tunnel, Uniflow, VlanIds,
};

/// One record of one flow: the traffic of a conversation on one interface since the previous record.
///
/// A flow has a record when it ends and, while it lasts, one at every active timeout if it has new packets. The last
/// record may have no packets. [`Flow::source`] is the side that started the flow, as far as the packets show it, and may be
/// the remote host. A
/// conversation that crosses several watched interfaces is a flow on each of them. Each of these flows has records, unless
/// the flows are [joined](crate::Join).
///
/// The records of a flow have one [`id`](Flow::id) and rising [`sequence`](Flow::sequence) numbers. Two records with the same
/// pair are the same record, delivered twice: after a failed or dropped export, or after the capturing process died.
/// Items of [`Handle::open_flows`](crate::Handle::open_flows) are no records: they have the sequence number of the flow's next record.
///
/// ```
/// use std::time::SystemTime;
///
/// use mermin_core::{Flow, flow::{Endpoint, FlowId, Interface, Protocol}};
///
/// fn summary(flow: &Flow) -> String {
///     let (sent, received) = (flow.forward.octets.delta, flow.reverse.octets.delta);
///     format!("{} > {}: {sent} sent, {received} received", flow.source.address, flow.destination.address)
/// }
///
/// let client = Endpoint::new([192, 0, 2, 1], 50_000);
/// let server = Endpoint::new([198, 51, 100, 7], 443);
/// let eth0 = Interface::new(2, "eth0");
/// let mut flow = Flow::new(FlowId::from_u128(7), Protocol::TCP, client, server, eth0, SystemTime::now());
/// flow.forward.octets.delta = 60;
/// assert_eq!(summary(&flow), "192.0.2.1 > 198.51.100.7: 60 sent, 0 received");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Flow {
    /// The id of the flow (IPFIX `flowId`, made unique across restarts).
    pub id: FlowId,
    /// The number of this record in its flow, from 0.
    pub sequence: u64,
    /// Time of the first packet, exact to the nanosecond (IPFIX `flowStartNanoseconds`). In a capture file, the time of the
    /// flow's earliest packet, as its time stamp has it.
    pub start: SystemTime,
    /// Time of the last packet counted in this record (IPFIX `flowEndNanoseconds`). It is rounded down by less than a
    /// [`time_resolution`](Flow::time_resolution), but never before `start`. In a capture file, the time of the flow's latest
    /// packet so far.
    pub end: SystemTime,
    /// The resolution of `end`. On a host it is a tick of the kernel (1 to 10 ms). With
    /// [`exact_end`](crate::FlowSourceBuilder::exact_end), and for a flow of one packet, it is one nanosecond. In a capture
    /// file it is the unit of the time stamps. `None` if the file has no times (simple packet blocks of pcapng). `start` and
    /// `end` are then the beginning of 1970, and attributes and text leave them out.
    pub time_resolution: Option<Duration>,
    /// The reason for this record (IPFIX `flowEndReason`).
    pub end_reason: EndReason,
    /// The sampling interval: one flow of so many was kept. The counts of a record, multiplied by its interval, add up to an estimate of all
    /// that crossed the hooks. Present if flows are [sampled](crate::FlowSourceBuilder::sampling); 1 while all are kept.
    pub sampling_interval: Option<NonZeroU32>,
    /// The side that started the flow, as far as the packets show it: the sender of the SYN; if the first packet is an
    /// answer, the receiver of the answer; else the sender of the first packet (IPFIX `sourceIPv4Address`,
    /// `sourceIPv6Address`, `sourceTransportPort`).
    pub source: Endpoint,
    /// The other side (IPFIX `destinationIPv4Address`, `destinationIPv6Address`, `destinationTransportPort`).
    pub destination: Endpoint,
    /// IANA protocol number (IPFIX `protocolIdentifier`) of the innermost packet, or with
    /// [`Decapsulation::None`](crate::Decapsulation::None) of the outermost one.
    pub protocol: Protocol,
    /// The side that is the client (compare IPFIX `biflowDirection`).
    pub direction: Direction,
    /// The rule that decided `direction`. A source always sets it.
    pub direction_rule: Option<DirectionRule>,
    /// The interface of the flow.
    pub interface: Interface,
    /// 802.1Q and 802.1ad tags, the two outermost (IPFIX `dot1qVlanId`, `dot1qCustomerVlanId`).
    pub vlans: VlanIds,
    /// The fields in which packets of the flow differed, or of which the record has only a part. The record has the values of the
    /// first packet.
    pub several: Several,
    /// Counts from source to destination.
    pub forward: Uniflow,
    /// Counts from destination to source (RFC 5103 reverse information elements).
    pub reverse: Uniflow,
    /// Identifier of an ICMP or `ICMPv6` query and its replies; two pings have different ones.
    pub icmp_id: Option<u16>,
    /// Fields that only TCP flows have.
    pub tcp: Option<Tcp>,
    /// Retransmissions, round trips and responses of a TCP connection. Present if
    /// [`tcp_analysis`](crate::FlowSourceBuilder::tcp_analysis) is on.
    pub tcp_analysis: Option<Box<TcpAnalysis>>,
    /// The kernel's values of the sockets of a TCP connection. Present if
    /// [`tcp_sockets`](crate::FlowSourceBuilder::tcp_sockets) is on and an end is a socket of this host.
    pub tcp_sockets: Option<Box<TcpSockets>>,
    /// Packets of the flow that the kernel dropped since the previous record. Present if [`drops`](crate::FlowSourceBuilder::drops) is on
    /// and there were any.
    pub drops: Option<Box<Drops>>,
    /// Unencrypted fields of `IPsec` and `WireGuard`.
    pub ipsec: Option<Ipsec>,
    /// The outermost encapsulation, if the flow was inside a tunnel.
    pub tunnel: Option<Tunnel>,
    /// The interfaces that have seen the conversation so far, in the order in which they saw it. Empty unless
    /// conversations are [joined](crate::FlowSourceBuilder::join). An interface on which the conversation has several
    /// flows, which differ in VLANs or tunnel, is listed once for each of them.
    pub observation_points: Box<[ObservationPoint]>,
    /// The addresses on the other side of a translation (NAT) of the watched host. Present if [`nat`](crate::FlowSourceBuilder::nat) is
    /// on, the host translates the flow, and connection tracking's entry for the flow was found before this record was made.
    pub nat: Option<Box<Nat>>,
    /// The process at the source. Present if [`process`](crate::FlowSourceBuilder::process) is on, the process is
    /// local, and its socket was found before this record was made.
    pub source_process: Option<Arc<Process>>,
    /// The process at the destination. Present as `source_process` is.
    pub destination_process: Option<Arc<Process>>,
    /// Names from the flow's first payloads: TLS, DNS, HTTP, QUIC. Present if [`names`](crate::FlowSourceBuilder::names) is on and one
    /// was found before this record was made.
    pub application: Option<Arc<Application>>,
    /// Attributes that your program has added, in lists that records may share. A source adds none. Deserialisation
    /// skips them.
    pub added_attributes: Box<[Arc<[AddedAttribute]>]>,
}

impl Flow {
    /// Creates a record with these fields, counts of zero, and [`EndReason::ForcedEnd`]. Set the other fields
    /// directly.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    ///
    /// use mermin_core::{Flow, flow::{Endpoint, FlowId, Interface, Protocol}};
    ///
    /// let client = Endpoint::new([192, 0, 2, 1], 50_000);
    /// let server = Endpoint::new([198, 51, 100, 7], 443);
    /// let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    /// let eth0 = Interface::new(2, "eth0");
    /// let mut flow = Flow::new(FlowId::from_u128(7), Protocol::TCP, client, server, eth0, start);
    /// assert!(!flow.has_packets());
    /// flow.forward.packets.delta = 3;
    /// flow.end = start + Duration::from_millis(1_500);
    /// assert!(flow.has_packets());
    /// assert_eq!(flow.duration(), Duration::from_millis(1_500));
    /// ```
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
            sampling_interval: None,
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
            tcp_analysis: None,
            tcp_sockets: None,
            drops: None,
            ipsec: None,
            tunnel: None,
            observation_points: Box::default(),
            nat: None,
            source_process: None,
            destination_process: None,
            application: None,
            added_attributes: Box::default(),
        }
    }

    /// Returns the attribute with this name, if the application has added one.
    #[must_use]
    pub fn added_attribute(&self, name: &str) -> Option<&AddedAttribute> {
        let mut all = self.added_attributes.iter().flat_map(|list| &**list);
        all.find(|attribute| attribute.name() == name)
    }

    /// Returns true if this record has packets. The last record of a flow may have none and only report the end.
    #[must_use]
    pub const fn has_packets(&self) -> bool {
        self.forward.packets.delta != 0 || self.reverse.packets.delta != 0
    }

    /// Returns the time from the first packet of the flow to the last one counted in this record; zero if times are
    /// unknown.
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
    fn record_stays_small() {
        // A queue of 65,536 records then takes at most 36 MiB.
        assert!(size_of::<Flow>() <= 576, "{}", size_of::<Flow>());
    }

    #[test]
    fn new_record_has_counted_nothing() {
        let flow = plain();
        assert_eq!(flow.duration(), Duration::ZERO);
        assert_eq!(flow.forward, Uniflow::default());
        assert_eq!(everything().duration(), Duration::from_millis(1_500));
    }

    #[test]
    fn record_can_change_threads() {
        const fn check<T: Send + Sync + Unpin + 'static>() {}
        const { check::<Flow>() }
    }
}
