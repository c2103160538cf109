//! Asks the connection tracking of a network namespace, by netlink.

use std::{io, net::Ipv4Addr};

use netlink_sys::protocols::NETLINK_NETFILTER;

use super::{
    message::{self, Entry},
    translation::{Tracked, translation},
    tuple::Tuple,
};
use crate::{
    flow::{Endpoint, Protocol},
    sys::netlink::Questions,
};

/// Octets of the largest answer and more: an entry with a label, a helper and time stamps has some 400.
const BUFFER: usize = 8192;

/// The connection tracking of the network namespace that it was opened in.
pub(crate) struct Conntrack(Questions);

impl Conntrack {
    /// Opens the calling thread's network namespace.
    ///
    /// # Errors
    /// The kernel's, also if it refuses an entry: EPERM without `CAP_NET_ADMIN`, EINVAL without the module
    /// `nf_conntrack_netlink`, which this call loads if it can.
    pub(crate) fn open() -> io::Result<Self> {
        let mut opened = Self(Questions::open(NETLINK_NETFILTER, BUFFER)?);
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
        self.0.send(|sequence| message::request(tuple, sequence))?;
        self.0.receive(message::read)
    }
}
