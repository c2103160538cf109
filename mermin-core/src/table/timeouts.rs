//! Timeouts of flows: active and idle.

use std::time::Duration;

/// Timeouts, each above zero. IPFIX calls the first `flowActiveTimeout`, the others `flowIdleTimeout`.
///
/// ```
/// use std::time::Duration;
///
/// use mermin_core::Timeouts;
///
/// let mut timeouts = Timeouts::default();
/// timeouts.active = Duration::from_secs(5);
/// assert_eq!(timeouts.tcp_half_closed, Duration::from_secs(120));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// The interval between two records of a flow that lasts (60 s).
    pub active: Duration,
    /// TCP without a packet (20 s).
    pub tcp: Duration,
    /// TCP without a packet after FINs of both sides (5 s).
    pub tcp_fin: Duration,
    /// TCP without a packet after a FIN of one side, while the other side may still send (120 s).
    ///
    /// Linux connection tracking waits this long for the acknowledgement of the FIN
    /// (`nf_conntrack_tcp_timeout_fin_wait`). From then on it waits 60 s for the other FIN, as does a socket in
    /// FIN-WAIT-2 that no process holds (`tcp_fin_timeout`).
    pub tcp_half_closed: Duration,
    /// TCP without a packet after a RST, SCTP after ABORT or SHUTDOWN COMPLETE, DCCP after Reset (5 s).
    pub tcp_rst: Duration,
    /// UDP without a packet (60 s).
    pub udp: Duration,
    /// ICMP and ICMPv6 without a packet (10 s).
    pub icmp: Duration,
    /// Any other protocol without a packet (30 s).
    pub other: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            active: Duration::from_secs(60),
            tcp: Duration::from_secs(20),
            tcp_fin: Duration::from_secs(5),
            tcp_half_closed: Duration::from_secs(120),
            tcp_rst: Duration::from_secs(5),
            udp: Duration::from_secs(60),
            icmp: Duration::from_secs(10),
            other: Duration::from_secs(30),
        }
    }
}

/// Nanoseconds, saturating at 64 bits (584 years).
pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Timeouts {
    /// Each timeout with its name.
    pub(crate) fn named(&self) -> [(&'static str, Duration); 8] {
        [
            ("active", self.active),
            ("tcp", self.tcp),
            ("tcp_fin", self.tcp_fin),
            ("tcp_half_closed", self.tcp_half_closed),
            ("tcp_rst", self.tcp_rst),
            ("udp", self.udp),
            ("icmp", self.icmp),
            ("other", self.other),
        ]
    }
}
