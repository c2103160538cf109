//! The life of flows as pure state: what was observed of a flow, and the time, give records and the next look.
//!
//! Nothing here has a clock or a descriptor, so captures from a file and from the kernel go the same way.

pub(crate) mod coarse_time;
pub(crate) mod expiry_state;
pub(crate) mod export_state;
pub(crate) mod limits;
pub(crate) mod record;
pub(crate) mod snapshot;
pub(crate) mod timeouts;
pub(crate) mod verdict;

pub use self::timeouts::Timeouts;
