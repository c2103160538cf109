//! Names under which user space finds things in the object.

/// Program for packets that an interface receives. Fits the 15 characters the kernel keeps.
pub const PROGRAM_INGRESS: &str = "mermin_ingress";
/// Program for packets that an interface sends.
pub const PROGRAM_EGRESS: &str = "mermin_egress";
/// As [`PROGRAM_INGRESS`], with the options that each packet of a known flow pays for: loaded in its place and under its name if one of these
/// options is on.
pub const PROGRAM_INGRESS_CHOSEN: &str = "mermin_ingress_chosen";
/// As [`PROGRAM_EGRESS`], with those options.
pub const PROGRAM_EGRESS_CHOSEN: &str = "mermin_egress_chosen";
/// Program that removes tunnels' headers, through [`MAP_PROGRAMS`].
pub const PROGRAM_TUNNEL: &str = "mermin_tunnel";
/// Program that removes the header that a GRE device puts before its packets, through [`MAP_PROGRAMS`].
pub const PROGRAM_DEVICE: &str = "mermin_device";
/// Program for packets with any headers, which other programs call through [`MAP_PROGRAMS`].
pub const PROGRAM_GENERAL: &str = "mermin_general";
/// Program that makes a flow for a packet without one. Other programs call it through [`MAP_PROGRAMS`].
pub const PROGRAM_CREATE: &str = "mermin_create";
/// Program that analyses TCP segments, through [`MAP_PROGRAMS`].
pub const PROGRAM_TCP: &str = "mermin_tcp";
/// Program that counts packets that the kernel drops, at the tracepoint `skb:kfree_skb`. Loaded with the option `drops`.
pub const PROGRAM_DROP: &str = "mermin_drop";
/// Program that notes who opens a socket, at `BPF_CGROUP_INET_SOCK_CREATE`. Loaded with the option `process`.
pub const PROGRAM_OPENER: &str = "mermin_opener";
/// Program that writes [`Clock`](super::globals::Clock); run by user space, never attached.
pub const PROGRAM_CLOCK: &str = "mermin_clock";

/// [`Bucket`](super::index::Bucket) by a key's digest: array, mmapable, a power of two.
pub const MAP_INDEX: &str = "INDEX";
/// [`Slot`](super::slot::Slot) by number: array, mmapable.
pub const MAP_SLOTS: &str = "SLOTS";
/// Numbers of slots that were given back. The last one that was given back is taken first, so that the touched range stays small:
/// array of [`FreeLine`](super::free::FreeLine), mmapable. Each process has its own.
pub const MAP_FREE: &str = "FREE";
/// A word for each [`SLOTS_A_WORD`](super::globals::SLOTS_A_WORD) slots: array, mmapable. Not 0 when a flow may have begun in one
/// of them since user space made it 0. A hint that saves a look at every slot; the slots are the truth.
pub const MAP_FRESH: &str = "FRESH";
/// [`HookEntry`](super::ledger::HookEntry) by hashed place: array, mmapable. A power of two of elements, and one more for interfaces that
/// the table does not know.
pub const MAP_HOOKS: &str = "HOOKS";
/// [`Totals`](super::ledger::Totals) by `(hook * 2 + direction) * cpus + cpu`: array, mmapable.
pub const MAP_TOTALS: &str = "TOTALS";
/// [`Reasons`](super::ledger::Reasons) by `(hook * 2 + direction) * stripes + cpu % stripes`: array, mmapable. See
/// [`reason_stripes`](super::ledger::reason_stripes).
pub const MAP_REASONS: &str = "REASONS";
/// One [`Globals`](super::globals::Globals): array, mmapable.
pub const MAP_GLOBALS: &str = "GLOBALS";
/// [`TunnelEndpoints`](super::tunnel::TunnelEndpoints) by slot: array, mmapable. One element if no tunnel is decapsulated.
pub const MAP_TUNNELS: &str = "TUNNELS";
/// [`TcpAnalysis`](super::tcp_analysis::TcpAnalysis) by slot: array, mmapable. One element if TCP is not analysed.
pub const MAP_TCP_ANALYSIS: &str = "TCP_ANALYSIS";
/// [`TcpSockets`](super::tcp_socket::TcpSockets) by slot: array, mmapable. One element if no sockets are read.
pub const MAP_TCP_SOCKETS: &str = "TCP_SOCKETS";
/// [`Drops`](super::drops::Drops) by slot: array, mmapable. One element if dropped packets are not counted.
pub const MAP_DROPS: &str = "DROPS";
/// One [`DropCounters`](super::drops::DropCounters): array, mmapable.
pub const MAP_DROP_COUNTERS: &str = "DROP_COUNTERS";
/// [`FragmentKey`](super::fragment::FragmentKey) to [`FragmentFlow`](super::fragment::FragmentFlow): hash that removes the least recently used.
pub const MAP_FRAGMENTS: &str = "FRAGMENTS";
/// [`FragmentKey`](super::fragment::FragmentKey) to [`Early`](super::fragment::Early): hash that removes the least recently used.
pub const MAP_EARLY: &str = "EARLY";
/// Hints of packets that left, by the memory address of their headers: array of one element.
pub const MAP_DEPARTURES: &str = "DEPARTURES";
/// A number for a flow's direction to [`Turned`](crate::track::pass::Turned): hash that removes the least recently used.
pub const MAP_TURNED: &str = "TURNED";
/// Elements by their place in [`next`](super::globals::next): program array. Empties itself when user space closes its last
/// descriptor.
pub const MAP_PROGRAMS: &str = "PROGRAMS";

