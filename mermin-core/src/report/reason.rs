//! Reasons of the ledger in words, and their remedies.

use super::Ignored;

impl Ignored {
    /// Returns the explanation of a reason, in words for people.
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

    /// Returns the remedy; `None` if there is nothing to do. It names options as the builder does.
    #[must_use]
    pub fn remedy(&self) -> Option<&'static str> {
        words(self.reason).1
    }
}

const CUT: &str =
    "check if senders or a tool on the way truncate packets: `tcpdump -v` shows such packets";
const FULL: &str = "raise `max_flows`";

type Words = (&'static str, Option<&'static str>);

fn words(reason: &str) -> Words {
    let words = match reason.strip_prefix("malformed_") {
        Some(header) => of_header(header),
        None => of_packet(reason).or_else(|| of_flow(reason)),
    };
    words.unwrap_or(("see docs/ARCHITECTURE.md, \"The ledger\"", None))
}

/// Words for a header that is not as it must be.
fn of_header(header: &str) -> Option<Words> {
    let tunnel = "check if another protocol uses the tunnel's port, and set the right ports by `tunnel_ports`";
    let (meaning, remedy) = match header {
        "ethernet" => (
            "a truncated or invalid Ethernet header, or LLC, SNAP, backbone tag or Cisco MetaData behind it",
            CUT,
        ),
        "vlan" => ("a truncated VLAN tag", CUT),
        "ipv4" => ("a truncated or invalid IPv4 header", CUT),
        "ipv6" => ("a truncated or invalid IPv6 header", CUT),
        "extension" => ("a truncated IPv6 extension header", CUT),
        "tcp" => ("a truncated or invalid TCP header", CUT),
        "udp" => ("a truncated or invalid UDP header", CUT),
        "icmp" => ("a truncated ICMP header", CUT),
        "transport" => (
            "a truncated or invalid header of SCTP, DCCP, UDP-Lite, IGMP, ESP or AH",
            CUT,
        ),
        "mpls" => ("truncated MPLS labels", CUT),
        "pppoe" => ("a truncated or invalid PPPoE header", CUT),
        "tunnel" => ("a truncated or invalid tunnel header", tunnel),
        _ => return None,
    };
    Some((meaning, Some(remedy)))
}

/// Words for what the packet, or its place, decides.
fn of_packet(reason: &str) -> Option<Words> {
    Some(match reason {
        "arp" => ("address resolution, which is no IP", None),
        "llc" => (
            "IEEE 802.3 frames without an EtherType, such as spanning tree",
            None,
        ),
        "other_ethertype" => (
            "an EtherType that is neither IP nor one that Mermin decodes; `tcpdump -e` shows it",
            None,
        ),
        "fragment" => (
            "fragments that arrived before the first fragment of their packet, which has the ports",
            None,
        ),
        "too_deep" => (
            "more headers in a row than Mermin follows",
            Some("report it with a capture of such a packet"),
        ),
        "too_many_tunnels" => (
            "more than two nested tunnels",
            Some("count packets in their outer flow: `decapsulation(Decapsulation::None)`"),
        ),
        "hairpin" => (
            "packets that crossed a hook of their interface again; the first crossing is counted in the flow",
            None,
        ),
        "looped_back" => (
            "copies of the host's own multicast and broadcast for its own programs; they are on no wire",
            None,
        ),
        "unreadable" => (
            "packets that the kernel could not read",
            Some("report it with the output of `uname -r`"),
        ),
        "snapped" => (
            "packets of which the capture file has too few octets",
            Some("capture with a larger snapshot length: `tcpdump -s 256`"),
        ),
        "other_link" => (
            "packets of interfaces with an unsupported link type; `capinfos` shows it",
            Some("capture with `tcpdump -i any`, whose link type is supported"),
        ),
        _ => return None,
    })
}

/// Words for what the table or an option decides about the flow.
fn of_flow(reason: &str) -> Option<Words> {
    Some(match reason {
        "table_full" => ("new flows for which the table had no room", Some(FULL)),
        "index_full" => ("new flows for which the index had no room", Some(FULL)),
        "race" => (
            "packets whose flow was closed and created again several times while they were counted",
            None,
        ),
        "filtered" => ("packets whose flow or record the filter rejects", None),
        "joined" => (
            "packets whose conversation another interface reports",
            Some(
                "for the counts of each interface, use `join(Join::Merged)` or `join(Join::PerInterface)`",
            ),
        ),
        "not_sampled" => (
            "packets of flows that sampling left out, because the table fills or many flows begin",
            Some("keep more flows: raise `max_flows`, or the limits of `sampling`"),
        ),
        _ => return None,
    })
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
