//! Protocol numbers (IANA protocol-numbers).

/// Returns the registry's keyword in lower case.
pub(in crate::flow) fn keyword(number: u8) -> Option<&'static str> {
    KEYWORDS
        .get(usize::from(number))
        .copied()
        .filter(|keyword| !keyword.is_empty())
}

/// Keywords by number; empty if the registry has no keyword for the number.
#[rustfmt::skip]
static KEYWORDS: [&str; 148] = [
    // 0
    "hopopt", "icmp", "igmp", "ggp", "ipv4", "st", "tcp", "cbt", "egp", "igp",
    // 10
    "bbn-rcc-mon", "nvp-ii", "pup", "argus", "emcon", "xnet", "chaos", "udp", "mux", "dcn-meas",
    // 20
    "hmp", "prm", "xns-idp", "trunk-1", "trunk-2", "leaf-1", "leaf-2", "rdp", "irtp", "iso-tp4",
    // 30
    "netblt", "mfe-nsp", "merit-inp", "dccp", "3pc", "idpr", "xtp", "ddp", "idpr-cmtp", "tp++",
    // 40
    "il", "ipv6", "sdrp", "ipv6-route", "ipv6-frag", "idrp", "rsvp", "gre", "dsr", "bna",
    // 50
    "esp", "ah", "i-nlsp", "swipe", "narp", "min-ipv4", "tlsp", "skip", "ipv6-icmp", "ipv6-nonxt",
    // 60
    "ipv6-opts", "", "cftp", "", "sat-expak", "kryptolan", "rvd", "ippc", "", "sat-mon",
    // 70
    "visa", "ipcv", "cpnx", "cphb", "wsn", "pvp", "br-sat-mon", "sun-nd", "wb-mon", "wb-expak",
    // 80
    "iso-ip", "vmtp", "secure-vmtp", "vines", "iptm", "nsfnet-igp", "dgp", "tcf", "eigrp", "ospfigp",
    // 90
    "sprite-rpc", "larp", "mtp", "ax.25", "ipip", "micp", "scc-sp", "etherip", "encap", "",
    // 100
    "gmtp", "ifmp", "pnni", "pim", "aris", "scps", "qnx", "a/n", "ipcomp", "snp",
    // 110
    "compaq-peer", "ipx-in-ip", "vrrp", "pgm", "", "l2tp", "ddx", "iatp", "stp", "srp",
    // 120
    "uti", "smp", "sm", "ptp", "isis over ipv4", "fire", "crtp", "crudp", "sscopmce", "iplt",
    // 130
    "sps", "pipe", "sctp", "fc", "rsvp-e2e-ignore", "", "udplite", "mpls-in-ip", "manet", "hip",
    // 140
    "shim6", "wesp", "rohc", "ethernet", "aggfrag", "nsh", "homa", "bit-emu",
];
