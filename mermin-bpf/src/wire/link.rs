//! From the start of a layer to the IP header: Ethernet, VLAN tags, MPLS labels, `PPPoE`.

use super::{
    bytes::{Bytes, Window},
    ethernet, ethertype, ip,
    layer::Layer,
    mpls,
    packet::Frame,
    pppoe,
    vlan::{self, Vlans},
};
use crate::abi::ledger::Reason;

/// An IP header that was reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reached {
    /// EtherType of IPv4 or IPv6.
    pub kind: u16,
    /// Where the header begins.
    pub at: usize,
    /// Where the layer that it is in ends.
    pub end: u32,
    /// Where the sender's MAC is; 0 without an Ethernet header.
    pub mac_at: u32,
}

impl Reached {
    /// The sender's MAC; zeroes without.
    #[inline(always)]
    #[must_use]
    pub fn mac<B: Bytes>(&self, bytes: B) -> [u8; 6] {
        if self.mac_at == 0 {
            return [0; 6];
        }
        bytes
            .window::<6>(self.mac_at as usize)
            .map_or([0; 6], |mac| {
                let [first, second, third, fourth] = mac.raw32(0).to_ne_bytes();
                [first, second, third, fourth, mac.u8(4), mac.u8(5)]
            })
    }
}

/// Goes to the IP header of a layer; adds its VLANs to those outside of it.
///
/// # Errors
/// The header that is malformed, [`Reason::TooDeep`], or what the layer is instead of IP.
#[inline(always)]
pub fn follow<B: Bytes>(
    bytes: B,
    frame: &Frame,
    layer: &Layer,
    vlans: &mut Vlans,
) -> Result<Reached, Reason> {
    let (mut kind, mut at, mut end) = (layer.kind, layer.at, layer.end);
    let mut mac_at = 0;
    if kind == ethertype::ETHERNET {
        kind = ethernet::ethertype(bytes, at, end)?;
        mac_at = (at + ethernet::SOURCE_AT) as u32;
        at += ethernet::LENGTH;
        // The tag that hardware took off was outside of all others.
        if layer.at == 0
            && let Some(control) = frame.stripped_vlan
        {
            vlans.push(control);
        }
    } else if kind == Layer::BARE_IP {
        kind = ip::version(bytes, at)?;
    }
    if vlan::is_tag(kind) {
        (kind, at) = vlan::skip(bytes, kind, at, vlans)?;
        within(at, end, Reason::MalformedVlan)?;
    }
    if mpls::is_stack(kind) {
        (kind, at) = mpls::skip(bytes, at)?;
        within(at, end, Reason::MalformedMpls)?;
    } else if kind == ethertype::PPPOE_SESSION {
        let session = pppoe::parse(bytes, at, end, frame.segmented)?;
        (kind, at, end) = (session.kind, bytes.blur(at + pppoe::LENGTH), session.end);
        within(at, end, Reason::MalformedPppoe)?;
    }
    match kind {
        ethertype::IPV4 | ethertype::IPV6 => Ok(Reached {
            kind,
            at,
            end,
            mac_at,
        }),
        _ => Err(refused(kind)),
    }
}

/// Whether an EtherType announces a header that IP may be behind.
#[inline(always)]
pub(super) const fn leads_on(kind: u16) -> bool {
    vlan::is_tag(kind) || mpls::is_stack(kind) || kind == ethertype::PPPOE_SESSION
}

/// Why what an EtherType announces is not followed.
#[inline(always)]
pub(super) const fn refused(kind: u16) -> Reason {
    match kind {
        ethertype::ARP | ethertype::RARP => Reason::Arp,
        length if length < ethertype::LOWEST => Reason::Llc,
        _ => Reason::OtherEthertype,
    }
}

/// What follows the layer in memory is not the layer's: a header must end in it.
#[inline(always)]
const fn within(at: usize, end: u32, reason: Reason) -> Result<(), Reason> {
    if at as u32 > end { Err(reason) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::wire::testing::{ethernet, ipv4, ipv6, labels, pppoe, tag, whole};

    fn reached(bytes: &[u8]) -> Result<(u16, usize, u32), Reason> {
        let frame = whole(bytes);
        let layer = Layer::outermost(&frame);
        follow(bytes, &frame, &layer, &mut Vlans::default()).map(|ip| (ip.kind, ip.at, ip.end))
    }

    #[test]
    fn every_way_to_ip() {
        let (v4, v6) = (ipv4(6, &[]), ipv6(6, &[]));
        let padded = [&pppoe(0x57, &v6)[..], &[0; 9]].concat();
        let cases: [(Vec<u8>, u16, usize, u32); 6] = [
            (ethernet(ethertype::IPV4, &v4), ethertype::IPV4, 14, 34),
            (
                ethernet(ethertype::MPLS, &labels(2, &v6)),
                ethertype::IPV6,
                22,
                62,
            ),
            (
                ethernet(ethertype::MPLS_UPSTREAM, &labels(1, &v4)),
                ethertype::IPV4,
                18,
                38,
            ),
            (
                ethernet(ethertype::VLAN, &tag(7, ethertype::MPLS, &labels(1, &v4))),
                ethertype::IPV4,
                22,
                42,
            ),
            (
                ethernet(
                    ethertype::VLAN,
                    &tag(7, ethertype::PPPOE_SESSION, &pppoe(0x21, &v4)),
                ),
                ethertype::IPV4,
                26,
                46,
            ),
            // The session's length tells padding from packet.
            (
                ethernet(ethertype::PPPOE_SESSION, &padded),
                ethertype::IPV6,
                22,
                62,
            ),
        ];
        for (bytes, kind, at, end) in cases {
            assert_eq!(reached(&bytes), Ok((kind, at, end)), "{bytes:02x?}");
        }
    }

    #[test]
    fn what_is_not_ip() {
        let lcp = ethernet(ethertype::PPPOE_SESSION, &pppoe(0xc021, &[1, 1, 0, 4]));
        assert_eq!(reached(&lcp), Err(Reason::OtherEthertype));
        let pseudowire = ethernet(ethertype::MPLS, &labels(1, &[0; 40]));
        assert_eq!(reached(&pseudowire), Err(Reason::OtherEthertype));
    }

    /// What is behind a layer's end is there to be read, and is none of its.
    #[test]
    fn no_header_reaches_past_its_layer() {
        let cases: [(Vec<u8>, Reason); 4] = [
            (
                ethernet(ethertype::IPV4, &ipv4(6, &[])),
                Reason::MalformedEthernet,
            ),
            (
                ethernet(ethertype::VLAN, &tag(7, ethertype::IPV4, &ipv4(6, &[]))),
                Reason::MalformedVlan,
            ),
            (
                ethernet(ethertype::MPLS, &labels(1, &ipv4(6, &[]))),
                Reason::MalformedMpls,
            ),
            (
                ethernet(ethertype::PPPOE_SESSION, &pppoe(0x21, &ipv4(6, &[]))),
                Reason::MalformedPppoe,
            ),
        ];
        for ((bytes, reason), end) in cases.into_iter().zip([13, 17, 17, 41]) {
            let frame = whole(&bytes);
            let layer = Layer {
                end,
                ..Layer::outermost(&frame)
            };
            let cut = follow(&bytes[..], &frame, &layer, &mut Vlans::default());
            assert_eq!(cut, Err(reason), "{bytes:02x?}");
        }
    }
}
