//! PPP over Ethernet, session stage (RFC 2516).

use super::{
    bytes::{Bytes, Window},
    ethertype,
};
use crate::abi::ledger::Reason;

/// Octets of the header and the PPP protocol behind it.
pub const LENGTH: usize = 8;
/// Octets of the header alone.
const HEADER: u32 = 6;
/// Version 1, type 1.
const VERSION: u8 = 0x11;
/// PPP protocol numbers (IANA).
const PPP_IPV4: u16 = 0x0021;
const PPP_IPV6: u16 = 0x0057;

/// Content of a session packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its EtherType.
    pub kind: u16,
    /// End of the payload: by the header's length, or the layer's end if the frame is `segmented`.
    pub end: u32,
}

/// Reads the header at `at` in a layer that ends at `end`. If the frame is a super-packet (`segmented`), the header's
/// length is ignored, because it may be that of one segment.
///
/// # Errors
/// [`Reason::MalformedPppoe`] when it is truncated, of another version, or longer than the layer; [`Reason::OtherEthertype`]
/// for anything but IP, such as PPP's own control protocols.
#[inline(always)]
pub fn parse<B: Bytes>(frame: B, at: usize, end: u32, segmented: bool) -> Result<Session, Reason> {
    let header = frame.window::<LENGTH>(at).ok_or(Reason::MalformedPppoe)?;
    let length = u32::from(header.be16(4));
    let claimed = at as u32 + HEADER + length;
    let lies = length < LENGTH as u32 - HEADER || claimed > end;
    // Code 0 is session data.
    if header.be16(0) != u16::from(VERSION) << 8 || (lies && !segmented) {
        return Err(Reason::MalformedPppoe);
    }
    let kind = match header.be16(6) {
        PPP_IPV4 => ethertype::IPV4,
        PPP_IPV6 => ethertype::IPV6,
        _ => return Err(Reason::OtherEthertype),
    };
    let end = if segmented { end } else { claimed };
    Ok(Session { kind, end })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::testing::{pppoe, with};

    /// Session 0x1234, four octets: IPv4 and two more.
    const HEADER: [u8; 10] = [0x11, 0x00, 0x12, 0x34, 0x00, 0x04, 0x00, 0x21, 0x45, 0x00];

    fn changed(at: usize, octets: &[u8], end: u32) -> Result<(u16, u32), Reason> {
        parse(&with(HEADER.to_vec(), at, octets)[..], 0, end, false)
            .map(|session| (session.kind, session.end))
    }

    #[test]
    fn header_fields_are_read() {
        assert_eq!(changed(0, &[], 10), Ok((ethertype::IPV4, 10)));
        assert_eq!(changed(0, &[], 60), Ok((ethertype::IPV4, 10)), "padding");
        assert_eq!(changed(6, &[0, 0x57], 10), Ok((ethertype::IPV6, 10)));
        assert_eq!(pppoe(0x21, &[0x45, 0]), HEADER);
    }

    #[test]
    fn non_ip_frames_have_a_reason() {
        // LCP, and a compressed protocol field.
        for protocol in [[0xc0, 0x21], [0x21, 0x45]] {
            let other = changed(6, &protocol, 10);
            assert_eq!(other, Err(Reason::OtherEthertype));
        }
    }

    #[test]
    fn invalid_headers_are_malformed() {
        let malformed = Err(Reason::MalformedPppoe);
        assert_eq!(changed(0, &[0x12], 10), malformed, "another type");
        assert_eq!(changed(1, &[0x09], 10), malformed, "discovery");
        assert_eq!(changed(4, &[0, 1], 10), malformed, "no protocol");
        assert_eq!(changed(4, &[0, 5], 10), malformed, "longer than its frame");
        assert_eq!(changed(4, &[0xff, 0xff], 10), malformed);
    }

    #[test]
    fn length_of_a_super_packet_is_the_buffers() {
        let bytes = with(HEADER.to_vec(), 4, &[0xff, 0xff]);
        let end = parse(&bytes[..], 0, 9000, true).map(|session| session.end);
        assert_eq!(end, Ok(9000));
    }

    #[test]
    fn cut_header_is_malformed() {
        for length in 0..LENGTH {
            let cut = parse(&HEADER[..length], 0, 10, false);
            assert_eq!(cut, Err(Reason::MalformedPppoe), "{length} octets");
        }
    }
}
