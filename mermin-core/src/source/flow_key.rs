//! Facts that tell flows apart.

use mermin_bpf::wire::tunnel::Keyed;

/// Facts that tell flows of the same interface, protocol, addresses and ports apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FlowKey {
    /// The way their packets took as well: VLANs, and the tunnels around with their ids and outer ends.
    #[default]
    Full,
    /// Nothing more. Where the two directions of a conversation take different ways (a VXLAN network, a segment list of `SRv6` or
    /// a VLAN for each), they are one flow all the same. Packets of networks that use the same addresses, which VLANs or tunnel
    /// ids keep apart, are then in one flow, too; [`Flow::several`](crate::Flow::several) says so.
    Endpoints,
}

impl FlowKey {
    pub(crate) const fn keyed(self) -> Keyed {
        match self {
            Self::Full => Keyed::Way,
            Self::Endpoints => Keyed::Endpoints,
        }
    }
}
