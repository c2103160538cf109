//! MPLS label stacks (RFC 3032).

use super::{
    bytes::{Bytes, Window},
    ethertype, ip,
};
use crate::abi::ledger::Reason;

/// Octets of a label stack entry.
pub const LENGTH: usize = 4;
/// Entries that are followed.
pub const DEPTH: usize = 8;
const BOTTOM: u32 = 0x100;

/// Follows the stack at `at`; returns the EtherType of what is below it, and where that begins.
///
/// Labels do not say what they carry: it is IP when it begins as IP does (RFC 4928 keeps everything else from that).
///
/// # Errors
/// [`Reason::MalformedMpls`] for a frame cut within the stack, [`Reason::TooDeep`] for more than [`DEPTH`] entries,
/// [`Reason::OtherEthertype`] for anything but IP below it.
#[inline(always)]
pub fn skip<B: Bytes>(frame: B, mut at: usize) -> Result<(u16, usize), Reason> {
    for _ in 0..DEPTH {
        let entry = frame.window::<LENGTH>(at).ok_or(Reason::MalformedMpls)?;
        at = frame.blur(at + LENGTH);
        if entry.be32(0) & BOTTOM != 0 {
            return Ok((ip::version(frame, at)?, at));
        }
    }
    Err(Reason::TooDeep)
}

/// Whether an EtherType announces a stack.
#[inline(always)]
#[must_use]
pub const fn is_stack(kind: u16) -> bool {
    matches!(kind, ethertype::MPLS | ethertype::MPLS_UPSTREAM)
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::wire::testing::{ipv4, ipv6, join, labels};

    fn skipped(count: usize, payload: &[u8]) -> Result<(u16, usize), Reason> {
        skip(&labels(count, payload)[..], 0)
    }

    #[test]
    fn one_entry() {
        // Label 16, traffic class 5, bottom of stack, 64 hops.
        let entry = [0x00, 0x01, 0x0b, 0x40];
        let bytes = join(&[&entry, &ipv4(6, &[])]);
        assert_eq!(skip(&bytes[..], 0), Ok((ethertype::IPV4, 4)));
    }

    #[test]
    fn what_is_below_is_told_by_its_version() {
        assert_eq!(skipped(3, &ipv4(6, &[])), Ok((ethertype::IPV4, 12)));
        assert_eq!(skipped(2, &ipv6(6, &[])), Ok((ethertype::IPV6, 8)));
        // A pseudowire's control word (RFC 4385).
        assert_eq!(skipped(2, &[0; 40]), Err(Reason::OtherEthertype));
    }

    #[test]
    fn as_many_as_are_followed_and_one_more() {
        let packet = ipv4(6, &[]);
        let most = skipped(DEPTH, &packet);
        assert_eq!(most, Ok((ethertype::IPV4, DEPTH * LENGTH)));
        assert_eq!(skipped(DEPTH + 1, &packet), Err(Reason::TooDeep));
    }

    #[test]
    fn a_cut_stack_is_malformed() {
        let bytes: Vec<u8> = labels(3, &[]);
        for length in 0..bytes.len() {
            let end = skip(&bytes[..length], 0);
            assert_eq!(end, Err(Reason::MalformedMpls), "{length} octets");
        }
    }
}
