//! Options of flows: the filter, the flow key, the size of the table.

use super::FlowSourceBuilder;
use crate::{
    filter::Filter,
    flow::TunnelKind,
    join::Join,
    source::{Decapsulation, FlowKey, Pinning, Sampling},
};

impl FlowSourceBuilder {
    /// Sets the filter of flows and records. Default: everything passes.
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

    /// Sets the number of flows that can be open at once, 1 to 16,777,216. Default: 65,536. A slot of the table, used or
    /// not, takes at most 600 bytes, most of them the kernel's; some options add to that. Packets of flows that do not
    /// fit are counted as `table_full`. For capture files the default is the maximum, because memory is allocated on
    /// demand.
    ///
    /// ```
    /// use mermin_core::FlowSource;
    ///
    /// let builder = FlowSource::builder().max_flows(1 << 20); // at most 600 MiB
    /// assert_eq!(builder.get_max_flows(), Some(1 << 20));
    /// ```
    pub fn max_flows(mut self, flows: u32) -> Self {
        self.options.max_flows = Some(flows);
        self
    }

    /// Sets the fields of the flow key. Each key has interface, protocol, addresses and ports. Default:
    /// [`FlowKey::Full`], which adds VLANs and tunnels.
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

    /// Makes [`Flow::end`](crate::Flow::end) exact to the nanosecond, like the start. Without it, the end is exact to a
    /// tick of the kernel (1 to 10 ms). Default: no, because the precise clock takes 30 to 40 ns more for each packet.
    /// [`Flow::time_resolution`](crate::Flow::time_resolution) has the resolution of each record. Has no effect on
    /// capture files: their times are as exact as the file.
    ///
    /// The clock is the kernel's `CLOCK_MONOTONIC` at the hook. Its steps are about 0.5 ns on x86 and 1 to 100 ns on
    /// arm64. If two CPUs count packets of one direction at once, the record may have the earlier time.
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

    /// Sets how often a conversation that crosses several watched interfaces is reported: once, or once by each
    /// interface. Default: [`Join::PerInterface`], once by each.
    ///
    /// Flows belong to one conversation if they overlap in time and have the same IP version, addresses, protocol and
    /// ports (or the fields that replace ports for ICMP, ESP and AH). Interface, VLANs and tunnels do not matter. The
    /// first interface that sees both directions reports a joined conversation; if none does, the first one that sees a packet. If
    /// traffic moves to another interface, that interface's flow continues the conversation, with its own `id` and
    /// `sequence`; add up `delta` of all records as usual. Records of the other interfaces are suppressed, and their
    /// packets are counted under the reason `joined`.
    ///
    /// Do not join if networks reuse addresses and ports (customers of a provider, distinguished by VLAN or tunnel).
    /// Network address translation (NAT) on the path makes two conversations. Joining takes about 400 bytes of memory
    /// for each open flow.
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

    /// Looks up the processes on both sides of flows: PID, executable, cgroup and container
    /// ([`Flow::source_process`](crate::Flow::source_process)). Default: no.
    ///
    /// A separate thread looks up the sockets of a TCP or UDP flow (`sock_diag(7)`), in the watched network namespace
    /// and in those of other processes, usually within 100 ms of the flow's start. It then searches `/proc` for their
    /// owners, at most once a second, using at most 5 % of the time. A record has the process that had the socket
    /// open at the time of the look-up; if several share it, the one with the lowest PID. If none has it open any more, the record has
    /// the process that opened the socket which sent the flow's first packet, except at loopback. The look-up needs `CAP_SYS_PTRACE`, `CAP_SYS_ADMIN`, `CAP_DAC_READ_SEARCH` and the host's PID namespace; the
    /// report says which of these are missing. A capture file with this option is an error.
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

