//! Flows added up, and sent by time.

mod reporter;
mod sums;

pub(crate) use self::reporter::Reporter;
