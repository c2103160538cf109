//! When flows are reported and when they end.

use crate::{
    schema::section,
    value::{Bounded, PositiveDuration},
};

section! {
    /// When flows are reported and when they end.
    Span, Nested {
        /// A flow that goes on is reported this often.
        max_record_interval: PositiveDuration = PositiveDuration::seconds::<60>(), Capture;
        /// Flows of protocols without a timeout of their own end after this long without a packet.
        generic_timeout: PositiveDuration = PositiveDuration::seconds::<30>(), Capture;
        /// ICMP and ICMPv6 flows end after this long without a packet.
        icmp_timeout: PositiveDuration = PositiveDuration::seconds::<10>(), Capture;
        /// TCP flows end after this long without a packet.
        tcp_timeout: PositiveDuration = PositiveDuration::seconds::<20>(), Capture;
        /// TCP flows end this long after their last packet once both sides sent a FIN.
        tcp_fin_timeout: PositiveDuration = PositiveDuration::seconds::<5>(), Capture;
        /// TCP flows end after this long without a packet once one side sent a FIN: the other may still send. Linux connection
        /// tracking waits 120 s for the FIN to be acknowledged, and 60 s from then on.
        tcp_half_closed_timeout: PositiveDuration = PositiveDuration::seconds::<120>(), Capture;
        /// TCP flows end this long after their last packet once there was a RST, those of SCTP once there was an ABORT or SHUTDOWN
        /// COMPLETE, those of DCCP once there was a Reset.
        tcp_rst_timeout: PositiveDuration = PositiveDuration::seconds::<5>(), Capture;
        /// UDP flows end after this long without a packet.
        udp_timeout: PositiveDuration = PositiveDuration::seconds::<60>(), Capture;
        /// Seed of the Community ID. The same one everywhere makes flows of several hosts comparable.
        community_id_seed: Bounded<0, 65_535> = Bounded::preset::<0>(), Application;
        /// How long flows with the same Community ID have the same trace id.
        trace_id_timeout: PositiveDuration = PositiveDuration::seconds::<86_400>(), Application;
        retired enable_hostname_resolution "Addresses are never looked up in the DNS.";
        retired hostname_resolve_timeout "Addresses are never looked up in the DNS.";
    }
}
