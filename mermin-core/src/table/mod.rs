//! The life of a flow as pure functions: a snapshot and the time give records and the next due time.
//!
//! Nothing here has a clock or a descriptor, so flows of capture files and of the kernel share this code.

pub(crate) mod coarse_time;
pub(crate) mod drops;
pub(crate) mod expiry_state;
pub(crate) mod export_state;
pub(crate) mod limits;
pub(crate) mod record;
pub(crate) mod sampling;
pub(crate) mod snapshot;
pub(crate) mod tcp_analysis;
pub(crate) mod tcp_sockets;
pub(crate) mod timeouts;
pub(crate) mod verdict;

pub use self::timeouts::Timeouts;
