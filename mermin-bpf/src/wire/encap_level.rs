//! An IP header, and the tunnels around it.

use super::{
    bytes::Bytes,
    ip::{self, Ip},
    l3_start::L3Start,
    link,
    packet::{Frame, Packet},
    transport::{self, Transport},
    vlan::Vlans,
    walk_start::WalkStart,
};
use crate::abi::ledger::Reason;

/// The state of a walk at one IP header.
// An octet first: see the comment on `Ip`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EncapLevel {
    /// Number of tunnels around it.
    pub depth: u8,
    /// The packet continues beyond this frame: its carrier is a first fragment, or truncated.
    pub goes_on: bool,
    /// Digest of the parts of the tunnels that a key has; 0 without tunnels.
    pub digest: u32,
    /// Digest of the tunnel ids that a key does not have; 0 without tunnels.
    pub ids: u32,
    /// VLANs so far, outermost first.
    pub vlans: Vlans,
    /// The IP header.
    pub reached: L3Start,
}

impl EncapLevel {
    /// Follows the link headers of a frame, from its start or from a layer in it, to the IP header.
    ///
    /// # Errors
    /// As [`link::follow`].
    #[inline(always)]
    pub fn outermost<B: Bytes>(bytes: B, frame: &Frame, layer: &WalkStart) -> Result<Self, Reason> {
        let mut vlans = Vlans::default();
        let reached = link::follow(bytes, frame, layer, &mut vlans)?;
        Ok(Self {
            reached,
            vlans,
            digest: 0,
            ids: 0,
            goes_on: layer.goes_on,
            depth: 0,
        })
    }

    /// Reads the IP header.
    ///
    /// # Errors
    /// As [`ip::parse`].
    #[inline(always)]
    pub fn ip<B: Bytes>(&self, bytes: B, frame: &Frame) -> Result<Ip, Reason> {
        ip::parse(bytes, &self.reached, self.goes_on, frame.segmented)
    }

    /// True if all of an IP packet is in the frame, so that lengths in its transport header can be compared with its
    /// own.
    #[inline(always)]
    #[must_use]
    pub const fn has_whole(&self, frame: &Frame, ip: &Ip) -> bool {
        !(frame.segmented || ip.fragment || ip.jumbo || self.goes_on)
    }

    /// Reads the transport header of anything but a later fragment, behind options and extension headers.
    ///
    /// # Errors
    /// As [`transport::parse`].
    #[inline(always)]
    pub fn transport<B: Bytes>(
        &self,
        bytes: B,
        frame: &Frame,
        ip: &Ip,
    ) -> Result<Transport, Reason> {
        transport::parse(bytes, ip, self.has_whole(frame, ip))
    }

    /// Reads the transport header, and makes the packet.
    ///
    /// # Errors
    /// As [`transport::parse`].
    #[inline(always)]
    pub fn packet<B: Bytes>(&self, bytes: B, frame: &Frame, ip: &Ip) -> Result<Packet, Reason> {
        Ok(Packet::new(self, ip, &self.transport(bytes, frame, ip)?))
    }

    /// As [`KeyTail::encapsulation`](crate::abi::key::KeyTail::encapsulation).
    #[inline(always)]
    #[must_use]
    pub const fn encapsulation(&self) -> u32 {
        self.vlans.deeper ^ self.digest
    }
}
