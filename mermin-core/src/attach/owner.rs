//! Owner of the filters of a process, in a way that ends with it however it ends.
//!
//! An abstract socket address is as wide as the network namespace, like the filters: whoever can see a filter can ask for its
//! owner, from any PID namespace and any container. It needs no file system, and the kernel frees it with the process.

use std::{
    io,
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixDatagram},
    },
};

use crate::sys::apart::Apart;

/// An owner that lives as long as this, and in no child that the process forks.
#[derive(Debug)]
pub(super) struct Owner {
    token: u64,
    _address: Apart,
}

impl Owner {
    /// A new one, in the calling thread's network namespace. None where that is refused: its filters are then nobody's, and
    /// never taken for orphans.
    pub(super) fn new() -> Option<Self> {
        let mut octets = [0; 8];
        rustix::rand::getrandom(&mut octets, rustix::rand::GetRandomFlags::empty()).ok()?;
        Self::succeed(u64::from_ne_bytes(octets))
    }

    pub(super) fn token(&self) -> u64 {
        self.token
    }

    /// Takes the place of an owner that lives no more. None while it does, and in any doubt.
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
            // Its thread ends soon.
            if let Some(heir) = Owner::succeed(token) {
                break heir;
            }
        };
        assert!(Owner::succeed(token).is_none());
        drop(heir);
    }
}
