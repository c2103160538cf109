//! Capabilities and features of this host, kernel and process.

pub(crate) mod bpffs;
pub(crate) mod kernel;
pub(crate) mod memory;
pub(crate) mod privilege;
pub(crate) mod unavailable;
