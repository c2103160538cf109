//! Notifications of a network namespace.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
};

use netlink_sys::{Socket, protocols::NETLINK_ROUTE};
use rustix::net::sockopt;

use super::{messages, receive};

/// The error of a socket whose receive buffer is full: notifications were lost.
const LOST: i32 = libc::ENOBUFS;

/// A socket that receives notifications of the network namespace it was made in.
pub(crate) struct Monitor {
    socket: Socket,
}

impl Monitor {
    /// Subscribes to a multicast group, and receives its notifications from this moment on. Requests a receive buffer
    /// of `room` octets. Without `CAP_NET_ADMIN`, the host's limit applies (`net.core.rmem_max`).
    pub(crate) fn open(group: u32, room: usize) -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.set_non_blocking(true)?;
        if sockopt::set_socket_recv_buffer_size_force(&socket, room).is_err() {
            sockopt::set_socket_recv_buffer_size(&socket, room)?;
        }
        socket.bind_auto()?;
        socket.add_membership(group)?;
        Ok(Self { socket })
    }

    /// Subscribes to another group.
    pub(crate) fn join(&self, group: u32) -> io::Result<()> {
        self.socket.add_membership(group)
    }

    /// Reads one datagram, if one waits, and passes its messages to `take` (type, payload).
    ///
    /// # Errors
    /// ENOBUFS if notifications were [lost](is_loss): the caller has to query the state that they reported. Later
    /// notifications can still be read.
    pub(crate) fn read(
        &self,
        buffer: &mut Vec<u8>,
        mut take: impl FnMut(u16, &[u8]),
    ) -> io::Result<bool> {
        match receive(&self.socket, buffer) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
        for message in messages(buffer) {
            let message = message?;
            take(message.message_type(), message.payload());
        }
        Ok(true)
    }
}

impl AsFd for Monitor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// True if an error says that notifications were lost.
pub(crate) fn is_loss(error: &io::Error) -> bool {
    error.raw_os_error() == Some(LOST)
}