/// [`Section`](super::section::Section) of payloads: ring buffer, of one page if no sections are passed. Each process has its own.
pub const MAP_SECTIONS: &str = "SECTIONS";

/// The sender of each flow's first packet ([`sender`](super::opener::sender)) by slot: array of words. One element if nobody asks for it. Each
/// process has its own.
pub const MAP_SENDERS: &str = "SENDERS";
/// A socket's cookie to [`Opener`](super::opener::Opener): hash that removes the least recently used. Each process has its own.
pub const MAP_OPENERS: &str = "OPENERS";

/// Constant: number of slots.
pub const CONST_SLOTS: &str = "SLOT_COUNT";
/// Constant: [`Shape::slot_bits`](super::index::Shape::slot_bits).
pub const CONST_SLOT_BITS: &str = "SLOT_BITS";
/// Constant: [`Shape::bucket_mask`](super::index::Shape::bucket_mask).
pub const CONST_BUCKET_MASK: &str = "BUCKET_MASK";
/// Constant: the words of a [`Seed`](super::digest::Seed).
pub const CONST_SEED: &str = "SEED";
/// Constant: CPUs the kernel may ever bring up.
pub const CONST_CPUS: &str = "CPU_COUNT";
/// Constant: places in the table of hooks less one, a power of two less one.
pub const CONST_HOOK_MASK: &str = "HOOK_MASK";
/// Constant: 1 if tunnels are decapsulated, 0 if the outermost packet counts.
pub const CONST_DECAPSULATE: &str = "DECAPSULATE";
/// Constant: 1 if VLANs and tunnels distinguish no flows, 0 if they do.
pub const CONST_BARE: &str = "BARE";
/// Constant: 1 if TCP segments are analysed.
pub const CONST_ANALYSE: &str = "ANALYSE";
/// Constant: 1 if the kernel's values of TCP sockets are read.
pub const CONST_SOCKETS: &str = "SOCKETS";
/// Constant: facts about the running kernel, by their place in [`fact`](super::drops::fact).
pub const CONST_DROP_FACTS: &str = "DROP_FACTS";
/// Constant: [`Ports::words`](crate::wire::tunnel::Ports::words).
pub const CONST_TUNNEL_PORTS: &str = "TUNNEL_PORTS";
/// Constant: 1 if flows are sampled, 0 if all are kept.
pub const CONST_SAMPLED: &str = "SAMPLED";
/// Constant: the words of the [`Seed`](super::digest::Seed) of sampling.
pub const CONST_POINT_SEED: &str = "POINT_SEED";
/// Constant: 1 if sections of payloads are passed to user space, 0 if not.
pub const CONST_SECTIONS: &str = "SECTIONS_ON";
/// Constant: 1 if the senders of first packets are noted, 0 if not.
pub const CONST_SENDERS: &str = "SENDERS_ON";
/// Constant: offsets in the running kernel's structures, by their place in [`fact`](super::opener::fact).
pub const CONST_OPENER_FACTS: &str = "OPENER_FACTS";
