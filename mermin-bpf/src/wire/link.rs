//! From the start of a layer to the IP header: Ethernet, VLAN tags, backbones' tags, LLC, Cisco
//! `MetaData`, network service headers, MPLS labels, `PPPoE`.

use super::{
    bytes::Bytes,
    cmd, ethernet, ethertype,
    frame::Frame,
    ip,
    l3_start::L3Start,
    llc, mpls, nsh, pbb, pppoe, pseudowire,
    vlan::{self, Vlans},
    walk_start::WalkStart,
};
use crate::abi::ledger::Reason;

/// Maximum number of rounds. A round is an Ethernet header and its VLAN tags, if there are any, and one more header.
pub const ROUNDS: usize = 3;

/// Goes to the IP header of a layer; adds its VLANs to those outside of it.
///
/// # Errors
/// The reason of the malformed header, [`Reason::TooDeep`], or the reason of another protocol than IP.
#[inline(always)]
pub fn follow<B: Bytes>(
    bytes: B,
    frame: &Frame,
    layer: &WalkStart,
    vlans: &mut Vlans,
) -> Result<L3Start, Reason> {
    let mut reached = L3Start {
        kind: layer.kind,
        at: layer.at,
        end: layer.end,
        mac_at: 0,
    };
    if layer.kind == ethertype::ETHERNET {
        // The tag that hardware stripped was outside of all others.
        if layer.at == 0
            && let Some(control) = frame.stripped_vlan
        {
            vlans.push(control);
        }
    } else if layer.kind == WalkStart::BARE_IP {
        reached.kind = ip::version(bytes, layer.at)?;
    } else if layer.kind < ethertype::LOWEST {
        // No length: such numbers are protocols of other links than Ethernet.
        return Err(refused(layer.kind));
    }
    for _ in 0..ROUNDS {
        reached = next(bytes, &reached, frame.segmented, vlans)?;
        if is_ip(reached.kind) {
            return Ok(reached);
        }
        reached = reached.blurred(bytes);
        vlans.barrier_var(bytes);
        if mpls::is_stack(reached.kind) {
            break;
        }
    }
    if mpls::is_stack(reached.kind) {
        let fits = !(frame.segmented || layer.goes_on);
        return below_labels(bytes, &reached, fits, vlans);
    }
    Err(Reason::TooDeep)
}

/// Goes from a label stack to IP, also in a frame. There are no rounds behind labels, because a verifier would follow them in
/// each.
#[inline(always)]
fn below_labels<B: Bytes>(
    bytes: B,
    stack: &L3Start,
    fits: bool,
    vlans: &mut Vlans,
) -> Result<L3Start, Reason> {
    let end = stack.end;
    let at = mpls::skip(bytes, stack.at)?;
    within(at, end, Reason::MalformedMpls)?;
    let (mut kind, mut at) = pseudowire::content(bytes, at, end, fits)?;
    let mut mac_at = stack.mac_at;
    if kind == ethertype::ETHERNET {
        kind = ethernet::ethertype(bytes, at, end)?;
        mac_at = (at + ethernet::SOURCE_AT) as u32;
        at += ethernet::LENGTH;
        if vlan::is_tag(kind) {
            (kind, at) = vlan::skip(bytes, kind, at, vlans)?;
        }
        if !is_ip(kind) {
            return Err(Reason::OtherEthertype);
        }
    }
    Ok(L3Start {
        kind,
        at,
        end,
        mac_at,
    })
}