    /// Uses listening ports to decide which endpoint of a flow is the server, if the capture began during the connection
    /// or the protocol has no connections ([`DirectionRule::ListeningPort`](crate::flow::DirectionRule::ListeningPort)). Default: no.
    ///
    /// The thread that also serves [`process`](Self::process) asks the kernel (`sock_diag(7)`) about both endpoints of a TCP
    /// or UDP flow, usually within 100 ms of the flow's start, unless the flow began with a SYN. A sweep asks about at most
    /// 4,096 flows; the others of a burst wait for later sweeps. The thread asks for each endpoint in the network namespace
    /// that has its address: the watched one, or that of another process. If a socket listens at only one endpoint, that
    /// endpoint is the server. A UDP socket counts as listening if it is not connected and its port is outside
    /// `net.ipv4.ip_local_port_range`; inside that range it may be a client's. For UDP with a remote peer, the listener
    /// is the server only if the peer's port looks like a client's: 1024 or above if the peer sent the first packet,
    /// 32768 or above if the listener did. Listening ports do not decide between equal ports, nor for a multicast or
    /// broadcast address.
    ///
    /// A record has the direction known when it is made. Source, destination and counters do not depend on it. Other
    /// network namespaces need `CAP_SYS_ADMIN`, `CAP_SYS_PTRACE` and the host's PID namespace; the report says which
    /// of these are missing, and names the kernel modules `tcp_diag` and `udp_diag` if they are missing. In a capture file, a port listens
    /// once it has accepted a connection (SYN-ACK).
    ///
    /// ```
    /// use mermin_core::FlowSource;
    ///
    /// let builder = FlowSource::builder().listening_ports(true);
    /// assert!(builder.get_listening_ports());
    /// ```
    pub fn listening_ports(mut self, listening_ports: bool) -> Self {
        self.options.listening_ports = listening_ports;
        self
    }

    /// Looks up the other side of flows that the watched host translates: the addresses and ports before or behind a network address
    /// translation ([`Flow::nat`](crate::Flow::nat)). Default: no.
    ///
    /// The thread that also serves [`process`](Self::process) asks the connection tracking of the watched network namespace (netlink,
    /// `ctnetlink`) for the entry of each new flow of TCP, UDP and SCTP, and of each query of ICMP, usually within 100 ms of the flow's
    /// start, and a second later once more if there was none. Each time, the thread makes at most two requests. A record has the translation
    /// that was found before the record was made, also if connection tracking no longer has the entry.
    ///
    /// Three kinds of translations are not found: those in other network namespaces, such as a container's own rules; those in a zone of
    /// connection tracking other than 0; and those that stateless rules of nftables or eBPF programs such as Cilium's make, because the
    /// kernel's connection tracking does not know them. Conversations are
    /// [joined](Self::join) by the addresses that they have at their interfaces, as without this option. The look-up needs
    /// `CAP_NET_ADMIN` and the kernel module `nf_conntrack_netlink`. If one of them is missing, the source opens without translations, and
    /// the report has a degradation. A capture file with this option is an error.
    ///
    /// ```
    /// use mermin_core::FlowSource;
    ///
    /// let builder = FlowSource::builder().nat(true);
    /// assert!(builder.get_nat());
    /// ```
    pub fn nat(mut self, nat: bool) -> Self {
        self.options.nat = nat;
        self
    }

    /// Lets the source's threads give up the capabilities that they no longer need, once it is open. Default: no.
    ///
    /// `CAP_NET_ADMIN` is kept, for attaching tc filters to later interfaces, for listing other programs at hooks in the
    /// report and for [`nat`](Self::nat); before Linux 5.19 also `CAP_BPF`. The thread that looks up sockets also keeps `CAP_SYS_PTRACE`, `CAP_SYS_ADMIN`
    /// and, with [`process`](Self::process), `CAP_DAC_READ_SEARCH` or, where that is missing, `CAP_DAC_OVERRIDE`. Threads of
    /// your own keep what they have.
    /// [`tcx_order`](Self::tcx_order) by a name has no effect at later interfaces then, because reading names takes
    /// `CAP_SYS_ADMIN`.
    ///
    /// ```
    /// use mermin_core::FlowSource;
    ///
    /// let builder = FlowSource::builder().drop_capabilities(true);
    /// assert!(builder.get_drop_capabilities());
    /// ```
    pub fn drop_capabilities(mut self, drop_capabilities: bool) -> Self {
        self.options.drop_capabilities = drop_capabilities;
        self
    }

