//! Finds a socket of a network namespace by its endpoints, with `sock_diag(7)`. The kernel uses the look-up that finds
//! the receiver of a packet.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_REQUEST, NetlinkBuffer, NetlinkMessage, Parseable as _,
};
use netlink_packet_sock_diag::{
    AF_INET, AF_INET6, SOCK_DIAG_BY_FAMILY, SockDiagMessage, TCP_LISTEN,
    inet::{ExtensionFlags, InetRequest, InetResponseHeader, SocketId, StateFlags},
};
use netlink_sys::protocols::NETLINK_SOCK_DIAG;

use crate::{
    flow::Protocol,
    sys::netlink::{Questions, is_answer},
};

/// Octets of the largest answer and more.
const BUFFER: usize = 1024;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;

/// A packet from `other` to `own` that comes in at an interface (its index; 0: at none).
#[derive(Clone, Copy, Debug)]
pub(super) struct Question {
    pub(super) protocol: Protocol,
    pub(super) own: SocketAddr,
    pub(super) other: SocketAddr,
    pub(super) interface: u32,
}

/// A socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OpenSocket {
    /// Inode in the socket file system, as in `/proc/<pid>/fd`.
    pub(super) inode: u32,
    /// Its local address; `None` if it is bound to all addresses.
    pub(super) bound: Option<IpAddr>,
}

/// Finds sockets of the network namespace that it was opened in.
pub(super) struct Sockets(Questions);

impl Sockets {
    /// Opens the calling thread's network namespace.
    pub(super) fn open() -> io::Result<Self> {
        Questions::open(NETLINK_SOCK_DIAG, BUFFER).map(Self)
    }

    /// Returns true if the kernel can look up sockets of a protocol. Without the protocol's module (`tcp_diag`, `udp_diag`), it answers
    /// each look-up as if there was no socket.
    pub(super) fn can_find(&mut self, protocol: Protocol) -> io::Result<bool> {
        let nobody = nobody(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let question = Question {
            protocol,
            own: nobody,
            other: nobody,
            interface: 0,
        };
        // A dump of no state has no socket, but its end has an error if there is no module.
        self.send(&question, StateFlags::empty(), NLM_F_DUMP)?;
        self.receive(|answer| Ok(!is_absent(answer)?))
    }

    /// Returns the socket on one side of a flow, if a process has it open: connected to the other side, or a UDP
    /// socket bound to the port. A socket bound to an interface is found if the packet came in there (0: at none).
    pub(super) fn find(&mut self, question: &Question) -> io::Result<Option<OpenSocket>> {
        let answer = self.ask(question)?;
        Ok(answer.and_then(|header| open(&header, question.protocol)))
    }

    /// Returns true if a socket at this address and port accepts packets from any sender: a TCP listener, or an
    /// unconnected UDP socket. The interface is as in [`find`](Self::find).
    pub(super) fn is_listening(
        &mut self,
        protocol: Protocol,
        own: SocketAddr,
        interface: u32,
    ) -> io::Result<bool> {
        // No connection has this peer, so the kernel finds the listener and no connected socket.
        let answer = self.ask(&Question {
            protocol,
            own,
            other: nobody(own.ip()),
            interface,
        })?;
        Ok(answer.is_some_and(|header| {
            header.socket_id.destination_port == 0
                && (protocol != Protocol::TCP || header.state == TCP_LISTEN)
        }))
    }

    /// Returns the socket that would receive the packet, if there is one.
    fn ask(&mut self, question: &Question) -> io::Result<Option<InetResponseHeader>> {
        self.send(question, StateFlags::all(), 0)?;
        self.receive(read)
    }

    /// Receives the answer to the latest request.
    fn receive<T>(&mut self, read: impl Fn(&[u8]) -> io::Result<T>) -> io::Result<T> {
        let read =
            |datagram: &[u8], sequence| is_answer(datagram, sequence).then(|| read(datagram));
        self.0.receive(read)
    }

    fn send(&mut self, question: &Question, states: StateFlags, flags: u16) -> io::Result<()> {
        let &Question {
            protocol,
            own,
            other,
            interface,
        } = question;
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
            states,
            socket_id: SocketId {
                source_port: first.port(),
                destination_port: second.port(),
                source_address: first.ip(),
                destination_address: second.ip(),
                interface_id: interface,
                // The value that means any cookie.
                cookie: [0xff; 8],
            },
        };
        let mut message = NetlinkMessage::from(SockDiagMessage::InetRequest(request));
        message.header.flags = NLM_F_REQUEST | flags;
        self.0.send(|sequence| {
            message.header.sequence_number = sequence;
            message.finalize();
            let mut octets = vec![0; message.buffer_len()];
            message.serialize(&mut octets);
            octets
        })
    }
}

