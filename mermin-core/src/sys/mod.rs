//! System calls, and instructions for which Rust has no safe call. The only unsafe code of this crate is here and in `bpf/`. Errors
//! are the kernel's, as [`std::io::Error`].

pub(crate) mod apart;
pub(crate) mod bpf;
mod bpf_call;
pub(crate) mod bpf_link;
pub(crate) mod bpf_load;
pub(crate) mod bpf_pin;
pub(crate) mod bpf_program;
pub(crate) mod bpf_stand_in;
#[cfg(feature = "__lab")]
pub(crate) mod bpf_trial;
pub(crate) mod capabilities;
pub(crate) mod cgroup;
pub(crate) mod mapping;
pub(crate) mod membarrier;
pub(crate) mod netlink;
pub(crate) mod netns;
pub(crate) mod netns_cookie;
pub(crate) mod prefetch;
pub(crate) mod process_mark;
pub(crate) mod ring;
pub(crate) mod sha1;
mod signals;
pub(crate) mod wake_ups;
