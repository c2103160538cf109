//! The life of flows as pure state: what was observed of a flow, and the time, give records and the next look.
//!
//! Nothing here has a clock or a descriptor, so captures from a file and from the kernel go the same way.

pub(crate) mod entry;
pub(crate) mod glance;
pub(crate) mod limits;
pub(crate) mod moment;
pub(crate) mod observation;
pub(crate) mod record;
pub(crate) mod timeouts;
pub(crate) mod verdict;

pub use self::timeouts::Timeouts;
