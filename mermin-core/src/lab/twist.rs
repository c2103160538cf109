//! Sources that work otherwise than applications may choose.

use crate::{FlowSourceBuilder, bpf::grace::Grace, source::TestHooks};

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
    let test_hooks: &mut TestHooks = builder.test_hooks();
    match twist {
        Twist::NoGrace => test_hooks.grace = || Ok(Grace::Skip),
        Twist::GraceByMap => test_hooks.grace = Grace::by_map,
        Twist::Notifications(octets) => test_hooks.notifications = octets,
        Twist::Deaf => test_hooks.deaf = true,
        Twist::Object(object) => test_hooks.object = object,
    }
    builder
}
