//! Room for flows, and queues.

use crate::{
    schema::section,
    value::{Bounded, FlowKey, Join, PositiveDuration},
};

section! {
    /// Room for flows, and queues.
    Pipeline, Nested {
        /// The kernel's side.
        flow_capture: FlowCapture = FlowCapture::preset(), Application;
        /// From the kernel's counters to records.
        flow_producer: FlowProducer = FlowProducer::preset(), Application;
        /// From records to records with facts of Kubernetes.
        k8s_decorator: K8sDecorator = K8sDecorator::preset(), Application;
    }
}

section! {
    /// The kernel's side.
    FlowCapture, Nested {
        /// Flows at once, each about 600 octets of kernel memory, in use or not. Packets of new flows that find no room are
        /// counted under `table_full`.
        flow_stats_capacity: Bounded<1, 16_777_216> = Bounded::preset::<16_384>(), Capture;
        /// Facts that tell flows apart besides interface, protocol, addresses and ports. `full`: VLANs, and tunnels with their ids and
        /// outer ends. `endpoints`: nothing more, so that a conversation whose directions take different ways (a VXLAN network, a
        /// segment list of `SRv6` or a VLAN each) is one flow.
        flow_key: FlowKey = FlowKey::Full, Capture;
        /// True if `flow.end` is exact to the nanosecond, as `flow.start` is, instead of to a tick of the kernel (1 to 10
        /// ms). A precise clock is read for each packet then, which is 30 to 40 ns more.
        exact_end: bool = false, Capture;
        /// How often a conversation is reported that several watched interfaces see. `per_interface`: by each. `first_seen`: once, by
        /// the one that saw its first packet, with the names of all in `flow.interfaces`. `merged`: the same, and what each saw, so
        /// that loss and delay between two of them show. Leave it where networks on several VLANs or tunnels use the same addresses.
        join: Join = Join::PerInterface, Capture;
        /// True if the processes at the ends of flows are looked up: `process.pid` and its kind. It takes `CAP_SYS_PTRACE`,
        /// `CAP_SYS_ADMIN` and the host's PID namespace.
        process: bool = false, Capture;
        /// True if listening ports tell the client of a flow that was joined late, or whose protocol has no connections
        /// (`flow.direction.rule` is `listening_port`). Sockets of containers take what `process` takes.
        listening_ports: bool = false, Capture;
        /// Events of new flows that the ring holds. Events are hints and their ring has a fixed size: no flow depends on them.
        flow_events_capacity: Bounded<1, 1_048_576> = Bounded::preset::<1_024>(), Ignored;
    }
}

section! {
    /// From the kernel's counters to records.
    FlowProducer, Nested {
        /// Threads that make records. One thread of the source's own does that.
        workers: Bounded<1, { u32::MAX }> = Bounded::preset::<4>(), Ignored;
        /// Events that wait for each worker. There are no workers.
        worker_queue_capacity: Bounded<1, { u32::MAX }> = Bounded::preset::<1_024>(), Ignored;
        /// How often flows are looked at. The source knows when the next one is due.
        flow_store_poll_interval: PositiveDuration = PositiveDuration::seconds::<5>(), Ignored;
        /// Records that wait to be decorated.
        flow_span_queue_capacity: Bounded<1, { u32::MAX }> = Bounded::preset::<4_096>(), Application;
    }
}

section! {
    /// From records to records with facts of Kubernetes.
    K8sDecorator, Nested {
        /// Records that wait to be exported.
        decorated_span_queue_capacity: Bounded<1, { u32::MAX }> = Bounded::preset::<8_192>(), Application;
        retired threads "Threads that decorate records: none are started.";
    }
}
