//! Finds a socket of a network namespace by its endpoints, with `sock_diag(7)`. The kernel uses the lookup that finds
//! the receiver of a packet.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::AsFd,
    time::Duration,
};

use netlink_packet_core::{NLM_F_REQUEST, NetlinkBuffer, NetlinkMessage, Parseable as _};
use netlink_packet_sock_diag::{
    AF_INET, AF_INET6, SOCK_DIAG_BY_FAMILY, SockDiagMessage, TCP_LISTEN,
    inet::{ExtensionFlags, InetRequest, InetResponseHeader, SocketId, StateFlags},
};
use netlink_sys::{Socket, SocketAddr as Port, protocols::NETLINK_SOCK_DIAG};
use rustix::net::sockopt::{Timeout, set_socket_timeout};

use crate::flow::Protocol;

/// The kernel answers at once. A missing answer must not block the thread.
const PATIENCE: Duration = Duration::from_secs(1);
const HEADER: usize = 16;

/// A socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OpenSocket {
    /// Inode in the socket file system, as in `/proc/<pid>/fd`.
    pub(super) inode: u32,
    /// Its local address; `None` if it is bound to all addresses.
    pub(super) bound: Option<IpAddr>,
}

/// Finds sockets of the network namespace that it was opened in.
pub(super) struct Sockets {
    socket: Socket,
    buffer: Vec<u8>,
    /// Sequence number of the latest request and of its answer.
    sequence: u32,
}

impl Sockets {
    /// Opens the calling thread's network namespace.
    pub(super) fn open() -> io::Result<Self> {
        let socket = Socket::new(NETLINK_SOCK_DIAG)?;
        socket.connect(&Port::new(0, 0))?;
        set_socket_timeout(socket.as_fd(), Timeout::Recv, Some(PATIENCE))?;
        Ok(Self {
            socket,
            buffer: Vec::with_capacity(1024),
            sequence: 0,
        })
    }

    /// Returns the socket on one side of a flow, if a process has it open: connected to the other side, or a UDP
    /// socket bound to the port.
    pub(super) fn find(
        &mut self,
        protocol: Protocol,
        own: SocketAddr,
        other: SocketAddr,
    ) -> io::Result<Option<OpenSocket>> {
        let answer = self.ask(protocol, own, other)?;
        Ok(answer.and_then(|header| open(&header, protocol)))
    }

    /// Returns true if a socket at this address and port accepts packets from any sender: a TCP listener, or an
    /// unconnected UDP socket.
    pub(super) fn is_listening(&mut self, protocol: Protocol, own: SocketAddr) -> io::Result<bool> {
        // No connection has this peer, so the kernel finds the listener and no connected socket.
        let nobody = if own.is_ipv4() {
            SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0)
        } else {
            SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), 0)
        };
        let answer = self.ask(protocol, own, nobody)?;
        Ok(answer.is_some_and(|header| {
            header.socket_id.destination_port == 0
                && (protocol != Protocol::TCP || header.state == TCP_LISTEN)
        }))
    }

    /// Returns the socket that would receive a packet from `other` to `own`, if there is one.
    fn ask(
        &mut self,
        protocol: Protocol,
        own: SocketAddr,
        other: SocketAddr,
    ) -> io::Result<Option<InetResponseHeader>> {
        self.send(protocol, own, other)?;
        loop {
            self.buffer.clear();
            self.socket.recv(&mut self.buffer, 0)?;
            // A late answer to an earlier request may arrive first.
            if is_answer(&self.buffer, self.sequence) {
                return Ok(read(&self.buffer));
            }
        }
    }

    fn send(&mut self, protocol: Protocol, own: SocketAddr, other: SocketAddr) -> io::Result<()> {
        // For UDP, the kernel finds the receiver of a datagram sent by the first address (udp_dump_one).
        let [first, second] = if protocol == Protocol::TCP {
            [own, other]
        } else {
            [other, own]
        };
        let request = InetRequest {
            family: if own.is_ipv4() { AF_INET } else { AF_INET6 },
            protocol: protocol.0,
            extensions: ExtensionFlags::empty(),
            states: StateFlags::all(),
            socket_id: SocketId {
                source_port: first.port(),
                destination_port: second.port(),
                source_address: first.ip(),
                destination_address: second.ip(),
                interface_id: 0,
                // The value that means any cookie.
                cookie: [0xff; 8],
            },
        };
        let mut message = NetlinkMessage::from(SockDiagMessage::InetRequest(request));
        message.header.flags = NLM_F_REQUEST;
        self.sequence = self.sequence.wrapping_add(1);
        message.header.sequence_number = self.sequence;
        message.finalize();
        let mut octets = vec![0; message.buffer_len()];
        message.serialize(&mut octets);
        self.socket.send(&octets, 0).map(drop)
    }
}

/// Returns true if a message answers the request with this number.
fn is_answer(datagram: &[u8], sequence: u32) -> bool {
    NetlinkBuffer::new_checked(datagram).is_ok_and(|message| message.sequence_number() == sequence)
}

/// Parses the answer. `None` if it is an error: there is no such socket.
fn read(datagram: &[u8]) -> Option<InetResponseHeader> {
    let message = NetlinkBuffer::new_checked(datagram).ok()?;
    if message.message_type() != SOCK_DIAG_BY_FAMILY {
        return None;
    }
    InetResponseHeader::parse(datagram.get(HEADER..)?).ok()
}

/// Returns the socket, unless it listens (then it is no side of this connection) or has no inode (then it is in
/// `TIME_WAIT`).
fn open(header: &InetResponseHeader, protocol: Protocol) -> Option<OpenSocket> {
    let listens = protocol == Protocol::TCP && header.state == TCP_LISTEN;
    (header.inode != 0 && !listens).then(|| {
        let bound = header.socket_id.source_address;
        OpenSocket {
            inode: header.inode,
            bound: (!bound.is_unspecified()).then_some(bound),
        }
    })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn unread_reply_is_not_taken_for_the_next_request() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = listener.local_addr().unwrap();
        let nobody = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
        let mut sockets = Sockets::open().unwrap();
        sockets.send(Protocol::TCP, own, nobody).unwrap();
        drop(listener);
        assert!(!sockets.is_listening(Protocol::TCP, own).unwrap());
    }
}
