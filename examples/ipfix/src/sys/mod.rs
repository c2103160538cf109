//! The one system call that no crate here has a safe name for.

mod unsent;

pub(crate) use self::unsent::unacknowledged;
