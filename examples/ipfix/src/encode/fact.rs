//! Fields of a record: the information element of each, and its value in a flow.

use std::{
    num::NonZeroU32,
    time::{SystemTime, UNIX_EPOCH},
};

use mermin_core::{
    Flow,
    flow::{Direction, IpHeader, MacAddress, Uniflow},
};

use super::{
    element::{Element, VARIABLE},
    names::{application_name, dns, http_host, put_text, response_code, server_name, text_length},
    options::put_name,
    shape::{View, in_order, put_address, segment, spi},
};

/// A field. Numbers and lengths come from IANA's registry of IPFIX information elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fact {
    OuterSource4,
    OuterSource6,
    OuterDestination4,
    OuterDestination6,
    Source4,
    Source6,
    Destination4,
    Destination6,
    SourcePort,
    DestinationPort,
    /// Type and code of ICMP in the port field, where older collectors look for them.
    IcmpPort,
    NoPort,
    Protocol,
    StartMilliseconds,
    EndMilliseconds,
    StartMicroseconds,
    EndMicroseconds,
    StartNanoseconds,
    EndNanoseconds,
    PacketsTotal,
    OctetsTotal,
    Packets,
    Octets,
    FrameOctets,
    Dropped,
    TcpFlags,
    WideTcpFlags,
    ClassOfService,
    Ttl,
    FlowLabel,
    Icmp4,
    Icmp6,
    Spi,
    Interface,
    SourceMac,
    DestinationMac,
    Vlan,
    Dot1qVlan,
    CustomerVlan,
    Segment,
    EndReason,
    FlowId,
    PostNatSource4,
    PostNatSource6,
    PostNatDestination4,
    PostNatDestination6,
    PostNatSourcePort,
    PostNatDestinationPort,
    BiflowDirection,
    /// One of so many flows is kept.
    SamplingInterval,
    /// Milliseconds from the first packet to the answer.
    AnswerDelay,
    ApplicationName,
    HttpHost,
    ServerName,
    DnsName,
    DnsType,
    DnsResponse,
}

impl Fact {
    /// Returns the element.
    pub(crate) const fn element(self) -> Element {
        match self {
            Self::Octets => Element::iana(1, 8),
            Self::Packets => Element::iana(2, 8),
            Self::Protocol => Element::iana(4, 1),
            Self::ClassOfService => Element::iana(5, 1),
            Self::TcpFlags => Element::iana(6, 1),
            Self::WideTcpFlags => Element::iana(6, 2),
            Self::SourcePort | Self::NoPort => Element::iana(7, 2),
            Self::Source4 | Self::OuterSource4 => Element::iana(8, 4),
            Self::Interface => Element::iana(10, 4),
            Self::DestinationPort | Self::IcmpPort => Element::iana(11, 2),
            Self::Destination4 | Self::OuterDestination4 => Element::iana(12, 4),
            Self::Source6 | Self::OuterSource6 => Element::iana(27, 16),
            Self::Destination6 | Self::OuterDestination6 => Element::iana(28, 16),
            Self::FlowLabel => Element::iana(31, 4),
            Self::Icmp4 => Element::iana(32, 2),
            Self::SamplingInterval => Element::iana(34, 4),
            Self::SourceMac => Element::iana(56, 6),
            Self::Vlan => Element::iana(58, 2),
            Self::DestinationMac => Element::iana(80, 6),
            Self::OctetsTotal => Element::iana(85, 8),
            Self::PacketsTotal => Element::iana(86, 8),
            Self::Dropped => Element::iana(133, 8),
            Self::EndReason => Element::iana(136, 1),
            Self::Icmp6 => Element::iana(139, 2),
            Self::FlowId => Element::iana(148, 8),
            Self::StartMilliseconds => Element::iana(152, 8),
            Self::EndMilliseconds => Element::iana(153, 8),
            Self::StartMicroseconds => Element::iana(154, 8),
            Self::EndMicroseconds => Element::iana(155, 8),
            Self::StartNanoseconds => Element::iana(156, 8),
            Self::EndNanoseconds => Element::iana(157, 8),
            Self::Ttl => Element::iana(192, 1),
            Self::PostNatSource4 => Element::iana(225, 4),
            Self::PostNatDestination4 => Element::iana(226, 4),
            Self::PostNatSourcePort => Element::iana(227, 2),
            Self::PostNatDestinationPort => Element::iana(228, 2),
            Self::BiflowDirection => Element::iana(239, 1),
            Self::Dot1qVlan => Element::iana(243, 2),
            Self::CustomerVlan => Element::iana(245, 2),
            Self::PostNatSource6 => Element::iana(281, 16),
            Self::PostNatDestination6 => Element::iana(282, 16),
            Self::Spi => Element::iana(295, 4),
            Self::Segment => Element::iana(351, 8),
            Self::FrameOctets => Element::iana(352, 8),
            Self::ApplicationName => Element::iana(96, 16),
            Self::HttpHost => Element::iana(460, VARIABLE),
            Self::AnswerDelay => Element::cert(21, 4),
            Self::DnsType => Element::cert(175, 2),
            Self::DnsResponse => Element::cert(177, 1),
            Self::DnsName => Element::cert(179, VARIABLE),
            Self::ServerName => Element::cert(294, VARIABLE),
        }
    }

