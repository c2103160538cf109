//! VLAN tags (IEEE 802.1Q, 802.1ad), in the frame or stripped by hardware.

use super::{
    bytes::{Bytes, Window},
    ethertype,
};
use crate::abi::ledger::Reason;

/// Octets of a tag behind its EtherType.
pub const LENGTH: usize = 4;
/// Tags that are followed within a frame.
pub const DEPTH: usize = 4;
const ID_MASK: u16 = 0x0fff;

/// The VLANs of a frame, outermost first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vlans {
    /// The two outermost ids; 0 if there is none, and for a priority tag, which names no VLAN.
    pub ids: [u16; 2],
    /// Digest of the ids below, and of services of backbones; 0 without.
    pub deeper: u32,
    found: u8,
}

impl Vlans {
    /// Adds the next tag inwards by its tag control information.
    #[inline(always)]
    pub fn push(&mut self, control: u16) {
        let id = control & ID_MASK;
        match self.found {
            0 => self.ids[0] = id,
            1 => self.ids[1] = id,
            _ => self.add(id.into()),
        }
        self.found += 1;
    }

    /// Adds a service of a backbone, whose customers may all use the same ids and addresses.
    #[inline(always)]
    pub(super) const fn enter(&mut self, service: u32) {
        // One bit above the service id, because service 0 is not none.
        self.add(1 << 24 | service);
    }

    /// Adds a tag to the digest. Two different digests stay different when the same tag is added to both.
    #[inline(always)]
    const fn add(&mut self, number: u32) {
        self.deeper = self.deeper.rotate_left(ID_MASK.count_ones()) ^ number;
    }

    /// Makes the kernel's verifier forget the number of tags: it would follow each number through all later code.
    #[inline(always)]
    pub(super) fn barrier_var<B: Bytes>(&mut self, bytes: B) {
        self.found = bytes.barrier_var(self.found.into()) as u8;
    }

    /// True if there are more tags than a key has room for.
    #[inline(always)]
    #[must_use]
    pub const fn more(&self) -> bool {
        self.found > self.ids.len() as u8
    }
}

/// True if an EtherType announces a tag.
#[inline(always)]
#[must_use]
pub const fn is_tag(kind: u16) -> bool {
    matches!(
        kind,
        ethertype::VLAN | ethertype::SERVICE_VLAN | ethertype::QINQ1 | ethertype::QINQ2
    )
}

/// Follows one or two tags at `at`, as [`skip`] does. Returns `None` if hardware stripped another tag around two. If the
/// frame has a third tag, the result is the third tag's EtherType and position.
#[inline(always)]
pub(super) fn skip_at_most_two<B: Bytes>(
    frame: B,
    at: usize,
    vlans: &mut Vlans,
) -> Option<(u16, usize)> {
    let tag = frame.window::<LENGTH>(at)?;
    vlans.push(tag.be16(0));
    let kind = tag.be16(2);
    if !is_tag(kind) {
        return Some((kind, at + LENGTH));
    }
    if vlans.found == vlans.ids.len() as u8 {
        return None;
    }
    let tag = frame.window::<LENGTH>(at + LENGTH)?;
    vlans.push(tag.be16(0));
    Some((tag.be16(2), at + 2 * LENGTH))
}

