//! The kernel's own values of the sockets of TCP flows, read where the kernel program stores them.

use mermin_bpf::abi::tcp_socket::TcpSockets as Stored;

use crate::sys::mapping::Mapping;

/// Those of each slot.
#[derive(Debug)]
pub(crate) struct TcpSockets {
    mapping: Mapping<Stored>,
}

impl TcpSockets {
    pub(super) fn new(mapping: Mapping<Stored>) -> Self {
        Self { mapping }
    }

    /// Reads the values of the flow in a slot. Each is stored whole; two may be of neighbouring packets.
    pub(crate) fn snapshot(&self, slot: u32) -> Stored {
        // SAFETY: within the mapping, aligned; any octets are values.
        unsafe { self.mapping.at(slot as usize).read_volatile() }
    }

    /// Empties the values of a slot that no packet is counted in any more. Pages of flows without a local socket stay untouched.
    pub(super) fn scrub(&self, slot: u32) {
        let at = self.mapping.at(slot as usize);
        // SAFETY: after the grace period no program writes it.
        unsafe {
            if at.read_volatile() != Stored::default() {
                at.write_volatile(Stored::default());
            }
        }
    }
}
