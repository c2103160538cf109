//! The user of a process: `nobody`, with single capabilities.

use rustix::{
    process::{DumpableBehavior, Gid, Uid, set_dumpable_behavior},
    thread::{
        CapabilitySet, CapabilitySets, configure_capability_in_ambient_set, set_capabilities,
        set_keep_capabilities, set_thread_groups, set_thread_res_gid, set_thread_res_uid,
    },
};

/// On every distribution.
pub(crate) const NOBODY: u32 = 65_534;

/// Makes the calling thread, and the processes it starts, a user that is not root and has these capabilities alone.
pub(crate) fn become_nobody(capabilities: CapabilitySet) {
    let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
    set_keep_capabilities(true).unwrap();
    set_thread_groups(&[]).unwrap();
    set_thread_res_gid(group, group, group).unwrap();
    set_thread_res_uid(user, user, user).unwrap();
    // The kernel clears this for the whole process when one of its threads changes its user.
    set_dumpable_behavior(DumpableBehavior::Dumpable).unwrap();
    let sets = CapabilitySets {
        effective: capabilities,
        permitted: capabilities,
        inheritable: capabilities,
    };
    set_capabilities(None, sets).unwrap();
    for capability in capabilities.iter() {
        configure_capability_in_ambient_set(capability, true).unwrap();
    }
}
