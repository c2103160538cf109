//! Capabilities of the calling thread. The kernel has them for each thread, and a new thread has those of the one that starts
//! it.

use std::io;

use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set, set_capabilities,
};

/// Gives up all capabilities of the calling thread except these, for good.
///
/// # Errors
/// The kernel's; giving up takes no privilege.
pub(crate) fn keep_only(kept: CapabilitySet) -> io::Result<()> {
    let now = capabilities(None)?;
    clear_ambient_capability_set()?;
    set_capabilities(
        None,
        CapabilitySets {
            effective: now.effective & kept,
            permitted: now.permitted & kept,
            inheritable: CapabilitySet::empty(),
        },
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_given_up_by_one_thread_for_good() {
        let before = capabilities(None).unwrap();
        let left = std::thread::spawn(|| {
            keep_only(CapabilitySet::NET_ADMIN).unwrap();
            let left = capabilities(None).unwrap();
            keep_only(CapabilitySet::all()).unwrap();
            assert_eq!(capabilities(None).unwrap(), left);
            left
        });
        let left = left.join().unwrap();
        assert_eq!(left.permitted, before.permitted & CapabilitySet::NET_ADMIN);
        assert_eq!(left.inheritable, CapabilitySet::empty());
        assert_eq!(capabilities(None).unwrap(), before);
    }
}
