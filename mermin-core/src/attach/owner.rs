//! Ownership of a process's filters. It ends with the process, however the process ends.
//!
//! An abstract socket address exists per network namespace, like the filters. A process that can see a filter can
//! also check its owner, from any PID namespace and any container. It needs no file system, and the kernel frees it
//! with the process.

use std::{
    io,
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixDatagram},
    },
};

use crate::sys::apart::Apart;

/// Ownership that lasts as long as this value. Forked children have no part in it.
#[derive(Debug)]
pub(super) struct Owner {
    token: u64,
    _address: Apart,
}

impl Owner {
    /// Creates an owner in the calling thread's network namespace. `None` if that is refused: the filters then have
    /// no owner, and are never treated as orphans.
    pub(super) fn new() -> Option<Self> {
        let mut octets = [0; 8];
        rustix::rand::getrandom(&mut octets, rustix::rand::GetRandomFlags::empty()).ok()?;
        Self::succeed(u64::from_ne_bytes(octets))
    }

    pub(super) fn token(&self) -> u64 {
        self.token
    }

    /// Takes the address of a dead owner. `None` if the owner is alive or the result is uncertain.
    pub(super) fn succeed(token: u64) -> Option<Self> {
        let address = Apart::keep("mermin-owner", move || bind(token)).ok()?;
        Some(Self {
            token,
            _address: address,
        })
    }
}

fn bind(token: u64) -> io::Result<UnixDatagram> {
    let name = format!("mermin/owner/{token:016x}");
    UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(name)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instance_is_taken_over_only_after_its_owner_ended() {
        let owner = Owner::new().unwrap();
        let token = owner.token();
        assert!(Owner::succeed(token).is_none());
        drop(owner);
        let heir = loop {
            // The thread that holds it ends soon.
            if let Some(heir) = Owner::succeed(token) {
                break heir;
            }
        };
        assert!(Owner::succeed(token).is_none());
        drop(heir);
    }
}