    /// Counts the packets of flows that the kernel drops, by the kernel's reason ([`Flow::drops`](crate::Flow::drops)): a rule of the
    /// firewall, no socket, a full socket, a bad checksum. Default: no.
    ///
    /// The source reads them from the kernel's tracepoint `skb:kfree_skb`, in the watched network namespace only. The flow of a dropped
    /// packet is found by the addresses that the packet had when it was dropped. No flow is found for a later fragment, for a packet with
    /// translated addresses (NAT), for one whose flow has a VLAN, `PPPoE` or MPLS, or, at the interface of a tunnel's outer packets, for
    /// one whose flow is inside the tunnel. [`Stats::drops`](crate::report::Stats::drops) counts these. Some packets that the kernel
    /// reports as drops, and that the source counts, were not lost: retransmissions and other duplicates that TCP discards, and copies for
    /// which a packet socket (`packet(7)`) or a raw socket has no room. The kernel does not report a SYN that finds the accept queue
    /// (`listen(2)`) full, so it is not counted.
    ///
    /// Counting takes 128 bytes of kernel memory for each of [`max_flows`](Self::max_flows), and needs Linux 5.18 with BTF and `CAP_PERFMON`.
    /// If one of these is missing, the source opens without counting drops, and the report has a degradation. Not available for capture
    /// files.
    ///
    /// ```
    /// use mermin_core::FlowSource;
    ///
    /// let builder = FlowSource::builder().drops(true);
    /// assert!(builder.get_drops());
    /// ```
    pub fn drops(mut self, drops: bool) -> Self {
        self.options.drops = drops;
        self
    }

    /// Analyses TCP from its segments: retransmissions, reordering, duplicate acknowledgments, zero windows, resets, round trips
    /// and responses ([`Flow::tcp_analysis`](crate::Flow::tcp_analysis)). Default: no.
    ///
    /// The analysis takes 448 bytes of kernel memory for each of [`max_flows`](Self::max_flows). If the kernel refuses that memory, the
    /// source opens without the analysis, and the report has a degradation. If two CPUs count packets of one direction at once, their order
    /// is unknown, and a segment that was neither reordered nor retransmitted may be counted as one of these. Fragments are not analysed.
    ///
    /// ```
    /// use mermin_core::FlowSource;
    ///
    /// let builder = FlowSource::builder().tcp_analysis(true);
    /// assert!(builder.get_tcp_analysis());
    /// ```
    pub fn tcp_analysis(mut self, tcp_analysis: bool) -> Self {
        self.options.tcp_analysis = tcp_analysis;
        self
    }

    /// Reads the kernel's own values of TCP sockets: smoothed round trip, retransmissions, delivered segments, congestion window
    /// ([`Flow::tcp_sockets`](crate::Flow::tcp_sockets)). Default: no.
    ///
    /// The kernel program reads the values of the socket that sends a packet, as the packet crosses the hook. A record has those of the
    /// latest packet of each direction. A packet has its socket where it leaves its network namespace, and keeps it through a veth pair and
    /// a bridge until the kernel's IP stack routes the packet. So the host's end of a container's veth pair sees the container's sockets,
    /// unless the container translates their ports. Routed packets, those of loopback, and those that come over a wire have no socket.
    /// After the last packet of a connection the values do not change.
    ///
    /// The values take 32 bytes of kernel memory for each of [`max_flows`](Self::max_flows). If the kernel refuses that memory, the source
    /// opens without them, and the report has a degradation. Not available for capture files.
    ///
    /// ```
    /// use mermin_core::FlowSource;
    ///
    /// let builder = FlowSource::builder().tcp_sockets(true);
    /// assert!(builder.get_tcp_sockets());
    /// ```
    pub fn tcp_sockets(mut self, tcp_sockets: bool) -> Self {
        self.options.tcp_sockets = tcp_sockets;
        self
    }