/// Goes one round.
#[inline(always)]
fn next<B: Bytes>(
    bytes: B,
    reached: &L3Start,
    segmented: bool,
    vlans: &mut Vlans,
) -> Result<L3Start, Reason> {
    let L3Start {
        mut kind,
        mut at,
        mut end,
        mut mac_at,
    } = *reached;
    if kind == ethertype::ETHERNET {
        kind = ethernet::ethertype(bytes, at, end)?;
        mac_at = (at + ethernet::SOURCE_AT) as u32;
        at += ethernet::LENGTH;
    }
    if vlan::is_tag(kind) {
        (kind, at) = vlan::skip(bytes, kind, at, vlans)?;
        within(at, end, Reason::MalformedVlan)?;
    }
    if kind == ethertype::PPPOE_SESSION {
        let session = pppoe::parse(bytes, at, end, segmented)?;
        (kind, at, end) = (session.kind, at + pppoe::LENGTH, session.end);
        within(at, end, Reason::MalformedPppoe)?;
    } else if llc::is_length(kind) {
        let carried = llc::parse(bytes, kind, at, end, segmented)?;
        (kind, at, end) = (carried.kind, carried.at, carried.end);
    } else if kind == ethertype::PBB {
        vlans.enter(pbb::service(bytes, at)?);
        (kind, at) = (ethertype::ETHERNET, at + pbb::LENGTH);
    } else if kind == ethertype::CMD {
        (kind, at) = (cmd::ethertype(bytes, at)?, at + cmd::LENGTH);
        within(at, end, Reason::MalformedEthernet)?;
    } else if kind == ethertype::NSH {
        (kind, at) = nsh::skip(bytes, at)?;
        within(at, end, Reason::MalformedTunnel)?;
    } else if !is_ip(kind) && !mpls::is_stack(kind) && kind != ethertype::ETHERNET {
        return Err(refused(kind));
    }
    Ok(L3Start {
        kind,
        at,
        end,
        mac_at,
    })
}

/// True if IP may follow the header of an EtherType.
#[inline(always)]
pub(super) const fn leads_on(kind: u16) -> bool {
    vlan::is_tag(kind)
        || mpls::is_stack(kind)
        || llc::is_length(kind)
        || matches!(
            kind,
            ethertype::PPPOE_SESSION
                | ethertype::ETHERNET
                | ethertype::CMD
                | ethertype::PBB
                | ethertype::NSH
        )
}

#[inline(always)]
const fn is_ip(kind: u16) -> bool {
    matches!(kind, ethertype::IPV4 | ethertype::IPV6)
}

/// The reason of an EtherType that is not followed.
#[inline(always)]
pub(super) const fn refused(kind: u16) -> Reason {
    match kind {
        ethertype::ARP | ethertype::RARP => Reason::Arp,
        length if length < ethertype::LOWEST => Reason::Llc,
        _ => Reason::OtherEthertype,
    }
}

