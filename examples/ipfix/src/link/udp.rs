//! UDP: one datagram per message (RFC 7011 section 10.3).

use std::{
    io,
    net::{SocketAddr, ToSocketAddrs, UdpSocket},
};

use rustix::net::sockopt::{ip_mtu, ipv6_mtu};

use super::{Link, Unsent, cannot};
use crate::encode::Messages;

/// Headers of UDP behind IPv4 (RFC 791, without options) and behind IPv6 (RFC 8200).
const IPV4_HEADERS: u32 = 20 + 8;
const IPV6_HEADERS: u32 = 40 + 8;

pub(crate) struct Udp {
    target: String,
    socket: Option<UdpSocket>,
    /// Stays true: datagrams may get lost, but the collector's session continues.
    begun: bool,
}

impl Udp {
    pub(crate) fn new(target: String) -> Self {
        Self {
            target,
            socket: None,
            begun: false,
        }
    }

    fn connect(&self) -> io::Result<UdpSocket> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in self.target.to_socket_addrs()? {
            let own: SocketAddr = if address.is_ipv4() {
                ([0, 0, 0, 0], 0).into()
            } else {
                ([0_u16; 8], 0).into()
            };
            let made = UdpSocket::bind(own).and_then(|socket| {
                socket.connect(address)?;
                Ok(socket)
            });
            match made {
                Ok(socket) => return Ok(socket),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

impl Link for Udp {
    fn open(&mut self) -> io::Result<bool> {
        if self.socket.is_none() {
            let socket = self
                .connect()
                .map_err(|error| cannot("reach", &self.target, &error))?;
            self.socket = Some(socket);
        }
        Ok(!std::mem::replace(&mut self.begun, true))
    }

    fn send(&mut self, messages: &Messages) -> Result<(), Unsent> {
        let Some(socket) = &self.socket else {
            return Ok(());
        };
        for (sent, message) in messages.iter().enumerate() {
            if let Err(error) = socket.send(message) {
                // The port stays the same, because it identifies the session for collectors. The error is an ICMP
                // answer to an earlier datagram, and this one was not sent.
                let error = cannot("send to", &self.target, &error);
                return Err(Unsent { sent, error });
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
