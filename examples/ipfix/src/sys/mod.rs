//! The only system call without a safe wrapper in the crates used here.

mod unsent;

pub(crate) use self::unsent::unacknowledged;