/// Returns an endpoint that no connection has: address and port zero.
fn nobody(version: IpAddr) -> SocketAddr {
    let address = match version {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    SocketAddr::new(address, 0)
}

/// Parses the answer. `None` if there is no such socket.
fn read(datagram: &[u8]) -> io::Result<Option<InetResponseHeader>> {
    if is_absent(datagram)? {
        return Ok(None);
    }
    let message = NetlinkBuffer::new_checked(datagram).map_err(io::Error::other)?;
    if message.message_type() != SOCK_DIAG_BY_FAMILY {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let header = InetResponseHeader::parse(message.payload()).map_err(io::Error::other)?;
    Ok(Some(header))
}

/// Returns true if the kernel says that something is absent, false if it answers or a dump ends without an error.
///
/// # Errors
/// Other errors of the kernel.
fn is_absent(datagram: &[u8]) -> io::Result<bool> {
    let message = NetlinkBuffer::new_checked(datagram).map_err(io::Error::other)?;
    if !matches!(message.message_type(), NLMSG_ERROR | NLMSG_DONE) {
        return Ok(false);
    }
    let code = message.payload().first_chunk().copied();
    match code.map_or(0, i32::from_ne_bytes) {
        0 => Ok(false),
        code if code == -libc::ENOENT => Ok(true),
        code => Err(io::Error::from_raw_os_error(code.wrapping_neg())),
    }
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
        let question = Question {
            protocol: Protocol::TCP,
            own,
            other: nobody(own.ip()),
            interface: 0,
        };
        let mut sockets = Sockets::open().unwrap();
        sockets.send(&question, StateFlags::all(), 0).unwrap();
        drop(listener);
        assert!(!sockets.is_listening(Protocol::TCP, own, 0).unwrap());
    }

    /// A protocol that has no module is one whose module is missing.
    #[test]
    fn missing_module_is_told_from_a_missing_socket() {
        let mut sockets = Sockets::open().unwrap();
        let own = "127.0.0.1:1".parse().unwrap();
        for protocol in [Protocol::TCP, Protocol::UDP] {
            assert!(!sockets.is_listening(protocol, own, 0).unwrap());
            assert!(sockets.can_find(protocol).unwrap(), "{protocol}");
        }
        let other = Protocol(200);
        assert!(!sockets.is_listening(other, own, 0).unwrap());
        assert!(!sockets.can_find(other).unwrap());
    }

    #[test]
    fn refusal_is_an_error() {
        let answer = |code: i32| {
            // The header has 16 octets, its length first.
            let mut datagram = vec![0; 20];
            datagram[..4].copy_from_slice(&20_u32.to_ne_bytes());
            datagram[4..6].copy_from_slice(&NLMSG_ERROR.to_ne_bytes());
            datagram[16..].copy_from_slice(&code.to_ne_bytes());
            is_absent(&datagram).map_err(|error| error.raw_os_error())
        };
        assert_eq!(answer(-libc::ENOENT), Ok(true));
        assert_eq!(answer(-libc::EPERM), Err(Some(libc::EPERM)));
        assert_eq!(answer(0), Ok(false));
    }
}
