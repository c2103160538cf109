//! Sources that work otherwise than applications may choose.

use crate::{FlowSourceBuilder, bpf::grace::Grace, source::Workings};

/// Deviation from the usual.
#[derive(Clone, Copy, Debug)]
pub enum Twist {
    /// Grace periods are not waited for: packets get lost, which tests must see.
    NoGrace,
    /// Grace periods are waited for by an array of maps, as where membarrier(2) is not offered.
    GraceByMap,
    /// Octets of the kernel's notifications that may wait; the kernel has a least of its own.
    Notifications(usize),
    /// The kernel program's hints of where flows began are ignored: they are found by looking everywhere.
    Deaf,
    /// Another build of the kernel program.
    Object(&'static [u8]),
}

/// Options with a twist.
pub fn twisted(mut builder: FlowSourceBuilder, twist: Twist) -> FlowSourceBuilder {
    let workings: &mut Workings = builder.workings();
    match twist {
        Twist::NoGrace => workings.grace = || Ok(Grace::Skip),
        Twist::GraceByMap => workings.grace = Grace::by_map,
        Twist::Notifications(octets) => workings.notifications = octets,
        Twist::Deaf => workings.deaf = true,
        Twist::Object(object) => workings.object = object,
    }
    builder
}
