//! A netlink socket for one request and one answer at a time, each in one datagram.

use std::{io, os::fd::AsFd as _, time::Duration};

use netlink_packet_core::NetlinkBuffer;
use netlink_sys::{Socket, SocketAddr};
use rustix::net::sockopt::{Timeout, set_socket_timeout};

/// The kernel answers at once. A missing answer must not block the thread.
const PATIENCE: Duration = Duration::from_secs(1);

/// A socket of the network namespace in which it was opened.
pub(crate) struct Questions {
    socket: Socket,
    answer: Vec<u8>,
    /// Sequence number of the latest request and of its answer.
    sequence: u32,
}

impl Questions {
    /// Opens the calling thread's network namespace, for a protocol of netlink and answers of at most this many octets.
    ///
    /// # Errors
    /// The kernel's.
    pub(crate) fn open(protocol: isize, most: usize) -> io::Result<Self> {
        let socket = Socket::new(protocol)?;
        socket.connect(&SocketAddr::new(0, 0))?;
        set_socket_timeout(socket.as_fd(), Timeout::Recv, Some(PATIENCE))?;
        Ok(Self {
            socket,
            answer: Vec::with_capacity(most),
            sequence: 0,
        })
    }

    /// Sends the request that `request` makes with its sequence number.
    ///
    /// # Errors
    /// The kernel's.
    pub(crate) fn send(&mut self, request: impl FnOnce(u32) -> Vec<u8>) -> io::Result<()> {
        self.sequence = self.sequence.wrapping_add(1);
        self.socket.send(&request(self.sequence), 0).map(drop)
    }

    /// Receives what `read` finds in the answer to the latest request. `read` gets the datagram and the request's sequence number.
    ///
    /// # Errors
    /// The kernel's, also without an answer for a second; those of `read`.
    pub(crate) fn receive<T>(
        &mut self,
        read: impl Fn(&[u8], u32) -> Option<io::Result<T>>,
    ) -> io::Result<T> {
        loop {
            self.answer.clear();
            self.socket.recv(&mut self.answer, 0)?;
            // A late answer to an earlier request may arrive first.
            if let Some(read) = read(&self.answer, self.sequence) {
                return read;
            }
        }
    }
}

/// Returns true if a datagram answers the request with this number.
pub(crate) fn is_answer(datagram: &[u8], sequence: u32) -> bool {
    NetlinkBuffer::new_checked(datagram).is_ok_and(|message| message.sequence_number() == sequence)
}
