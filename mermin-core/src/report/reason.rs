//! Reasons of the ledger in words: why a packet is in no flow, and what to do where that can be changed.

use super::Ignored;

impl Ignored {
    /// Why these packets are in no flow, in words for people.
    ///
    /// ```
    /// # use mermin_core::report::Ignored;
    /// # fn show(it: &Ignored) {
    /// println!("{} {}: {}", it.packets, it.reason, it.meaning()); // 8 arp: address resolution, which is no IP
    /// # }
    /// ```
    #[must_use]
    pub fn meaning(&self) -> &'static str {
        words(self.reason).0
    }

    /// The remedy, where there is one: options are named as the builder has them.
    #[must_use]
    pub fn remedy(&self) -> Option<&'static str> {
        words(self.reason).1
    }
}

const CUT: &str =
    "see whether senders or a tool on the way cut packets: `tcpdump -v` shows such packets";
const FULL: &str = "raise `max_flows`";

fn words(reason: &str) -> (&'static str, Option<&'static str>) {
    match reason {
        "arp" => ("address resolution, which is no IP", None),
        "llc" => (
            "IEEE 802.3 frames without an EtherType, such as spanning tree",
            None,
        ),
        "other_ethertype" => (
            "an EtherType that is neither IP nor one that is looked behind; `tcpdump -e` shows it",
            None,
        ),
        "malformed_ethernet" => (
            "an Ethernet header, or LLC, SNAP, a backbone's tag or Cisco MetaData behind it, that is cut or claims more than there is",
            Some(CUT),
        ),
        "malformed_vlan" => ("cut within a VLAN tag", Some(CUT)),
        "malformed_ipv4" => ("an IPv4 header that is cut or cannot be", Some(CUT)),
        "malformed_ipv6" => ("an IPv6 header that is cut or cannot be", Some(CUT)),
        "malformed_extension" => ("an IPv6 extension header that is cut", Some(CUT)),
        "malformed_tcp" => ("a TCP header that is cut or cannot be", Some(CUT)),
        "malformed_udp" => ("a UDP header that is cut or cannot be", Some(CUT)),
        "malformed_icmp" => ("an ICMP header that is cut", Some(CUT)),
        "malformed_transport" => (
            "a header of SCTP, DCCP, UDP-Lite, IGMP, ESP or AH that is cut or cannot be",
            Some(CUT),
        ),
        "malformed_mpls" => ("cut within MPLS labels", Some(CUT)),
        "malformed_pppoe" => ("a PPPoE header that is cut or cannot be", Some(CUT)),
        "malformed_tunnel" => (
            "a tunnel's header that is cut or cannot be",
            Some(
                "see whether its port is another protocol's, and name the right ones by `tunnel_ports`",
            ),
        ),
        "fragment" => (
            "fragments whose first one, which alone has ports, was not seen before them",
            None,
        ),
        "too_deep" => ("more headers in a row than are followed", None),
        "too_many_tunnels" => (
            "more than two tunnels within each other",
            Some("count by the outermost: `decapsulation(Decapsulation::None)`"),
        ),
        "table_full" => ("new flows for which the table had no room", Some(FULL)),
        "index_full" => ("new flows for which the index had no room", Some(FULL)),
        "index_busy" => (
            "new flows that two contexts of one processor made at once",
            Some("run Linux 6.15 or newer, which has no such refusal"),
        ),
        "index_error" => (
            "new flows that the kernel refused for another reason",
            Some("report it with the output of `uname -r`"),
        ),
        "race" => (
            "their flow ended and began anew under them, several times in a row",
            None,
        ),
        "hairpin" => (
            "they passed the hooks of their interface again, and count where they passed first",
            None,
        ),
        "unreadable" => (
            "the kernel could not read them",
            Some("report it with the output of `uname -r`"),
        ),
        "snapped" => (
            "the capture kept too few octets of them",
            Some("capture with a larger snapshot length: `tcpdump -s 256`"),
        ),
        "other_link" => (
            "of interfaces of a link type that is not read; `capinfos` shows it",
            None,
        ),
        "filtered" => ("the filter does not want them", None),
        "joined" => (
            "they are of a conversation that another interface reports",
            Some(
                "see what each interface saw: `join(Join::Merged)`, or report each: `join(Join::PerInterface)`",
            ),
        ),
        _ => ("see docs/ARCHITECTURE.md, \"The ledger\"", None),
    }
}

#[cfg(test)]
mod tests {
    use mermin_bpf::abi::ledger::Reason;

    use super::*;

    #[test]
    fn every_reason_has_its_own_words() {
        let mut all = std::collections::BTreeSet::new();
        for reason in Reason::ALL {
            let it = Ignored {
                reason: reason.name(),
                packets: 1,
                frame_octets: 60,
            };
            assert!(!it.meaning().starts_with("see docs"), "{}", it.reason);
            assert!(all.insert(it.meaning()), "{}", it.reason);
        }
    }
}
