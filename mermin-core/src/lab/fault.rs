//! Sources that work otherwise than applications may choose.

use crate::{FlowSourceBuilder, bpf::grace::Grace, source::TestHooks};

/// Deviation from the usual.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// Grace periods are not waited for: packets get lost, which tests must see.
    NoGrace,
    /// Grace periods are waited for by an array of maps, as where membarrier(2) is not offered.
    GraceByMap,
    /// Octets of the kernel's notifications that may wait; the kernel has a least of its own.
    Notifications(usize),
    /// The kernel program's hints of where flows began are ignored: they are found by looking everywhere.
    IgnoresHints,
    /// Another build of the kernel program.
    Object(&'static [u8]),
}

/// Options with a fault.
pub fn with_fault(mut builder: FlowSourceBuilder, fault: Fault) -> FlowSourceBuilder {
    let test_hooks: &mut TestHooks = builder.test_hooks();
    match fault {
        Fault::NoGrace => test_hooks.grace = || Ok(Grace::Skip),
        Fault::GraceByMap => test_hooks.grace = Grace::by_map,
        Fault::Notifications(octets) => test_hooks.notifications = octets,
        Fault::IgnoresHints => test_hooks.ignores_hints = true,
        Fault::Object(object) => test_hooks.object = object,
    }
    builder
}
