//! Room for flows, and queues.

use mermin_core::{FlowKey, Join};

use crate::{
    diagnostic::Problem,
    node::Node,
    schema::{Reader, section},
    value::{Bounded, PositiveDuration, Seed},
};

section! {
    /// Sizes of the flow table and of queues.
    Pipeline, Nested {
        /// Capture in the kernel.
        flow_capture: FlowCapture = FlowCapture::defaults(), Application;
        /// Threads and queues that make records.
        flow_producer: FlowProducer = FlowProducer::defaults(), Application;
        /// Adding Kubernetes attributes to records.
        k8s_decorator: K8sDecorator = K8sDecorator::defaults(), Application;
    }
}

section! {
    /// Capture in the kernel.
    FlowCapture, Nested {
        /// Maximum number of concurrent flows. Without options that add memory, each takes at most 600 octets of kernel
        /// memory, which are allocated when the source opens. Packets of flows that do not fit are counted under
        /// `table_full`.
        flow_stats_capacity: Bounded<1, 16_777_216> = Bounded::constant::<16_384>(), Capture;
        /// Fields of the flow key. With `endpoints`, they are interface, protocol, addresses and ports: a conversation
        /// is one flow even if its directions use different VLANs, VXLAN networks or `SRv6` segment lists. `full` adds
        /// VLANs, and tunnels with their ids and outer endpoints.
        flow_key: FlowKey = FlowKey::Full, Capture;
        /// Makes `flow.end` exact to the nanosecond, like `flow.start`. Each packet then takes 30 to 40 ns more. Without
        /// this key, `flow.end` is exact to a tick of the kernel (1 to 10 ms).
        exact_end: bool = false, Capture;
        /// Reporting of a conversation that crosses several watched interfaces. `per_interface`: each interface reports
        /// it. `first_seen`: the first interface that sees both directions reports it, or, if none does, the first that sees a packet,
        /// and `flow.interfaces` names all. `merged`: as `first_seen`, with the counts of each interface, which show loss
        /// and delay between two interfaces. Keep the default if several VLANs or tunnels use the same addresses.
        join: Join = Join::PerInterface, Capture;
        /// Looks up the processes at the endpoints of flows: `process.pid` and related attributes. The look-up needs
        /// `CAP_SYS_PTRACE`, `CAP_SYS_ADMIN`, `CAP_DAC_READ_SEARCH` and the host's PID namespace.
        process: bool = false, Capture;
        /// Uses listening ports to find the client of a flow whose beginning was not captured, or whose protocol has no connections
        /// (`flow.direction.rule` is `listening_port`). Sockets of containers need the privileges of `process`.
        listening_ports: bool = false, Capture;
        /// Looks up the other side of flows that the watched host translates (NAT): `source.nat.address`, `destination.nat.address` and
        /// related attributes. The look-up asks the connection tracking of the watched network namespace, with `CAP_NET_ADMIN`.
        nat: bool = false, Capture;
        /// Analyses TCP from its segments: retransmissions, reordering, round trips, responses
        /// (`flow.tcp.retransmissions`, `flow.tcp.rndtrip.latency`, `flow.tcp.svc.latency` and related attributes).
        /// Each flow then takes 448 octets of kernel memory more.
        tcp_analysis: bool = false, Capture;
        /// Reads the kernel's own values of local TCP sockets: `flow.tcp.srtt`, `flow.tcp.socket.retransmissions` and related
        /// attributes, as of the latest packet that a socket sent. Each flow then takes 32 octets of kernel memory more.
        tcp_sockets: bool = false, Capture;
        /// Counts packets of flows that the kernel drops, by the kernel's reason: `flow.drop.packets`, `flow.drop.reason` and related
        /// attributes. Counting needs Linux 5.18 and `CAP_PERFMON`, and takes 128 octets of kernel memory for each flow.
        drops: bool = false, Capture;
        /// Reads names from the first payloads of flows: `tls.client.server_name`, `dns.question.name`, `http.host` and
        /// related attributes. Of each packet that begins such a message, at most 256 octets leave the kernel.
        names: bool = false, Capture;
        /// Samples flows when the table fills or many flows begin. Without this block, packets of flows that do not fit are counted under
        /// `table_full`.
        sampling: Option<FlowSampling> = None, Capture;
        /// Capacity of the ring of new-flow events. The ring has a fixed size, and no flow depends on its events.
        flow_events_capacity: Bounded<1, 1_048_576> = Bounded::constant::<1_024>(), Ignored;
    }
}

section! {
    /// Sampling of whole flows by a hash of addresses, ports and protocol. Each record has its interval, `flow.sampling.interval`; packets of
    /// flows that are left out are counted under `not_sampled`.
    FlowSampling, Nested, interval_is_power_of_two {
        /// Part of the table, in percent, beyond which flows are sampled.
        fill: Bounded<1, 100> = Bounded::constant::<80>(), Capture;
        /// Number of new flows per second that are kept, beyond which flows are sampled.
        flows_per_second: Bounded<1, { u32::MAX }> = Bounded::constant::<{ u32::MAX }>(), Capture;
        /// At least one of so many flows is kept: a power of two.
        max_interval: Bounded<1, 1_048_576> = Bounded::constant::<1_024>(), Capture;
        /// Seed of the hash. Nodes with the same seed keep the same flows while their rates are the same, so a conversation between two nodes is
        /// kept by both or by neither. A sender who knows it can choose flows that are not kept. Without it, each node draws its own.
        seed: Option<Seed> = None, Capture;
    }
}

section! {
    /// Threads and queues that make records.
    FlowProducer, Nested {
        /// Number of threads that make records. The source always uses one.
        workers: Bounded<1, { u32::MAX }> = Bounded::constant::<4>(), Ignored;
        /// Capacity of each worker's queue. The source has no workers.
        worker_queue_capacity: Bounded<1, { u32::MAX }> = Bounded::constant::<1_024>(), Ignored;
        /// Interval between two checks of flows. The source knows the time of the next due record.
        flow_store_poll_interval: PositiveDuration = PositiveDuration::seconds::<5>(), Ignored;
        /// Maximum number of records that wait for Kubernetes attributes.
        flow_span_queue_capacity: Bounded<1, { u32::MAX }> = Bounded::constant::<4_096>(), Application;
    }
}

section! {
    /// Adding Kubernetes attributes to records.
    K8sDecorator, Nested {
        /// Maximum number of records that wait for export.
        decorated_span_queue_capacity: Bounded<1, { u32::MAX }> = Bounded::constant::<8_192>(), Application;
        retired threads "Threads that decorate records: none are started.";
    }
}

fn interval_is_power_of_two(sampling: &FlowSampling, node: &Node, reader: &mut Reader) {
    let interval = sampling.max_interval.get();
    if interval.is_power_of_two() {
        return;
    }
    if let Some(found) = node.entry("max_interval") {
        let message = format!("cannot use `{interval}` for `max_interval`: it is no power of two");
        let above = interval.next_power_of_two();
        let hint = format!("choose {} or {above}", above / 2);
        reader.error(Problem::at(&found.node.span, message).with_hint(hint));
    }
}
