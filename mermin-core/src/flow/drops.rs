//! Packets that the kernel dropped.

use std::sync::Arc;

/// Packets of a flow that the kernel dropped since the flow's previous record. Present if
/// [`drops`](crate::FlowSourceBuilder::drops) is on and there were any.
///
/// The tracepoint `skb:kfree_skb` reports them, in the watched network namespace. A received packet crosses the hook before the firewall or a
/// full socket drops it, so it is also among the flow's packets. If the firewall drops a packet that this host sends, the packet never reaches
/// the hook, and is not among the flow's packets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Drops {
    /// Packets from source to destination by reason. At most four, most packets first. One of them may be `OTHER`, the
    /// sum of all further reasons.
    pub forward: Box<[Dropped]>,
    /// Packets from destination to source.
    pub reverse: Box<[Dropped]>,
}

/// Packets that the kernel dropped for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Dropped {
    /// The running kernel's name of the reason, without `SKB_DROP_REASON_`: `NETFILTER_DROP`, `NO_SOCKET`, `SOCKET_RCVBUFF`. Names differ
    /// between kernels.
    pub reason: Arc<str>,
    /// Packets on the wire: a super-packet counts its segments.
    pub packets: u64,
}

impl Dropped {
    /// Creates a count.
    #[must_use]
    pub fn new(reason: impl Into<Arc<str>>, packets: u64) -> Self {
        Self {
            reason: reason.into(),
            packets,
        }
    }
}
