//! Attributes of the other side of an address translation.

use super::{name::Name, visitor::Visit};
use crate::flow::{Endpoint, Nat};

pub(super) static SEEN: Name = Name::new("flow.nat.seen");

/// Names of the attributes of one end.
pub(super) struct NatNames {
    pub(super) address: Name,
    pub(super) port: Name,
}

pub(super) static SOURCE: NatNames = NatNames {
    address: Name::new("source.nat.address"),
    port: Name::new("source.nat.port"),
};

pub(super) static DESTINATION: NatNames = NatNames {
    address: Name::new("destination.nat.address"),
    port: Name::new("destination.nat.port"),
};

/// Visits the attributes of a translation.
pub(super) fn give<'a>(visit: &mut impl Visit<'a>, nat: &Nat) {
    visit.word(&SEEN, nat.seen.as_str());
    for (names, end) in [(&SOURCE, nat.source), (&DESTINATION, nat.destination)] {
        if let Some(Endpoint { address, port }) = end {
            visit.address(&names.address, address);
            if let Some(port) = port {
                visit.number(&names.port, port.into());
            }
        }
    }
}
