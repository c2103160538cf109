//! Sources with settings that applications cannot choose.

use crate::{FlowSourceBuilder, bpf::grace::Grace, source::TestHooks};

/// A setting that deviates from the default.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// Do not wait for grace periods. Packets get lost, and tests must detect that.
    NoGrace,
    /// Wait for grace periods with an array of maps, as on hosts without membarrier(2).
    GraceByMap,
    /// Receive buffer of kernel notifications in octets. The kernel has a minimum.
    Notifications(usize),
    /// Ignore the kernel program's hints of new flows, and find them by reading every slot.
    IgnoresHints,
    /// Let so many slots share a bucket of the index, which is 8 of them otherwise: many keys are not in their home.
    Crowded(u32),
    /// Octets of the ring of sections of payloads, a power of two.
    SectionRing(u32),
    /// Octets of a payload in a capture file that names are read from.
    PayloadOctets(usize),
    /// Use another build of the kernel program.
    Object(&'static [u8]),
}

/// Returns the options with a fault.
pub fn with_fault(mut builder: FlowSourceBuilder, fault: Fault) -> FlowSourceBuilder {
    let test_hooks: &mut TestHooks = builder.test_hooks();
    match fault {
        Fault::NoGrace => test_hooks.grace = || Ok(Grace::Skip),
        Fault::GraceByMap => test_hooks.grace = Grace::by_map,
        Fault::Notifications(octets) => test_hooks.notifications = octets,
        Fault::IgnoresHints => test_hooks.ignores_hints = true,
        Fault::Crowded(slots) => test_hooks.slots_a_bucket = slots,
        Fault::SectionRing(octets) => test_hooks.section_ring = octets,
        Fault::PayloadOctets(octets) => test_hooks.payload_octets = octets,
        Fault::Object(object) => test_hooks.object = object,
    }
    builder
}
