//! Which interfaces there are, and which of them are wanted. An interface is its index; the name is an attribute.

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

/// A network interface as it was when it was listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Interface {
    /// The kernel's number for it in its network namespace; never 0.
    pub(crate) index: u32,
    /// Its name then; it may be renamed at any time.
    pub(crate) name: String,
    /// Other names it has (`IFLA_ALT_IFNAME`, Linux 5.5), by which it may be meant as well.
    pub(crate) other_names: Vec<String>,
    /// Its kind in the kernel (`veth`, `vxlan`, `wireguard`, ..); none for hardware and loopback.
    pub(crate) kind: Option<String>,
    /// The headers that its packets begin with.
    pub(crate) link: LinkLayer,
    /// Its link-layer address where that is six octets long.
    pub(crate) mac: Option<[u8; 6]>,
    /// Set up by the administrator (`IFF_UP`), with or without a carrier.
    pub(crate) up: bool,
    /// The loopback interface of its network namespace.
    pub(crate) loopback: bool,
}

impl Interface {
    /// True if a pattern fits one of its names.
    pub(crate) fn is_meant(&self, pattern: &Pattern) -> bool {
        let others = || self.other_names.iter();
        pattern.matches(&self.name) || others().any(|name| pattern.matches(name))
    }
}

/// Whom the packets of a tunnel device go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remote {
    /// One other end.
    Fixed,
    /// A multicast group.
    Group,
    /// Whomever a neighbour entry names.
    None,
    /// Whomever the packet's own metadata name (`external`), which are no part of the packet.
    Metadata,
    /// As [`Remote::Group`] or [`Remote::None`], inside of datagrams (`encap fou`, `encap gue`).
    Datagrams,
}

/// Headers at the start of a packet at the traffic control hooks of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum LinkLayer {
    /// An Ethernet header.
    Ethernet,
    /// The IP header.
    Ip,
    /// An outer IP header and that of GRE.
    Gre,
    /// The same on sending, and the IP header on receipt.
    GreSent,
    /// Something that is not parsed; its `ARPHRD` number.
    Other(u16),
}

impl LinkLayer {
    /// From the hardware type of a device (`ARPHRD_*` of `linux/if_arp.h`).
    ///
    /// The devices counted as bare IP have no header at either hook: they add theirs below the egress hook, and set the
    /// MAC header to the IP header before the ingress hook (for tunnels since Linux 5.14; PPP pulls its protocol field
    /// on receipt). So do GRE devices between two ends. Those without a remote ask for a next hop's address for each packet, and
    /// those with a group for one, of IPv4, are like a broadcast network: Linux has their outer header for a link header
    /// (`header_ops` in `net/ipv4/ip_gre.c` and `net/ipv6/ip6_gre.c`), at both hooks by IPv4, at egress alone by IPv6. Inside of
    /// datagrams there is room for another header between these two, which says nothing of itself: those are not read.
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
            // In this order: PPP; modems; IPIP and VTI; their IPv6 kin; 6in4; tun, WireGuard and XFRM.
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

    /// The number by which the kernel program knows it, if it can read such packets.
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

/// An Ethernet device, or loopback by its name.
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