    /// Reads names from the first payloads of flows ([`Flow::application`](crate::Flow::application)): server name and
    /// protocols of TLS, question of DNS with code and latency of its response, host of HTTP, version of QUIC, and with the feature
    /// `quic` server name and protocols of QUIC. Default: no.
    ///
    /// The kernel program passes at most 256 octets of a payload to this process, and only of packets that begin a message with names: a
    /// `ClientHello`, a request of HTTP/1, an Initial packet of QUIC sent by the side that started the flow, or a message from or to port
    /// 53. It also passes packets that follow: up to three of a TCP connection in the same direction, up to two Initial packets of
    /// QUIC, and one message of DNS. No other payload leaves the kernel. Names behind the first 256 octets of a packet are not found;
    /// [`Stats::payloads`](crate::Stats::payloads) counts the messages that were cut. Names of a flow cost some
    /// 200 bytes of memory, and 4 KiB while a message is put together.
    ///
    /// ```
    /// use mermin_core::FlowSource;
    ///
    /// let builder = FlowSource::builder().names(true);
    /// assert!(builder.get_names());
    /// ```
    pub fn names(mut self, names: bool) -> Self {
        self.options.names = names;
        self
    }

    /// Samples flows when the table fills or many flows begin. A hash of addresses, ports and protocol decides if a flow is kept, with all its
    /// packets. Each record has the sampling interval n of its flow: one flow in n was kept
    /// ([`Flow::sampling_interval`](crate::Flow::sampling_interval)). Packets of all other flows are counted under `not_sampled`. Default:
    /// no. Without sampling, all packets for which a full table has no room are counted under `table_full`.
    ///
    /// Multiplied by the interval, packets, octets and flows are unbiased estimates of all that crossed the hooks. The rate is lowered at once and
    /// raised slowly, and the report has a degradation while flows are left out. See [`Sampling`].
    ///
    /// ```
    /// use mermin_core::{FlowSource, Sampling};
    ///
    /// let sampling = Sampling::under_pressure().flows_per_second(50_000);
    /// let builder = FlowSource::builder().sampling(sampling.clone());
    /// assert_eq!(builder.get_sampling(), Some(&sampling));
    /// ```
    pub fn sampling(mut self, sampling: Sampling) -> Self {
        self.options.sampling = Some(sampling);
        self
    }

    /// Sets which flow counts a packet in a tunnel. Default: [`Decapsulation::Innermost`], the flow of the innermost
    /// packet.
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

    /// Sets the UDP ports of a kind of tunnel, at most four. Without ports, that kind is not recognised.
    ///
    /// * Recognised by the receiver's port, with defaults: VXLAN 4789, VXLAN-GPE 4790, Geneve 6081, GTP-U 2152.
    /// * Recognised by either port, with defaults: L2TP 1701, Teredo 3544, `WireGuard` 51820.
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

    /// Makes opening fail where the report would have a degradation. Degradations that come later are only reported. Default: no.
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

    /// Keeps the source's kernel state when its process is killed. The kernel keeps counting, and the next source
    /// with the same instance name resumes the existing flows. No packet is missed. A record that was not
    /// acknowledged is delivered again, with the same id and sequence number. Default: no. See [`Pinning`].
    ///
    /// A record is acknowledged when the sink of [`run`](crate::FlowSource::run) has returned `Ok` for it, when the
    /// stream is polled for the next one, or [by hand](crate::FlowSource::manual_ack). Until then its flow has no
    /// other record, and a flow that has ended keeps its slot in the table. Pinning takes 136 more bytes of kernel
    /// memory for each of `max_flows`, 384 more with [`tcp_analysis`](Self::tcp_analysis), and 256 more with
    /// [`drops`](Self::drops). The counters of hooks ([`Stats::hooks`](crate::Stats::hooks)) continue as
    /// well. If no BPF file system is writable, the source is not pinned, and the report has the degradation.
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
