//! One datagram for each message (RFC 7011 section 10.3).

use std::{
    io,
    net::{SocketAddr, ToSocketAddrs, UdpSocket},
};

use super::{Link, Unsent, cannot};
use crate::encode::Messages;

pub(crate) struct Udp {
    target: String,
    socket: Option<UdpSocket>,
    /// Once true: datagrams that were lost are lost for the collector too, so its session goes on.
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
                // The same port goes on: collectors tell sessions apart by it. An answer by ICMP to an earlier datagram is
                // reported here, and this one was not sent.
                let error = cannot("send to", &self.target, &error);
                return Err(Unsent { sent, error });
            }
        }
        Ok(())
    }

    fn forgets(&self) -> bool {
        true
    }

    /// Fails when the host has answered to the last datagrams that nobody listens: no later one would tell.
    fn close(&mut self) -> io::Result<()> {
        let error = match &self.socket {
            Some(socket) => socket.take_error()?,
            None => None,
        };
        error.map_or(Ok(()), |error| Err(cannot("send to", &self.target, &error)))
    }
}
