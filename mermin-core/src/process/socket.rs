//! One socket of a network namespace, by its ends: `sock_diag(7)`. The kernel's own look-up of a packet's receiver answers.

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

/// The kernel answers at once; one that does not must not keep the thread.
const PATIENCE: Duration = Duration::from_secs(1);
const HEADER: usize = 16;

/// A socket that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OpenSocket {
    /// Of the socket file system: what `/proc/<pid>/fd` shows.
    pub(super) inode: u32,
    /// Its own address; none where it is bound to all.
    pub(super) bound: Option<IpAddr>,
}

/// Asks for sockets of the network namespace that it was made in.
pub(super) struct Sockets {
    socket: Socket,
    buffer: Vec<u8>,
    /// Number of the latest request, which its answer has too.
    sequence: u32,
}

impl Sockets {
    /// Of the calling thread's network namespace.
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

    /// The socket of one end of a flow, if somebody has it open: connected to the other end, or of UDP bound to the port.
    pub(super) fn find(
        &mut self,
        protocol: Protocol,
        own: SocketAddr,
        other: SocketAddr,
    ) -> io::Result<Option<OpenSocket>> {
        let answer = self.ask(protocol, own, other)?;
        Ok(answer.and_then(|header| open(&header, protocol)))
    }

    /// True if a socket waits at this address and port for whoever sends: of TCP one that listens, of UDP one that is not connected.
    pub(super) fn is_listening(&mut self, protocol: Protocol, own: SocketAddr) -> io::Result<bool> {
        // No connection has such an end, so that the kernel finds none before the listener.
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

    /// The socket that the kernel gives a packet to that `other` sends to `own`; none where there is no such socket.
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
            // The answer to a request whose time was over can come before this one's.
            if is_answer(&self.buffer, self.sequence) {
                return Ok(read(&self.buffer));
            }
        }
    }

    fn send(&mut self, protocol: Protocol, own: SocketAddr, other: SocketAddr) -> io::Result<()> {
        // Of UDP the kernel looks for the receiver of a datagram that the first address sent (udp_dump_one).
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
                // No cookie is asked for.
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

/// True for a message that answers the request of this number.
fn is_answer(datagram: &[u8], sequence: u32) -> bool {
    NetlinkBuffer::new_checked(datagram).is_ok_and(|message| message.sequence_number() == sequence)
}

/// The answer, unless it is a refusal: nobody has such a socket.
fn read(datagram: &[u8]) -> Option<InetResponseHeader> {
    let message = NetlinkBuffer::new_checked(datagram).ok()?;
    if message.message_type() != SOCK_DIAG_BY_FAMILY {
        return None;
    }
    InetResponseHeader::parse(datagram.get(HEADER..)?).ok()
}

/// A socket that listens is nobody's end of this connection, and one without an inode is closed (`TIME_WAIT`).
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
    fn an_answer_that_nobody_read_is_not_the_next_ones() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = listener.local_addr().unwrap();
        let nobody = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
        let mut sockets = Sockets::open().unwrap();
        sockets.send(Protocol::TCP, own, nobody).unwrap();
        drop(listener);
        assert!(!sockets.is_listening(Protocol::TCP, own).unwrap());
    }
}
