//! A hook: one direction of one interface.

use std::{fmt, io};

use mermin_bpf::abi::ledger::HookDirection;

use crate::{
    error::{Error, ErrorKind},
    iface::Interface,
    sys::netlink::errno,
};

/// Returns the hooks of an interface that see each of its packets once. Loopback also receives every packet that it
/// sends, so it has one hook.
pub(crate) fn directions(interface: &Interface) -> &'static [HookDirection] {
    if interface.loopback {
        &[HookDirection::Ingress]
    } else {
        &[HookDirection::Ingress, HookDirection::Egress]
    }
}

/// One direction of one interface.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hook<'a> {
    pub(super) interface: &'a Interface,
    pub(super) direction: HookDirection,
}

impl Hook<'_> {
    pub(super) fn index(&self) -> u32 {
        self.interface.index
    }

    /// Converts the kernel's refusal into an error for operators; `cannot` names the action.
    pub(super) fn refused(&self, cannot: &str, capabilities: &str, error: io::Error) -> Error {
        let message = format!("cannot {cannot} {self}");
        match errno(&error) {
            Some(libc::EPERM | libc::EACCES) => Error::new(ErrorKind::PermissionDenied, message).with_remedy(format!(
                "run as root, or give the process {capabilities} in the user namespace that owns the network namespace"
            )),
            Some(libc::ENODEV) => Error::new(ErrorKind::NoInterface, message)
                .with_remedy("the interface has gone meanwhile; see `ip link` for those there are"),
            Some(libc::ENOMEM | libc::ENOBUFS | libc::EMFILE | libc::ENFILE) => {
                Error::new(ErrorKind::Exhausted, message)
            }
            _ => Error::new(ErrorKind::System, message),
        }
        .with_source(error)
    }
}

impl fmt::Display for Hook<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the {} of `{}`",
            word(self.direction),
            self.interface.name
        )
    }
}

/// Returns the name of a direction in tc(8).
pub(crate) fn word(direction: HookDirection) -> &'static str {
    match direction {
        HookDirection::Ingress => "ingress",
        HookDirection::Egress => "egress",
    }
}

#[cfg(test)]
pub(super) fn example() -> Interface {
    crate::iface::example(7, "eth0", true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_has_one_hook() {
        let mut interface = example();
        assert_eq!(
            directions(&interface),
            [HookDirection::Ingress, HookDirection::Egress]
        );
        interface.loopback = true;
        assert_eq!(directions(&interface), [HookDirection::Ingress]);
    }

    #[test]
    fn refusals_map_to_error_kinds() {
        let interface = example();
        let hook = Hook {
            interface: &interface,
            direction: HookDirection::Egress,
        };
        for (errno, kind) in [
            (libc::EPERM, ErrorKind::PermissionDenied),
            (libc::EACCES, ErrorKind::PermissionDenied),
            (libc::ENODEV, ErrorKind::NoInterface),
            (libc::ENOMEM, ErrorKind::Exhausted),
            (libc::EINVAL, ErrorKind::System),
        ] {
            let error = hook.refused(
                "attach to",
                "CAP_NET_ADMIN",
                io::Error::from_raw_os_error(errno),
            );
            assert_eq!(error.kind(), kind);
            assert_eq!(error.to_string(), "cannot attach to the egress of `eth0`");
        }
        let denied = hook.refused(
            "attach to",
            "CAP_NET_ADMIN",
            io::Error::from_raw_os_error(libc::EPERM),
        );
        assert!(denied.remedy().unwrap().contains("CAP_NET_ADMIN"));
    }
}
