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
    /// The two outermost ids; 0 where there is none (and for a priority tag, which names no VLAN).
    pub ids: [u16; 2],
    /// Digest of the ids below; 0 without.
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
            _ => self.deeper = self.deeper << ID_MASK.count_ones() | u32::from(id),
        }
        self.found += 1;
    }
}

/// Whether an EtherType announces a tag.
#[inline(always)]
#[must_use]
pub const fn is_tag(kind: u16) -> bool {
    matches!(
        kind,
        ethertype::VLAN | ethertype::SERVICE_VLAN | ethertype::OLD_SERVICE_VLAN
    )
}

/// Follows the tags at `at`; returns the EtherType behind them and where its payload begins.
///
/// # Errors
/// [`Reason::MalformedVlan`] for a frame cut within a tag, [`Reason::TooDeep`] for more than [`DEPTH`] tags.
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
        at = frame.blur(at + LENGTH);
    }
    if is_tag(kind) {
        Err(Reason::TooDeep)
    } else {
        Ok((kind, at))
    }
}
