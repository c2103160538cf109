//! Options of the flow key.

use mermin_bpf::wire::tunnel::Keyed;

/// Fields of the flow key besides interface, protocol, addresses and ports.
///
/// ```
/// use mermin_core::{FlowKey, FlowSource};
///
/// // A conversation whose directions use different VLANs is one flow.
/// let source = FlowSource::builder().flow_key(FlowKey::Endpoints);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FlowKey {
    /// VLANs, and tunnels with their ids and outer endpoints.
    #[default]
    Full,
    /// No further field. The two directions of a conversation are one flow even if they take different paths, for
    /// example different VXLAN networks, VLANs or segment lists of `SRv6`. Networks that use the same addresses and
    /// differ only in VLANs or tunnel ids share flows; [`Flow::several`](crate::Flow::several) says so.
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
