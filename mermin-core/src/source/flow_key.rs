//! Options of the flow key.

use mermin_bpf::wire::tunnel::Keyed;

/// Parts of the flow key besides interface, protocol, addresses and ports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FlowKey {
    /// VLANs, and tunnels with their ids and outer endpoints.
    #[default]
    Full,
    /// Nothing more. The two directions of a conversation are one flow even if they take different paths (a VXLAN network, a
    /// segment list of `SRv6` or a VLAN each). So are packets of networks that use the same addresses and are separated only by
    /// VLANs or tunnel ids; [`Flow::several`](crate::Flow::several) then has the flag.
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