    /// Returns the octets of the field in a record.
    pub(crate) fn length(self, flow: &Flow) -> usize {
        match self.text(flow) {
            Some(text) => text_length(text),
            None => usize::from(self.element().length),
        }
    }

    /// Returns the text of a field of variable length.
    fn text(self, flow: &Flow) -> Option<&str> {
        let text = match self {
            Self::HttpHost => http_host(flow),
            Self::ServerName => server_name(flow),
            Self::DnsName => dns(flow).map(|dns| &*dns.question),
            _ => return None,
        };
        Some(text.unwrap_or_default())
    }

    /// Writes the field; `reverse` selects the other direction.
    pub(crate) fn put(self, view: &View<'_>, reverse: bool, out: &mut Vec<u8>) {
        let flow = view.flow;
        let way = if reverse { view.reverse } else { view.forward };
        let [source, destination] = in_order([&flow.source, &flow.destination], view.backwards);
        match self {
            Self::OuterSource4
            | Self::OuterSource6
            | Self::OuterDestination4
            | Self::OuterDestination6 => self.put_outer(view, out),
            Self::Source4 | Self::Source6 => put_address(source.address, out),
            Self::Destination4 | Self::Destination6 => put_address(destination.address, out),
            Self::SourcePort => put16(source.port.unwrap_or(0), out),
            Self::DestinationPort => put16(destination.port.unwrap_or(0), out),
            Self::NoPort => put16(0, out),
            Self::IcmpPort | Self::Icmp4 | Self::Icmp6 => put16(type_and_code(way), out),
            Self::Protocol => out.push(flow.protocol.0),
            Self::StartMilliseconds => put64(milliseconds(view.start()), out),
            Self::EndMilliseconds => put64(milliseconds(flow.end), out),
            Self::StartMicroseconds => put64(microseconds(view.start()), out),
            Self::EndMicroseconds => put64(microseconds(flow.end), out),
            Self::StartNanoseconds => put64(ntp(view.start()), out),
            Self::EndNanoseconds => put64(ntp(flow.end), out),
            Self::PacketsTotal => put64(way.packets.total, out),
            Self::OctetsTotal => put64(way.octets.total, out),
            Self::Packets => put64(way.packets.delta, out),
            Self::Octets => put64(way.octets.delta, out),
            Self::FrameOctets => put64(way.frame_octets.delta, out),
            Self::Dropped => put64(view.dropped(reverse), out),
            Self::TcpFlags => out.push(flags(way)),
            Self::WideTcpFlags => put16(flags(way).into(), out),
            Self::ClassOfService => out.push(way.ip.map_or(0, |ip| ip.dscp << 2 | ip.ecn)),
            Self::Ttl => out.push(way.ip.map_or(0, |ip: IpHeader| ip.ttl)),
            Self::FlowLabel => put32(way.ip.and_then(|ip| ip.flow_label).unwrap_or(0), out),
            Self::Spi => put32(spi(flow).unwrap_or(0), out),
            Self::Interface => put32(flow.interface.index, out),
            Self::SourceMac => put_mac(view.macs()[0], out),
            Self::DestinationMac => put_mac(view.macs()[1], out),
            Self::Vlan | Self::Dot1qVlan => put16(flow.vlans.first().copied().unwrap_or(0), out),
            Self::CustomerVlan => put16(flow.vlans.get(1).copied().unwrap_or(0), out),
            Self::Segment => put64(segment(flow).unwrap_or(0), out),
            Self::EndReason => out.push(flow.end_reason.number()),
            Self::FlowId => put64(flow_id(flow.id.to_u128()), out),
            Self::PostNatSource4 | Self::PostNatSource6 => {
                put_address(view.translated(reverse)[0].address, out);
            }
            Self::PostNatDestination4 | Self::PostNatDestination6 => {
                put_address(view.translated(reverse)[1].address, out);
            }
            Self::PostNatSourcePort => put16(view.translated(reverse)[0].port.unwrap_or(0), out),
            Self::PostNatDestinationPort => {
                put16(view.translated(reverse)[1].port.unwrap_or(0), out);
            }
            Self::BiflowDirection => out.push(biflow_direction(flow.direction)),
            Self::SamplingInterval => {
                put32(flow.sampling_interval.map_or(0, NonZeroU32::get), out);
            }
            Self::AnswerDelay => put32(answer_delay(view), out),
            Self::ApplicationName => put_name(application_name(flow).unwrap_or_default(), out),
            Self::HttpHost | Self::ServerName | Self::DnsName => {
                put_text(self.text(flow).unwrap_or_default(), out);
            }
            Self::DnsType => put16(dns(flow).map_or(0, |dns| dns.question_type), out),
            Self::DnsResponse => out.push(response_code(flow).unwrap_or(0)),
        }
    }

