//! Foundation of the kernel tests: hosts in network namespaces, traffic between them, and the checks at every test's end.

pub(crate) mod attached;
pub(crate) mod child_process;
pub(crate) mod frame;
pub(crate) mod host;
pub(crate) mod ledger;
pub(crate) mod object;
pub(crate) mod path;
pub(crate) mod process;
pub(crate) mod raw;
pub(crate) mod rights;
pub(crate) mod skip;
pub(crate) mod traffic;
pub(crate) mod wait;
pub(crate) mod watch;
