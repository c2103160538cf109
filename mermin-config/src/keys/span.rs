//! When flows are reported and when they end.

use crate::{
    schema::section,
    value::{Bounded, PositiveDuration},
};

section! {
    /// Interval of records, and timeouts of flows.
    Span, Nested {
        /// Interval between two records of an open flow.
        max_record_interval: PositiveDuration = PositiveDuration::seconds::<60>(), Capture;
        /// Flows of protocols without a timeout of their own end after this long without a packet.
        generic_timeout: PositiveDuration = PositiveDuration::seconds::<30>(), Capture;
        /// ICMP and ICMPv6 flows end after this long without a packet.
        icmp_timeout: PositiveDuration = PositiveDuration::seconds::<10>(), Capture;
        /// TCP flows end after this long without a packet.
        tcp_timeout: PositiveDuration = PositiveDuration::seconds::<20>(), Capture;
        /// TCP flows end this long after their last packet if both sides have sent a FIN.
        tcp_fin_timeout: PositiveDuration = PositiveDuration::seconds::<5>(), Capture;
        /// TCP flows end after this long without a packet if one side has sent a FIN. The other side may still send.
        /// Connection tracking of Linux waits 120 s before the FIN is acknowledged, and 60 s after that.
        tcp_half_closed_timeout: PositiveDuration = PositiveDuration::seconds::<120>(), Capture;
        /// Flows end this long after their last packet if one packet closed them: TCP's RST, SCTP's ABORT or SHUTDOWN
        /// COMPLETE, DCCP's Reset.
        tcp_rst_timeout: PositiveDuration = PositiveDuration::seconds::<5>(), Capture;
        /// UDP flows end after this long without a packet.
        udp_timeout: PositiveDuration = PositiveDuration::seconds::<60>(), Capture;
        /// Seed of the Community ID. Use the same seed on all hosts: their flows then have comparable ids.
        community_id_seed: Bounded<0, 65_535> = Bounded::constant::<0>(), Application;
        /// Length of a period in which flows with the same Community ID share a trace id.
        trace_id_timeout: PositiveDuration = PositiveDuration::seconds::<86_400>(), Application;
        retired enable_hostname_resolution "Addresses are never looked up in the DNS.";
        retired hostname_resolve_timeout "Addresses are never looked up in the DNS.";
    }
}