/// Follows the tags at `at`; returns the EtherType behind them and the offset of its payload.
///
/// # Errors
/// [`Reason::MalformedVlan`] for a frame that ends within a tag, [`Reason::TooDeep`] for more than [`DEPTH`] tags.
#[inline(always)]
pub fn skip<B: Bytes>(
    frame: B,
    mut kind: u16,
    mut at: usize,
    vlans: &mut Vlans,
) -> Result<(u16, usize), Reason> {
    for _ in 0..DEPTH {
        if !is_tag(kind) {
            return Ok((kind, at));
        }
        let tag = frame.window::<LENGTH>(at).ok_or(Reason::MalformedVlan)?;
        vlans.push(tag.be16(0));
        kind = tag.be16(2);
        at = frame.barrier_var(at + LENGTH);
    }
    if is_tag(kind) {
        Err(Reason::TooDeep)
    } else {
        Ok((kind, at))
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::wire::testing::tag;

    /// Tags with the ids given, outermost first, and an IPv4 EtherType behind them.
    fn stack(ids: &[u16]) -> Vec<u8> {
        let mut kind = ethertype::IPV4;
        let mut bytes = Vec::new();
        for &id in ids.iter().rev() {
            bytes = tag(id, kind, &bytes);
            kind = ethertype::VLAN;
        }
        bytes
    }

    fn skipped(ids: &[u16]) -> (Result<(u16, usize), Reason>, Vlans) {
        let mut vlans = Vlans::default();
        let end = skip(&stack(ids)[..], ethertype::VLAN, 0, &mut vlans);
        (end, vlans)
    }

    #[test]
    fn four_ethertypes_announce_a_tag() {
        for kind in [0x8100, 0x88a8, 0x9100, 0x9200] {
            assert!(is_tag(kind));
        }
        for kind in [ethertype::IPV4, ethertype::IPV6, ethertype::ARP, 0, 0xffff] {
            assert!(!is_tag(kind));
        }
    }

    #[test]
    fn one_tag_and_two_are_read() {
        // Priority 7 and the drop bit stand above the id 100.
        let tag: [u8; 4] = [0xf0, 0x64, 0x08, 0x00];
        let mut vlans = Vlans::default();
        let end = skip(&tag[..], ethertype::VLAN, 0, &mut vlans);
        assert_eq!(end, Ok((ethertype::IPV4, 4)));
        assert_eq!((vlans.ids, vlans.deeper), ([100, 0], 0));

        let (end, vlans) = skipped(&[0xfff, 1]);
        assert_eq!(end, Ok((ethertype::IPV4, 8)));
        assert_eq!((vlans.ids, vlans.deeper), ([0xfff, 1], 0));
    }

    #[test]
    fn priority_tag_names_no_vlan() {
        let (end, vlans) = skipped(&[0xe000]);
        assert_eq!(end, Ok((ethertype::IPV4, 4)));
        assert_eq!(vlans.ids, [0, 0]);
    }

    #[test]
    fn tags_below_the_second_tell_stacks_apart() {
        let (end, four) = skipped(&[1, 2, 3, 4]);
        assert_eq!(end, Ok((ethertype::IPV4, 16)));
        assert_eq!(four.ids, [1, 2]);
        assert_ne!(four.deeper, 0);
        assert_ne!(four.deeper, skipped(&[1, 2, 4, 3]).1.deeper);
        assert_ne!(four.deeper, skipped(&[1, 2, 3]).1.deeper);
    }

    #[test]
    fn services_tell_stacks_apart_and_are_no_tags() {
        let of = |services: &[u32], ids: &[u16]| {
            let mut vlans = Vlans::default();
            vlans.push(9);
            for &service in services {
                vlans.enter(service);
            }
            for &id in ids {
                vlans.push(id);
            }
            vlans
        };
        let mut all = std::collections::BTreeSet::new();
        for ids in [&[][..], &[1], &[1, 2], &[1, 2, 3]] {
            for services in [&[][..], &[0], &[1], &[0xf0_0001], &[0xff_ffff], &[1, 1]] {
                let vlans = of(services, ids);
                assert_eq!(vlans.ids, [9, ids.first().copied().unwrap_or(0)]);
                assert_eq!(vlans.more(), ids.len() > 1);
                assert!(all.insert((ids, vlans.deeper)), "{services:?} {ids:?}");
            }
        }
    }

    #[test]
    fn five_tags_are_too_deep() {
        assert_eq!(skipped(&[1, 2, 3, 4, 5]).0, Err(Reason::TooDeep));
    }

    #[test]
    fn cut_stack_is_malformed() {
        let bytes = stack(&[1, 2, 3]);
        for length in 0..bytes.len() {
            let end = skip(
                &bytes[..length],
                ethertype::SERVICE_VLAN,
                0,
                &mut Vlans::default(),
            );
            assert_eq!(end, Err(Reason::MalformedVlan), "{length} octets");
        }
    }
}
