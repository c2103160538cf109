//! Facts: what this host, kernel and process can do.

pub(crate) mod kernel;
pub(crate) mod privilege;
