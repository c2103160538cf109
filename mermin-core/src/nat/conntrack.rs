//! Asks the connection tracking of a network namespace, by netlink.

use std::{io, net::Ipv4Addr, os::fd::AsFd as _, time::Duration};

use netlink_sys::{Socket, SocketAddr as Port, protocols::NETLINK_NETFILTER};
use rustix::net::sockopt::{Timeout, set_socket_timeout};

use super::{
    message::{self, Entry},
    translation::{Tracked, translation},
    tuple::Tuple,
};
use crate::flow::{Endpoint, Protocol};

/// The kernel answers at once. A missing answer must not block the thread.
const PATIENCE: Duration = Duration::from_secs(1);
/// Octets of the largest answer and more: an entry with a label, a helper and time stamps has some 400.
const BUFFER: usize = 8192;

/// The connection tracking of the network namespace that it was opened in.
pub(crate) struct Conntrack {
    socket: Socket,
    buffer: Vec<u8>,
    /// Sequence number of the latest request and of its answer.
    sequence: u32,
}

impl Conntrack {
    /// Opens the calling thread's network namespace.
    ///
    /// # Errors
    /// The kernel's, also if it refuses an entry: EPERM without `CAP_NET_ADMIN`, EINVAL without the module
    /// `nf_conntrack_netlink`, which this call loads if it can.
    pub(crate) fn open() -> io::Result<Self> {
        let socket = Socket::new(NETLINK_NETFILTER)?;
        socket.connect(&Port::new(0, 0))?;
        set_socket_timeout(socket.as_fd(), Timeout::Recv, Some(PATIENCE))?;
        let mut opened = Self {
            socket,
            buffer: Vec::with_capacity(BUFFER),
            sequence: 0,
        };
        let nobody = Endpoint::new(Ipv4Addr::UNSPECIFIED, 0);
        if let Some(tuple) = Tuple::with_ports(Protocol::UDP, nobody, nobody) {
            opened.entry(&tuple)?;
        }
        Ok(opened)
    }

    /// Looks for the translation of a flow.
    ///
    /// # Errors
    /// The kernel's.
    pub(crate) fn find(&mut self, flow: &Tuple) -> io::Result<Tracked> {
        translation(flow, |tuple| self.entry(tuple))
    }

    /// Returns the entry with a tuple, in either of its directions.
    fn entry(&mut self, tuple: &Tuple) -> io::Result<Option<Entry>> {
        self.sequence = self.sequence.wrapping_add(1);
        let request = message::request(tuple, self.sequence);
        self.socket.send(&request, 0)?;
        loop {
            self.buffer.clear();
            self.socket.recv(&mut self.buffer, 0)?;
            // A late answer to an earlier request may arrive first.
            if let Some(answer) = message::read(&self.buffer, self.sequence) {
                return answer;
            }
        }
    }
}
