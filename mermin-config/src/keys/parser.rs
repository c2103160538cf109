//! Ports by which tunnels are known.

use std::num::NonZeroU16;

use crate::{
    diagnostic::Problem,
    node::{Kind, Node},
    schema::{Reader, section},
    value::port,
};

section! {
    /// UDP ports of tunnels.
    #[expect(clippy::struct_field_names, reason = "the keys' names")]
    Parser, Nested, distinct {
        /// VXLAN (RFC 7348).
        vxlan_port: NonZeroU16 = port::<4789>(), Capture;
        /// VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe).
        vxlan_gpe_port: NonZeroU16 = port::<4790>(), Capture;
        /// Geneve (RFC 8926).
        geneve_port: NonZeroU16 = port::<6081>(), Capture;
        /// `WireGuard`.
        wireguard_port: NonZeroU16 = port::<51820>(), Capture;
        /// GTP-U (3GPP TS 29.281).
        gtpu_port: NonZeroU16 = port::<2152>(), Capture;
        /// L2TP (RFC 2661, RFC 3931).
        l2tp_port: NonZeroU16 = port::<1701>(), Capture;
        /// Teredo (RFC 4380).
        teredo_port: NonZeroU16 = port::<3544>(), Capture;
        retired max_header_depth "The depth of parsing is fixed: 512 octets.";
        retired parse_ipv6_hopopt "IPv6 extension headers are always parsed.";
        retired parse_ipv6_fragment "IPv6 extension headers are always parsed.";
        retired parse_ipv6_routing "IPv6 extension headers are always parsed.";
        retired parse_ipv6_dest_opts "IPv6 extension headers are always parsed.";
    }
}

/// A port tells one kind of tunnel.
fn distinct(parser: &Parser, node: &Node, reader: &mut Reader) {
    let Kind::Table(entries) = &node.kind else {
        return;
    };
    let ports = [
        ("vxlan_port", parser.vxlan_port),
        ("vxlan_gpe_port", parser.vxlan_gpe_port),
        ("geneve_port", parser.geneve_port),
        ("wireguard_port", parser.wireguard_port),
        ("gtpu_port", parser.gtpu_port),
        ("l2tp_port", parser.l2tp_port),
        ("teredo_port", parser.teredo_port),
    ];
    for entry in entries {
        let Some((_, port)) = ports.iter().find(|(name, _)| entry.key == *name) else {
            continue;
        };
        if let Some((other, _)) = ports
            .iter()
            .find(|(name, taken)| taken == port && entry.key != *name)
        {
            let message = format!(
                "cannot use port {port} for `{}`: `{other}` has it",
                entry.key
            );
            reader.error(
                Problem::at(&entry.node.span, message).with_hint("choose another for one of them"),
            );
        }
    }
}
