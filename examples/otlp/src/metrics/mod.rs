//! Sums of flows, sent periodically.

mod reporter;
mod sums;

pub(crate) use self::reporter::Reporter;