    fn put_outer(self, view: &View<'_>, out: &mut Vec<u8>) {
        let Some(tunnel) = &view.flow.tunnel else {
            return;
        };
        let [source, destination] = in_order([tunnel.source, tunnel.destination], view.backwards);
        let is_source = matches!(self, Self::OuterSource4 | Self::OuterSource6);
        put_address(if is_source { source } else { destination }.address, out);
    }
}

fn put16(number: u16, out: &mut Vec<u8>) {
    out.extend_from_slice(&number.to_be_bytes());
}

fn put32(number: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(&number.to_be_bytes());
}

fn put64(number: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(&number.to_be_bytes());
}

fn put_mac(mac: Option<MacAddress>, out: &mut Vec<u8>) {
    out.extend_from_slice(&mac.map_or([0; 6], |mac| mac.0));
}

fn flags(way: &Uniflow) -> u8 {
    way.tcp_flags.map_or(0, |flags| flags.0)
}

fn type_and_code(way: &Uniflow) -> u16 {
    way.icmp
        .map_or(0, |icmp| u16::from_be_bytes([icmp.kind, icmp.code]))
}

/// Folds the 128 bits into 64, so a difference in either half changes the result.
pub(crate) fn flow_id(id: u128) -> u64 {
    let halves = [id >> 64, id & u128::from(u64::MAX)];
    let [high, low] = halves.map(|half| u64::try_from(half).unwrap_or(0));
    high ^ low
}

/// Returns `biflowDirection` (239): initiator, reverse initiator, or arbitrary.
fn biflow_direction(direction: Direction) -> u8 {
    match direction {
        Direction::Forward => 1,
        Direction::Reverse => 2,
        Direction::Unknown => 0,
    }
}

/// Returns `reverseFlowDeltaMilliseconds`, rounded down.
fn answer_delay(view: &View<'_>) -> u32 {
    let delay = view.answer().unwrap_or_default();
    u32::try_from(delay.as_millis()).unwrap_or(u32::MAX)
}

/// Returns milliseconds since 1970 (RFC 7011 section 6.1.8).
fn milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    // Seconds and fraction separately, because `as_millis` multiplies 128-bit numbers.
    let seconds = since.as_secs().saturating_mul(1000);
    seconds.saturating_add(since.subsec_millis().into())
}

/// Returns seconds since 1900 and their binary fraction, as in NTP (RFC 7011 section 6.1.10).
fn ntp(time: SystemTime) -> u64 {
    const FROM_1900_TO_1970: u64 = 2_208_988_800;
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    // The 32 bits wrap in 2036, as in NTP.
    let seconds = since.as_secs().wrapping_add(FROM_1900_TO_1970) << 32;
    let fraction = (u64::from(since.subsec_nanos()) << 32).div_ceil(1_000_000_000);
    seconds | fraction.min(u64::from(u32::MAX))
}

/// Returns the same with the lowest eleven bits zero (RFC 7011 section 6.1.9). It rounds up, so that a collector that
/// truncates to microseconds gets the same value.
fn microseconds(time: SystemTime) -> u64 {
    const LOW: u64 = 0x7ff;
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let whole = std::time::Duration::new(since.as_secs(), since.subsec_micros() * 1000);
    ntp(UNIX_EPOCH + whole).saturating_add(LOW) & !LOW
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn ntp_times_count_from_1900_in_binary_fractions() {
        let at = |seconds, nanos| UNIX_EPOCH + Duration::new(seconds, nanos);
        assert_eq!(ntp(at(0, 0)), 2_208_988_800 << 32);
        assert_eq!(ntp(at(0, 500_000_000)) & 0xffff_ffff, 1 << 31);
        for nanos in [0, 1, 999, 123_456_789, 999_999_999] {
            let fraction = u128::from(ntp(at(7, nanos)) & 0xffff_ffff);
            // A reader that truncates gets the same nanosecond.
            assert_eq!((fraction * 1_000_000_000) >> 32, u128::from(nanos));
            let fraction = u128::from(microseconds(at(7, nanos)) & 0xffff_ffff);
            assert_eq!(fraction & 0x7ff, 0);
            assert_eq!((fraction * 1_000_000) >> 32, u128::from(nanos / 1000));
        }
        assert_eq!(milliseconds(at(1, 999_999)), 1000);
        assert_eq!(milliseconds(UNIX_EPOCH - Duration::from_secs(1)), 0);
        let latest = at(i64::MAX.cast_unsigned(), 999_999_999);
        assert_eq!(milliseconds(latest), u64::MAX);
    }

    #[test]
    fn ids_that_differ_in_either_half_differ() {
        assert_ne!(flow_id(1 << 64), flow_id(0));
        assert_ne!(flow_id(1), flow_id(0));
        assert_eq!(flow_id(3 << 64 | 5), 6);
    }
}
