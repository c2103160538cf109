//! Ports by which tunnels are known.

use std::num::NonZeroU16;

use crate::{schema::section, value::port};

section! {
    /// Ports by which tunnels are known.
    #[expect(clippy::struct_field_names, reason = "the keys' names")]
    Parser, Nested {
        /// VXLAN (RFC 7348).
        vxlan_port: NonZeroU16 = port::<4789>(), Capture;
        /// Geneve (RFC 8926).
        geneve_port: NonZeroU16 = port::<6081>(), Capture;
        /// `WireGuard`.
        wireguard_port: NonZeroU16 = port::<51820>(), Capture;
        /// GTP-U (3GPP TS 29.281).
        gtpu_port: NonZeroU16 = port::<2152>(), Capture;
        retired max_header_depth "Of earlier versions: how many headers are parsed is fixed.";
        retired parse_ipv6_hopopt "Of earlier versions: IPv6 extension headers are always parsed.";
        retired parse_ipv6_fragment "Of earlier versions: IPv6 extension headers are always parsed.";
        retired parse_ipv6_routing "Of earlier versions: IPv6 extension headers are always parsed.";
        retired parse_ipv6_dest_opts "Of earlier versions: IPv6 extension headers are always parsed.";
    }
}
