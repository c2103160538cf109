//! Properties of a frame besides its bytes.

/// Properties of a frame besides its bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// Octets on the wire, or of the whole super-packet; at least the number of bytes in memory.
    pub length: u32,
    /// One of [`link`](crate::abi::ledger::link).
    pub link: u8,
    /// Tag control information of a VLAN tag that is not in the bytes (stripped by hardware), if there was one.
    pub stripped_vlan: Option<u16>,
    /// Stands for several segments (GSO, GRO): transport lengths may be those of one.
    pub segmented: bool,
}
