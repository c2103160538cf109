//! UDP: one datagram per message (RFC 7011 section 10.3).

use std::{
    io,
    net::{SocketAddr, UdpSocket},
};

use rustix::{
    io::Errno,
    net::sockopt::{ip_mtu, ipv6_mtu},
};

use super::{Link, Unsent, cannot, lookup::Lookup};
use crate::encode::Messages;

/// Headers of UDP behind IPv4 (RFC 791, without options) and behind IPv6 (RFC 8200).
const IPV4_HEADERS: u32 = 20 + 8;
const IPV6_HEADERS: u32 = 40 + 8;

pub(crate) struct Udp {
    target: String,
    lookup: Lookup,
    socket: Option<UdpSocket>,
    /// The exporter's and the collector's address. The session goes on as long as both are the same: datagrams may get lost.
    session: Option<[SocketAddr; 2]>,
}

impl Udp {
    pub(crate) fn new(target: String) -> Self {
        Self {
            lookup: Lookup::new(target.clone()),
            target,
            socket: None,
            session: None,
        }
    }

    fn connect(&mut self) -> io::Result<()> {
        let port = self.session.map_or(0, |[own, _]| own.port());
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in self.lookup.addresses()? {
            match connected(*address, port) {
                Ok((socket, session)) => {
                    self.socket = Some(socket);
                    self.session = Some(session);
                    return Ok(());
                }
                Err(error) => last = error,
            }
        }
        self.lookup.begin();
        Err(last)
    }
}

/// Connects a socket from this port, because collectors tell sessions apart by it, or from another one if it is taken.
fn connected(peer: SocketAddr, port: u16) -> io::Result<(UdpSocket, [SocketAddr; 2])> {
    let bind = |port| {
        UdpSocket::bind(if peer.is_ipv4() {
            SocketAddr::from(([0, 0, 0, 0], port))
        } else {
            SocketAddr::from(([0_u16; 8], port))
        })
    };
    let socket = bind(port).or_else(|_| bind(0))?;
    socket.connect(peer)?;
    let own = socket.local_addr()?;
    Ok((socket, [own, peer]))
}

/// Returns true if the socket can still be used after this error: the host answered that nothing listens, or the path takes only shorter
/// datagrams. Any other may come from the socket's own address, which it keeps until it is closed, though the host has another by now.
fn is_of_path(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::CONNREFUSED | Errno::MSGSIZE)
    )
}

impl Link for Udp {
    fn open(&mut self) -> io::Result<bool> {
        let before = self.session;
        // Without a session too, a look-up must end before another can begin.
        let found = self.lookup.end();
        if let Some([_, peer]) = before
            && found.is_some_and(|now| !now.contains(&peer))
        {
            self.socket = None;
        }
        if self.socket.is_none() {
            self.connect()
                .map_err(|error| cannot("reach", &self.target, &error))?;
        }
        Ok(self.session != before)
    }

    fn look_up_again(&mut self) {
        self.lookup.begin();
    }

    fn send(&mut self, messages: &Messages) -> Result<(), Unsent> {
        let Some(socket) = &self.socket else {
            return Ok(());
        };
        for (sent, message) in messages.iter().enumerate() {
            if let Err(error) = socket.send(message) {
                // The error may be an ICMP answer to an earlier datagram, and this one was not sent.
                let failed = cannot("send to", &self.target, &error);
                if !is_of_path(&error) {
                    self.socket = None;
                }
                return Err(Unsent {
                    sent,
                    error: failed,
                });
            }
        }
        Ok(())
    }

    /// Returns the longest message for the path's MTU (ip(7), `IP_MTU`): the link's MTU at first, and less after a router
    /// has reported a smaller one (RFC 1191, RFC 8201).
    fn longest_message(&self) -> Option<usize> {
        let socket = self.socket.as_ref()?;
        let (mtu, headers) = if socket.peer_addr().ok()?.is_ipv4() {
            (ip_mtu(socket).ok()?, IPV4_HEADERS)
        } else {
            (ipv6_mtu(socket).ok()?, IPV6_HEADERS)
        };
        usize::try_from(mtu.saturating_sub(headers)).ok()
    }

    fn needs_template_refresh(&self) -> bool {
        true
    }

    /// Returns an error if the host answered to the last datagrams that nothing listens. No later call would report
    /// it.
    fn close(&mut self) -> io::Result<()> {
        let error = match &self.socket {
            Some(socket) => socket.take_error()?,
            None => None,
        };
        error.map_or(Ok(()), |error| Err(cannot("send to", &self.target, &error)))
    }
}
