//! Finds the other side of a flow whose addresses the watched host translates: connection tracking, asked by netlink
//! (`ctnetlink`).
//!
//! A TC hook sees a packet either before or behind its translation. An entry of connection tracking has two tuples: that of a
//! packet before its translation, and that of a reply before the reply's translation. A flow that is seen before the translation
//! has one of these tuples. A flow that is seen behind the translation has the reverse of one of them. The tuple that matches
//! leads to the entry's other tuple, and so to the addresses on the other side.
//!
//! **One request per flow, not events.** The thread of look-ups asks for the entry of each new flow by the flow's tuple. If there
//! is no such entry, it asks a second time, by the reverse of that tuple. The alternative, a dump at the start and events from
//! then on, was rejected:
//!
//! * A listener for events makes the kernel allocate memory for the events of each new entry, in the path of its first packet
//!   (`net.netfilter.nf_conntrack_events` 2, the default). A request costs that path nothing, and the
//!   thread 6 to 9 us of processor time (Linux 6.18, measured from Python).
//! * Entries older than the first listener never have events, so they need requests in any case.
//! * Events come for all connections of the host, also for those that no watched interface sees, and are lost if the buffer is
//!   full. A request that fails concerns one flow.
//!
//! The kernel makes the entry when the first packet passes the host, which is before or shortly after the source reads the flow. So
//! the thread asks once more, a second later, if there was no entry. It keeps what it found: entries expire earlier than some flows.
//!
//! **The watched namespace only.** A flow is seen at interfaces of this namespace, and other namespaces may use the same
//! addresses for other flows.
//!
//! **Zone 0 only.** A request that names no zone is answered from zone 0. Connections in different zones may have the same addresses, so
//! an entry of another zone may belong to another flow.

mod conntrack;
mod message;
mod translation;
mod tuple;

use std::io;

pub(crate) use self::{
    conntrack::Conntrack,
    translation::Tracked,
    tuple::{Query, Tuple},
};
use crate::report::{Degradation, Feature};

/// Returns the degradation for a host whose connection tracking cannot be read.
pub(crate) fn unavailable(error: &io::Error) -> Degradation {
    let (cause, remedy) = match error.raw_os_error() {
        Some(libc::EPERM) => (
            "CAP_NET_ADMIN is missing".into(),
            "grant CAP_NET_ADMIN".into(),
        ),
        // The kernel knows no subsystem of this number, or no netlink of netfilter at all.
        Some(libc::EINVAL | libc::EPROTONOSUPPORT | libc::EOPNOTSUPP) => (
            "the kernel module `nf_conntrack_netlink` is missing".into(),
            "type `modprobe nf_conntrack_netlink`".into(),
        ),
        _ => (
            format!("connection tracking cannot be read ({error})"),
            "leave `nat` off, or open the source again".to_owned(),
        ),
    };
    Degradation::new(
        Feature::Nat,
        cause,
        "translations of addresses are not looked up",
        "flows have only the addresses that they have at their interface",
        remedy,
    )
}

/// Returns the degradation that the calling thread's network namespace would have.
pub(crate) fn degradation() -> Option<Degradation> {
    Conntrack::open().err().map(|error| unavailable(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusal_has_its_cause_and_a_remedy() {
        for (errno, cause, remedy) in [
            (
                libc::EPERM,
                "CAP_NET_ADMIN is missing",
                "grant CAP_NET_ADMIN",
            ),
            (
                libc::EINVAL,
                "the kernel module `nf_conntrack_netlink` is missing",
                "type `modprobe nf_conntrack_netlink`",
            ),
            (
                libc::EPROTONOSUPPORT,
                "the kernel module `nf_conntrack_netlink` is missing",
                "type `modprobe nf_conntrack_netlink`",
            ),
            (
                libc::ENOBUFS,
                "connection tracking cannot be read (No buffer space available (os error 105))",
                "leave `nat` off, or open the source again",
            ),
        ] {
            let row = unavailable(&io::Error::from_raw_os_error(errno));
            assert_eq!(row.feature, Feature::Nat);
            assert_eq!((&*row.cause, &*row.remedy), (cause, remedy));
        }
    }
}
