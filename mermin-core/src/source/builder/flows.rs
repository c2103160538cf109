//! Options of flows: which are wanted, what tells them apart, how many there are at once.

use super::FlowSourceBuilder;
use crate::{
    filter::Filter,
    flow::TunnelKind,
    join::Join,
    source::{FlowKey, Pinning, Tunnels},
};

impl FlowSourceBuilder {
    /// Which flows are wanted. Default: all.
    ///
    /// ```
    /// use mermin_core::{Filter, FlowSource, filter::Rule};
    ///
    /// let mut filter = Filter::default();
    /// filter.destination.port = Rule::matching(["443", "8000-8999"])?;
    /// let builder = FlowSource::builder().filter(filter.clone());
    /// assert_eq!(builder.get_filter(), &filter);
    /// # Ok::<(), mermin_core::Error>(())
    /// ```
    pub fn filter(mut self, filter: Filter) -> Self {
        self.options.filter = filter;
        self
    }

    /// Flows at once, 1 to 16,777,216. Default: 65,536. Each takes about 600 octets of kernel memory, in use or not;
    /// what finds no room is counted under `table_full`. Of a capture file the default is the most, because there memory
    /// is taken as flows come.
    ///
    /// ```
    /// use mermin_core::FlowSource;
    ///
    /// let builder = FlowSource::builder().max_flows(1 << 20); // some 600 MiB
    /// assert_eq!(builder.get_max_flows(), Some(1 << 20));
    /// ```
    pub fn max_flows(mut self, flows: u32) -> Self {
        self.options.max_flows = Some(flows);
        self
    }

    /// Facts that tell flows apart besides interface, protocol, addresses and ports. Default: [`FlowKey::Full`], VLANs and
    /// tunnels.
    ///
    /// ```
    /// use mermin_core::{FlowKey, FlowSource};
    ///
    /// let builder = FlowSource::builder().flow_key(FlowKey::Endpoints);
    /// assert_eq!(builder.get_flow_key(), FlowKey::Endpoints);
    /// ```
    pub fn flow_key(mut self, key: FlowKey) -> Self {
        self.options.flow_key = key;
        self
    }

    /// True if [`Flow::end`](crate::Flow::end) of a flow on a host is exact to the nanosecond, as its start is, instead of
    /// to a tick of the kernel (1 to 10 ms). Default: no, because a precise clock is read for each packet then, which is 30
    /// to 40 ns more.
    /// [`Flow::time_resolution`](crate::Flow::time_resolution) says which. Of a capture, times are as exact as the file in any
    /// case.
    ///
    /// It is the kernel's `CLOCK_MONOTONIC` at the hook, as fine as its source counts: some 0.5 ns on x86, 1 to 100 ns on arm64. Where
    /// two CPUs count packets of one direction at once, the earlier time may be the one that is told.
    ///
    /// ```
    /// use mermin_core::FlowSource;
    ///
    /// let builder = FlowSource::builder().exact_end(true);
    /// assert!(builder.get_exact_end());
    /// ```
    pub fn exact_end(mut self, exact: bool) -> Self {
        self.options.exact_end = exact;
        self
    }

    /// How often a conversation is reported that several watched interfaces see. Default: [`Join::PerInterface`], by each.
    ///
    /// A conversation is what flows have in common beside interface, VLANs and tunnels: IP version, addresses, protocol, and ports or
    /// what ICMP, ESP and AH have instead, while they overlap in time. Joined, it is reported by the interface that saw its first
    /// packet, or the first that sees both ways where that one does not see the answers; its flow has `id` and `sequence`. When that
    /// interface has no more packets of it and another has, the other goes on, with the flow it has: add up `delta` of all records as
    /// ever. Packets of records that are withheld because another interface reports them are under the reason `joined`.
    ///
    /// Where networks use the same addresses and ports at the same time (customers of a provider, told apart by VLAN or tunnel),
    /// leave each interface its own. An address translator on the way (NAT) makes two conversations. It costs some 400 octets for
    /// each open flow, and nothing where it is off.
    ///
    /// ```
    /// use mermin_core::{FlowSource, Join};
    ///
    /// let builder = FlowSource::builder().join(Join::FirstSeen);
    /// assert_eq!(builder.get_join(), Join::FirstSeen);
    /// ```
    pub fn join(mut self, join: Join) -> Self {
        self.options.join = join;
        self
    }

    /// Whose flow counts a packet that was sent through a tunnel. Default: [`Tunnels::Inner`], the innermost packet's.
    ///
    /// ```
    /// use mermin_core::{FlowSource, Tunnels};
    ///
    /// let builder = FlowSource::builder().tunnels(Tunnels::Outer);
    /// assert_eq!(builder.get_tunnels(), Tunnels::Outer);
    /// ```
    pub fn tunnels(mut self, tunnels: Tunnels) -> Self {
        self.options.tunnels = tunnels;
        self
    }

    /// UDP ports at which a kind of tunnel is looked for, instead of those it has by default: VXLAN 4789, VXLAN-GPE 4790,
    /// Geneve 6081, GTP-U 2152, each as the receiver's port; L2TP 1701, Teredo 3544, `WireGuard` 51820, as either side's. At
    /// most four, none to look for none.
    ///
    /// ```
    /// use mermin_core::{FlowSource, flow::TunnelKind};
    ///
    /// let builder = FlowSource::builder()
    ///     .tunnel_ports(TunnelKind::Vxlan, [4789, 8472]) // 8472 is flannel's
    ///     .tunnel_ports(TunnelKind::Gtpu, []);
    /// assert_eq!(builder.get_tunnel_ports(TunnelKind::Vxlan), [4789, 8472]);
    /// assert!(builder.get_tunnel_ports(TunnelKind::Gtpu).is_empty());
    /// ```
    pub fn tunnel_ports(mut self, kind: TunnelKind, ports: impl IntoIterator<Item = u16>) -> Self {
        self.options
            .tunnel_ports
            .set(kind, ports.into_iter().collect());
        self
    }

    /// True if something given up is an error instead of a line in the report. Default: no.
    ///
    /// ```
    /// use mermin_core::FlowSource;
    ///
    /// let builder = FlowSource::builder().strict(true);
    /// assert!(builder.get_strict());
    /// ```
    pub fn strict(mut self, strict: bool) -> Self {
        self.options.strict = strict;
        self
    }

    /// Lets the source outlive its process: when it is killed the kernel goes on counting, and the next source of this
    /// instance goes on with the flows there are. No packet is missed; a record of which nothing says that it arrived is given
    /// again, with the same id and sequence number. Default: no. See [`Pinning`].
    ///
    /// A record counts as arrived when the sink of [`run`](crate::FlowSource::run) has returned `Ok` for it, when the stream is asked
    /// for the one after it, or when it is [acknowledged by hand](crate::FlowSource::manual_ack). Until then its flow gets no other, and a flow
    /// that has ended keeps its room in the table. Takes 136 octets of kernel memory more for each of `max_flows`. The
    /// ledgers of interfaces ([`Stats::packets`](crate::Stats::packets) and those by hook) go on as well. Where there is no
    /// BPF file system that can be written to, the source is not pinned, and the report says what that costs.
    ///
    /// ```
    /// use mermin_core::{FlowSource, Pinning};
    ///
    /// let pinning = Pinning::instance("billing").persist(true);
    /// let builder = FlowSource::builder().pinning(pinning.clone());
    /// assert_eq!(builder.get_pinning(), Some(&pinning));
    /// ```
    pub fn pinning(mut self, pinning: Pinning) -> Self {
        self.options.pinning = Some(pinning);
        self
    }
}