/// A header must end within its layer, even if the frame has further octets.
#[inline(always)]
const fn within(at: usize, end: u32, reason: Reason) -> Result<(), Reason> {
    if at as u32 > end { Err(reason) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::wire::testing::{ethernet, ipv4, ipv6, join, labels, pppoe, snap, tag, whole};

    fn reached(bytes: &[u8]) -> Result<(u16, usize, u32), Reason> {
        let frame = whole(bytes);
        let layer = WalkStart::outermost(&frame);
        follow(bytes, &frame, &layer, &mut Vlans::default()).map(|ip| (ip.kind, ip.at, ip.end))
    }

    #[test]
    fn every_way_leads_to_ip() {
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
            // The session's length excludes padding.
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
    fn length_stands_for_an_ethertype_behind_ethernet_alone() {
        let (v4, v6) = (ipv4(6, &[]), ipv6(6, &[]));
        let carried = snap(0, ethertype::IPV4, &v4);
        let padded = join(&[&carried, &[0; 18]]);
        let bytes = ethernet(carried.len() as u16, &padded);
        assert_eq!(reached(&bytes), Ok((ethertype::IPV4, 22, 42)));
        let inner = tag(8, ethertype::IPV6, &v6);
        let carried = snap(0, ethertype::VLAN, &inner);
        let tagged = tag(7, carried.len() as u16, &carried);
        let bytes = ethernet(ethertype::VLAN, &tagged);
        assert_eq!(reached(&bytes), Ok((ethertype::IPV6, 30, 70)));
        let frame = whole(&padded);
        let layer = WalkStart {
            kind: carried.len() as u16,
            ..WalkStart::outermost(&frame)
        };
        let other = follow(&padded[..], &frame, &layer, &mut Vlans::default());
        assert_eq!(other, Err(Reason::Llc));
    }

    #[test]
    fn security_groups_tag_is_before_or_behind_others() {
        let group = |kind: u16, payload: &[u8]| {
            join(&[&[1, 1, 0, 1, 0, 100], &kind.to_be_bytes(), payload])
        };
        let v4 = ipv4(6, &[]);
        let bytes = ethernet(ethertype::CMD, &group(ethertype::IPV4, &v4));
        assert_eq!(reached(&bytes), Ok((ethertype::IPV4, 22, 42)));
        let outer = ethernet(
            ethertype::CMD,
            &group(ethertype::VLAN, &tag(7, ethertype::IPV4, &v4)),
        );
        assert_eq!(reached(&outer), Ok((ethertype::IPV4, 26, 46)));
        let inner = tag(7, ethertype::CMD, &group(ethertype::IPV4, &v4));
        let inner = ethernet(ethertype::VLAN, &inner);
        assert_eq!(reached(&inner), Ok((ethertype::IPV4, 26, 46)));
    }

    #[test]
    fn customers_frame_is_counted() {
        let customer = tag(8, ethertype::IPV4, &ipv4(6, &[]));
        let customer = join(&[&[4; 6], &[6; 6], &[0x81, 0], &customer]);
        let service = join(&[&[0xe0, 0, 1, 2], &customer]);
        let alone = ethernet(ethertype::PBB, &service);
        assert_eq!(reached(&alone), Ok((ethertype::IPV4, 36, 56)));
        let bytes = ethernet(ethertype::SERVICE_VLAN, &tag(7, ethertype::PBB, &service));
        let (frame, mut vlans) = (whole(&bytes), Vlans::default());
        let reached = follow(
            &bytes[..],
            &frame,
            &WalkStart::outermost(&frame),
            &mut vlans,
        );
        let reached = reached.unwrap();
        assert_eq!((reached.at, reached.end), (40, 60));
        assert_eq!(reached.mac(&bytes[..]), [6; 6]);
        assert_eq!(vlans.ids, [7, 8]);
        assert_ne!(vlans.deeper, 0);
        for cut in 18..40 {
            let cut = follow(
                &bytes[..cut],
                &whole(&bytes[..cut]),
                &WalkStart::outermost(&frame),
                &mut Vlans::default(),
            );
            let reason = cut.unwrap_err();
            assert!(matches!(
                reason,
                Reason::MalformedEthernet | Reason::MalformedVlan
            ));
        }
    }

    #[test]
    fn one_more_than_the_maximum_rounds_is_too_deep() {
        let mut bytes = ethernet(ethertype::IPV4, &ipv4(6, &[]));
        for round in 1..=ROUNDS {
            let length = bytes.len() as u32;
            let at = round * ethernet::LENGTH;
            assert_eq!(reached(&bytes), Ok((ethertype::IPV4, at, length)));
            bytes = ethernet(ethertype::ETHERNET, &bytes);
        }
        assert_eq!(reached(&bytes), Err(Reason::TooDeep));
    }

    #[test]
    fn non_ip_frames_have_a_reason() {
        let lcp = ethernet(ethertype::PPPOE_SESSION, &pppoe(0xc021, &[1, 1, 0, 4]));
        assert_eq!(reached(&lcp), Err(Reason::OtherEthertype));
        let pseudowire = ethernet(ethertype::MPLS, &labels(1, &[0; 40]));
        assert_eq!(reached(&pseudowire), Err(Reason::OtherEthertype));
    }

    /// Octets behind a layer's end can be read, and are none of its.
    #[test]
    fn no_header_reaches_past_its_layer() {
        let cases: [(Vec<u8>, Reason); 5] = [
            (
                ethernet(ethertype::IPV4, &ipv4(6, &[])),
                Reason::MalformedEthernet,
            ),
            (
                ethernet(ethertype::CMD, &[1, 1, 0, 1, 0, 100, 8, 0, 0x45]),
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
        for ((bytes, reason), end) in cases.into_iter().zip([13, 21, 17, 17, 41]) {
            let frame = whole(&bytes);
            let layer = WalkStart {
                end,
                ..WalkStart::outermost(&frame)
            };
            let cut = follow(&bytes[..], &frame, &layer, &mut Vlans::default());
            assert_eq!(cut, Err(reason), "{bytes:02x?}");
        }
    }
}
