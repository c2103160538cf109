//! Options of flows: the filter, the flow key, the size of the table.

use super::FlowSourceBuilder;
use crate::{
    filter::Filter,
    flow::TunnelKind,
    join::Join,
    source::{Decapsulation, FlowKey, Pinning},
};

impl FlowSourceBuilder {
    /// The filter of flows and records. Default: everything passes.
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

    /// The number of flows that can be open at once, 1 to 16,777,216. Default: 65,536. Each takes about 600 bytes of kernel memory,
    /// in use or not. Packets of flows that do not fit are counted as `table_full`. For capture files the default is the maximum,
    /// because memory is allocated on demand.
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

    /// Parts of the flow key besides interface, protocol, addresses and ports. Default: [`FlowKey::Full`], VLANs and tunnels.
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

    /// Makes [`Flow::end`](crate::Flow::end) exact to the nanosecond, as the start is, instead of to a tick of the kernel (1 to 10 ms).
    /// Default: no, because reading a precise clock for each packet takes 30 to 40 ns more.
    /// [`Flow::time_resolution`](crate::Flow::time_resolution) has the resolution of each record. Has no effect on capture files, whose
    /// times are as exact as the file.
    ///
    /// The clock is the kernel's `CLOCK_MONOTONIC` at the hook. Its steps are some 0.5 ns on x86, 1 to 100 ns on arm64. If two CPUs count
    /// packets of one direction at once, the record may have the earlier time.
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

    /// True if the processes at the ends of flows are looked up: number, executable, control group and container
    /// ([`Flow::source_process`](crate::Flow::source_process)). Default: no.
    ///
    /// A thread looks for the sockets of a TCP or UDP flow when the flow is up to 100 ms old (`sock_diag(7)`), in the watched network
    /// namespace and in those of other processes, and for whoever has them open (`/proc`, at most once a second and for a twentieth of
    /// the time). So a record has the process that had the socket then, of several that share it the one with the lowest number; a
    /// process that lived for less than a second may be missed. It takes `CAP_SYS_PTRACE`, `CAP_SYS_ADMIN` and the host's PID namespace;
    /// the report says what is missing. Of a capture file nothing can be looked up.
    ///
    /// ```
    /// use mermin_core::FlowSource;
    ///
    /// let builder = FlowSource::builder().process(true);
    /// assert!(builder.get_process());
    /// ```
    pub fn process(mut self, process: bool) -> Self {
        self.options.process = process;
        self
    }

    /// The flow that counts a packet in a tunnel. Default: [`Decapsulation::Innermost`], the flow of the innermost packet.
    ///
    /// ```
    /// use mermin_core::{FlowSource, Decapsulation};
    ///
    /// let builder = FlowSource::builder().decapsulation(Decapsulation::None);
    /// assert_eq!(builder.get_decapsulation(), Decapsulation::None);
    /// ```
    pub fn decapsulation(mut self, decapsulation: Decapsulation) -> Self {
        self.options.decapsulation = decapsulation;
        self
    }

    /// The UDP ports of a kind of tunnel, at most four; with none, that kind is not recognised. Defaults: VXLAN 4789, VXLAN-GPE 4790,
    /// Geneve 6081, GTP-U 2152, each as the receiver's port; L2TP 1701, Teredo 3544, `WireGuard` 51820, as either side's port.
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

    /// Fail to open instead of reporting a degradation. Default: no.
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

    /// Keeps the source's kernel state when its process is killed: the kernel keeps counting, and the next source opened with the same
    /// instance name resumes the existing flows. No packet is missed. A record that was not acknowledged is delivered again, with the
    /// same id and sequence number. Default: no. See [`Pinning`].
    ///
    /// A record is acknowledged when the sink of [`run`](crate::FlowSource::run) has returned `Ok` for it, when the stream is asked for
    /// the next one, or [by hand](crate::FlowSource::manual_ack). Until then its flow has no other record, and a flow that has ended
    /// keeps its slot in the table. Takes 136 bytes of kernel memory more for each of `max_flows`. The counters of hooks
    /// ([`Stats::hooks`](crate::Stats::hooks)) continue as well. If no BPF file system can be written to, the source is not pinned, and
    /// the report has the degradation.
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
