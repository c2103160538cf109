//! Headers above IP, and their ports.

use super::{
    AH, DCCP, ESP, ICMP, ICMPV6, IGMP, SCTP, TCP, UDP, UDP_LITE,
    ip::{Ip, Level},
};
use crate::conversation::Conversation;

impl Level {
    /// Returns the conversation of a packet with a valid transport header.
    pub(super) fn transport(&self, ip: &Ip<'_>) -> Option<Conversation> {
        let available = ip.available();
        let needs = |octets| (available >= octets && self.holds(ip.payload, octets)).then_some(());
        let ports = match ip.protocol {
            TCP => {
                needs(20)?;
                let tcp = ip.next("tcp")?;
                let header = tcp.number("tcp.hdr_len")?;
                (header >= 20 && header <= available).then_some(())?;
                [tcp.number("tcp.srcport")?, tcp.number("tcp.dstport")?]
            }
            UDP | UDP_LITE => {
                needs(8)?;
                // tshark has one dissector for both.
                let udp = ip.next("udp").or_else(|| ip.next("udplite"))?;
                let field = |name| udp.number(name);
                let length = field("udp.length").or_else(|| field("udp.checksum_coverage"))?;
                let short = length != 0 && length < 8;
                if (self.is_whole(ip) && (short || length > available))
                    || (ip.protocol == UDP_LITE && short)
                {
                    return None;
                }
                [field("udp.srcport")?, field("udp.dstport")?]
            }
            SCTP => {
                needs(16)?;
                let sctp = ip.next("sctp")?;
                [sctp.number("sctp.srcport")?, sctp.number("sctp.dstport")?]
            }
            DCCP => {
                needs(12)?;
                let dccp = ip.next("dccp")?;
                [dccp.number("dccp.srcport")?, dccp.number("dccp.dstport")?]
            }
            ICMP | ICMPV6 | ESP => {
                needs(8)?;
                [0, 0]
            }
            AH => {
                needs(12)?;
                let words = ip.next("ah")?.number("ah.length")?;
                (12..=available)
                    .contains(&((words + 2) * 4))
                    .then_some(())?;
                [0, 0]
            }
            IGMP => {
                (available >= 8).then_some(())?;
                [0, 0]
            }
            _ => [0, 0],
        };
        let end = |at: usize| Some((ip.ends[at], u16::try_from(ports[at]).ok()?));
        let protocol = u8::try_from(ip.protocol).ok()?;
        Some(Conversation::new(end(0)?, end(1)?, protocol))
    }
}
