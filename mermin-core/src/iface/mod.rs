//! Lists interfaces and selects the wanted ones. The index identifies an interface within one listing;
//! over time, its index and a generation do ([`watch`]). The name is an attribute.

pub(crate) mod glob;
pub(crate) mod list;
pub(crate) mod netns;
mod pattern;
pub(crate) mod patterns;
mod preset;
pub(crate) mod reconcile;
pub(crate) mod select;
pub(crate) mod watch;

pub use netns::NetNs;
pub use pattern::Pattern;
pub use preset::Preset;

use mermin_bpf::abi::ledger::link;

/// A network interface at the time of the listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Interface {
    /// Its index in its network namespace; never 0.
    pub(crate) index: u32,
    /// Its name at that time. An interface can be renamed at any time.
    pub(crate) name: String,
    /// Its alternative names (`IFLA_ALT_IFNAME`, Linux 5.5), which patterns also match.
    pub(crate) other_names: Vec<String>,
    /// Its kind in the kernel (`veth`, `vxlan`, `wireguard`, ..); absent for hardware and loopback.
    pub(crate) kind: Option<String>,
    /// The first header of its packets.
    pub(crate) link: LinkLayer,
    /// Its link-layer address, if it has six octets.
    pub(crate) mac: Option<[u8; 6]>,
    /// The administrator set it up (`IFF_UP`). It may have no carrier.
    pub(crate) up: bool,
    /// The loopback interface of its network namespace.
    pub(crate) loopback: bool,
}

impl Interface {
    /// Returns true if a pattern matches one of its names.
    pub(crate) fn is_meant(&self, pattern: &Pattern) -> bool {
        let others = || self.other_names.iter();
        pattern.matches(&self.name) || others().any(|name| pattern.matches(name))
    }
}

/// The receiver of a GRE device's packets. It has no meaning for other devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remote {
    /// One remote address, or an IPv6 multicast group.
    Fixed,
    /// An IPv4 multicast group.
    Group,
    /// None: a neighbour entry has the address.
    None,
    /// None: the metadata of each packet have the address (`external`). They are not part of the packet.
    Metadata,
    /// As [`Remote::Group`] or [`Remote::None`], inside of UDP datagrams (`encap fou`, `encap gue`).
    Datagrams,
}

/// The first header of a packet at an interface's traffic control hooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum LinkLayer {
    /// An Ethernet header.
    Ethernet,
    /// The IP header.
    Ip,
    /// An outer IP header and a GRE header.
    Gre,
    /// An outer IP header and a GRE header at egress, the IP header at ingress.
    GreSent,
    /// A header that is not parsed; its `ARPHRD` number.
    Other(u16),
}

impl LinkLayer {
    /// Converts the hardware type of a device (`ARPHRD_*` of `linux/if_arp.h`).
    ///
    /// Devices with bare IP have no link header at either hook. If such a device adds a link header, it does so below
    /// the egress hook. Before the ingress hook, the MAC header is set to the IP header (tunnels since Linux 5.14; PPP
    /// removes its protocol field on receipt). GRE devices with a remote address do the same.
    ///
    /// A GRE device without a remote address resolves a next hop for each packet. A GRE device with an IPv4 group is
    /// like a broadcast network. For both, Linux treats the outer header as a link header (`header_ops` in
    /// `net/ipv4/ip_gre.c` and `net/ipv6/ip6_gre.c`): at both hooks for IPv4, at egress only for IPv6. If a device of one
    /// of these two kinds sends inside of UDP datagrams, another header may stand between the outer header and GRE.
    /// Nothing in the packet shows that header, so packets of such a device are not parsed.
    pub(crate) fn from_arphrd(kind: u16, remote: Remote) -> Self {
        const ETHER: u16 = 1;
        const PPP: u16 = 512;
        const RAWIP: u16 = 519;
        const TUNNEL: u16 = 768;
        const TUNNEL6: u16 = 769;
        const LOOPBACK: u16 = 772;
        const SIT: u16 = 776;
        const IPGRE: u16 = 778;
        const IP6GRE: u16 = 823;
        const NONE: u16 = 0xfffe;
        match kind {
            ETHER | LOOPBACK => Self::Ethernet,
            // In this order: PPP; modems; IPIP and VTI; the same for IPv6; 6in4; tun, WireGuard and XFRM.
            PPP | RAWIP | TUNNEL | TUNNEL6 | SIT | NONE => Self::Ip,
            IPGRE | IP6GRE => match (kind, remote) {
                (IPGRE, Remote::None | Remote::Group) => Self::Gre,
                (_, Remote::None) => Self::GreSent,
                (_, Remote::Fixed | Remote::Group | Remote::Metadata) => Self::Ip,
                (_, Remote::Datagrams) => Self::Other(kind),
            },
            other => Self::Other(other),
        }
    }

    /// Returns the kernel program's number for the header, if the program can parse it.
    pub(crate) fn code(self) -> Option<u8> {
        match self {
            Self::Ethernet => Some(link::ETHERNET),
            Self::Ip => Some(link::IP),
            Self::Gre => Some(link::GRE),
            Self::GreSent => Some(link::GRE_SENT),
            Self::Other(_) => None,
        }
    }
}

/// Creates an Ethernet device, or loopback if the name is `lo`.
#[cfg(test)]
pub(crate) fn example(index: u32, name: &str, up: bool) -> Interface {
    Interface {
        index,
        name: name.to_owned(),
        other_names: Vec::new(),
        kind: None,
        link: LinkLayer::Ethernet,
        mac: None,
        up,
        loopback: name == "lo",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hardware_types_tell_what_packets_begin_with() {
        const ALL: [Remote; 5] = [
            Remote::Fixed,
            Remote::Group,
            Remote::None,
            Remote::Metadata,
            Remote::Datagrams,
        ];
        for (kind, link) in [
            (1, LinkLayer::Ethernet),
            (772, LinkLayer::Ethernet),
            (512, LinkLayer::Ip),
            (519, LinkLayer::Ip),
            (768, LinkLayer::Ip),
            (769, LinkLayer::Ip),
            (776, LinkLayer::Ip),
            (65534, LinkLayer::Ip),
            (32, LinkLayer::Other(32)),
        ] {
            for remote in ALL {
                assert_eq!(LinkLayer::from_arphrd(kind, remote), link);
            }
        }
        let [ip, gre, sent] = [LinkLayer::Ip, LinkLayer::Gre, LinkLayer::GreSent];
        for (kind, expected) in [(778, [ip, gre, gre, ip]), (823, [ip, ip, sent, ip])] {
            let found = ALL.map(|remote| LinkLayer::from_arphrd(kind, remote));
            assert_eq!(found[..4], expected);
            assert_eq!(found[4], LinkLayer::Other(kind));
        }
        assert_eq!(LinkLayer::Other(32).code(), None);
    }
}
